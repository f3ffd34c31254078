"""Peers that mean no good: who takes all connections, comes again and again, is slow on purpose, never reads, or never ends."""

import base64
import itertools
import multiprocessing
import os
import pathlib
import re
import resource
import select
import socket
import statistics
import subprocess
import threading
import time

import pytest

from harness import BUILD, PATIENCE, SANITISED, Dialogue, login, send_mail, split_mailbox, wait_for

REFUSED = {"smtpmail": "421 ", "popserver": "-ERR [SYS/TEMP] "}


def quick_sessions(server, count):
    """How long each of some short sessions took, one after the other."""
    waits = []
    for _ in range(count):
        begin = time.monotonic()
        with Dialogue(server) as talk:
            talk.say("NOOP" if talk.greeting.startswith("220") else "CAPA")
            talk.say("QUIT")
        waits.append(time.monotonic() - begin)
        time.sleep(0.01)
    return waits


# Limits by address


def greetings(server, count, source):
    """That many connections at once, and how each was greeted."""
    talks = [Dialogue(server, source=source) for _ in range(count)]
    return talks, [talk.greeting for talk in talks]


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_one_address_gets_its_share_and_others_come_in(lab, program):
    server = lab.server(program, "--slow-loopback", "--max-per-address", 3)
    talks, heard = greetings(server, 5, "127.0.0.2")
    assert all(greeting.startswith(("220 ", "+OK")) for greeting in heard[:3])
    for talk in talks[3:]:
        assert talk.greeting.startswith(REFUSED[program]) and "from your address, close one" in talk.greeting and talk.ended()
    with Dialogue(server, source="127.0.0.3") as other:
        assert other.greeting.startswith(("220 ", "+OK"))
    talks[0].close()

    def there_is_room_again():
        with Dialogue(server, source="127.0.0.2") as talk:
            return talk.greeting.startswith(("220 ", "+OK"))

    wait_for(there_is_room_again)
    for talk in talks:
        talk.close()
    lines = wait_for(lambda: [line for line in server.errors if "connection refused" in line])
    assert len(lines) == 1 and "peer=127.0.0.2: 3 are connected from there (--max-per-address)" in lines[0]


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_one_address_comes_so_often_and_others_as_well(lab, program):
    server = lab.server(program, "--slow-loopback", "--max-rate", 20)
    heard = []
    for _ in range(25):
        with Dialogue(server, source="127.0.0.2") as talk:
            heard.append(talk.greeting)
    assert all(greeting.startswith(("220 ", "+OK")) for greeting in heard[:20])
    assert sum(greeting.startswith(REFUSED[program]) and "in a minute" in greeting for greeting in heard) >= 4  # in three seconds one more may come in
    with Dialogue(server, source="127.0.0.3") as other:
        assert other.greeting.startswith(("220 ", "+OK"))


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_this_machine_has_no_share_of_its_own(lab, program):
    server = lab.server(program, "--max-per-address", 1, "--max-rate", 1)
    talks, heard = greetings(server, 30, "127.0.0.1")
    assert all(greeting.startswith(("220 ", "+OK")) for greeting in heard)
    for talk in talks:
        talk.close()


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_a_flood_of_connections_from_one_address_shuts_nobody_out(lab, program):
    """Each refusal takes a second or so to be over: they must not fill the server."""
    server = lab.server(program, "--slow-loopback", "--max-connections", 30, "--max-per-address", 5)
    flood, told = [], 0
    for _ in range(200):
        try:
            flood.append(Dialogue(server, source="127.0.0.2"))
            told += flood[-1].greeting.startswith(REFUSED[program])
        except ConnectionResetError:
            pass
    with Dialogue(server, source="127.0.0.3") as other:
        assert other.greeting.startswith(("220 ", "+OK"))
    for talk in flood:
        talk.close()
    assert 64 <= told <= 195


# Slow peers


def drip(talk, octets, pause, end):
    """One octet after the other until the server ends it; what it said, and how long that took."""
    begin = time.monotonic()
    talk.socket.settimeout(pause)
    heard = b""
    for octet in itertools.cycle(octets):
        assert time.monotonic() - begin < end, "the server waits for ever"
        try:
            talk.socket.sendall(bytes([octet]))
            part = talk.socket.recv(4096)
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            break
        heard += part
        if not part:
            break
    return heard, time.monotonic() - begin


