"""mailclient on a terminal: what is shown, what a key does, and that the terminal is left as it was found."""

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_client_scripted import PROGRAMS, Pop3, Server, Smtp, mail

LIMIT = 10
TWO = (mail("bob@lab", "First"), mail("carol@lab", "Second"))


class Terminal:
    """The client on a pseudo-terminal of its own; everything that appears there is in `seen`."""

    def __init__(self, *arguments, columns=80, locale="C.UTF-8", env=None, charset="utf-8"):
        self.seen, self.charset = "", charset
        ready, go = os.pipe()
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.close(go)
            os.read(ready, 1)
            os.environ.update({"LC_ALL": locale, "TERM": "xterm", **(env or {})})
            os.execv(PROGRAMS / "mailclient", ["mailclient", *arguments])
        os.close(ready)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.found = termios.tcgetattr(self.master)
        os.close(go)
        self.status = None

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            octets = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += octets.decode(self.charset, "surrogateescape").replace("\r\n", "\n")
        return bool(octets)

    def wait(self, text):
        """Until the text appears; what came up to its end is returned and taken out of `seen`."""
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} never came, but {self.seen!r}"
            self.read(0.1)
        before, self.seen = self.seen.split(text, 1)
        return before + text

    def quiet(self, seconds=0.3):
        """All that comes until nothing more does."""
        while self.read(seconds):
            pass
        return self.seen

    def type(self, text):
        os.write(self.master, text.encode(self.charset))

    def end(self):
        """The exit status, negative for a signal."""
        limit = time.monotonic() + LIMIT
        while self.status is None:
            pid, status = os.waitpid(self.child, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < limit, f"still running: {self.seen!r}"
            self.read(0.05)
        return self.status

    def is_as_found(self):
        return termios.tcgetattr(self.master) == self.found

    def log_in(self, password="secret"):
        self.wait("Username: ")
        self.type("alice\n")
        self.wait("Password: ")
        self.until_echo_is_off()
        self.type(f"{password}\n")
        return self.wait("Enter your choice: ")

    def until_echo_is_off(self):
        limit = time.monotonic() + LIMIT
        while termios.tcgetattr(self.master)[3] & termios.ECHO:
            assert time.monotonic() < limit
            time.sleep(0.01)


@pytest.fixture
def terminal():
    opened = []

    def open_terminal(pop3=1, smtp=1, course=None, **more):
        opened.append(Terminal(*(["--course", course] if course else []), "127.0.0.1", str(smtp), str(pop3), **more))
        return opened[-1]

    yield open_terminal
    for t in opened:
        if t.status is None:
            os.kill(t.child, signal.SIGKILL)
            os.waitpid(t.child, 0)
        os.close(t.master)


def test_the_password_is_not_shown(terminal):
    t = terminal()
    shown = t.log_in()
    assert "secret" not in shown
    assert shown.startswith("\n1. Manage Mail\n")
    t.type("3")
    assert t.end() == 0
    assert t.is_as_found()


def test_a_single_key_is_enough(terminal):
    pop3 = Pop3(TWO)
    t = terminal(Server(pop3).port)
    t.log_in()
    t.type("1")
    t.wait("Enter mail no. to see: ")
    t.type("1\n")
    t.wait("any other key")
    t.type("d")
    assert "carol@lab" in t.wait("Enter mail no. to see: ")
    assert pop3.mails == [TWO[1]]
    t.type("-1\n")
    t.wait("Enter your choice: ")
    t.type("3")
    assert t.end() == 0


@pytest.mark.parametrize("pause", [0, 0.4])
def test_an_enter_right_after_a_key_is_swallowed(terminal, pause):
    smtp = Smtp()
    t = terminal(Server(Pop3(TWO)).port, Server(smtp).port)

    def key_and_enter(key):
        t.type(key)
        time.sleep(pause)
        t.type("\n")

    t.log_in()
    key_and_enter("1")
    t.wait("Enter mail no. to see: ")
    t.type("1\n")
    t.wait("any other key")
    key_and_enter("d")
    t.wait("Enter mail no. to see: ")
    t.type("-1\n")
    assert "out of range" not in t.wait("Enter your choice: ")
    key_and_enter("2")
    t.wait("full stop.\n")
    t.type("From: a@lab\nTo: b@lab\nSubject: s\n.\n")
    t.wait("Mail sent successfully\n")
    t.wait("Enter your choice: ")
    key_and_enter("x")
    t.wait("Enter your choice: ")
    assert t.quiet() in ("", "\n")
    key_and_enter("3")
    assert t.end() == 0
    assert len(smtp.mails) == 1


def test_an_enter_that_comes_later_answers_the_next_question(terminal):
    t = terminal(Server(Pop3(TWO)).port)
    t.log_in()
    t.type("1")
    t.wait("Enter mail no. to see: ")
    time.sleep(1.1)
    t.type("\n")
    assert "out of range" in t.wait("Enter mail no. to see: ")


def test_enter_alone_is_another_key(terminal):
    pop3 = Pop3(TWO)
    t = terminal(Server(pop3).port)
    t.log_in()
    t.type("1")
    t.wait("Enter mail no. to see: ")
    t.type("1\n")
    t.wait("any other key")
    t.type("\n")
    t.wait("Enter mail no. to see: ")
    assert pop3.mails == list(TWO)


def test_a_key_of_several_octets_is_one_key(terminal):
    t = terminal()
    t.log_in()
    for key in ("\x1b[A", "\x1bOP", "é", "\x1b[15~"):
        t.type(key)
        t.wait("Enter your choice: ")
        assert t.quiet() == ""


def test_what_is_typed_ahead_is_not_lost(terminal):
    pop3 = Pop3(TWO)
    t = terminal(Server(pop3).port)
    t.wait("Username: ")
    t.type("alice\nsecret\n1\n1\nd-1\n3")
    assert t.end() == 0
    assert pop3.mails == [TWO[1]]


def at_name(t):
    t.wait("Username: ")


def at_password(t):
    at_name(t)
    t.type("alice\n")
    t.wait("Password: ")
    t.until_echo_is_off()


def at_menu(t):
    t.log_in()
    t.until_echo_is_off()


def at_number(t):
    t.log_in()
    t.type("1")
    t.wait("Enter mail no. to see: ")


def at_mail(t):
    at_number(t)
    t.type("1\n")
    t.wait("any other key")
    t.until_echo_is_off()


PLACES = [at_name, at_password, at_menu, at_number, at_mail]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_program_and_restores_the_terminal(terminal, place, number):
    t = terminal(Server(Pop3(TWO)).port)
    place(t)
    if number == signal.SIGINT:
        t.type("\x03")
    else:
        os.kill(t.child, number)
    assert t.end() == -number
    assert t.is_as_found()


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_d_ends_the_program_with_status_0(terminal, place):
    server = Server(Pop3(TWO))
    t = terminal(server.port)
    place(t)
    t.type("\x04")
    assert t.end() == 0
    assert t.is_as_found()
    assert not server.lines or server.lines[-1] == "QUIT"


def test_ctrl_d_in_a_mail_says_that_nothing_was_sent(terminal):
    smtp = Smtp()
    server = Server(smtp)
    t = terminal(smtp=server.port)
    t.log_in()
    t.type("2")
    t.wait("full stop.\n")
    t.type("From: a@b\nTo: c@d\n\x04")
    t.wait("The input has ended; the mail was not sent\n")
    assert t.end() == 0 and server.lines == []


def test_ctrl_z_without_a_shell_does_no_harm(terminal):
    t = terminal()
    at_menu(t)
    t.type("\x1a")
    t.quiet()
    t.type("3")
    assert t.end() == 0
    assert t.is_as_found()


def test_a_slow_list_shows_a_bar_that_leaves_no_trace(terminal):
    pop3 = Pop3([mail("bob@lab", "x")] * 8, capa=("TOP",))
    pop3.delay["TOP"] = 0.3
    t = terminal(Server(pop3).port)
    t.log_in()
    t.type("1")
    shown = t.wait("Enter mail no. to see: ")
    percents = [int(n) for n in re.findall(r"\rReading the list \[#*-*\] (\d+)%\x1b\[K", shown)]
    assert percents == sorted(percents) and percents[0] < 90
    last = shown.rindex("Reading the list")
    assert shown[last:].split("\x1b[K", 1)[1].startswith("\r\x1b[KSl. No.")


def test_a_slow_mail_shows_a_bar(terminal):
    class Slow(Pop3):
        def say(self, peer, *lines):
            if len(lines) < 1000:
                super().say(peer, *lines)
                return
            for at in range(0, len(lines), 300):
                super().say(peer, *lines[at : at + 300])
                time.sleep(0.25)

    t = terminal(Server(Slow([mail("bob@lab", "x", "y\n" * 3000)])).port)
    t.log_in()
    t.type("1")
    t.wait("Enter mail no. to see: ")
    t.type("1\n")
    shown = t.wait("any other key")
    assert re.search(r"\rReading the mail \[#+-*\] \d+%\x1b\[K", shown)
    assert shown[shown.rindex("Reading the mail") :].split("\x1b[K", 1)[1].startswith("\r\x1b[KFrom: bob@lab\n")


def test_a_server_that_is_slow_to_answer_is_said_to_be_waited_for(terminal):
    pop3 = Pop3(TWO)
    pop3.delay["PASS"] = 1.6
    t = terminal(Server(pop3).port)
    t.log_in()
    t.type("1")
    assert "Reading the list: waiting for the server" in t.wait("Enter mail no. to see: ")


def test_a_quick_server_shows_no_bar(terminal):
    t = terminal(Server(Pop3(TWO)).port)
    t.log_in()
    t.type("1")
    assert "\x1b" not in t.wait("Enter mail no. to see: ")


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_what_a_server_says_is_broken_between_words(terminal, columns):
    words = "550 " + " ".join(["nobody of that name lives here"] * 3) + " " + "x" * 90 + " 日本語 end"
    t = terminal(smtp=Server(Smtp(RCPT=words)).port, columns=columns)
    t.log_in()
    t.type("2")
    hint = t.wait("full").split("\n", 1)[1]
    assert all(width(line) <= columns and not line.startswith(" ") for line in hint.split("\n"))
    t.type("From: a@lab\nTo: b@lab\nSubject: s\n.\n")
    shown = t.wait("Enter your choice: ")
    told = shown[shown.index("Error in") : shown.index("\n1. ")].split("\n")
    assert all(width(line) <= columns and line.strip(" ") == line for line in told)
    assert " ".join(told).replace(" ", "") == ("Error in sending mail: " + words).replace(" ", "")


@pytest.mark.parametrize("columns", [20, 40, 60, 100, 200])
def test_the_list_stands_in_columns_within_the_terminals_width(terminal, columns):
    subjects = ["Short", "A subject " * 6, "日本語の件名" * 5, "📬📬 mail", "e\u0301" * 40]
    mails = [mail(f"{'long' * i}user@example.org", s.strip()) for i, s in enumerate(subjects)]
    t = terminal(Server(Pop3(mails)).port, columns=columns)
    t.log_in()
    t.type("1")
    lines = t.wait("Enter mail no. to see: ").strip().split("\n")[1:-1]
    assert len(lines) == 6
    assert all(width(line) <= columns for line in lines)
    if columns >= 60:
        starts = {width(line[: line.index("2026-11-20")]) for line in lines[1:]}
        assert starts == {width(lines[0][: lines[0].index("Received")])}
