"""The front door: make run, make lab, installation, set-up, and what the lint catches."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, ROOT, free_port

SCRIPTS = ROOT / "scripts"


class Demo:
    """What make run (run.sh) or make lab (lab.sh) starts, in a directory of its own."""

    def __init__(self, cwd, script, **ports):
        env = {**os.environ, **{name: str(port) for name, port in ports.items()}}
        self.process = subprocess.Popen(
            [SCRIPTS / script, BUILD], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )
        self.text = ""

    def read_until(self, wanted):
        end = time.monotonic() + PATIENCE
        while wanted not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                octets = os.read(self.process.stdout.fileno(), 65536)
                assert octets, self.text
                self.text += octets.decode()
        return self.text

    def interrupt(self):
        """Ctrl-C: to the whole group, as a terminal does it."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.text += self.process.stdout.read()
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def sh(command, **how):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True, timeout=PATIENCE, **how).stdout


# make run


ANY = {"SMTP_PORT": 0, "POP3_PORT": 0, "WEB_PORT": 0}
ALL_SAID = "explained:\n\n"


@pytest.fixture
def inbox(tmp_path):
    demo = Demo(tmp_path, "run.sh", **ANY)
    yield demo
    demo.close()


def test_what_make_run_says_to_try_works_as_it_is_printed(inbox, tmp_path):
    text = inbox.read_until(ALL_SAID)
    page = re.search(r"^Open (http://127.0.0.1:\d+/) in a browser", text, re.M)[1]
    assert "Postroom" in sh(f"curl -s {page}")
    curl, swaks, wait, read = re.findall(r"^  (\S+ .*)$", text.partition("Open ")[2], re.M)
    sh(curl)
    assert '"text":"It works.' in sh(wait)
    assert sh(read).endswith("Subject: Hello\n\nIt works.\n")
    if shutil.which("swaks"):
        sh(swaks)
    inbox.read_until("S: +OK goodbye")
    assert (tmp_path / "inbox/alice@example.org/mailbox").read_text().count("\n.\n") == (2 if shutil.which("swaks") else 1)


def test_ctrl_c_says_where_the_mail_is_and_the_next_run_has_it(inbox, tmp_path):
    text = inbox.read_until(ALL_SAID)
    sh(re.search(r"^  (printf .*)$", text, re.M)[1])
    assert inbox.interrupt() == 0
    assert "The mail stays in inbox/" in inbox.text and not processes_of(inbox.process.pid)
    again = Demo(tmp_path, "run.sh", **ANY)
    try:
        assert "It works." in sh(re.search(r"^  (curl -u .*)$", again.read_until(ALL_SAID), re.M)[1])
        assert again.interrupt() == 0
    finally:
        again.close()


@pytest.mark.parametrize(("port", "at"), [("SMTP_PORT", r"SMTP .* port (\d+)"), ("WEB_PORT", r"Web .*:(\d+)/")])
def test_a_port_in_use_is_said_with_the_remedy(inbox, tmp_path, port, at):
    taken = re.search(at, inbox.read_until(ALL_SAID))[1]
    second = Demo(tmp_path, "run.sh", **{**ANY, port: taken})
    try:
        assert second.process.wait(PATIENCE) == 69
        said = second.process.stdout.read()
        assert f"port {taken} is in use" in said
        assert said.splitlines()[-1] == "  INBOX=inbox2 SMTP_PORT=2526 POP3_PORT=2111 WEB_PORT=8026 make run"
        assert not processes_of(second.process.pid)
    finally:
        second.close()


def test_two_of_them_side_by_side(inbox, tmp_path):
    inbox.read_until(ALL_SAID)
    second = Demo(tmp_path, "run.sh", **ANY, INBOX="inbox2")
    try:
        assert "  Mail  inbox2\n" in second.read_until(ALL_SAID)
        assert second.interrupt() == 0
    finally:
        second.close()
    third = Demo(tmp_path, "run.sh", **ANY)
    try:
        assert third.process.wait(PATIENCE) == 69 and "INBOX=inbox2" in third.process.stdout.read()
    finally:
        third.close()


@pytest.mark.parametrize(("script", "last", "end"), [
    ("run.sh", b"explained:", b"The mail stays in inbox/"), ("lab.sh", b"Ctrl-C ends the servers.", b"The mail stays in demo/")])