SLOW = {
    "a command": ("smtpmail", [], b"x", b"421 "),
    "a mail": ("smtpmail", ["MAIL FROM:<bob@lab>", "RCPT TO:<alice@lab>", "DATA"], b"x\r\n", b"421 "),
    "a chunk": ("smtpmail", ["MAIL FROM:<bob@lab>", "RCPT TO:<alice@lab>", "BDAT 1000000"], b"x", b"421 "),
    "a response": ("smtpmail", ["AUTH LOGIN"], b"YQ", b"421 "),
    "a POP3 command": ("popserver", [], b"x", b""),
    "a POP3 response": ("popserver", ["AUTH PLAIN"], b"YQ", b""),
}


@pytest.mark.parametrize("what", SLOW)
def test_an_octet_now_and_then_is_not_waited_for_for_ever(lab, what):
    """An octet three times a second; with a limit of two seconds that is what one a second is with six."""
    program, before, octets, last_word = SLOW[what]
    (lab.path / "users.txt").write_text("alice wonderland\n")
    server = lab.server(program, "--course", "standard", "--domain", "lab", "--timeout", 2, "--workers", 1)
    slow = [Dialogue(server) for _ in range(20)]
    for talk in slow:
        for line in (["EHLO slow.test"] if program == "smtpmail" else []) + before:
            talk.send(line.encode() + b"\r\n")
            if not line.startswith("BDAT"):
                talk.reply()
    outcome = {}
    threads = [threading.Thread(target=lambda talk=talk: outcome.update({talk: drip(talk, octets, 1 / 3, 15)})) for talk in slow]
    for thread in threads:
        thread.start()
    waits = quick_sessions(server, 20)
    for thread in threads:
        thread.join()
    for talk in slow:
        talk.close()
    assert len(outcome) == len(slow)
    for heard, took in outcome.values():
        assert heard.startswith(last_word) and 1.5 < took < 8, (heard, took)
    assert statistics.median(waits) < (5 if SANITISED else 0.5), waits


def private_memory(server):
    """What the process has in memory, shared pages by their part, in KiB."""
    rollup = pathlib.Path(f"/proc/{server.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1])


def processor_time(server):
    """Seconds of a processor that it has had."""
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill_mailboxes(lab, users):
    """Each gets ten mails of 5 MB."""
    smtpmail = lab.smtpmail()
    mail = b"Subject: big\r\n\r\n" + (b"z" * 78 + b"\r\n") * 62_500
    for _ in range(10):
        assert send_mail(smtpmail, mail, to=[f"{name}@lab" for name in users]).startswith("250 ")
    smtpmail.stop()


def test_readers_that_never_read_time_out_and_take_little_memory(lab):
    """Mailboxes of 50 MB, asked for as a whole by users who read nothing of it."""
    users = [f"user{n}" for n in range(5)]
    (lab.path / "user.txt").write_text("".join(f"{name} word\n" for name in users))
    fill_mailboxes(lab, users)
    popserver = lab.popserver("--timeout", 2, "--workers", 1)
    readers = [login(popserver, name, "word") for name in users]
    before = private_memory(popserver)
    begin = time.monotonic()
    for talk in readers:
        talk.send(b"RETR 1\r\n" * 10)
    waits = quick_sessions(popserver, 30)
    each = (private_memory(popserver) - before) / len(readers)
    open_at_first = popserver.sockets()
    wait_for(lambda: popserver.sockets() <= open_at_first - len(readers))
    took = time.monotonic() - begin
    print(f"a reader that never reads: {each:.0f} KiB, gone after {took:.1f} s; others' sessions {max(waits) * 1000:.0f} ms at most")
    assert 1.5 < took < 10
    with login(popserver, users[0], "word") as talk:  # nobody holds the mailbox any more
        talk.say("STAT", "+OK 10 ")
    for talk in readers:
        talk.close()
    if not SANITISED:
        assert statistics.median(waits) < 0.5 and each < 400


# Many peers


class Crowd:
    """Connections without more ado, as many as it takes; each from one of a few addresses, so that the ports suffice."""

    def __init__(self, server, count, greeting):
        self.sockets = []
        for number in range(count):
            one = socket.socket()
            one.settimeout(PATIENCE)
            one.bind((f"127.0.0.{2 + number % 8}", 0))
            one.connect(("127.0.0.1", server.port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(one)
        self.hear(greeting)

    def hear(self, expected):
        for one in self.sockets:
            assert one.recv(4096).startswith(expected)

    def say(self, octets):
        for one in self.sockets:
            one.sendall(octets)

    def close(self):
        for one in self.sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.close()


GREETING = {"smtpmail": b"220 ", "popserver": b"+OK"}
ARMY = 500 if SANITISED else 10_000


@pytest.fixture
def many_descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ARMY + 200
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(before[1], wanted)))
    except (ValueError, PermissionError):
        pytest.skip(f"no leave for {wanted} descriptors")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0], resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_ten_thousand_idle_connections_are_held(lab, program, many_descriptors):
    server = lab.server(program, "--max-connections", ARMY + 100)
    Crowd(server, 100, GREETING[program]).close()
    before = private_memory(server)
    crowd = Crowd(server, ARMY, GREETING[program])
    try:
        idle = (private_memory(server) - before) / ARMY
        crowd.say(b"NOOP\r\nNOO" if program == "smtpmail" else b"CAPA\r\nCAP")
        crowd.hear(b"250 " if program == "smtpmail" else b"+OK")
        amid_a_line = (private_memory(server) - before) / ARMY
        waits = quick_sessions(server, 50)
        worked = processor_time(server)
        time.sleep(2)
        worked = processor_time(server) - worked
        crowd.say(b"P\r\n" if program == "smtpmail" else b"A\r\n")
        crowd.hear(b"250 " if program == "smtpmail" else b"+OK")
        print(f"{program}: {ARMY} connections, {idle:.1f} KiB each, {amid_a_line:.1f} KiB amid a line; a session beside them {statistics.median(waits) * 1000:.1f} ms, "
              f"{max(waits) * 1000:.1f} ms at most; {worked:.2f} s of a processor in two idle seconds")
    finally:
        crowd.close()
    wait_for(lambda: server.descriptors() < 100)
    if not SANITISED:
        assert idle < 6 and amid_a_line < 16
        assert statistics.median(waits) < 0.1 and worked < 0.5


