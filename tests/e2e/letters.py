"""Mails that are told apart by a number, for tests that send many: what goes over the wire, and whether what comes back is the same."""

import re

from harness import stuffed

RECEIVED = re.compile(rb"Received: \d{4}-\d\d-\d\d : \d\d : \d\d\r\n")
BIG = 10**9  # letters from this number on are of 3 MiB, too much to rest in a server's memory
FILLING = ("x" * 70 + "\r\n") * 44_000
NUMBER = re.compile(rb"Subject: letter (\d+)\r\n")


def text(number, to="alice@lab"):
    """The mail as it was written, lines ended by CR LF: some with full stops in bad places, some long."""
    lines = [f"From: bob@lab\r\nTo: {to}\r\nSubject: letter {number}\r\n"]
    lines += [f"{'.' * (number % 3)}Line {line} of letter {number}.\r\n" for line in range(1 + number % 7)]
    if number % 100 == 0:
        lines += [f"{number}-{line:04d} {'x' * 60}\r\n" for line in range(300)]
    if number >= BIG:
        lines.append(FILLING)
    lines.append(f"End of letter {number}\r\n")
    return "".join(lines).encode()


def transaction(number, to="alice@lab"):
    """One mail in SMTP, all in one go; REPLIES replies will come."""
    return f"MAIL FROM:<bob@lab>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode() + stuffed(text(number, to)) + b".\r\n"


REPLIES = 4  # to a transaction


def number_of(octets, to="alice@lab"):
    """The number of a mail that came back over POP3; it must be whole, with one Received line added."""
    found = NUMBER.search(octets)
    assert found, octets[:200]
    number = int(found[1])
    without, added = RECEIVED.subn(b"", octets, count=1)
    assert added == 1 and without == text(number, to), f"letter {number} came back as {octets[:2000]!r} …"
    return number
