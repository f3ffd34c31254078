"""Plays a dialog file (tests/dialogs/README.md) over TCP against any server, on any host and port.

    play(path, host, port, directory)

raises AssertionError where the server says something else. `directory` is where the server keeps its users file and mailboxes, in the course
kharagpur: the dialogs' users are written there. Without it only dialogs that look into no mailbox can be played, and the server
must know the users already.

From a shell: dialog_player.py HOST PORT [--directory DIRECTORY] FILE…
"""

import argparse
import pathlib
import re
import socket
import sys
import time

USERS = "alice secret\nbob d@t@comm\ngb pw\nng pw\n"
PATIENCE = 20  # seconds for a line to come
A_MOMENT = 0.05  # seconds between two TCP segments that must not become one

ESCAPE = re.compile(rb"\\(?:\((\d+)\*(.)\)|x([0-9A-Fa-f]{2})|([rnt\\]))", re.S)
LETTERS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


def unescape(text):
    def octets(found):
        times, letter, code, name = found.groups()
        if times:
            return int(times) * letter
        return bytes([int(code, 16)]) if code else LETTERS[name]

    return ESCAPE.sub(octets, text)


class Player:
    def __init__(self, path, host, port, directory):
        self.path, self.address = pathlib.Path(path), (host, port)
        self.directory = directory and pathlib.Path(directory)
        self.number = 0  # of the line in the file
        self.connection = self.answers = self.domain = None
        self.unsent = b""
        self.user = self.box = None  # whose mailbox the `|` lines are about, and those lines
        self.looking = False  # they are expected, not to be put there
        self.heard = []

    # the file

    def play(self):
        if self.directory:
            (self.directory / "user.txt").write_text(USERS)
        try:
            for self.number, line in enumerate(self.path.read_bytes().splitlines(), 1):
                if line and not line.startswith(b"#"):
                    self.take(*line.partition(b" ")[::2])
            self.end_mailbox()
            self.expect_silence()
        finally:
            self.drop()

    def take(self, mark, text):
        if mark not in (b"|", b"|~"):
            self.end_mailbox()
        if not (self.connection or self.heard or mark in (b"|", b"|~") or (mark == b"=" and text.startswith(b"mail"))):
            self.connect()
        {
            b">": lambda: self.queue(unescape(text) + b"\r\n"),
            b">>": lambda: self.queue(unescape(text)),
            b"<": lambda: self.expect(text, False),
            b"<~": lambda: self.expect(text, True),
            b"|": lambda: self.box.append((text, False)),
            b"|~": lambda: self.box.append((text, True)),
            b"=": lambda: self.direct(text.decode()),
        }[mark]()

    def direct(self, text):
        verb, _, user = text.partition(" ")
        if verb in ("mail", "mailbox"):
            if not self.directory:
                raise ValueError(f"{self.path} looks into mailboxes: the server's directory must be named")
            self.flush()
            self.user, self.box, self.looking = user, [], verb == "mailbox"
        else:
            {"cut": self.cut, "closed": self.expect_closed, "hang up": self.hang_up, "connect": self.connect}[text]()

    def complain(self, text):
        last = "\n".join(f"    {line}" for line in self.heard[-12:])
        raise AssertionError(f"{self.path}:{self.number}: {text}\n  the dialogue before it:\n{last}")

    # the client

    def connect(self):
        self.connection = socket.create_connection(self.address, timeout=PATIENCE)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.connection.makefile("rb")

    def queue(self, octets):
        self.unsent += octets

    def flush(self):
        if self.unsent:
            self.heard += [f"> {line!r}" for line in self.unsent.splitlines(keepends=True)]
            self.connection.sendall(self.unsent)
        self.unsent = b""

    def cut(self):
        self.flush()
        time.sleep(A_MOMENT)

    def expect(self, text, pattern):
        self.flush()
        try:
            line = self.answers.readline()
        except TimeoutError:
            line = b""
        self.heard.append(f"< {line!r}")
        if not line.endswith(b"\r\n"):
            self.complain(f"expected {text!r}, the server said {line!r}")
        if self.domain is None:
            self.domain = line.split()[1]
        self.compare(line[:-2], text, pattern, "the server said")

    def compare(self, line, text, pattern, source):
        if pattern:
            same = re.fullmatch(text, line)
        else:
            same = line == unescape(text).replace(b"DOMAIN", self.domain or b"DOMAIN")
        if not same:
            self.complain(f"expected {text!r}, {source} {line!r}")

    def expect_silence(self):
        """Nothing that was not expected has come so far."""
        self.flush()
        if not self.connection:
            return
        self.connection.settimeout(A_MOMENT)
        try:
            more = self.answers.readline()
        except (TimeoutError, ConnectionResetError):
            more = b""
        self.connection.settimeout(PATIENCE)
        if more:
            self.complain(f"the server said more: {more!r}")

    def expect_closed(self):
        self.flush()
        try:
            more = self.answers.readline()
        except ConnectionResetError:
            more = b""
        except TimeoutError:
            self.complain("the server has not closed the connection")
        if more:
            self.complain(f"the server said more: {more!r}")
        self.drop()

    def hang_up(self):
        self.expect_silence()
        self.drop()

    def drop(self):
        if self.connection:
            self.answers.close()
            self.connection.close()
        self.connection = None

    # mailboxes

    def end_mailbox(self):
        if self.box is None:
            return
        (self.expect_mailbox if self.looking else self.deliver)()
        self.box = None

    def deliver(self):
        place = self.directory / self.user
        place.mkdir(mode=0o700, exist_ok=True)
        with open(place / "mymailbox", "ab") as mailbox:
            mailbox.write(b"".join(unescape(text) + b"\n" for text, _ in self.box) + b".\n")

    def mailbox_lines(self):
        mailbox = self.directory / self.user / "mymailbox"
        return mailbox.read_bytes().split(b"\n")[:-1] if mailbox.exists() else []

    def expect_mailbox(self):
        lines = self.mailbox_lines()
        if len(lines) != len(self.box):
            self.complain(f"{len(self.box)} lines are expected in the mailbox of {self.user}, there are {lines}")
        for line, (text, pattern) in zip(lines, self.box):
            self.compare(line, text, pattern, f"the mailbox of {self.user} has")


def play(path, host, port, directory=None):
    Player(path, host, port, directory).play()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("file", nargs="+")
    parser.add_argument("--directory")
    options = parser.parse_args()
    failed = 0
    for path in options.file:
        try:
            play(path, options.host, options.port, options.directory)
            print(f"ok      {path}")
        except AssertionError as error:
            failed += 1
            print(f"FAILED  {error}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