def test_on_a_terminal_make_itself_ends_well_with_ctrl_c(tmp_path, script, last, end):
    (tmp_path / "Makefile").write_text(f"run:\n\t@{SCRIPTS}/{script} {BUILD}\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ.update({name: "0" for name in ANY})
        os.execvp("make", ["make", "run"])
    seen, told = b"", False
    try:
        while octets := os.read(terminal, 65536):
            seen += octets
            if last in seen and not told:
                told = bool(os.write(terminal, b"\x03"))
    except OSError:
        pass  # how a terminal ends on Linux
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and end in seen, seen


# make lab


@pytest.fixture
def ports():
    return {"SMTP_PORT": free_port(), "POP3_PORT": free_port()}


@pytest.fixture
def lab(tmp_path, ports):
    lab = Demo(tmp_path, "lab.sh", **ports)
    yield lab
    lab.close()


def test_the_lab_says_three_things_to_try_and_they_work(lab, tmp_path, ports):
    text = lab.read_until("Ctrl-C")
    assert f"listening on 127.0.0.1 port {ports['SMTP_PORT']}" in text
    assert f"listening on 127.0.0.1 port {ports['POP3_PORT']}" in text
    client, curl, swaks = re.findall(r"^  (\S.*)$", text, re.M)
    read = re.search(r"read it: (curl .*?),", text)[1]
    sh(curl)
    if shutil.which("swaks"):
        sh(swaks)
    got = sh(read)
    assert "Subject: Hello\r\n" in got or "Subject: Hello\n" in got
    typed = "bob\nbuilder\n2\nFrom: bob@lab\nTo: alice@lab\nSubject: Hi\nhello\n.\n3\n"
    assert "Mail sent successfully" in sh(client, input=typed)
    lab.read_until("S: +OK goodbye")
    assert "C: QUIT\n" in lab.text and "wonderland" not in lab.text.partition("Ctrl-C")[2]
    assert (tmp_path / "demo/alice/mymailbox").read_text().count("\n.\n") == (3 if shutil.which("swaks") else 2)


def test_ctrl_c_ends_the_lab_and_a_second_run_keeps_mail_and_users(lab, tmp_path, ports):
    lab.read_until("Ctrl-C")
    mailbox = tmp_path / "demo/alice/mymailbox"
    mailbox.parent.mkdir(mode=0o700, exist_ok=True)
    mailbox.write_text("Subject: kept\n\nkept\n.\n")
    (tmp_path / "demo/user.txt").write_text("alice changed\n")
    assert lab.interrupt() == 0
    assert "The mail stays in demo/" in lab.text
    again = Demo(tmp_path, "lab.sh", **ports)  # the ports are free again
    try:
        again.read_until("Ctrl-C")
        assert again.interrupt() == 0
    finally:
        again.close()
    assert mailbox.read_text() == "Subject: kept\n\nkept\n.\n"
    assert (tmp_path / "demo/user.txt").read_text() == "alice changed\n"


def test_a_port_in_use_ends_the_lab_and_nothing_is_left_running(lab, tmp_path, ports):
    lab.read_until("Ctrl-C")
    assert len(processes_of(lab.process.pid)) == 2
    second = Demo(tmp_path, "lab.sh", SMTP_PORT=free_port(), POP3_PORT=ports["POP3_PORT"])
    try:
        assert second.process.wait(PATIENCE) == 69
        text = second.process.stdout.read()
        assert str(ports["POP3_PORT"]) in text and "make lab" in text
        assert not processes_of(second.process.pid)
    finally:
        second.close()


def processes_of(session):
    """The command lines of a session's processes that are servers."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                found.append(stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            pass  # it has ended meanwhile
    return [line for line in found if re.search("smtpmail|popserver|postroom", line)]


# make


def make(*arguments, **how):
    where = [f"B={os.path.relpath(BUILD, ROOT)}", f"SAN={os.environ.get('POSTROOM_SAN', '')}"]
    return subprocess.run(["make", "-C", ROOT, *where, *arguments], capture_output=True, text=True, timeout=300, **how)


def tree(place):
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir())


def test_install_and_uninstall_honour_prefix_and_destdir(tmp_path):
    target = tmp_path / "usr"
    (target / "bin").mkdir(parents=True)
    (target / "bin/other").touch()
    done = make("install", "-o", "all", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert done.returncode == 0, done.stderr
    files = tree(target)
    for program in "smtpmail", "popserver", "mailclient", "postroom":
        assert f"bin/{program}" in files
        assert os.access(target / "bin" / program, os.X_OK)
    for page in "man8/smtpmail.8", "man8/popserver.8", "man1/mailclient.1":
        assert f"share/man/{page}" in files
    assert {"share/bash-completion/completions/postroom", "share/bash-completion/completions/pop_server", "share/zsh/site-functions/_postroom",
            "share/fish/vendor_completions.d/mailclient.fish"} <= set(files)
    assert (target / "share/man/man8/pop_server.8").read_text() == (ROOT / "docs/man/popserver.8").read_text()
    assert {"share/doc/postroom/README.md", "share/doc/postroom/LICENSE", "share/doc/postroom/courses/kharagpur.conf"} <= set(files)
    done = make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert done.returncode == 0, done.stderr
    assert tree(target) == ["bin/other"]
    assert not (target / "share/doc/postroom").exists()


def test_the_manual_pages_are_well_formed():
    if not shutil.which("man"):
        pytest.skip("no man here")
    for page in (ROOT / "docs/man").glob("*.[1-8]"):
        done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0 and done.stderr == "", f"{page}: {done.stderr}"
        assert len(done.stdout) > 500


# On a machine with only git, make and apt


def bare_path(tmp_path, *programs):
    """A PATH that holds just these."""
    place = tmp_path / "bare"
    place.mkdir()
    for program in programs:
        (place / program).symlink_to(shutil.which(program))
    return str(place)


SHELL = ("sh", "sed", "ls", "dirname")


def test_without_root_and_sudo_the_line_to_type_is_printed(tmp_path):
    path = bare_path(tmp_path, *SHELL)
    for name, text in ("apt-get", "exit 99"), ("id", "echo 1000"):
        (tmp_path / "bare" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bare" / name).chmod(0o755)
    done = subprocess.run([SCRIPTS / "setup.sh", "build"], env={"PATH": path}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("  apt-get update && apt-get install -y") and last.endswith(" gcc pkg-config libevent-dev libconfuse-dev libssl-dev libgsasl-dev libcrypt-dev libseccomp-dev libgmime-3.0-dev libmicrohttpd-dev libjansson-dev libsqlite3-dev")


def test_missing_packages_are_installed_as_root(tmp_path):
    path = bare_path(tmp_path, *SHELL, "env", "touch")
    log = tmp_path / "log"
    for name, text in ("apt-get", f'echo "$@" >>{log}'), ("id", "echo 0"):
        (tmp_path / "bare" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bare" / name).chmod(0o755)
    done = subprocess.run([SCRIPTS / "setup.sh", "build", "check"], env={"PATH": path}, capture_output=True, text=True)
    update, install = log.read_text().splitlines()
    assert update.startswith("update") and install.startswith("install -y --no-install-recommends gcc") and "libcmocka-dev" in install
    assert done.returncode == 1 and "still not found" in done.stderr  # it looks again


def test_make_reads_its_file_where_nothing_is_installed(tmp_path):
    done = subprocess.run(["make", "-C", ROOT, "help"], env={"PATH": bare_path(tmp_path, "sh", "make", "sed", "expand")}, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "make run" in done.stdout


# The lint


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("src/protocol/dot.c", '#include "store/store.h"', "an arrow"),
        ("src/base/buf.c", '#include "net/loop.h"', "an arrow"),
        ("src/mail/date.c", '#include "course/course.h"', "an arrow"),
        ("src/mail/date.c", '#include "date.h"', "names no room"),
    ],
)
def test_an_arrow_that_goes_up_is_caught(tmp_path, file, line, said):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    before = subprocess.run([SCRIPTS / "lint-arrows.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert (before.returncode, before.stdout) == (0, ""), before.stdout
    with open(tmp_path / file, "a") as source:
        source.write(line + "\n")
    after = subprocess.run([SCRIPTS / "lint-arrows.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert after.returncode != 0 and said in after.stdout and file in after.stdout
