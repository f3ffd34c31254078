"""Peers that mean no good: who takes all connections, comes again and again, is slow on purpose, never reads, or never ends."""

import itertools
import threading
import time

import pytest

from harness import SANITISED, Dialogue, wait_for

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
    assert max(waits) < (5 if SANITISED else 0.5), waits
