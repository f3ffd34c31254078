"""Peers that mean no good: who takes all connections, comes again and again, is slow on purpose, never reads, or never ends."""

import pytest

from harness import Dialogue, wait_for

REFUSED = {"smtpmail": "421 ", "popserver": "-ERR [SYS/TEMP] "}


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
