"""postroom mail and postroom check-mailbox, as an operator types them, beside running servers, and in the middle of a kill."""

import fcntl
import mailbox
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

import foreign_servers
from harness import BUILD, PATIENCE, ROOT, SANITISED, USERS, Lab, login, retrieve, run, send_mail, split_mailbox, wait_for

DATE = "Fri, 20 Nov 2026 12:44:05 +0000"
FROM_LINE = b"From bob@lab Fri Nov 20 12:44:05 2026\n"


def postroom(*words, status=0, input="", **how):
    """Its stdout; or, where it fails, its line on stderr."""
    ended = run("postroom", *words, input=input, env={**os.environ, "TZ": "UTC"}, **how)
    assert ended.returncode == status, (words, ended)
    if status in (0, 1):
        assert re.sub(r"postroom: warning: .* moved to \S+: a delivery that was never finished\n", "", ended.stderr) == "", ended
        return ended.stdout
    assert re.fullmatch(r"postroom: [^\n]+\n", ended.stderr), ended
    return ended.stderr


def mail(lab, action, *words, user="alice", **how):
    return postroom("mail", action, "--dir", lab.path, user, *words, **how)


def check(lab, *words, user="alice", **how):
    return postroom("check-mailbox", "--dir", lab.path, *words, user, **how)


def letter(subject="s", text="Hello.\n", sender="bob@lab"):
    head = f"Return-Path: <{sender}>\nReceived: from x\n\tby lab; {DATE}\nFrom: Bob <bob@lab>\nSubject: {subject}\n\n"
    return head.encode() + (text.encode() if isinstance(text, str) else text)


def stored(text):
    """A mail in the mailbox file, with its line `.'."""
    return re.sub(rb"^\.", b"..", text, flags=re.M) + b".\n"


def put(lab, *mails, user="alice"):
    """As if they had been delivered long ago."""
    lab.mailbox(user).parent.mkdir(mode=0o700, exist_ok=True)
    lab.mailbox(user).touch(0o600)
    lab.mailbox(user).write_bytes(b"".join(map(stored, mails)))


def rows(lab, user="alice"):
    return [line.split("\t") for line in mail(lab, "list", user=user).splitlines()]


NASTY = [
    letter("plain"),
    letter("beginnings", "From here on\n>From there\n>>From both\nFrom\n\nFrom bob@lab Fri Nov 20 12:44:05 2026\nx\n"),
    letter("full stops", ".\n..\n.x\nx.\n\n.\n"),
    letter("blank", "\n\nx\n\n\n"),
    b"",
    b"\n",
    b"From the very first line 12:44\n",
    b"no header, and octets \x00\x01\xff\n",
    letter("long", b"x" * 100_000 + b"\n" + b">" * 70_000 + b"From x\n"),
    letter("null sender", sender=""),
    letter("another"),
]


# list


