"""The mails of a soak: made from a number and a random generator, and known again by what stands in them.

The head names the number; the digest is of the text below it. A server puts its own fields into the head: what is left without them must be as it was sent.
"""

import bisect
import hashlib
import itertools
import re

import ledger

LARGEST = 4 << 20
SUBJECT = re.compile(rb"^Subject: soak (\d+)\r\n", re.M)
ADDED = re.compile(rb"^(?:Return-Path|Received):[^\n]*\n(?:[ \t][^\n]*\n)*", re.M)


def head(number):
    return b"From: soak@localhost\r\nTo: everybody@localhost\r\nSubject: soak %d\r\n\r\n" % number


def digest(text):
    return hashlib.sha256(text).digest()[:16]


def line(rng):
    """One of a text, some of those that are easily got wrong among them."""
    kind = rng.random()
    if kind < 0.1:
        return rng.choice([b".", b"..", b"...", b".x", b"", b" ", b"From the top", b"QUIT", b"RSET", b".\t", b"Received: x"])
    if kind < 0.15:
        return bytes(rng.choices([c for c in range(1, 256) if c not in b"\r\n"], k=rng.randrange(900)))
    return b"%d " % rng.getrandbits(60) + b"a line of text " * rng.randrange(7)


class Ocean:
    """A long text, of which every mail's is a piece."""

    def __init__(self, rng):
        pool = [line(rng) + b"\r\n" for _ in range(5000)]
        lines, size = [], 0
        while size < 3 * LARGEST // 2:
            lines.append(rng.choice(pool))
            size += len(lines[-1])
        self.text = b"".join(lines)
        self.begins = [0, *itertools.accumulate(map(len, lines))]

    def piece(self, rng, size):
        """Whole lines, about that many octets."""
        begin = self.begins[rng.randrange(bisect.bisect(self.begins, len(self.text) - size))]
        end = self.begins[min(bisect.bisect(self.begins, begin + size), len(self.begins) - 1)]
        return self.text[begin:end]


class Letter:
    """A mail on its way in."""

    def __init__(self, number, text):
        self.number, self.digest = number, digest(text)
        self.octets = head(number) + text
        self.size = len(self.octets)

    def stuffed(self):
        return self.octets.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def size(rng, large):
    """Most mails are small, and a few take several MiB."""
    kind = rng.random()
    low, high = (1 << 20, LARGEST) if large or kind < 0.01 else (100_000, 1 << 20) if kind < 0.03 else (4000, 100_000) if kind < 0.13 else (20, 4000)
    return int(low * (high / low) ** rng.random())


def unstuffed(body):
    """A body as POP3 sends it, its last full stop taken off."""
    return (b"\r\n" + body).replace(b"\r\n..", b"\r\n.")[2:]


def number_of(octets):
    """The number in a head."""
    found = SUBJECT.search(octets)
    if not found:
        raise ledger.Broken(f"a mail without a number: {octets[:200]!r}")
    return int(found[1])


def read(octets):
    """Number and digest of a mail that came back; its head must be what was sent and what a server adds."""
    top, _, text = octets.partition(b"\r\n\r\n")
    number = number_of(top + b"\r\n")
    if ADDED.sub(b"", top + b"\r\n") + b"\r\n" != head(number):
        raise ledger.Broken(f"mail {number} has another head: {top!r}")
    return number, digest(text)
