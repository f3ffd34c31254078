"""Whatever goes wrong at whatever point of the store's work, its promises are kept: tests/crash, with fewer power cuts than `make crash` tries."""

import re
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT, SANITISED, Lab, Server, login, send_mail, wait_for

CRASH = BUILD / "small/crash"


def crash(*options):
    return subprocess.run([CRASH, *map(str, options)], capture_output=True, text=True, timeout=900)


pytestmark = pytest.mark.skipif(SANITISED, reason="the same again, for many minutes")


def test_every_promise_is_kept_at_every_point():
    done = crash("--states", 20000)
    assert done.returncode == 0, done.stdout
    counts = re.fullmatch(r"(\d+) workloads: (\d+) kills, (\d+) calls that fail, (\d+) distinct states .*\n0 promises broken\n", done.stdout)
    workloads, kills, faults, states = map(int, counts.groups())
    assert workloads >= 60 and kills > 20000 and faults > 15000 and states > 80000


@pytest.mark.parametrize("name", ["mymailbox", "alice", ".mymailbox.deleted", ".mymailbox.new"])
def test_a_sync_that_is_left_out_is_noticed(name):
    """The files' own, and the directory's."""
    done = crash("--states", 4500, "--stop", "--forget-sync", name)
    assert done.returncode == 1 and "FAILED: " in done.stdout and " power cut after change " in done.stdout


# By what names the kernel knows the calls that the disk in memory takes the place of.
KERNEL = {"pread": "pread64", "fstat": "newfstatat", "fstatat": "newfstatat", "open": "openat", "realpath": "readlink"}
# What else may name or use a file of the mail directory, and why nothing can go wrong there that a promise is about.
EXCEPTIONS = {
    "landlock_add_rule": "says what may be opened later, and opens nothing",
}


def intercepted():
    """The Makefile's DISK_CALLS."""
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    return {KERNEL.get(call, call) for call in re.search(r"^DISK_CALLS := (.*)$", text, re.M)[1].split()}


class Traced:
    """Programs of which strace lists the calls, with the paths of descriptors. -D: the program stays the child that a test knows."""

    def __init__(self, lab, directory):
        self.lab, self.directory, self.files = lab, directory, []

    def command(self, program, *arguments):
        self.files.append(self.directory / f"{len(self.files)}.strace")
        return ["/usr/bin/strace", "-D", "-f", "-y", "-s", "0", "-o", self.files[-1], BUILD / program, *arguments]

    def server(self, program, *options):
        server = Server(*self.command(program, "--listen", "127.0.0.1", "--dir", self.lab.path, *options), listen=None)
        self.lab.servers.append(server)
        return server

    def postroom(self, *arguments, input=""):
        command = self.command("postroom", "user", *arguments, "--dir", self.lab.path)
        done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr

    def calls(self):
        """The calls that name or use something in the mail directory, each with one line that shows it."""
        found = {}
        for file in self.files:
            wait_for(lambda: file.read_text(errors="replace").endswith("+++\n"))  # "exited with 0", behind the program's end
            for line in file.read_text(errors="replace").splitlines():
                call = re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)", line)
                if call and str(self.lab.path) in line:
                    found.setdefault(call[1], line)
        return found


def work(lab, traced):
    """Deliveries small and large, a session, removals by cutting, rewriting and marking, a lost index, and edits of the users file."""
    smtpmail, popserver = traced.server("smtpmail", "--domain", "lab"), traced.server("popserver")
    send_mail(smtpmail, b"Subject: one\r\n\r\nsmall\r\n")
    send_mail(smtpmail, b"Subject: two\r\n\r\n" + b"a line of a large mail\r\n" * 100_000)
    send_mail(smtpmail, b"Subject: three\r\n\r\nsmall\r\n")
    for number in (1, 2):  # rewritten, and cut
        with login(popserver) as talk:
            talk.say(f"DELE {number}", "+OK")
            talk.say("QUIT", "+OK")
    with (lab.path / "alice/mailbox").open("ab") as mailbox:
        for lines in (400_000, 10, 400_000):
            mailbox.write(b"Subject: by hand\n\n" + b"a line of a large mail\n" * lines + b".\n")
    for number in (3, 2):  # marked, and rewritten again
        with login(popserver) as talk:
            talk.say(f"DELE {number}", "+OK")
            talk.say("QUIT", "+OK")
    (lab.path / "alice/.mailbox.index").unlink()
    send_mail(smtpmail, b"Subject: four\r\n\r\nsmall\r\n")
    traced.postroom("add", "dave", input="secret\n")
    traced.postroom("passwd", "dave", input="another\n")
    login(popserver, "alice").close()
    traced.postroom("remove", "dave")


def test_every_call_that_touches_the_disk_is_tried(tmp_path):
    lab = Lab(tmp_path / "lab")
    (lab.path / "user.txt").rename(lab.path / "users.txt")  # the standard mode
    (tmp_path / "traces").mkdir()
    traced = Traced(lab, tmp_path / "traces")
    try:
        work(lab, traced)
    finally:
        lab.close()
    calls = traced.calls()
    assert {"openat", "pwritev", "fdatasync", "fsync", "renameat", "linkat", "ftruncate", "copy_file_range"} <= calls.keys()
    missing = {call: line for call, line in calls.items() if call not in intercepted() | EXCEPTIONS.keys()}
    assert not missing, missing