# Peers that never end

ENVELOPE = b"MAIL FROM:<bob@lab>\r\nRCPT TO:<alice@lab>\r\n"
NONCE = base64.b64encode(b"n,,n=alice,r=" + b"a" * 9000)

# What is said at first, what then without an end, whether the replies are read, and how many KiB a connection may take.
ENDLESS = {
    "a line": ("smtpmail", b"", b"x" * 64, True, 64),
    "a response": ("smtpmail", b"EHLO x\r\nAUTH PLAIN\r\n", b"QUJD" * 16, True, 64),
    "a nonce": ("smtpmail", b"EHLO x\r\nAUTH SCRAM-SHA-256 " + NONCE + b"\r\n", b"", True, 96),
    "EHLO": ("smtpmail", b"", b"EHLO " + b"x" * 255 + b"\r\n", True, 64),
    "recipients": ("smtpmail", b"EHLO x\r\nMAIL FROM:<bob@lab>\r\n", b"RCPT TO:<alice@lab>\r\n", True, 128),
    "headers": ("smtpmail", b"EHLO x\r\n" + ENVELOPE + b"DATA\r\n", b"X-Header: value\r\n", True, 1024),
    "a header": ("smtpmail", b"EHLO x\r\n" + ENVELOPE + b"DATA\r\nSubject: x\r\n", b" folded\r\n", True, 1024),
    "a line of text": ("smtpmail", b"EHLO x\r\n" + ENVELOPE + b"DATA\r\n\r\n", b"x" * 64, True, 1024),
    "empty chunks": ("smtpmail", b"EHLO x\r\n" + ENVELOPE, b"BDAT 0\r\n", True, 64),
    "commands, and reads nothing": ("smtpmail", b"", b"HELP\r\n", False, 400),
    "EHLO, and reads nothing": ("smtpmail", b"", b"EHLO x\r\n", False, 400),
    "a POP3 line": ("popserver", b"", b"x" * 64, True, 64),
    "a POP3 response": ("popserver", b"AUTH PLAIN\r\n", b"QUJD" * 16, True, 64),
    "POP3 commands, and reads nothing": ("popserver", b"", b"CAPA\r\n", False, 400),
}
SAID = 2 * 1024 * 1024  # octets on each connection