def test_list_tells_of_each_mail(lab):
    put(lab, letter("=?utf-8?b?aMOpbGxv?= a\tb"), b"From: c@d\nDate: " + DATE.encode() + b"\n\nx\n", b"nothing\n",
        b"Received: 2026-11-20 : 12 : 44\nSubject: course\nFrom: e@f\n")
    (one, two, three, four) = rows(lab)
    assert one[:4] == ["1", "2026-11-20 12:44", "bob@lab", "héllo a b"]
    assert two[:4] == ["2", "2026-11-20 12:44", "c@d", "-"]
    assert three[:5] == ["3", "-", "-", "-", "9"]
    assert four[:4] == ["4", "2026-11-20 12:44", "e@f", "course"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", row[5]) for row in (one, two, three, four))


def test_list_gives_the_ids_and_sizes_that_pop3_gives(lab, popserver):
    put(lab, *NASTY, *NASTY[:3])
    with login(popserver) as talk:
        talk.say("UIDL", "+OK")
        ids = [line.split()[1] for line in talk.body().decode().splitlines()]
        talk.say("LIST", "+OK")
        sizes = [line.split()[1] for line in talk.body().decode().splitlines()]
        # … and while the session goes on
        assert [row[5] for row in rows(lab)] == ids and ids[-1].endswith("-1")
        assert [row[4] for row in rows(lab)] == sizes


EVIL = "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202e bell\x07 \x7f"


def test_nothing_of_a_mail_reaches_a_terminal_that_it_would_obey(lab):
    put(lab, letter(EVIL, EVIL + "\n\udcff\n".encode("utf-8", "surrogateescape").decode("latin-1"), sender="a"))
    for words in ["list"], ["show", "1"]:
        for out in mail(lab, words[0], *words[1:]), on_terminal(lab, words[0], *words[1:]):
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", out.replace("\r\n", "\n")), repr(out)
    assert not re.search("[\x1b\x07\x9b]", on_terminal(lab, "show", "1", "--raw"))


def on_terminal(lab, action, *words, user="alice", columns=80):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([BUILD / "postroom", "mail", action, "--dir", lab.path, user, *words], stdout=slave, stderr=slave, stdin=slave)
    os.close(slave)
    out = b""
    try:
        while piece := os.read(master, 65536):
            out += piece
    except OSError:
        pass
    os.close(master)
    assert process.wait(PATIENCE) == 0, out
    return out.decode()


def test_on_a_terminal_a_mail_is_a_line_and_no_line_is_wider(lab):
    put(lab, letter("x" * 300), letter("ж漢" * 100))
    for columns in 40, 80, 120, 200:
        lines = on_terminal(lab, "list", columns=columns).splitlines()
        assert len(lines) == 2
        assert all("bob@lab" in line for line in lines)
        assert len(lines[0]) <= max(columns, 62), lines
        assert bool(re.search(r" [0-9a-f]{32} ", lines[0])) == (columns >= 120)


def test_a_user_without_mail_and_one_who_is_gone(lab):
    assert rows(lab) == [] and not lab.mailbox().parent.exists()
    put(lab, letter(), user="stallings")
    (lab.path / "user.txt").write_text("alice wonderland\n")
    assert len(rows(lab, "stallings")) == 1
    assert "no user 'carol'" in mail(lab, "list", user="carol", status=67)
    put(lab, letter())
    assert len(rows(lab, "ALICE")) == 1


@pytest.mark.parametrize("words", [
    [], ["lists"], ["list"], ["list", "alice", "1"], ["list", "alice", "--raw"], ["show", "alice"], ["show", "alice", "1", "2"], ["delete", "alice"],
    ["export", "alice"], ["export", "alice", "--mbox", "a", "--maildir", "b"], ["import", "alice", "a", "b"], ["import", "alice", "--format", "pst"],
    ["list", "../alice"], ["list", ""], ["list", "alice", "--raw=1"], ["list", "alice", "--dry-run"],
], ids=" ".join)
def test_what_is_not_understood_says_what_to_do(lab, words):
    put(lab, letter())
    before = sorted(lab.path.rglob("*"))
    postroom("mail", *words, cwd=lab.path, status=64)
    assert sorted(lab.path.rglob("*")) == before


def test_a_directory_without_a_course_and_one_without_mailboxes(tmp_path):
    postroom("mail", "list", "alice", cwd=tmp_path, status=66)
    (tmp_path / "alice").mkdir()
    postroom("mail", "list", "--course", "leuven", "alice", cwd=tmp_path)
    postroom("mail", "list", "--course", "nowhere", "alice", cwd=tmp_path, status=78)
    postroom("mail", "list", "--dir", tmp_path / "x", "alice", status=66)


# show


def test_show_gives_the_header_decoded_and_the_text(lab):
    put(lab, letter("=?utf-8?b?aMOpbGxv?=", ".one\n..two\n"))
    shown = mail(lab, "show", "1")
    assert shown.endswith("Subject: héllo\n\n.one\n..two\n"), shown
    assert mail(lab, "show", rows(lab)[0][5].upper()) == shown


def test_raw_is_the_mail_octet_by_octet(lab):
    put(lab, *NASTY)
    for number, text in enumerate(NASTY, 1):
        shown = subprocess.run([BUILD / "postroom", "mail", "show", "--raw", "--dir", lab.path, "alice", str(number)], capture_output=True)
        assert (shown.returncode, shown.stdout, shown.stderr) == (0, text, b"")


@pytest.mark.parametrize("word, status", [("0", 64), ("2", 66), ("x", 64), ("1-1", 0), ("1-2", 66), ("f" * 32, 66), ("-1", 64), ("1x", 64)])
def test_a_mail_that_is_not_there(lab, word, status):
    put(lab, letter())
    postroom("mail", "show", "--dir", lab.path, "--", "alice", word, status=status)


# delete


def test_delete_takes_numbers_ranges_and_ids(lab):
    mails = [letter(f"number {n}") for n in range(1, 10)]
    put(lab, *mails)
    ids = {row[0]: row[5] for row in rows(lab)}
    said = mail(lab, "delete", "2", "4-6", ids["9"], "5", "--dry-run")
    assert re.findall(r"^(\d)\t", said, re.M) == ["2", "4", "5", "6", "9"] and "would delete 5 mails" in said
    assert lab.mails() == mails
    assert mail(lab, "delete", "2", "4-6", ids["9"], "5").startswith("deleted 5 mails, ")
    assert [row[3] for row in rows(lab)] == [f"number {n}" for n in (1, 3, 7, 8)]
    assert [row[5] for row in rows(lab)] == [ids[n] for n in "1378"]


@pytest.mark.parametrize("words, status", [(["1", "4"], 66), (["1", "2-4"], 66), (["1", "f" * 32], 66), (["1", "x"], 64), (["3-1"], 64), (["1-"], 64)])
def test_delete_is_all_or_nothing(lab, words, status):
    mails = [letter(str(n)) for n in range(3)]
    put(lab, *mails)
    mail(lab, "delete", *words, status=status)
    assert lab.mails() == mails


def test_whoever_reads_their_mail_is_named_and_nothing_is_deleted(lab, popserver):
    put(lab, letter())
    with login(popserver):
        said = mail(lab, "delete", "1", status=75)
        assert re.search(r"in use by .*127\.0\.0\.1.* since \d{4}-\d\d-\d\d", said), said
        mail(lab, "export", "--mbox", lab.path / "x", status=75)
        assert len(rows(lab)) == 1 and mail(lab, "show", "1")
    mail(lab, "delete", "1")
    assert rows(lab) == []


def test_a_mailbox_under_marks_is_deleted_from_all_the_same(lab):
    """Of more than 16 MiB that stay the store keeps marks."""
    mails = [letter(str(n), "x" * 70 + "\n" + "y" * 1_000_000 + "\n") for n in range(25)]
    put(lab, *mails)
    mail(lab, "delete", "3", "5")
    assert (lab.mailbox().parent / ".mymailbox.deleted").stat().st_size > 0
    assert [row[3] for row in rows(lab)] == [str(n) for n in range(25) if n not in (2, 4)]
    assert "2 more mails are removed" in check(lab)
    mail(lab, "export", "--mbox", lab.path / "x")
    assert (lab.path / "x").read_bytes().count(b"\nReturn-Path: <bob@lab>\n") == 23


# there and back


@pytest.fixture
def nasty(lab):
    put(lab, *NASTY)
    return lab


def test_an_mbox_file_brings_back_the_same_mailbox(nasty):
    assert "11 mails in" in mail(nasty, "export", "--mbox", nasty.path / "out")
    assert mail(nasty, "import", nasty.path / "out", user="bob") == "11 mails imported\n"
    assert nasty.mailbox("bob").read_bytes() == nasty.mailbox().read_bytes()
    # … through a pipe
    command = 'set -o pipefail; "$0" mail export --mbox - alice | "$0" mail import stallings'
    subprocess.run(["bash", "-c", command, BUILD / "postroom"], cwd=nasty.path, check=True, capture_output=True, timeout=PATIENCE)
    assert nasty.mailbox("stallings").read_bytes() == nasty.mailbox().read_bytes()


def test_a_maildir_brings_back_the_same_mailbox(nasty):
    mail(nasty, "export", "--maildir", nasty.path / "md")
    assert list((nasty.path / "md/tmp").iterdir()) == [] == list((nasty.path / "md/cur").iterdir())
    assert {path.stat().st_mode & 0o777 for path in (nasty.path / "md").rglob("*")} == {0o600, 0o700}
    mail(nasty, "import", nasty.path / "md", user="bob")
    assert nasty.mailbox("bob").read_bytes() == nasty.mailbox().read_bytes()
    mail(nasty, "export", "--maildir", nasty.path / "md")
    assert len(list((nasty.path / "md/new").iterdir())) == 22


def test_python_reads_what_was_exported(nasty):
    mail(nasty, "export", "--mbox", nasty.path / "out")
    mail(nasty, "export", "--maildir", nasty.path / "md")
    read = mailbox.mbox(nasty.path / "out", create=False)
    assert len(read) == len(NASTY)
    assert [m["Subject"] for m in read] == [m["Subject"] for m in map(mailbox.Message, NASTY)]
    assert read[0].get_from() == "bob@lab Fri Nov 20 12:44:05 2026"
    assert read[9].get_from() == "MAILER-DAEMON Fri Nov 20 12:44:05 2026"
    assert read[0].get_payload() == "Hello.\n"
    maildir = mailbox.Maildir(nasty.path / "md", create=False)
    assert sorted(maildir.get_bytes(key) for key in maildir.keys()) == sorted(NASTY)
    times = {maildir.get_bytes(key): maildir[key].get_date() for key in maildir.keys()}
    assert times[NASTY[0]] == 1795178645  # Fri, 20 Nov 2026 12:44:05 +0000


def test_mails_from_pythons_mailbox_come_in(lab):
    box = mailbox.mbox(lab.path / "theirs")
    maildir = mailbox.Maildir(lab.path / "theirs.md")
    texts = [letter(f"{n}", f"From me\n.\n{n}\n") for n in range(20)]
    for text in texts:
        box.add(text)
        maildir.add(text)
    box.flush()
    mail(lab, "import", lab.path / "theirs")
    assert [m for m in split_mailbox(lab.mailbox().read_bytes())] == [stored(text)[:-2] for text in texts]
    mail(lab, "import", lab.path / "theirs.md", user="bob")
    assert sorted(lab.mails("bob")) == sorted(stored(text)[:-2] for text in texts)


@pytest.fixture
def dovecot():
    if why := foreign_servers.missing():
        pytest.skip(why)
    here = foreign_servers.make_directory()
    foreign_servers.call(BUILD / "postroom", "cert", "--dir", here)
    (here / "passwords").write_text(f"alice:{{PLAIN}}{USERS['alice']}\n")
    (here / "mail").mkdir()
    shutil.chown(here / "mail", foreign_servers.MAIL_UID, foreign_servers.MAIL_UID)
    server = foreign_servers.Dovecot(here)
    yield server
    server.stop()
    foreign_servers.clear(here)


def test_dovecot_reads_what_was_exported(lab, dovecot):
    mails = [text for text in NASTY if text.count(b"\n\n") and b"\x00" not in text and text.startswith(b"R")]
    put(lab, *mails)
    home = dovecot.here / "mail/alice"
    mail(lab, "export", "--maildir", home)
    for path in [home, *home.rglob("*")]:
        shutil.chown(path, foreign_servers.MAIL_UID, foreign_servers.MAIL_UID)
    with login(dovecot) as talk:
        assert [retrieve(talk, n + 1) for n in range(len(mails))] == [text.replace(b"\n", b"\r\n") for text in mails]
        talk.say("QUIT", "+OK")
    # … and the mbox file
    folder = dovecot.here / "mbox"
    folder.mkdir()
    mail(lab, "export", "--mbox", folder / "inbox")
    for path in folder, folder / "inbox":
        shutil.chown(path, foreign_servers.MAIL_UID, foreign_servers.MAIL_UID)
    (dovecot.here / "mbox.conf").write_text((dovecot.here / "dovecot.conf").read_text().replace(
        f"maildir:{dovecot.here}/mail/%n", f"mbox:{folder}:INBOX={folder}/inbox\nmbox_read_locks = fcntl\nmbox_write_locks = fcntl"))
    fetched = foreign_servers.call("doveadm", "-c", dovecot.here / "mbox.conf", "fetch", "-u", "alice", "hdr.subject date.received body", "all")
    assert re.findall(r"^hdr.subject: (.*)$", fetched, re.M) == [mailbox.Message(text)["Subject"] for text in mails]
    assert len(re.findall(r"^date.received: 2026-11-20 \d\d:44:05$", fetched, re.M)) == len(mails)


# import


def test_a_single_mail_comes_from_stdin(lab):
    assert mail(lab, "import", input="Subject: x\r\n\r\n.dot\r\nno end") == "1 mails imported\n"
    assert lab.mailbox().read_bytes() == b"Subject: x\n\n..dot\nno end\n.\n"
    assert mail(lab, "import", "-", input="Subject: y\n") == "1 mails imported\n"
    mail(lab, "import", input="", status=65)
    assert len(lab.mails()) == 2


def test_an_mbox_file_of_crlf_lines(lab):
    (lab.path / "in").write_bytes(FROM_LINE.replace(b"\n", b"\r\n") + b"a: b\r\n\r\n>From x\r\n\r\n" + FROM_LINE + b"c: d\n")
    mail(lab, "import", lab.path / "in")
    assert lab.mailbox().read_bytes() == b"a: b\n\nFrom x\n.\nc: d\n.\n"


def test_the_older_mbox_keeps_its_quotes(lab):
    (lab.path / "in").write_bytes(FROM_LINE + b"a: b\n\n>From x\n\n" + FROM_LINE + b"c: d\n\n")
    mail(lab, "import", lab.path / "in", "--format", "mbox")
    assert lab.mails() == [b"a: b\n\n>From x\n", b"c: d\n"]
    mail(lab, "import", lab.path / "in", "--format", "mail", user="bob")
    assert lab.mails("bob") == [(lab.path / "in").read_bytes()]
    assert "no mbox" in mail(lab, "import", "--format", "mboxrd", input="Subject: a\n\nb\n", user="stallings", status=65)
    assert "a directory" in mail(lab, "import", lab.path, "--format", "mail", status=65)
    assert "no directory" in mail(lab, "import", lab.path / "in", "--format", "maildir", status=65)


def test_a_mail_that_no_server_would_take_is_left_out_and_named(lab):
    (lab.path / "in").write_bytes(FROM_LINE + b"one\n\n" + FROM_LINE + b"a\rb\n\n" + FROM_LINE + b"three\n\r\r\n\n" + FROM_LINE + b"four\n\n")
    ended = run("postroom", "mail", "import", "--dir", lab.path, "alice", lab.path / "in")
    assert ended.returncode == 65 and ended.stdout == "2 mails imported, 2 left out\n"
    assert re.findall(r"^postroom: mail (\d) is left out: a CR ", ended.stderr, re.M) == ["2", "3"]
    assert lab.mails() == [b"one\n", b"four\n"]


def test_what_is_no_mail_in_a_maildir_is_left_out_and_named(lab):
    for sub in "cur", "new", "tmp":
        (lab.path / "md" / sub).mkdir(parents=True)
    (lab.path / "md/new/10.a").write_text("a\n")
    (lab.path / "md/cur/9.b:2,S").write_text("b\n")
    (lab.path / "md/cur/11.c").symlink_to(lab.path / "user.txt")
    (lab.path / "md/new/8.d").mkdir()
    os.mkfifo(lab.path / "md/new/12.e")
    (lab.path / "md/tmp/1.f").write_text("half\n")
    ended = run("postroom", "mail", "import", "--dir", lab.path, "alice", lab.path / "md")
    assert ended.returncode == 65 and ended.stdout == "2 mails imported, 3 left out\n"
    assert re.findall(r"mail (\d), (\S+) is left out", ended.stderr) == [("1", "new/8.d"), ("4", "cur/11.c"), ("5", "new/12.e")]
    assert lab.mails() == [b"b\n", b"a\n"]


@pytest.fixture
def small_lab(tmp_path):
    """On a file system of 1 MiB."""
    if os.getuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no small file system here")
    lab = Lab(place)
    yield lab
    lab.close()
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_takes_what_fits_and_names_the_mail(small_lab, tmp_path):
    texts = [letter(f"{n}", "x" * 60 + "\n" + "y" * 60_000 + "\n") for n in range(30)]
    (tmp_path / "in").write_bytes(b"".join(FROM_LINE + text + b"\n" for text in texts))
    ended = run("postroom", "mail", "import", "--dir", small_lab.path, "alice", tmp_path / "in")
    number = int(re.fullmatch(r"postroom: mail (\d+): .*No space.*\n", ended.stderr)[1])
    assert ended.returncode == 73 and ended.stdout == f"{number - 1} mails imported\n" and number > 5
    assert small_lab.mails() == texts[: number - 1]
    mail(small_lab, "export", "--mbox", small_lab.path / "out", status=73)
    assert not (small_lab.path / "out").exists()
    check(small_lab)


# export


def test_a_file_that_is_there_is_not_touched(lab):
    put(lab, letter())
    (lab.path / "out").write_text("mine")
    assert "already" in mail(lab, "export", "--mbox", lab.path / "out", status=73)
    assert (lab.path / "out").read_text() == "mine"
    mail(lab, "export", "--mbox", lab.path / "nowhere/out", status=73)
    mail(lab, "export", "--maildir", lab.path / "out", status=73)


def test_an_mbox_file_never_goes_to_a_terminal(lab):
    put(lab, letter("\x1b[2J"))
    master, slave = pty.openpty()
    ended = subprocess.run([BUILD / "postroom", "mail", "export", "--dir", lab.path, "--mbox", "-", "alice"], stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    os.close(master)
    assert ended.returncode == 64


# great numbers


PEAK = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);" \
       "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def peak_of(*words):
    """The most memory that a run of postroom ever had, in octets. Asked by a small process: a child begins with its parent's."""
    return 1024 * int(subprocess.run(["/usr/bin/python3", "-c", PEAK, BUILD / "postroom", *map(str, words)], check=True, capture_output=True).stdout)


def test_a_hundred_thousand_mails(lab):
    count = 5_000 if SANITISED else 100_000
    put(lab, *(letter(f"number {n}", "text\n" * 100) for n in range(count)))
    rows(lab)  # the first scan
    begun = time.monotonic()
    listed = rows(lab)
    took = time.monotonic() - begun
    print(f"list of {count} mails: {took:.2f} s")
    assert len(listed) == count and listed[-1][3] == f"number {count - 1}"
    assert took < 10
    if not SANITISED:
        assert peak_of("mail", "list", "--dir", lab.path, "alice") < 40_000_000
    mail(lab, "delete", f"2-{count}")
    assert len(rows(lab)) == 1


@pytest.mark.skipif(SANITISED, reason="memory is another under sanitizers")
def test_a_gibibyte_goes_out_and_in_with_flat_memory(lab):
    if shutil.disk_usage(lab.path).free < 6 << 30:
        pytest.skip("no room for it")
    line = b"0123456789" * 7 + b"\n"
    block = line * 14_000
    lab.mailbox().parent.mkdir(mode=0o700)
    with open(lab.mailbox(), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as box:
        for number in range(560):  # the first mail has half of it
            box.write(letter(f"{number}")) if number % 100 == 0 or number > 270 else None
            box.write(block * 2)
            box.write(b".\n") if number % 100 == 99 or number >= 270 else None
    assert lab.mailbox().stat().st_size > 1 << 30
    peaks = [peak_of("mail", "export", "--dir", lab.path, "--mbox", lab.path / "out", "alice"),
             peak_of("mail", "import", "--dir", lab.path, "bob", lab.path / "out")]
    print("peaks:", peaks)
    assert max(peaks) < 40_000_000
    subprocess.run(["cmp", lab.mailbox(), lab.mailbox("bob")], check=True)
    for name in "out", "bob/mymailbox", "alice/mymailbox":
        (lab.path / name).unlink()


# kill -9


def many(count):
    return [letter(f"number {n}", "text\n" * 400) for n in range(count)]


def killed_after(seconds, *words):
    """Starts a run and kills it; whether it was still at work."""
    process = subprocess.Popen([BUILD / "postroom", *map(str, words)], stdout=subprocess.DEVNULL)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def test_an_import_that_is_killed_has_taken_whole_mails_from_the_front(lab):
    texts = many(1500 if SANITISED else 6000)
    (lab.path / "in").write_bytes(b"".join(FROM_LINE + text + b"\n" for text in texts))
    rng, kills, between, longest = random.Random(7), 0, 0, 0.25
    for _ in range(12):
        shutil.rmtree(lab.mailbox().parent, ignore_errors=True)
        kills += killed_after(rng.uniform(0.01, longest), "mail", "import", "--dir", lab.path, "alice", lab.path / "in")
        there = len(rows(lab)) if lab.mailbox().exists() else 0
        between += 0 < there < len(texts)
        longest *= 1.6 if there == 0 else 0.7 if there == len(texts) else 1
        assert there == 0 or lab.mails() == texts[:there]
    assert kills > 0 and between > 0
    mail(lab, "import", lab.path / "in", user="bob")
    assert lab.mails("bob") == texts


def test_an_export_that_is_killed_leaves_no_half_of_anything(lab):
    texts = many(20_000)
    put(lab, *texts)
    rows(lab)  # the first scan
    words = ["mail", "export", "--dir", lab.path, "alice"]
    begun = time.monotonic()
    mail(lab, "export", "--mbox", lab.path / "whole")
    took = time.monotonic() - begun
    whole = (lab.path / "whole").read_bytes()
    assert whole == b"".join(FROM_LINE + text + b"\n" for text in texts)
    rng, kills = random.Random(8), 0
    for n in range(12):
        kills += killed_after(rng.uniform(0, took), *words, "--mbox", lab.path / "out")
        assert {path.name for path in lab.path.iterdir()} - {"alice", "user.txt", "whole", "out"} == set()
        if (lab.path / "out").exists():
            assert (lab.path / "out").read_bytes() == whole
            (lab.path / "out").unlink()
    assert kills > 4
    assert lab.mails() == texts
    check(lab)


def test_a_maildir_whose_export_is_killed_has_whole_mails(lab):
    texts = many(2000)
    put(lab, *texts)
    rows(lab)  # the first scan
    begun, known, rng, there, kills = time.monotonic(), set(texts), random.Random(8), 0, 0
    mail(lab, "export", "--maildir", lab.path / "md")
    took = time.monotonic() - begun
    for n in range(6):
        shutil.rmtree(lab.path / "md")
        kills += killed_after(rng.uniform(0, took), "mail", "export", "--dir", lab.path, "alice", "--maildir", lab.path / "md")
        (lab.path / "md/new").mkdir(parents=True, exist_ok=True)
        delivered = list((lab.path / "md/new").iterdir())
        assert all(path.read_bytes() in known for path in delivered)
        there += 0 < len(delivered) < len(texts)
    assert kills > 2 and there > 0


# races


def test_imports_deliveries_removals_and_exports_at_once_lose_and_double_nothing(lab, smtpmail, popserver):
    rounds = 4 if SANITISED else 12
    imported = [[letter(f"i{r}-{n}") for n in range(50)] for r in range(rounds)]
    taken, exported, delivered, trouble = [], [], [], []
    stop = threading.Event()

    def deliver():
        for n in range(rounds * 15):
            assert send_mail(smtpmail, f"From: a\nTo: b\nSubject: d{n}\n\nx\n".replace("\n", "\r\n").encode()).startswith("250")
            delivered.append(f"d{n}")

    def bring():
        for n, texts in enumerate(imported):
            (lab.path / f"in{n}").write_bytes(b"".join(FROM_LINE + text + b"\n" for text in texts))
            mail(lab, "import", lab.path / f"in{n}")

    def take():
        while not stop.is_set():
            try:
                with login(popserver) as talk:
                    talk.say("STAT", "+OK")
                    for n in range(1, 1 + min(5, count_of(talk))):
                        taken.append(re.search(rb"Subject: (\S+)", retrieve(talk, n))[1].decode())
                        talk.say(f"DELE {n}", "+OK")
                    talk.say("QUIT", "+OK")
            except AssertionError as busy:
                if "[IN-USE]" not in str(busy):
                    raise
            time.sleep(0.01)

    def save():
        n = 0
        while not stop.is_set():
            ended = run("postroom", "mail", "export", "--dir", lab.path, "--mbox", lab.path / f"out{n}", "alice")
            assert ended.returncode in (0, 75), ended
            if ended.returncode == 0:
                subjects = re.findall(rb"^Subject: (\S+)$", (lab.path / f"out{n}").read_bytes(), re.M)
                assert len(subjects) == len(set(subjects))
                exported.append(len(subjects))
                n += 1
            assert run("postroom", "mail", "list", "--dir", lab.path, "alice").returncode in (0, 75)
            time.sleep(0.02)

    def guarded(work):
        try:
            work()
        except BaseException as problem:
            trouble.append(problem)

    first = [threading.Thread(target=guarded, args=(work,)) for work in (deliver, bring)]
    last = [threading.Thread(target=guarded, args=(work,)) for work in (take, save)]
    for thread in first + last:
        thread.start()
    for thread in first:
        thread.join()
    wait_for(lambda: trouble or (taken and exported))
    stop.set()
    for thread in last:
        thread.join()
    assert trouble == []
    left = [row[3] for row in rows(lab)]
    everything = delivered + [f"i{r}-{n}" for r in range(rounds) for n in range(50)]
    assert sorted(taken + left) == sorted(everything)
    check(lab)


def count_of(talk):
    talk.say("LIST", "+OK")
    return len(talk.body().splitlines())


# check-mailbox


def findings(said):
    return [line for line in said.splitlines() if line.startswith(("alice/", "lab/")) and not re.search(r" mails, \d+ octets", line)]


@pytest.fixture
def sound(lab):
    """A mailbox with an index, and marks in it."""
    put(lab, *(letter(f"{n}", "x" * 3_000_000 + "\n") for n in range(7)), letter("last"))
    mail(lab, "delete", "2")
    assert (lab.mailbox().parent / ".mymailbox.deleted").stat().st_size > 0
    return lab


def everything_in(path):
    return {file.relative_to(path): (file.stat().st_mode, file.read_bytes() if file.name != ".lock" else b"") for file in path.rglob("*") if file.is_file()}


def test_a_sound_mailbox(sound):
    assert check(sound) == f"alice/mymailbox: 7 mails, {sound.mailbox().stat().st_size} octets, 1 more mails are removed and still take room: sound\n"
    assert check(sound, "--repair").endswith("there is nothing that --repair could do\n")
    assert postroom("check-mailbox", sound.mailbox()) == check(sound)
    assert postroom("check-mailbox", "./mymailbox", cwd=sound.mailbox().parent) == check(sound)


def test_an_empty_mailbox_is_sound_too(lab):
    put(lab)
    assert rows(lab) == []  # makes an index
    assert check(lab) == "alice/mymailbox: 0 mails, 0 octets: sound\n"
    put(lab, letter())
    mail(lab, "delete", "1")
    assert check(lab) == "alice/mymailbox: 0 mails, 0 octets: sound\n"
    assert check(lab, "--repair").count(": sound") == 1


def test_there_has_to_be_one(lab):
    check(lab, status=66)
    assert not lab.mailbox().parent.exists()
    check(lab, user="carol", status=67)
    check(lab, "--dry-run", status=64)
    postroom("check-mailbox", lab.path / "alice/mymailbox", status=66)
    postroom("check-mailbox", status=64)


def append(lab, text):
    with open(lab.mailbox(), "ab") as box:
        box.write(text)


def write_at(path, at, octets):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(octets)


def side(lab, name):
    return lab.mailbox().parent / f".mymailbox.{name}"


def cut_divider(lab):
    """Takes away the line behind mail 7."""
    text = lab.mailbox().read_bytes()
    at = text.rindex(b"\n.\n", 0, -3) + 1
    lab.mailbox().write_bytes(text[:at] + text[at + 2 :])


def checksum(octets):
    """src/store/checksum.c."""
    total = 0x9E3779B97F4A7C15
    for (word,) in struct.iter_unpack("<Q", octets):
        total = (total ^ word) * 0xFF51AFD7ED558CCD & (1 << 64) - 1
        total ^= total >> 32
    return total


def open_note(lab, text=b"Subject: half of it\n\nhalf"):
    """As an append leaves it that is killed within its write."""
    size = lab.mailbox().stat().st_size
    stat = os.stat(lab.mailbox())
    birth = int(subprocess.run(["stat", "-c", "%W", lab.mailbox()], capture_output=True, check=True).stdout)
    note = bytearray((lab.mailbox().parent / ".lock").read_bytes()[512:568])
    magic, _, inode, birth, _, _, _, _ = struct.unpack("<4sIQqQQQQ", note)
    assert magic == b"PRAN" and inode == stat.st_ino
    note = struct.pack("<4sIQqQQQ", magic, 1, inode, birth, size, 1000, 0)
    write_at(lab.mailbox().parent / ".lock", 512, note + struct.pack("<Q", checksum(note)))
    append(lab, text)


DAMAGE = {
    "typed": (lambda lab: append(lab, b"typed\nby hand"), r"line \d+, octet \d+: text that no line `\.' ends: 13 octets"),
    "typed dot": (lambda lab: append(lab, b"typed\n."), r"a last line `\.' without its line end: 7 octets"),
    "blank": (lambda lab: append(lab, b"\n \n"), r"blank lines behind the last mail: 3 octets"),
    "half a delivery": (open_note, r"line \d+, octet \d+: a delivery that was never finished: 25 octets"),
    "no divider": (cut_divider, r"line \d+, octet \d+: the line `\.' behind a mail is gone: mail 7, and 2 mails are one now"),
    "edited": (lambda lab: lab.mailbox().write_bytes(lab.mailbox().read_bytes().replace(b"Subject: 4", b"Subject: four")),
               r"line \d+, octet \d+: a mail that the index knows otherwise: mail 5 has \d+ octets; the index knows one of \d+"),
    "added": (lambda lab: append(lab, stored(b"new\n") + stored(b"newer\n")), r"line \d+, octet \d+: not in the index, from here on: 2 mails"),
    "removed by hand": (lambda lab: lab.mailbox().write_bytes(lab.mailbox().read_bytes()[3_000_500:]), r"in the index, and no longer in the file: 1 mail"),
    "index header": (lambda lab: write_at(side(lab, "index"), 100, b"\xaa" * 8), r"the index is damaged: its header"),
    "index record": (lambda lab: write_at(side(lab, "index"), 1024 + 64 * 3, b"\xaa" * 8), r"the index is damaged: the record of mail 4"),
    "torn marks": (lambda lab: side(lab, "deleted").write_bytes(side(lab, "deleted").read_bytes() + b"\1" * 10), r"a removal that was never finished: 10 octets"),
    "no marks": (lambda lab: side(lab, "deleted").write_bytes(b"x" * side(lab, "deleted").stat().st_size), r"the index and the marks disagree: mail 2 is removed by the index"),
    "lost mark": (lambda lab: lab.mailbox().write_bytes(stored(letter("only"))), r"a mark that matches no mail: for a mail that stood at octet \d+"),
    "group": (lambda lab: lab.mailbox().chmod(0o640), r"others may read or write the mailbox file: mode 0640"),
    "directory": (lambda lab: lab.mailbox().parent.chmod(0o755), r"others may look or write into the directory: mode 0755"),
    "torn": (lambda lab: side(lab, "torn").write_bytes(b"half"), r"never finished wait in the \.torn file: 4 octets"),
    "link": (lambda lab: (lab.mailbox().rename(lab.path / "else"), lab.mailbox().symlink_to(lab.path / "else")), r"cannot be used: .* symbolic link"),
    "two names": (lambda lab: os.link(lab.mailbox(), lab.path / "else"), r"cannot be used: .* one name"),
    "foreign": (lambda lab: os.chown(lab.mailbox(), 12345, 12345), r"cannot be used: .* change its owner"),
}
LASTING = {"no divider", "group", "directory", "torn", "link", "two names", "foreign", "half a delivery"}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_told_and_repaired_where_that_is_safe(sound, what):
    if os.getuid() != 0 and what == "foreign":
        pytest.skip("needs root")
    if what == "half a delivery":
        mail(sound, "import", input="Subject: whole\n")  # leaves a note to forge
    damage, expected = DAMAGE[what]
    damage(sound)
    before = everything_in(sound.path)
    said = check(sound, status=1)
    assert any(re.search(expected, line) for line in findings(said)), said
    assert re.search(r": \d findings?\n$", said)
    assert check(sound, "--repair", "--dry-run", status=1).startswith(said)
    assert everything_in(sound.path) == before
    text = sound.mailbox().read_bytes()
    repaired = check(sound, "--repair", status=1 if what in LASTING else 0)
    if what not in LASTING:
        assert re.search(r"after the repair .*: sound\n$", repaired), repaired
        assert check(sound).endswith(": sound\n")
    now = sound.mailbox().read_bytes()
    if what == "blank":
        assert now == text[:-3]
    elif what == "half a delivery":
        assert now + side(sound, "torn").read_bytes() == text
    else:
        assert now.startswith(text) and now[len(text) :] in (b"", b"\n.\n", b"\n")


def test_a_repair_makes_what_the_next_session_makes(sound, popserver):
    """… of the same damage, in another copy of the directory."""
    for what in ["typed", "blank", "index header", "torn marks", "edited"]:
        shutil.rmtree(sound.path / "bob", ignore_errors=True)
        DAMAGE[what][0](sound)
        shutil.copytree(sound.path / "alice", sound.path / "bob")
        check(sound, "--repair", user="bob")
        with login(popserver) as talk:
            talk.say("STAT", "+OK")
            talk.say("QUIT", "+OK")
        assert sound.mailbox("bob").read_bytes() == sound.mailbox().read_bytes()
        assert rows(sound, "bob") == rows(sound)


def test_a_session_is_named_and_is_no_finding(sound, popserver):
    with login(popserver) as talk:
        said = check(sound)
        assert re.search(r"note: a session has it: mailbox in use by .*127\.0\.0\.1.* since \d{4}-", said), said
        check(sound, "--repair")
        assert len(retrieve(talk, 1)) > 3_000_000


def test_a_missing_index_is_no_finding(sound):
    side(sound, "index").unlink()
    assert "note: there is no index\n" in check(sound)


def test_a_name_in_the_wrong_place_is_no_mailbox(lab, tmp_path):
    (tmp_path / ("d" * 70)).mkdir()
    (tmp_path / ("d" * 70) / "m").touch()
    postroom("check-mailbox", tmp_path / ("d" * 70) / "m", status=64)


def test_any_damage_is_survived_and_no_text_is_lost(lab):
    """Random octets in every file of a mailbox: each run ends with 0 or 1, and what stood in the mailbox stands there or in .torn."""
    rng = random.Random(9)
    put(lab, *NASTY)
    mail(lab, "import", input="Subject: whole\n")
    rows(lab)
    home = lab.mailbox().parent
    kept = {path.name: path.read_bytes() for path in home.iterdir()}
    for _ in range(20 if SANITISED else 80):
        for path in home.iterdir():
            path.unlink()
        for name, octets in kept.items():
            (home / name).write_bytes(octets)
            (home / name).chmod(0o600)
        target = rng.choice([".lock", ".mymailbox.index", ".mymailbox.deleted", "mymailbox"])
        size = max(1, len(kept.get(target, b"")))
        (home / target).touch(0o600)
        for _ in range(rng.randint(1, 4)):
            write_at(home / target, rng.randrange(size), rng.randbytes(rng.randint(1, 20)))
        text = lab.mailbox().read_bytes()
        for words in ["--repair", "--dry-run"], ["--repair"], []:
            ended = run("postroom", "check-mailbox", "--dir", lab.path, "alice", *words)
            assert ended.returncode in (0, 1) and ended.stderr.count("\n") == ended.stderr.count(" moved to "), ended
        torn = side(lab, "torn").read_bytes() if side(lab, "torn").exists() else b""
        now = lab.mailbox().read_bytes() + torn
        assert now[: len(text.rstrip(b"\n "))] == text.rstrip(b"\n ")
        rows(lab)


# whose they are


def test_started_as_root_it_goes_on_as_the_directorys_owner(tmp_path):
    if os.getuid() != 0:
        pytest.skip("needs root")
    place = pathlib.Path(subprocess.run(["mktemp", "-d", "/tmp/postroom-owner-XXXXXX"], capture_output=True, text=True).stdout.strip())
    try:
        lab = Lab(place / "lab")
        place.chmod(0o755)
        for path in lab.path, lab.path / "user.txt":
            shutil.chown(path, 12345, 12345)
        mail(lab, "import", input="Subject: x\n")
        mail(lab, "export", "--mbox", lab.path / "out")
        assert {path.stat().st_uid for path in lab.path.rglob("*")} == {12345}
        check(lab)
        mail(lab, "export", "--mbox", tmp_path / "out", status=73)
    finally:
        shutil.rmtree(place)


def test_the_manual_page_names_every_option():
    page = (ROOT / "docs/man/postroom.1").read_text()
    for command in "mail", "check-mailbox":
        section = page.split(f".Ss postroom {command}\n")[1].split("\n.S")[0]
        described = re.findall(r"^\.It Fl -([a-z-]+)", section, re.MULTILINE)
        shown = re.findall(r"^  --([a-z-]+)", postroom(command, "--help"), re.MULTILINE)
        assert sorted(described + ["help"]) == sorted(shown)
