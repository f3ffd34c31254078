"""Mailboxes on disk: made quickly in each format, and read again; and the accounts whose they are."""

import os
import pathlib
import pwd
import subprocess

DIGEST = "bench"  # salt of the accounts' password


def owner():
    """Whose the mailboxes are: an ordinary user that every Debian has, or whoever runs this."""
    if os.geteuid() != 0:
        return os.getuid(), os.getgid()
    entry = pwd.getpwnam("mail")
    return entry.pw_uid, entry.pw_gid


def own(path):
    os.chown(path, *owner())


def accounts(lab, users, extra=()):
    """Files to stand for /etc/passwd, group and shadow: this system's, with u0, u1 … (password: secret) and `extra`."""
    uid, gid = owner()
    # MD5: no peer shall be slow for the sake of a hash that the others do not have to take.
    digest = subprocess.run(["openssl", "passwd", "-1", "-salt", DIGEST, "secret"], capture_output=True, text=True, check=True).stdout.strip()
    passwd = [line for line in pathlib.Path("/etc/passwd").read_text().splitlines() if line.split(":")[0] not in extra]
    group = [line for line in pathlib.Path("/etc/group").read_text().splitlines() if line.split(":")[0] not in extra]
    shadow = [f"{line.split(':')[0]}:*:19000:0:99999:7:::" for line in passwd]
    for i, name in enumerate(extra):
        passwd.append(f"{name}:x:{64000 + i}:{64000 + i}::/var/lib/{name}/empty:/usr/sbin/nologin")
        group.append(f"{name}:x:{64000 + i}:")
    for i in range(users):
        passwd.append(f"u{i}:x:{uid}:{gid}::{lab}/mail/u{i}:/bin/sh")
        shadow.append(f"u{i}:{digest}:19000:0:99999:7:::")
    files = []
    for name, lines in ("passwd", passwd), ("group", group), ("shadow", shadow):
        (lab / name).write_text("\n".join(lines) + "\n")
        (lab / name).chmod(0o600 if name == "shadow" else 0o644)
        files.append(lab / name)
    return files


LINE = b"x" * 76 + b"\n"


def text(number, octets):
    """A mail with LF lines, some `octets` in all."""
    head = (b"From: <sender@load.test>\nTo: <recipient@load.test>\nDate: Sat, 21 Nov 2026 12:00:00 +0000\nSubject: number %d\n"
            b"Message-ID: <%d.mark@load.test>\n\n" % (number, number))
    lines, rest = divmod(max(octets - len(head), 2), len(LINE))
    return head + LINE * lines + (LINE[-rest:] if rest else b"")


def fill(kind, path, mails, octets):
    """Makes a mailbox of so many mails at `path`, in the place of what is there."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        own(path.parent)
    {"ours": fill_ours, "mbox": fill_mbox, "maildir": fill_maildir}[kind](path, mails, octets)
    for made in [path, *(path.rglob("*") if path.is_dir() else [])]:
        own(made)
    for above in path.parent, *([path.parent / "mail"] if (path.parent / "mail").is_dir() else []):
        if above.name != "mail" or kind == "mbox" and above != path.parent:
            own(above)


def fill_ours(path, mails, octets):
    with open(path, "wb", buffering=1 << 20) as file:
        for number in range(mails):
            file.write(text(number, octets) + b".\n")
    path.chmod(0o600)
    path.parent.chmod(0o700)


def fill_mbox(path, mails, octets):
    with open(path, "wb", buffering=1 << 20) as file:
        for number in range(mails):
            file.write(b"From sender@load.test Sat Nov 21 12:00:00 2026\n" + text(number, octets) + b"\n")
    path.chmod(0o600)


def fill_maildir(path, mails, octets):
    for part in "cur", "new", "tmp":
        (path / part).mkdir(parents=True)
    for number in range(mails):
        mail = text(number, octets)
        # The sizes in the name as Dovecot's own delivery writes them.
        name = f"{1_700_000_000 + number}.M0P1.load,S={len(mail)},W={len(mail) + mail.count(10)}:2,"
        (path / "cur" / name).write_bytes(mail)


def maildir_texts(path):
    for part in "new", "cur":
        if (path / part).exists():
            with os.scandir(path / part) as entries:
                for entry in entries:
                    yield pathlib.Path(entry.path).read_bytes()
