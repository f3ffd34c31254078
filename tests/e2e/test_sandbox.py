"""What the running servers may still do: tried from inside, in every thread, by who traces them; and who they are when root started them."""

import errno
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import BUILD, PATIENCE, SANITISED, Lab, login, retrieve, send_mail
from inside import system_call, threads

pytestmark = pytest.mark.skipif(SANITISED, reason="a sanitizer needs calls of its own: there is no sandbox")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")
STRANGER = 54321  # nobody's number

# By number on x86_64; each with arguments that would do no harm.
CALLS = {
    "execve": (59, b"/bin/true", 0, 0),
    "socket": (41, 2, 1, 0),
    "connect": (42, 0, 0, 0),
    "ptrace": (101, 16, 1, 0, 0),
    "fork": (57,),
    "open outside": (2, b"/etc/hostname", 0),
    "openat outside": (257, -100, b"/etc/hostname", 0),
    "kill": (62, 1, 0),
    "executable memory": (9, 0, 4096, 7, 0x22, -1, 0),
}


def status_of(process, field):
    return re.search(rf"^{field}:\s+(.*)$", pathlib.Path(f"/proc/{process}/status").read_text(), re.M)[1].split()


def keep_busy(lab):
    """So that there are job threads."""
    send_mail(lab.servers[0], b"Subject: x\r\n\r\nHello\r\n")


from_inside = pytest.mark.skipif(os.uname().machine != "x86_64" or os.geteuid() != 0, reason="needs ptrace, and calls by their numbers")


@from_inside
@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_no_thread_of_a_running_server_gets_out(lab, program):
    lab.smtpmail()
    server = lab.servers[0] if program == "smtpmail" else lab.popserver()
    keep_busy(lab)
    assert len(threads(server.pid)) >= 3
    for thread in threads(server.pid):
        results = {name: system_call(thread, *call) for name, call in CALLS.items()}
        assert set(results.values()) <= {-errno.EPERM, -errno.EACCES}, results
    send_mail(lab.servers[0], b"Subject: it lives\r\n\r\n")
    login(lab.popserver()).close()


@from_inside
def test_a_loop_opens_no_mailbox_either(lab):
    server = lab.popserver()
    results = {system_call(thread, 257, -100, bytes(lab.path / "user.txt"), 0) for thread in threads(server.pid)}
    assert -errno.EPERM in results, "a loop"
    assert any(result >= 0 for result in results), "those that start job threads"


@from_inside
def test_without_the_sandbox_the_same_calls_do_work(lab):
    """Or the tests above would show nothing."""
    server = lab.smtpmail("--no-sandbox")
    for name in "socket", "open outside", "openat outside":
        assert system_call(server.pid, *CALLS[name]) >= 0, name
    send_mail(server, b"Subject: it lives\r\n\r\n")


def test_every_thread_is_held(lab):
    lab.smtpmail(), lab.popserver()
    keep_busy(lab)
    for server in lab.servers:
        for thread in threads(server.pid):
            assert status_of(thread, "Seccomp") == ["2"] and status_of(thread, "NoNewPrivs") == ["1"]
        most = max(int(status_of(thread, "Seccomp_filters")[0]) for thread in threads(server.pid))
        assert most == 2, "loops and jobs are narrower than the rest"


def test_no_sandbox_leaves_all_as_it_was(lab):
    server = lab.smtpmail("--no-sandbox")
    keep_busy(lab)
    assert {status_of(thread, "Seccomp")[0] for thread in threads(server.pid)} == {"0"}


@as_root
def test_root_goes_on_as_the_owner_of_the_mail_directory(tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(0o755)
    lab = Lab(tmp_path / "lab")
    os.chown(lab.path, STRANGER, STRANGER)
    os.chown(lab.path / "user.txt", STRANGER, STRANGER)
    try:
        server = lab.smtpmail("--verbose")
        keep_busy(lab)
        assert status_of(server.pid, "Uid") == [str(STRANGER)] * 4 and status_of(server.pid, "Gid") == [str(STRANGER)] * 4
        assert status_of(server.pid, "CapEff") == status_of(server.pid, "CapPrm") == ["0" * 16]
        assert lab.mailbox().stat().st_uid == STRANGER and len(lab.mails()) == 1
    finally:
        lab.close()


@as_root
def test_where_root_owns_the_mail_the_rest_of_its_powers_is_given_up(lab):
    server = lab.smtpmail()
    kept = int(status_of(server.pid, "CapEff")[0], 16)
    assert kept == int(status_of(server.pid, "CapPrm")[0], 16) == 1 << 0 | 1 << 1 | 1 << 3, "CHOWN, DAC_OVERRIDE, FOWNER"


@as_root
def test_a_user_can_be_named_and_a_port_of_root_s_is_bound_before(tmp_path):
    for parent in tmp_path, *tmp_path.parents[:3]:
        parent.chmod(0o755)
    lab = Lab(tmp_path / "lab")
    for path in lab.path, lab.path / "user.txt":
        shutil.chown(path, "nobody")
    try:
        server = lab.smtpmail("--user", "nobody", port=1023)
        assert status_of(server.pid, "Uid")[0] != "0" and server.port == 1023
        keep_busy(lab)
    finally:
        lab.close()


@pytest.mark.parametrize("user, said", [
    ("no-such-user", "--user 'no-such-user': there is no such user on this machine"),
    ("", "--user"),
])
def test_a_user_that_cannot_be_is_said(tmp_path, user, said):
    lab = Lab(tmp_path)
    done = subprocess.run([BUILD / "smtpmail", "0", "--listen", "127.0.0.1", "--dir", lab.path, "--user", user], capture_output=True, text=True, timeout=PATIENCE)
    if os.geteuid() == 0:
        assert done.returncode == 64 and said in done.stderr


def test_a_users_file_that_is_a_link_is_read_again(lab, tmp_path):
    """What it leads to is elsewhere: that directory stays open for reading."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.replace(lab.path / "user.txt", elsewhere / "people")
    (lab.path / "user.txt").symlink_to(elsewhere / "people")
    server = lab.popserver()
    (elsewhere / "new").write_text("carol secret\n")
    os.replace(elsewhere / "new", elsewhere / "people")
    login(server, "carol", "secret").close()


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_what_servers_do_all_day_is_refused_nothing(lab, tmp_path):
    """Else something would go on failing unseen. What memory management asks in vain is known (docs/sandbox.md)."""
    under = [shutil.which("strace"), "-D", "-f", "-qq", "-e", "status=failed"]
    for program in "smtpmail", "popserver":
        lab.server(program, "--transcript", "--timeout", "60", before=[*under, "-o", tmp_path / program])
    smtpmail, popserver = lab.servers
    for size in 100, 100_000, 3_000_000:
        send_mail(smtpmail, b"Subject: x\r\n\r\n" + b"Hello, world\r\n" * (size // 14), to=["alice@lab", "bob@lab"])
    (lab.path / "user.txt").write_text("".join(f"{name} {word}\n" for name, word in lab.users.items()) + "carol secret\n")
    for user, word in ("alice", None), ("carol", "secret"):
        with login(popserver, user, word) as talk:
            for line in "STAT", "LIST", "UIDL":
                talk.say(line, "+OK")
                if line != "STAT":
                    talk.body()
            if user == "alice":
                retrieve(talk, 3)
                talk.say("DELE 1", "+OK")
            talk.say("QUIT", "+OK")
    lab.close()
    for program in "smtpmail", "popserver":
        refused = [line for line in (tmp_path / program).read_text().splitlines() if "EPERM" in line or "EACCES" in line]
        assert [line for line in refused if "overcommit_memory" not in line] == []