def say_without_end(one, octets, reads):
    """Until enough is said, the server ends it, or takes no more."""
    piece = octets * (64 * 1024 // len(octets)) if octets else b""
    said = 0
    one.setblocking(False)
    idle_since = time.monotonic()
    while piece and said < SAID and time.monotonic() - idle_since < (2 if reads else 0.05):
        readable, writable, _ = select.select([one] if reads else [], [one], [], 0.01)
        try:
            if readable and not one.recv(1 << 20):
                return
            if writable:
                said += one.send(piece[said % len(octets) :])
        except BlockingIOError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return
        if readable or writable:
            idle_since = time.monotonic()


@pytest.mark.parametrize("what", ENDLESS)
def test_memory_is_bounded_whatever_is_said_without_end(lab, what):
    program, first, endless, reads, bound = ENDLESS[what]
    (lab.path / "users.txt").write_text("alice wonderland\n")
    server = lab.server(program, "--course", "standard", "--domain", "lab", "--max-connections", 1000)
    count = 10 if SANITISED else 50
    Crowd(server, count, GREETING[program]).close()
    before = private_memory(server)
    crowd = Crowd(server, count, GREETING[program])
    crowd.say(first)
    threads = [threading.Thread(target=say_without_end, args=(one, endless, reads)) for one in crowd.sockets]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, private_memory(server))
        time.sleep(0.02)
    each = (max(peak, private_memory(server)) - before) / count
    waits = quick_sessions(server, 5)
    crowd.close()
    print(f"{what}: {each:.0f} KiB for each connection")
    if not SANITISED:
        assert each < bound and statistics.median(waits) < 1


FLOODS = {
    "NOOP": ("smtpmail", b"", b"NOOP\r\n"),
    "RSET": ("smtpmail", b"EHLO x\r\n", b"RSET\r\n"),
    "VRFY": ("smtpmail", b"EHLO x\r\n", b"VRFY alice\r\n"),
    "EHLO": ("smtpmail", b"", b"EHLO x\r\n"),
    "empty chunks": ("smtpmail", b"EHLO x\r\n" + ENVELOPE, b"BDAT 0\r\n"),
    "CAPA": ("popserver", b"", b"CAPA\r\n"),
}


