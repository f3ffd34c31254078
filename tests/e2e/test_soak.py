"""`make soak` for some seconds, as it is and with something broken on purpose that it must notice.

Memory takes minutes to settle: so short a soak allows it more (servers.py), and only a leak of the coarsest kind shows here.
"""

import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import time

import pytest

from harness import BUILD, ROOT, SANITISED, smtp, wait_for

PATIENCE = 300
pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11")


def soak(directory, seconds, **more):
    command = [sys.executable, ROOT / "tests/soak/soak.py", BUILD, "--minutes", str(seconds / 60), "--dir", directory]
    if SANITISED:
        command += ["--sanitised"]
    if seed := os.environ.get("POSTROOM_SEED"):
        command += ["--seed", seed]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **more)


def finish(process):
    """Its status and what it has printed. Where it hangs, it and its servers are ended."""
    try:
        printed = process.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    print(printed)
    return process.returncode, printed


def test_a_short_soak_breaks_no_promise(tmp_path):
    status, printed = finish(soak(tmp_path / "soak", 15))
    assert status == 0 and "0 promises broken" in printed
    assert not (tmp_path / "soak").exists()


def lock(path, byte):
    """One of the store's two locks (docs/store.md), waited for; it lasts until the file is closed."""
    file = open(path, "r+b")
    fcntl.fcntl(file, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
    return file


def edit(mailbox, change):
    """The mailbox's mails, changed behind the servers' backs; False while it has too few."""
    with lock(mailbox.parent / ".lock", 0), lock(mailbox.parent / ".lock", 1):
        mails = mailbox.read_bytes().split(b"\n.\n")[:-1]
        if len(mails) < 5:
            return False
        change(mails)
        mailbox.write_bytes(b"".join(mail + b"\n.\n" for mail in mails))
        return True


def lose(mails):
    del mails[2]


def double(mails):
    mails.append(mails[2])


def spoil(mails):
    mails[2] = mails[2][:-1] + b"?"


@pytest.mark.parametrize("change, complaint", [(lose, "accepted, and lost:"), (double, r"mail \d+ was \S+, and is"), (spoil, r"mail \d+ (was|is not as it was sent)")])
def test_a_mailbox_that_somebody_has_changed_is_noticed(tmp_path, change, complaint):
    mailbox = tmp_path / "soak/course/dora/mymailbox"
    process = soak(tmp_path / "soak", 15)
    end = time.monotonic() + PATIENCE
    while not (mailbox.exists() and edit(mailbox, change)):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    status, printed = finish(process)
    assert status == 1 and re.search(f"broken: dora: {complaint}", printed) and "FAILED" in printed
    assert mailbox.exists(), "what is broken is kept"


LEAK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
int accept4(int s, struct sockaddr *a, socklen_t *n, int flags)
{
	int (*next)(int, struct sockaddr *, socklen_t *, int) = (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
	int fd = next(s, a, n, flags);
	size_t octets = atol(getenv("LEAK_OCTETS"));
	char *forgotten = octets && fd >= 0 ? malloc(octets) : NULL;
	if (forgotten)
		memset(forgotten, 1, octets);
	if (getenv("LEAK_DESCRIPTORS") && fd >= 0)
		fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd;
}
"""


@pytest.fixture(scope="session")
def leak(tmp_path_factory):
    """A library that makes every accepted connection leak."""
    path = tmp_path_factory.mktemp("leak")
    (path / "leak.c").write_text(LEAK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path / "leak.so", path / "leak.c"], check=True)
    return path / "leak.so"


@pytest.mark.skipif(SANITISED, reason="LD_PRELOAD does not go with sanitizers")
@pytest.mark.parametrize(
    "how, complaint",
    [({"LEAK_OCTETS": "1000000"}, "its memory has grown by"), ({"LEAK_OCTETS": "0", "LEAK_DESCRIPTORS": "1"}, "descriptors without a client")],
)
def test_a_leak_is_noticed(tmp_path, leak, how, complaint):
    status, printed = finish(soak(tmp_path / "soak", 15, env={**os.environ, **how, "LD_PRELOAD": str(leak)}))
    assert status == 1 and complaint in printed and "FAILED" in printed


def memory(server):
    """Of its own, in octets."""
    with open(f"/proc/{server.pid}/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) * 1024


@pytest.mark.skipif(SANITISED, reason="sanitizers keep what was freed")
def test_the_memory_of_large_mails_is_given_back(smtpmail):
    """Twenty at a time, of several sizes: what was freed must not stay with the process."""
    for lines in (3000, 5000, 9000) * 4:
        talks = [smtp(smtpmail) for _ in range(20)]
        for talk in talks:
            for line, expected in ("MAIL FROM:<bob@lab>", "250"), ("RCPT TO:<alice@lab>", "250"), ("DATA", "354"):
                talk.say(line, expected)
            talk.send((b"x" * 70 + b"\r\n") * lines)
        time.sleep(0.2)  # until all of them are in memory
        for talk in talks:
            talk.send(b".\r\n")
        for talk in talks:
            assert talk.reply().startswith("250 ")
            talk.close()
    wait_for(lambda: memory(smtpmail) < 4 << 20, seconds=5)
