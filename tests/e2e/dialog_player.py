"""Plays dialog files (tests/dialogs/README.md) over TCP against any server, on any host and port.

    dialog_player.py HOST PORT [options] FILE…

prints a line a dialog: `ok`, `differs` with the place and what the server said instead, or `skipped` with the reason; after it stand the dialog's
sentence and the RFC's section. The exit status is 1 where one differs. Options:

    --user NAME:PASSWORD    a user the server knows; again: a second one (default: alice:secret and bob:d@t@comm)
    --domain NAME           the users' domain (default: what an SMTP greeting says, else the host)
    --directory DIR         where one of our own servers keeps users file and mailboxes: the dialogs' users are written there
    --smtp PORT, --pop3 PORT  of a server elsewhere: mails are put into its mailboxes, and looked at, by these. The users' mailboxes are emptied!
    --tls-ca FILE           the CA of the server's certificate; without it dialogs that begin TLS are skipped
    --tls                   PORT begins with TLS
"""

import argparse
import base64
import dataclasses
import pathlib
import poplib
import re
import smtplib
import socket
import ssl
import sys
import time

CAST = [("alice", "secret"), ("bob", "d@t@comm"), ("gb", "pw"), ("ng", "pw")]
COURSES = {False: ("user.txt", "mymailbox"), True: ("users.txt", "mailbox")}  # standard or not: users file, mailbox
PATIENCE = 20  # seconds for a line to come
A_MOMENT = 0.05  # seconds between two TCP segments that must not become one
A_WHILE = 1  # seconds in which a mail that must not arrive elsewhere would
LINE_MAX = 512  # RFC 5321 section 4.5.3.1.5, RFC 1939 section 3

ESCAPE = re.compile(rb"\\(?:\((\d+)\*(.)\)|x([0-9A-Fa-f]{2})|([rnt\\]))", re.S)
LETTERS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class Differs(AssertionError):
    """The server says something else."""


class Skipped(Exception):
    """The dialog cannot be played here: why."""


@dataclasses.dataclass
class Target:
    """The server that is judged."""

    host: str
    port: int
    directory: pathlib.Path | str | None = None  # of one of our own
    users: list = dataclasses.field(default_factory=lambda: list(CAST))
    domain: str | None = None
    smtp: int | None = None  # where mail for the mailboxes is taken, and where they are read, when there is no directory
    pop3: int | None = None
    tls_ca: pathlib.Path | str | None = None
    tls: bool = False


def unescape(text):
    def octets(found):
        times, letter, code, name = found.groups()
        if times:
            return int(times) * letter
        return bytes([int(code, 16)]) if code else LETTERS[name]

    return ESCAPE.sub(octets, text)


def header(path):
    """A dialog's sentence, and its sections."""
    lines = [line[1:].strip() for line in pathlib.Path(path).read_text(errors="replace").splitlines() if line.startswith("#")]
    return lines[0] if lines else "", next((line for line in lines[1:] if line.startswith("RFC ")), "")


class Elsewhere:
    """Mailboxes of a server of somebody else's: filled by SMTP, emptied and looked at by POP3."""

    def __init__(self, target):
        self.target = target

    def open(self, user):
        if self.target.pop3 is None:
            raise Skipped("looks into mailboxes: name the server's --directory or its --pop3 port")
        box = poplib.POP3(self.target.host, self.target.pop3, timeout=PATIENCE)
        box.user(user)
        box.pass_(dict(self.target.users)[user])
        return box

    def mails(self, user):
        box = self.open(user)
        mails = [box.retr(number + 1)[1] for number in range(box.stat()[0])]
        box.quit()
        return mails

    def mails_when(self, user, count):
        """As many as are expected, or what is there after some patience."""
        end = time.monotonic() + (PATIENCE if count else A_WHILE)
        while (len(mails := self.mails(user)) != count or count == 0) and time.monotonic() < end:
            time.sleep(0.1)
        return mails

    def empty(self):
        for user, _ in self.target.users[:2]:
            box = self.open(user)
            for number in range(box.stat()[0]):
                box.dele(number + 1)
            box.quit()

    def deliver(self, user, lines, domain):
        if self.target.smtp is None:
            raise Skipped("puts mails into mailboxes: name the server's --directory or its --smtp port")
        before = len(self.mails(user))
        with smtplib.SMTP(self.target.host, self.target.smtp, timeout=PATIENCE) as sender:
            sender.sendmail("sender@sender.example", f"{user}@{domain}", b"\r\n".join(lines) + b"\r\n")
        self.mails_when(user, before + 1)