def flood(port, first, command):
    """Twenty connections that say the command as fast as it is answered, until this process is ended."""
    piece = command * (256 * 1024 // len(command))
    talks = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for one in talks:
        one.sendall(first)
        one.setblocking(False)
    said = dict.fromkeys(talks, 0)
    while True:
        readable, writable, _ = select.select(talks, talks, [])
        for one in readable:
            one.recv(1 << 20)
        for one in writable:
            said[one] += one.send(piece[said[one] % len(command) :])


def cost_of(server, first, command, count=100_000):
    """Seconds of a processor that the server takes for the command: so many that the clock, which ticks a hundred times a second, shows it."""
    with Dialogue(server) as talk:
        for said in first + command, command:  # the second one's answer is measured
            talk.send(said)
            time.sleep(0.3)
            answer = talk.socket.recv(1 << 16)
        begun, said = processor_time(server), 0
        while processor_time(server) - begun < 0.2:
            answer_all(talk, command, len(answer), count)
            said += count
        return (processor_time(server) - begun) / said


def answer_all(talk, command, length, count):
    """Says it so often; each answer has that length."""
    sender = threading.Thread(target=talk.send, args=(command * count,))
    sender.start()
    expected = length * count
    while expected > 0:
        expected -= len(talk.socket.recv(1 << 20))
    sender.join()


@pytest.mark.parametrize("what", FLOODS)
def test_endless_commands_do_not_hold_others(lab, what):
    """Nothing forbids them, for who keeps a connection alive says NOOP; but everybody gets a turn. All on one thread here."""
    program, first, command = FLOODS[what]
    (lab.path / "users.txt").write_text("alice wonderland\nbob builder\n")
    server = lab.server(program, "--course", "standard", "--domain", "lab", "--workers", 1)
    cost = cost_of(server, first, command)
    crowd = multiprocessing.Process(target=flood, args=(server.port, first, command))
    crowd.start()
    try:
        time.sleep(0.5)
        worked = processor_time(server)
        waits = quick_sessions(server, 40)
        worked = (processor_time(server) - worked) / 40
        assert crowd.is_alive() and worked > 20 * cost
    finally:
        crowd.terminate()
        crowd.join()
    print(f"{what}: a session beside twenty that flood takes {statistics.median(waits) * 1000:.0f} ms, in which {worked / cost:.0f} commands of theirs are answered")
    # A session is some four turns of the loop, a turn 4 KiB of each: commands, not seconds, for the machine has other things to do, too.
    assert worked < 4 * 4 * 20 * 4096 / len(command) * cost


# Smuggling


LINE_ENDS = [b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\r\n\0", b"\0\r\n", b"\r\0\n", b"\x0b", b"\x0c", b"\x85", "\u2028".encode()]
SPELLINGS = [a + b"." + b for a in LINE_ENDS for b in LINE_ENDS if b"\r\n.\r\n" not in a + b"." + b]
OUTER, INNER = b"Subject: outer\r\n\r\nbefore", b"MAIL FROM:<evil@lab>\r\nRCPT TO:<bob@lab>\r\nDATA\r\nsmuggled\r\n"


def transmit(server, octets, cut):
    """All in one go, or cut in two; the codes of all replies."""
    with Dialogue(server, "220 ") as talk:
        for piece in (octets[:cut], octets[cut:]) if cut else (octets,):
            talk.send(piece)
            time.sleep(0.001 if cut else 0)
        codes = []
        while line := talk.hear():
            if line[3:4] == " ":
                codes.append(line[:3])
    return codes


def smuggle(lab, course, transaction):
    """Tries every spelling, whole and cut at every place around it. Returns how many mails were taken; of none has any part been a command."""
    (lab.path / "users.txt").write_text("alice wonderland\nbob builder\n")
    server = lab.smtpmail("--course", course, "--domain", "lab")
    taken = 0
    for spelling in SPELLINGS[:: 9 if SANITISED else 1]:
        octets, place = transaction(spelling)
        for cut in [0, *range(place, place + len(spelling) + 2)]:
            codes = transmit(server, octets, cut)
            assert codes[:3] == ["250"] * 3 and codes[-1] == "221", (spelling, cut, codes)
            answers = [code for code in codes[3:-1] if code != "354"]
            assert answers in (["250"], ["554"]), (spelling, cut, codes)
            bare = b"\r" in spelling.replace(b"\r\n", b"") or b"\n" in spelling.replace(b"\r\n", b"")
            assert not bare or course != "standard" or answers == ["554"], (spelling, cut)
            taken += answers == ["250"]
    name = "mailbox" if course == "standard" else "mymailbox"
    mails = split_mailbox((lab.path / "alice" / name).read_bytes())
    assert len(mails) == taken and all(b"outer" in mail and b"smuggled" in mail for mail in mails)
    assert not (lab.path / "bob" / name).exists() or (lab.path / "bob" / name).read_bytes() == b""
    return taken


@pytest.mark.parametrize("course", ["standard", "kharagpur"])
def test_no_spelling_ends_a_mail(lab, course):
    """A client that ends its lines in CR LF, whatever the course; the standard refuses a mail with any other line end, a course keeps it as one mail."""

    def pipeline(spelling):
        begin = b"EHLO x\r\nMAIL FROM:<carol@lab>\r\nRCPT TO:<alice@lab>\r\nDATA\r\n" + OUTER
        return begin + spelling + INNER + b"\r\n.\r\nQUIT\r\n", len(begin)

    assert smuggle(lab, course, pipeline) > 0


@pytest.mark.parametrize("course", ["standard", "kharagpur"])
def test_no_spelling_ends_a_chunk(lab, course):
    def chunk(spelling):
        text = OUTER + spelling + INNER
        begin = b"EHLO x\r\nMAIL FROM:<carol@lab>\r\nRCPT TO:<alice@lab>\r\nBDAT %d LAST\r\n" % len(text)
        return begin + text + b"QUIT\r\n", len(begin) + len(OUTER)

    assert smuggle(lab, course, chunk) > 0


# Injection through the client


SEPARATORS = {"CR": "\r", "LF": "\n", "CR LF": "\r\n", "VT": "\v", "FF": "\f", "FS": "\x1c", "NEL": "\u0085", "LS": "\u2028", "PS": "\u2029", "ESC": "\x1b"}
FIELDS = {
    "subject": lambda evil: ["--subject", "a" + evil],
    "to": lambda evil: ["--to", "bob@lab" + evil],
    "a name": lambda evil: ["--to", f"bob{evil} <bob@lab>"],
    "a quoted name": lambda evil: ["--to", f'"bob{evil}" <bob@lab>'],
    "cc": lambda evil: ["--cc", "bob@lab" + evil],
    "bcc": lambda evil: ["--bcc", "bob@lab" + evil],
    "from": lambda evil: ["--from", "carol@lab" + evil],
}


def mailclient(*arguments, input=b"", **how):
    return subprocess.run([BUILD / "mailclient", *map(str, arguments)], input=input, capture_output=True, timeout=PATIENCE, **how)


def injected(lab, server):
    """What reached the mailboxes or the envelope without having been asked for."""
    lines = [line for user in ("alice", "bob") for mail in lab.mails(user) for line in re.split(rb"[\r\n]", mail.split(b"\n\n")[0])]
    return [line for line in lines if line.startswith((b"X-Injected", b"RCPT", b"DELE"))] + lab.mails("eve") + [line for line in server.errors if "eve@" in line]


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_mail_becomes_two(lab, field):
    (lab.path / "user.txt").write_text("alice w\nbob b\neve e\n")
    server = lab.smtpmail("--verbose")
    for name, separator in SEPARATORS.items():
        for follows in ("X-Injected: 1", "RCPT TO:<eve@lab>", ">" + separator + "RCPT TO:<eve@lab>"):
            sender = [] if field == "from" else ["--from", "carol@lab"]
            done = mailclient("send", "--server", f"127.0.0.1:{server.port}", *sender, "--to", "alice@lab", *FIELDS[field](separator + follows), input=b"text\n")
            assert done.returncode == 64 and done.stderr.count(b"\n") == 1, (name, done)
            assert b"\x1b" not in done.stderr + done.stdout and b"\r" not in done.stderr
    assert injected(lab, server) == [] and lab.mails() == []


def test_no_attachments_name_becomes_a_field(lab, tmp_path):
    (lab.path / "user.txt").write_text("alice w\nbob b\neve e\n")
    server = lab.smtpmail("--verbose")
    for number, separator in enumerate(SEPARATORS.values()):
        file = tmp_path / f'a"{separator}X-Injected: 1{separator}{separator}b'
        file.write_bytes(b"content")
        done = mailclient("send", "--server", f"127.0.0.1:{server.port}", "--from", "bob@lab", "--to", "alice@lab", "--attach", file, input=b"text\n")
        assert done.returncode in (0, 64, 65, 66)
        mails = lab.mails()
        assert not any(line.startswith(b"X-Injected") for mail in mails for line in re.split(rb"[\r\n]", mail)), (number, mails[-1])


@pytest.mark.parametrize("separator", [b"\r", b"\0", "\u0085".encode(), "\u2028".encode()], ids=repr)
@pytest.mark.parametrize("field", ["From", "To", "Subject", "text"])
def test_nothing_typed_into_the_menu_becomes_two(lab, field, separator):
    """A line feed, or CR LF, ends what is typed; nothing else does."""
    (lab.path / "user.txt").write_text("alice wonderland\nbob builder\neve e\n")
    smtpmail, popserver = lab.smtpmail("--verbose"), lab.popserver()
    mail = {"From": b"bob@lab", "To": b"alice@lab", "Subject": b"hello", "text": b"text"}
    mail[field] += separator + b"X-Injected: 1" + separator + b"RCPT TO:<eve@lab>" + separator + b"." + separator + b"RSET"
    typed = b"".join(name.encode() + b": " + mail[name] + b"\n" for name in ("From", "To", "Subject")) + mail["text"] + b"\n.\n"
    harmless = b"2\nFrom: bob@lab\nTo: alice@lab\nSubject: harmless\ntext\n.\n"
    done = mailclient("127.0.0.1", smtpmail.port, popserver.port, input=b"alice\nwonderland\n2\n" + typed + harmless + b"3\n")
    assert done.returncode == 0 and not re.search(b"[\0\r\x1b]", done.stdout), done
    assert injected(lab, smtpmail) == []
    assert b"Subject: harmless\n" in lab.mails()[-1] and len(lab.mails()) <= 2


@pytest.mark.parametrize("separator", ["\r", "\n", "\r\n"], ids=repr)
def test_neither_name_nor_password_becomes_a_command(lab, tmp_path, separator):
    server = lab.popserver("--transcript", stdout=open(tmp_path / "transcript", "w"))
    password = tmp_path / "password"
    for name, word in (f"alice{separator}DELE 1", "wonderland"), ("alice", f"wonderland{separator}DELE 1"):
        password.write_bytes(word.encode())
        done = mailclient("list", "--server", f"127.0.0.1:{server.port}", "--user", name, "--password-file", password)
        assert done.returncode != 0 or (word != "wonderland" and "\n" in separator), done
    server.stop()
    assert not re.search(r"^.?:? ?DELE", (tmp_path / "transcript").read_text(), re.M)


# Escapes for the operator's terminal


EVIL = "\x1b]0;x\x07\x1b[2J\x08\x7f\u009b31m\u202e".encode() + b"\x9b5n\xff\r\0"
OBEYED = re.compile(b"[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")


def hostile_session(server, lines):
    """Says all of them, whatever is answered."""
    with Dialogue(server) as talk:
        for line in lines:
            try:
                talk.send(line)
                time.sleep(0.01)
            except (ConnectionResetError, BrokenPipeError):
                return


@pytest.mark.parametrize("how", ["--transcript", "--explain"])
@pytest.mark.parametrize("course", ["standard", "kharagpur"])
def test_no_escape_of_a_peer_reaches_the_operators_terminal(lab, tmp_path, how, course):
    (lab.path / "users.txt").write_text("alice wonderland\nbob builder\n")
    out = tmp_path / "transcript"
    with open(out, "wb") as transcript:
        smtpmail = lab.smtpmail("--course", course, "--domain", "lab", "--verbose", how, stdout=transcript)
        popserver = lab.popserver("--course", course, "--verbose", how, stdout=transcript)
    name = base64.b64encode(b"\0" + EVIL.replace(b"\0", b"") + b"\0" + EVIL.replace(b"\0", b""))
    text = b"From: " + EVIL + b"@lab\r\nTo: a@b\r\nSubject: " + EVIL + b"\r\n\r\n" + EVIL + b"\r\n.\r\n"
    for line in EVIL, b"EHLO " + EVIL, b"HELO " + EVIL.replace(b"\r\0", b""), b"VRFY " + EVIL, b"HELP " + EVIL, b"AUTH " + EVIL, b"AUTH PLAIN " + name:
        hostile_session(smtpmail, [line + b"\r\n", b"NOOP\r\n"])
    for sender in b"<" + EVIL + b"@lab>", b'<"' + EVIL + b'"@lab>', b"<a@lab> " + EVIL:
        hostile_session(smtpmail, [b"EHLO x\r\n", b"MAIL FROM:" + sender + b"\r\n", b"MAIL FROM:<a@lab>\r\n", b"RCPT TO:" + sender + b"\r\n",
                                   b"RCPT TO:<alice@lab>\r\n", b"DATA\r\n", text, b"QUIT\r\n"])
    for line in EVIL, b"USER " + EVIL, b"APOP " + EVIL + b" 0123", b"AUTH PLAIN " + name, b"USER alice\r\nPASS " + EVIL:
        hostile_session(popserver, [line + b"\r\n", b"CAPA\r\n"])
    hostile_session(popserver, [b"USER alice\r\n", b"PASS wonderland\r\n", b"RETR 1\r\n", b"TOP 1 5\r\n", b"LIST " + EVIL + b"\r\n", b"QUIT\r\n"])
    smtpmail.stop()
    popserver.stop()
    shown = out.read_bytes()
    assert b"HELO" in shown and b"USER" in shown and len(shown) > 2000
    assert not OBEYED.search(shown), shown[max(0, OBEYED.search(shown).start() - 60) :][:120]
    said = "\n".join(smtpmail.errors + popserver.errors).encode("utf-8", "surrogateescape")
    assert b"login user=" in said or course != "standard"
    assert not OBEYED.search(said), said[max(0, OBEYED.search(said).start() - 60) :][:120]
