"""The real programs with few descriptors and little memory: what they cannot do they refuse for now, what they acknowledged is there, and they go on."""

import base64
import contextlib
import pathlib
import re
import subprocess
import threading

import pytest

from harness import BUILD, PATIENCE, SANITISED, Dialogue, Lab, Server, login, send_mail, smtp, wait_for

pytestmark = pytest.mark.skipif(SANITISED, reason="sanitizers need more memory and descriptors than there shall be")

MEGABYTE = 1 << 20


class Limited(Server):
    """A server that begins under `ulimit LIMIT`."""

    def __init__(self, limit, *command, **how):
        self.limit = limit
        super().__init__(*command, **how)

    def start(self):
        self.command = [pathlib.Path("/bin/bash"), "-c", f'ulimit {self.limit}; exec "$@"', "bash", *self.command]
        super().start()


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path, {"alice": "wonderland", "bob": "builder", **{f"user{i}": "word" for i in range(30)}})
    yield lab
    lab.close()


def limited(lab, limit, program, *options):
    server = Limited(limit, program, "--dir", lab.path, *options)
    lab.servers.append(server)
    return server


def under(limit, program, *arguments):
    """Runs it for a moment: its status (None: it serves) and what it said."""
    process = subprocess.Popen(
        ["/bin/bash", "-c", f'ulimit {limit}; exec "$@"', "bash", BUILD / program, *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "listening on " in line:
            process.terminate()
            assert process.wait(PATIENCE) == 0
            return None, "".join(said)
    return process.wait(PATIENCE), "".join(said)


# ---- at the start ----


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_with_too_few_descriptors_none_begins(lab, program):
    for limit in range(4, 40):
        status, said = under(f"-n {limit}", program, "--dir", lab.path, "--workers", 2, 0)
        if status is None:
            break
        assert status in (71, 127), said  # 127: the system could not even load it
        assert status == 127 or re.search(r": cannot start: 2 workers .* need 36 descriptors: raise `ulimit -n`", said), said
    assert limit == 36
    assert "9 connections at most" in said


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_with_too_little_memory_none_begins(lab, program):
    """Down from where it does, in steps of 128 KiB."""
    served = refused = 0
    for limit in range(14 * 1024, 6 * 1024, -128):
        status, said = under(f"-v {limit}", program, "--dir", lab.path, "--workers", 2, 0)
        assert status in (None, 71, 127), f"{limit} KiB: {status}: {said}"
        assert status is None or said, f"{limit} KiB: {status}, without a word"
        served += status is None
        refused += status is not None
    assert served > 0 and refused > 0


# ---- descriptors ----


def greeted(server, count):
    """As many connections as are let in, and how many were not."""
    inside, others = [], 0
    for _ in range(count):
        with contextlib.suppress(ConnectionError):
            talk = Dialogue(server)
            if talk.greeting[:3] in ("220", "+OK"):
                inside.append(talk)
                continue
            assert talk.greeting == "" or talk.greeting.startswith(("421 ", "-ERR [SYS/TEMP]")), talk.greeting
            talk.close()
        others += 1
    return inside, others


def close_all(talks):
    for talk in talks:
        talk.close()


@pytest.mark.parametrize("limit", [36, 40, 48, 64])
def test_more_connections_than_descriptors(lab, limit):
    server = limited(lab, f"-n {limit}", "smtpmail", "--workers", 2)
    at_rest = server.descriptors() + 3  # a mailbox, its directory and lock stay open
    for _ in range(2):  # and once more when all are gone
        inside, others = greeted(server, limit + 20)
        assert len(inside) >= 5 and others >= 20
        for i, talk in enumerate(inside):  # who is in is served
            talk.say("HELO a.test", "250")
            talk.say("MAIL FROM:<bob@lab>", "250")
            talk.say("RCPT TO:<alice@lab>", "250")
            talk.say("DATA", "354")
            talk.send(f"Subject: {limit} {i}\r\n\r\ntext\r\n".encode())
            talk.say(".", "250")
        close_all(inside)
        wait_for(lambda: server.descriptors() <= at_rest)
        lab.acknowledged = getattr(lab, "acknowledged", 0) + len(inside)
    assert send_mail(server, b"the last\r\n").startswith("250 ")
    server.stop()
    assert len(lab.mails()) == lab.acknowledged + 1


@pytest.mark.parametrize("limit", [36, 40, 48, 64])
def test_more_mailboxes_open_than_descriptors(lab, limit):
    for i in range(30):
        box = lab.mailbox(f"user{i}")
        box.parent.mkdir()
        box.write_bytes(b"Subject: one\n\ntext\n.\n")
    server = limited(lab, f"-n {limit}", "popserver", "--workers", 2)
    for _ in range(2):
        inside, _ = greeted(server, limit + 20)
        served = 0
        for i, talk in enumerate(inside[:30]):
            talk.say(f"USER user{i}", "+OK")
            reply = talk.say("PASS word")
            assert reply.startswith(("+OK", "-ERR [SYS/TEMP]")) or not reply, reply
            if not reply.startswith("+OK"):
                continue
            listed = talk.say("UIDL")
            assert listed.startswith(("+OK", "-ERR [SYS/TEMP]")) or not listed, listed
            served += listed.startswith("+OK")
        assert served >= 2
        close_all(inside)
        wait_for(lambda: server.descriptors() < 30)
    for i in range(30):
        wait_for(lambda i=i: mailbox_opens(server, f"user{i}"))


def mailbox_opens(server, user):
    with contextlib.closing(Dialogue(server, "+OK")) as talk:
        talk.say(f"USER {user}", "+OK")
        return talk.say("PASS word").startswith("+OK") and talk.say("STAT").startswith("+OK 1 ")


# ---- memory ----


def least_memory(lab, program):
    """KiB with which it just begins."""
    low, high = 4 * 1024, 64 * 1024
    while high - low > 128:
        middle = (low + high) // 2
        if under(f"-v {middle}", program, "--dir", lab.path, "--workers", 2, 0)[0] is None:
            high = middle
        else:
            low = middle
    return high


def send_large(server, outcomes, number):
    """One mail, or what stood in its way."""
    text = f"Subject: large {number}\r\n\r\n".encode() + (b"x" * 900 + b"\r\n") * 3000 + b"the end\r\n"
    try:
        reply = send_mail(server, text)
    except AssertionError as refused:
        reply = str(refused)
        assert re.search(r": '(4\d\d .*|)', not ", reply) or reply in ("", "waited in vain"), reply
        reply = ""
    except ConnectionError:
        reply = ""
    assert reply == "" or reply.startswith(("250 ", "4")), reply
    outcomes[number] = reply


@pytest.mark.parametrize("more", [0, 512, 2048, 6 * 1024, 20 * 1024])
def test_many_large_mails_in_little_memory(lab, more):
    least = least_memory(lab, "smtpmail")
    server = limited(lab, f"-v {least + more}", "smtpmail", "--workers", 2)
    outcomes = {}
    senders = [threading.Thread(target=send_large, args=(server, outcomes, i)) for i in range(24)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(outcomes) == len(senders)  # none failed in its checks
    assert server.process.poll() is None
    wait_for(lambda: send_mail_or_not(server).startswith("250 "))  # the pressure is gone
    server.stop()
    stored = b"".join(lab.mails())
    for number, reply in outcomes.items():
        there = stored.count(f"Subject: large {number}\n".encode())
        assert there == 1 if reply.startswith("250 ") else there <= 1
    assert stored.count(b"\nthe end\n") == stored.count(b"Subject: large ")


def send_mail_or_not(server):
    try:
        return send_mail(server, b"small\r\n")
    except (AssertionError, ConnectionError):
        return ""


@pytest.mark.parametrize("more", [0, 1024, 4 * 1024, 12 * 1024, 18 * 1024, 19 * 1024, 20 * 1024, 64 * 1024])
def test_many_logins_in_little_memory(lab, more):
    """yescrypt takes 16 MiB a password: with less, a right one is never called wrong."""
    hashed = subprocess.run(
        [BUILD / "postroom", "user", "add", "--dir", lab.path, "--course", "standard", "dora"],
        input="secret\n", capture_output=True, text=True,
    )
    assert hashed.returncode == 0, hashed.stderr
    least = least_memory(lab, "smtpmail")
    server = limited(lab, f"-v {least + more}", "smtpmail", "--workers", 2, "--course", "standard", "--domain", "lab")
    initial = base64.b64encode(b"\0dora\0secret").decode()
    replies = []
    for _ in range(5):
        with contextlib.suppress(AssertionError, ConnectionError), smtp(server) as talk:
            talk.say("EHLO a.test", "250")
            replies.append(talk.say(f"AUTH PLAIN {initial}"))
    assert replies and all(reply.startswith(("235 ", "454 ", "421 ")) or not reply for reply in replies), replies
    assert more < 64 * 1024 or any(reply.startswith("235 ") for reply in replies)
    assert server.process.poll() is None


def test_large_mails_are_read_in_little_memory(lab):
    text = b"Subject: long\n\n" + (b"y" * 900 + b"\n") * 20000
    for i in range(8):
        box = lab.mailbox(f"user{i}")
        box.parent.mkdir()
        box.write_bytes(text + b".\n")
    server = limited(lab, f"-v {least_memory(lab, 'popserver') + 2048}", "popserver", "--workers", 2)
    whole = []

    def read(user):
        with contextlib.suppress(AssertionError, ConnectionError, KeyError), login(server, user, "word") as talk:
            talk.say("RETR 1", "+OK")
            body = talk.body()
            assert body.replace(b"\r\n", b"\n") == text
            whole.append(user)

    readers = [threading.Thread(target=read, args=(f"user{i}",)) for i in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert server.process.poll() is None
    if not whole:  # they took it from one another
        read("user0")
    assert whole
    with login(server, "user0", "word") as talk:
        talk.say("STAT", "+OK 1 ")