class OurOwn:
    """Mailbox files. Lines that are put there are the file's, full stops doubled; in the dialogs for any server the mail's own."""

    def __init__(self, target, standard, general):
        self.directory, self.general = pathlib.Path(target.directory), general
        self.users_file, self.mailbox = COURSES[standard]

    def path(self, user):
        return self.directory / user / self.mailbox

    def lines(self, user):
        return self.path(user).read_bytes().split(b"\n")[:-1] if self.path(user).exists() else []

    def mails_when(self, user, _):
        mails, mail = [], []
        for line in self.lines(user):
            if line == b".":
                mails.append(mail)
                mail = []
            else:
                mail.append(line[1:] if line.startswith(b".") else line)
        return mails

    def empty(self):
        (self.directory / self.users_file).write_text("".join(f"{name} {password}\n" for name, password in CAST))

    def deliver(self, user, lines, _):
        self.path(user).parent.mkdir(mode=0o700, exist_ok=True)
        with open(self.path(user), "ab") as mailbox:
            mailbox.write(b"".join(self.stuffed(line) + b"\n" for line in lines) + b".\n")

    def stuffed(self, line):
        return b"." + line if self.general and line.startswith(b".") else line


class Player:
    def __init__(self, path, target):
        self.path, self.target = pathlib.Path(path), target
        kind = self.path.resolve().parent.name
        self.smtp = not kind.endswith("pop3")
        self.general = kind.startswith("rfc-")
        standard = self.general or kind.startswith("standard-")
        self.mailboxes = OurOwn(target, standard, self.general) if target.directory else Elsewhere(target)
        self.number = 0  # of the line in the file
        self.connection = self.answers = None
        self.domain = target.domain and target.domain.encode()
        self.unsent = b""
        self.user = self.box = None  # whose mailbox the `|` lines are about, and those lines
        self.looking = False  # they are expected, not to be put there
        self.seen = []  # the lines of the last whole answer or mail
        self.heard = []

    # the file

    def play(self):
        try:
            lines = self.path.read_bytes().splitlines()
            if b"= tls" in lines and not self.target.tls_ca:
                raise Skipped("begins TLS: name the server's --tls-ca")
            if self.target.directory or self.target.pop3:
                self.mailboxes.empty()
            for self.number, line in enumerate(lines, 1):
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
            b">": lambda: self.queue(self.sent(text) + b"\r\n"),
            b">>": lambda: self.queue(self.sent(text)),
            b"<": lambda: self.expect(text, False),
            b"<~": lambda: self.expect(text, True),
            b"<=": lambda: self.expect_reply(text),
            b"<.": self.expect_lines,
            b"?": lambda: self.look_for(text, 1, len(self.seen)),
            b"?1": lambda: self.look_for(text, 1, 1),
            b"?^": lambda: self.look_at_first(text),
            b"!": lambda: self.look_for(text, 0, 0),
            b"|": lambda: self.box.append((text, False)),
            b"|~": lambda: self.box.append((text, True)),
            b"=": lambda: self.direct(text.decode()),
        }[mark]()

    def direct(self, text):
        verb, _, rest = text.partition(" ")
        if verb in ("mail", "mailbox"):
            if verb == "mailbox" and not self.target.directory:
                raise Skipped("looks into mailbox files: name the server's --directory")
            self.flush()
            self.user, self.box, self.looking = self.words(rest.encode()).decode(), [], verb == "mailbox"
        elif verb == "arrived":
            self.expect_arrived(*rest.split())
        elif verb == "needs":
            self.need(rest.encode())
        else:
            {"cut": self.cut, "closed": self.expect_closed, "hang up": self.hang_up, "connect": self.connect, "tls": self.begin_tls}[text]()

    def complain(self, text):
        last = "\n".join(f"    {line}" for line in self.heard[-12:])
        raise Differs(f"{self.path}:{self.number}: {text}\n  the dialogue before it:\n{last}")

    # texts

    def cast(self):
        """What stands for the server's own in the dialogs for any server. In other dialogs there is DOMAIN alone."""
        words = {b"DOMAIN": self.domain or b"DOMAIN"}
        if self.general:
            (name, password), (other, other_password) = [(n.encode(), p.encode()) for n, p in self.target.users[:2]]
            words |= {
                b"DoMaIn": words[b"DOMAIN"].swapcase(), b"ALICE64": base64.b64encode(name), b"SECRET64": base64.b64encode(password),
                b"PLAIN64": base64.b64encode(b"\0" + name + b"\0" + password), b"BOBS-SECRET": other_password, b"SECRET": password,
                b"ALICE": name, b"BOB": other,
            }
        return words

    def words(self, text, meaning=lambda octets: octets):
        cast = self.cast()
        return re.sub(b"|".join(map(re.escape, cast)), lambda found: meaning(cast[found[0]]), text)

    def sent(self, text):
        return self.words(unescape(text)) if self.general else unescape(text)

    def matches(self, line, pattern):
        return re.fullmatch(self.words(pattern, re.escape) if self.general else pattern, line) is not None

    # the client

    def context(self):
        return ssl.create_default_context(cafile=self.target.tls_ca)

    def begin_tls(self):
        self.expect_silence()
        self.answers.close()
        self.connection = self.context().wrap_socket(self.connection, server_hostname=self.target.host)
        self.answers = self.connection.makefile("rb")
        self.heard.append(f"= {self.connection.version()}")

    def connect(self):
        self.connection = socket.create_connection((self.target.host, self.target.port), timeout=PATIENCE)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.target.tls:
            self.connection = self.context().wrap_socket(self.connection, server_hostname=self.target.host)
        self.answers = self.connection.makefile("rb")

    def queue(self, octets):
        self.unsent += octets

    def flush(self):
        if self.unsent:
            self.heard += [f"> {line!r}" for line in self.unsent.splitlines(keepends=True)]
            try:
                self.connection.sendall(self.unsent)
            except (ConnectionResetError, BrokenPipeError):
                self.complain("the server has closed the connection")
        self.unsent = b""

    def cut(self):
        self.flush()
        time.sleep(A_MOMENT)

    def next_line(self, expected):
        self.flush()
        try:
            line = self.answers.readline()
        except (TimeoutError, ConnectionResetError):
            line = b""
        self.heard.append(f"< {line!r}")
        if not line.endswith(b"\r\n"):
            self.complain(f"expected {expected!r}, the server said {line!r}")
        if self.domain is None:
            self.domain = line.split()[1] if self.smtp or not self.general else self.target.host.encode()
        return line[:-2]

    def expect(self, text, pattern):
        self.compare(self.next_line(text), text, pattern, "the server said")

    def compare(self, line, text, pattern, source):
        if pattern:
            same = self.matches(line, text)
        else:
            same = line == self.words(unescape(text))
        if not same:
            self.complain(f"expected {text!r}, {source} {line!r}")

    def expect_reply(self, codes):
        """A reply of any number of lines; its code, or POP3's first word, matches."""
        self.seen, more = [], True
        while more:
            line = self.next_line(codes)
            if len(line) + 2 > LINE_MAX:
                self.complain(f"a line of {len(line) + 2} octets")
            if not self.matches(line[:3] if self.smtp else line.partition(b" ")[0], codes):
                self.complain(f"expected {codes!r}, the server said {line!r}")
            more = self.smtp and line[3:4] == b"-"
            self.seen.append(line)

    def expect_lines(self):
        """The lines up to one with a full stop alone."""
        self.seen = []
        while (line := self.next_line(b".")) != b".":
            self.seen.append(line[1:] if line.startswith(b".") else line)

    def look_for(self, pattern, least, most):
        found = sum(self.matches(line, pattern) for line in self.seen)
        if not least <= found <= most or (least and not found):
            self.complain(f"{found} lines are {pattern!r} in {self.seen}")

    def look_at_first(self, pattern):
        if not self.seen or not self.matches(self.seen[0], pattern):
            self.complain(f"the first line is not {pattern!r} in {self.seen[:5]}")

    def need(self, keyword):
        if not any(re.fullmatch(rb"(250[- ])?" + keyword + b"( .*)?", line) for line in self.seen):
            raise Skipped(f"the server does not offer {keyword.decode()}")

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
        if more:
            self.complain(f"the server said more: {more!r}")
        # What timed out cannot be read from again.
        self.answers = self.connection.makefile("rb")
        self.connection.settimeout(PATIENCE)

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
        if self.looking:
            self.expect_mailbox()
        else:
            domain = self.target.domain or self.target.host
            self.mailboxes.deliver(self.user, [unescape(text) for text, _ in self.box], domain)
        self.box = None

    def expect_mailbox(self):
        lines = self.mailboxes.lines(self.user)
        if len(lines) != len(self.box):
            self.complain(f"{len(self.box)} lines are expected in the mailbox of {self.user}, there are {lines}")
        for line, (text, pattern) in zip(lines, self.box):
            self.compare(line, text, pattern, f"the mailbox of {self.user} has")

    def expect_arrived(self, user, count):
        self.flush()
        user = self.words(user.encode()).decode()
        mails = self.mailboxes.mails_when(user, int(count))
        if len(mails) != int(count):
            self.complain(f"{len(mails)} mails have arrived at {user}")
        self.seen = mails[-1] if mails else []


def play(path, host, port, directory=None, **more):
    """Raises Differs or Skipped. What there is more: see Target."""
    Player(path, Target(host, port, directory, **more)).play()


def judge(path, target):
    """Plays a dialog and prints a line; "ok", "differs" or "skipped"."""
    verdict, detail = "ok", ""
    try:
        Player(path, target).play()
    except Skipped as reason:
        verdict, detail = "skipped", f": {reason}"
    except Differs as difference:
        verdict, detail = "differs", "\n  " + str(difference)
    except (OSError, EOFError, poplib.error_proto, smtplib.SMTPException) as error:
        verdict, detail = "differs", f"\n  {path}: {type(error).__name__}: {error}"
    sentence, section = header(path)
    print(f"{verdict:8} {path}: {sentence} ({section}){detail}")
    return verdict


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("file", nargs="+")
    parser.add_argument("--user", action="append", metavar="NAME:PASSWORD")
    parser.add_argument("--domain")
    parser.add_argument("--directory")
    parser.add_argument("--smtp", type=int)
    parser.add_argument("--pop3", type=int)
    parser.add_argument("--tls-ca")
    parser.add_argument("--tls", action="store_true")
    return parser.parse_args()


def main():
    options = read_options()
    users = [tuple(user.split(":", 1)) for user in options.user or []]
    target = Target(
        options.host, options.port, options.directory, users + CAST[len(users) :], options.domain, options.smtp, options.pop3,
        options.tls_ca, options.tls,
    )
    verdicts = [judge(path, target) for path in options.file]
    sys.exit("differs" in verdicts)


if __name__ == "__main__":
    main()
