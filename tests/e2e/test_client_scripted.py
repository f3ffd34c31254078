"""mailclient through a pipe, against servers made for one situation each: poor ones, wrong ones, hostile ones."""

import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import pytest

from harness import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / os.environ.get("POSTROOM_BUILD", "build")
MENU = "1. Manage Mail\n2. Send Mail\n3. Quit\n"
LIMIT = 20


class Peer:
    """One connection as a server sees it; every line the client sent is kept in `lines`."""

    def __init__(self, connection, lines):
        self.connection = connection
        self.lines = lines
        self.ahead = b""

    def send(self, octets):
        self.connection.sendall(octets)

    def line(self):
        while b"\n" not in self.ahead:
            octets = self.connection.recv(65536)
            if not octets:
                raise ConnectionError("the client hung up")
            self.ahead += octets
        line, self.ahead = self.ahead.split(b"\n", 1)
        self.lines.append(line.rstrip(b"\r").decode("utf-8", "surrogateescape"))
        return self.lines[-1]


class Server:
    """Listens on a free port; `talk(peer)` leads every connection, in a thread of its own."""

    def __init__(self, talk):
        self.talk = talk
        self.lines = []
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.talk(Peer(connection, self.lines))
            except OSError:
                pass


def mail(sender, subject, body="hello", received="2026-11-20 : 12 : 44"):
    return f"From: {sender}\nTo: alice@lab\nSubject: {subject}\nReceived: {received}\n{body}\n".encode()


class Pop3:
    """A POP3 server; what it lacks and how it writes is chosen per test."""

    def __init__(self, mails, capa=("TOP", "PIPELINING"), top=True, eol=b"\r\n", split=0, password="secret"):
        self.mails = list(mails)
        self.capa = capa
        self.top = top
        self.rset = True
        self.kept = ()  # numbers that DELE is refused for
        self.eol = eol
        self.split = split
        self.password = password
        self.list_status = b"+OK"
        self.delay = {}  # by verb, seconds
        self.close_at = ()  # verbs at which it hangs up
        self.quit_reply = b"+OK goodbye"

    def say(self, peer, *lines):
        octets = b"".join(line + self.eol for line in lines)
        if not self.split:
            peer.send(octets)
            return
        for at in range(0, len(octets), self.split):
            peer.send(octets[at : at + self.split])
            time.sleep(0.001)

    def text(self, octets):
        stuffed = []
        for line in octets.rstrip(b"\n").split(b"\n"):
            stuffed.append(b"." + line if line.startswith(b".") else line)
        return stuffed + [b"."]

    def head(self, octets):
        return b"".join(line + b"\n" for line in octets.split(b"\n")[:4]) + b"\n"

    def __call__(self, peer):
        gone = set()
        self.say(peer, b"+OK POP3 server ready")
        while True:
            words = peer.line().split()
            verb = words[0].upper() if words else ""
            number = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
            if verb in self.close_at:
                return
            time.sleep(self.delay.get(verb, 0))
            there = [i for i in range(1, len(self.mails) + 1) if i not in gone]
            if verb == "USER":
                self.say(peer, b"+OK")
            elif verb == "PASS":
                good = words[1:] == [self.password]
                self.say(peer, b"+OK" if good else b"-ERR wrong user name or password")
            elif verb == "CAPA" and self.capa is not None:
                self.say(peer, b"+OK", *[word.encode() for word in self.capa], b".")
            elif verb == "STAT":
                self.say(peer, b"+OK %d %d" % (len(there), sum(len(self.mails[i - 1]) for i in there)))
            elif verb == "LIST":
                self.say(peer, self.list_status, *[b"%d %d" % (i, len(self.mails[i - 1])) for i in there], b".")
            elif verb == "TOP" and self.top and number in there:
                self.say(peer, b"+OK", *self.text(self.head(self.mails[number - 1])))
            elif verb == "RETR" and number in there:
                self.say(peer, b"+OK", *self.text(self.mails[number - 1]))
            elif verb == "DELE" and number in there and number not in self.kept:
                gone.add(number)
                self.say(peer, b"+OK")
            elif verb == "RSET" and self.rset:
                gone.clear()
                self.say(peer, b"+OK")
            elif verb == "QUIT":
                if self.quit_reply.startswith(b"+OK"):
                    self.mails = [self.mails[i - 1] for i in there]
                self.say(peer, self.quit_reply)
                return
            else:
                self.say(peer, b"-ERR what?")


class Smtp:
    """An SMTP server; `replies` overrides what it says to a verb, None hangs up."""

    def __init__(self, **replies):
        self.replies = replies
        self.mails = []

    def reply(self, peer, situation, usual):
        text = self.replies.get(situation, usual)
        if text is None:
            raise ConnectionError("hangs up on purpose")
        peer.send(text.encode() + b"\r\n")
        return text

    def __call__(self, peer):
        self.reply(peer, "greeting", "220 lab Service Ready")
        while True:
            verb = peer.line().split()[0].upper()
            if verb == "DATA" and self.reply(peer, verb, "354 go on").startswith("354"):
                text = []
                while (line := peer.line()) != ".":
                    text.append(line)
                self.mails.append(text)
                self.reply(peer, "text", "250 OK Message accepted for delivery")
            elif verb == "QUIT":
                self.reply(peer, verb, "221 lab Service closing transmission channel")
                return
            elif verb != "DATA":
                self.reply(peer, verb, "250 OK")


def run(typed, smtp=1, pop3=1, options=(), timeout=LIMIT):
    """The client's output after it was given these lines on a pipe; it must always end with status 0."""
    if isinstance(typed, str):
        typed = typed.encode()
    done = subprocess.run(
        [PROGRAMS / "mailclient", *options, "127.0.0.1", str(smtp), str(pop3)],
        input=typed,
        capture_output=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape")


def send(server, lines="From: a@lab\nTo: b@lab\nSubject: s\nbody\n.\n", **more):
    return run("alice\nsecret\n2\n" + lines + "3\n", smtp=server.port, **more)


def manage(server, lines, **more):
    return run("alice\nsecret\n1\n" + lines + "3\n", pop3=server.port, **more)


# ---- sending ----


def test_a_mail_travels_as_the_lab_says():
    smtp = Smtp()
    server = Server(smtp)
    out = send(server, "From: ag@iitkgp.edu\nTo: gb@iitkgp.edu\nSubject: Test mail\nThis is a test mail.\n.hidden\n..\n.\n")
    assert "\nMail sent successfully\n" + MENU in out
    assert server.lines[0] == "HELO " + socket.gethostname()
    assert server.lines[1:4] == ["MAIL FROM:<ag@iitkgp.edu>", "RCPT TO:<gb@iitkgp.edu>", "DATA"]
    assert server.lines[-1] == "QUIT"
    assert smtp.mails == [
        ["From: ag@iitkgp.edu", "To: gb@iitkgp.edu", "Subject: Test mail", "This is a test mail.", "..hidden", "..."]
    ]


def test_two_mails_in_one_run_and_utf8_as_typed():
    smtp = Smtp()
    server = Server(smtp)
    first = "From: a@lab\nTo: b@lab\nSubject: Grüße\nこんにちは\n.\n"
    out = send(server, first + "2\nFrom: a @ lab\nTo:  <b@lab>\nSubject:   x\n.\n")
    assert out.count("Mail sent successfully\n") == 2
    assert smtp.mails == [
        ["From: a@lab", "To: b@lab", "Subject: Grüße", "こんにちは"],
        ["From: a@lab", "To: b@lab", "Subject: x"],
    ]


@pytest.mark.parametrize(
    "lines",
    ["To: b@lab\nFrom: a@lab\nSubject: s\n", "From: a\nTo: b@lab\nSubject: s\n", "From: a@lab\nTo: b@lab\nbody\n",
     "From: a@lab\nTo: b@lab\nSubject: " + "x" * 51 + "\n", "From: a@lab\nTo: b@lab, c@lab\nSubject: s\n", ""],
)
def test_a_wrong_format_is_told_after_the_full_stop_and_nothing_is_sent(lines):
    server = Server(Smtp())
    out = send(server, lines + "more\nlines\n.\n")
    assert "\nIncorrect format\n" + MENU in out
    assert server.connections == 0


def test_the_servers_own_reply_is_shown():
    out = send(Server(Smtp(RCPT="550 No such user")))
    assert "\nError in sending mail: 550 No such user\n" + MENU in out


def test_quit_is_said_after_a_refusal():
    server = Server(Smtp(RCPT="550 No such user"))
    send(server)
    assert server.lines[-1] == "QUIT"
    assert "DATA" not in server.lines


def test_a_reply_of_several_lines_is_shown_as_one():
    out = send(Server(Smtp(MAIL="553-not\r\n553-from\r\n553 you")))
    assert "\nError in sending mail: 553 not from you\n" in out


@pytest.mark.parametrize("situation", ["greeting", "HELO", "MAIL", "RCPT", "DATA", "text"])
def test_a_server_that_hangs_up_is_told_and_the_menu_comes_back(situation):
    out = send(Server(Smtp(**{situation: None})))
    assert "\nError in sending mail: the server hung up\n" + MENU in out


def test_hanging_up_after_the_mail_was_taken_is_no_error():
    assert "Mail sent successfully" in send(Server(Smtp(QUIT=None)))


def test_a_server_that_refuses_in_the_middle_of_a_large_mail_is_heard():
    def talk(peer):
        peer.send(b"220 lab\r\n")
        for reply in (b"250\r\n", b"250\r\n", b"250\r\n", b"354\r\n"):
            peer.line()
            peer.send(reply)
        peer.connection.recv(1000)
        peer.send(b"552 too big\r\n")
        peer.connection.shutdown(socket.SHUT_WR)
        while peer.connection.recv(1 << 20):
            pass

    body = ("x" * 78 + "\n") * 100000
    out = send(Server(talk), "From: a@lab\nTo: b@lab\nSubject: s\n" + body + ".\n")
    assert "Error in sending mail: 552 too big\n" in out


def test_replies_with_lf_in_single_octets_and_without_text_are_understood():
    def talk(peer):
        for reply in ("220\n", "250-a\n250\n", "250\n", "250\n", "354\n"):
            for octet in reply.encode():
                peer.send(bytes([octet]))
                time.sleep(0.001)
            line = peer.line()
        while line != ".":
            line = peer.line()
        peer.send(b"250\n")
        peer.line()
        peer.send(b"221\n")

    assert "Mail sent successfully" in send(Server(talk))


def test_an_unreachable_server_is_told():
    port = free_port()
    out = run("alice\nsecret\n2\nFrom: a@lab\nTo: b@lab\nSubject: s\n.\n1\n3\n", smtp=port, pop3=port)
    assert re.search(rf"\nError in sending mail: .*127\.0\.0\.1.*{port}.*\n", out)
    assert re.search(rf"\nError in reading mailbox: .*127\.0\.0\.1.*{port}.*\n", out)
    assert out.count(MENU) == 3


@pytest.mark.parametrize("endless", [b"220 " + b"x" * 4096, b"220-x\r\n" * 500, b"\x00" * 4096])
def test_an_endless_answer_is_left(endless):
    def talk(peer):
        while True:
            peer.send(endless)

    started = time.monotonic()
    out = send(Server(talk))
    assert "Error in sending mail: the server" in out
    assert time.monotonic() - started < 10


def test_escapes_in_a_reply_are_shown_and_not_obeyed():
    out = send(Server(Smtp(RCPT="550 \x1b[2J\x07no\x9b\u202e\ttab")))
    assert "Error in sending mail: 550 ^[[2J^Gno<U+009B><U+202E> tab\n" in out
    assert "\x1b" not in out


def test_input_that_ends_in_the_middle_of_a_mail_ends_the_program():
    server = Server(Smtp())
    out = run("alice\nsecret\n2\nFrom: a@lab\nTo: b@lab\n", smtp=server.port)
    assert "Incorrect format" not in out
    assert server.connections == 0


# ---- the mailbox ----

TWO = (mail("bob@lab", "First"), mail("carol@lab", "Second", "line\n.\n..dots\nlast"))


def test_the_list_a_mail_and_back():
    server = Server(Pop3(TWO))
    out = manage(server, "2\nx\n-1\n")
    heading = "Sl. No.  Sender  Received  Subject\n"
    lines = "1  bob@lab  2026-11-20 : 12 : 44  First\n2  carol@lab  2026-11-20 : 12 : 44  Second\n"
    assert out.count(heading + lines + "Enter mail no. to see: ") == 2
    assert "\n" + TWO[1].decode() in out
    assert out.endswith(MENU + "Enter your choice: \n")
    assert server.lines == ["USER alice", "PASS secret", "CAPA", "STAT", "LIST", "TOP 1 0", "TOP 2 0", "RETR 2", "QUIT"]


def test_a_deleted_mail_is_gone_and_the_numbers_are_new():
    pop3 = Pop3(TWO)
    server = Server(pop3)
    out = manage(server, "1\nd\n-1\n")
    assert out.count("bob@lab  ") == 1
    assert "Sl. No.  Sender  Received  Subject\n1  carol@lab" in out
    assert pop3.mails == [TWO[1]]
    assert server.lines.count("USER alice") == 2
    assert server.lines.count("QUIT") == 2


@pytest.mark.parametrize("typed", ["0", "3", "99999999999999999999", "-2", "x", "1x", "", "+1", "1 2", "x" * 10000])
def test_what_is_no_number_of_a_mail_is_asked_again(typed):
    out = manage(Server(Pop3(TWO)), typed + "\n-1\n")
    assert "\nMail no. out of range, give again\nEnter mail no. to see: " in out
    assert out.count("Sl. No.") == 1


def test_blanks_around_a_number_are_passed_over():
    out = manage(Server(Pop3(TWO)), "  1  \n\n -1 \n")
    assert TWO[0].decode() in out
    assert "out of range" not in out


def test_an_empty_mailbox_still_asks():
    out = manage(Server(Pop3(())), "1\n-1\n")
    assert "No mail.\nEnter mail no. to see: " in out
    assert "out of range" in out


def test_a_wrong_password_is_told_in_the_servers_words():
    server = Server(Pop3(TWO, password="other"))
    out = manage(server, "")
    assert "-ERR wrong user name or password\n" + MENU in out
    assert server.lines == ["USER alice", "PASS secret", "QUIT"]
    assert "secret" not in out


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
@pytest.mark.parametrize("split", [0, 1, 7])
def test_a_poor_server_without_capa_top_and_uidl_works(eol, split):
    pop3 = Pop3(TWO, capa=None, top=False, eol=eol, split=split)
    server = Server(pop3)
    out = manage(server, "2\nd\n-1\n")
    assert "1  bob@lab  2026-11-20 : 12 : 44  First\n2  carol@lab" in out
    assert TWO[1].decode() in out
    assert pop3.mails == [TWO[0]]


def test_without_capa_top_is_tried_once_and_used():
    server = Server(Pop3(TWO, capa=None))
    assert "2  carol@lab" in manage(server, "-1\n")
    assert server.lines[-3:] == ["TOP 1 0", "TOP 2 0", "QUIT"]


def test_a_server_that_hangs_up_on_unknown_commands_still_works():
    for verb in ("CAPA", "TOP"):
        pop3 = Pop3(TWO, capa=None, top=False)
        pop3.close_at = (verb,)
        server = Server(pop3)
        assert "2  carol@lab" in manage(server, "1\nx\n-1\n")
        assert server.connections == 2


def test_a_list_with_a_wrong_count_is_read_by_its_lines():
    pop3 = Pop3(TWO)
    pop3.list_status = b"+OK 17 messages (3 octets)"
    out = manage(Server(pop3), "3\n-1\n")
    assert "2  carol@lab" in out and "3  " not in out
    assert "out of range" in out


def test_a_mail_that_the_server_does_not_give_stands_in_the_list_with_dashes():
    class Lying(Pop3):
        def say(self, peer, *lines):
            if lines[0] == self.list_status and len(lines) > 1 and lines[1].startswith(b"1 "):
                lines = lines[:-1] + (b"3 1", b".")
            super().say(peer, *lines)

    out = manage(Server(Lying(TWO)), "3\n-1\n")
    assert "3  -  -  -\n" in out
    assert "Error in reading mail: -ERR what?\n" in out


def test_hundreds_of_mails_are_listed_in_order_through_a_pipeline():
    mails = [mail(f"user{i}@lab", f"Subject {i}") for i in range(1, 501)]
    out = manage(Server(Pop3(mails)), "-1\n")
    numbers = re.findall(r"^(\d+)  user(\d+)@lab  .*  Subject (\d+)$", out, re.M)
    assert numbers == [(str(i),) * 3 for i in range(1, 501)]


def test_what_a_mail_holds_never_drives_the_terminal():
    hostile = b"From: \x1b[31mevil@lab\nTo: a@b\nSubject: \x1b]0;x\x07\xc2\x9b\nReceived: \x1b[2J\nbody \x1b[H\x9b5n \xe2\x80\xae\r x\n"
    out = manage(Server(Pop3((hostile,))), "1\nx\n-1\n")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out)
    assert "body ^[[H<9B>5n <U+202E>" in out


def test_a_server_that_ended_the_session_meanwhile_is_told_and_the_list_is_new():
    class Impatient(Pop3):
        def __call__(self, peer):
            peer.connection.settimeout(0.3)
            try:
                super().__call__(peer)
            except TimeoutError:
                peer.send(b"-ERR idle for too long\r\n")

    server = Server(Impatient(TWO))
    client = subprocess.Popen(
        [PROGRAMS / "mailclient", "127.0.0.1", "1", str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    client.stdin.write(b"alice\nsecret\n1\n1\n")
    client.stdin.flush()
    time.sleep(1)
    out, _ = client.communicate(b"d\n1\nd\n-1\n3\n", timeout=LIMIT)
    assert b"Error in deleting mail: the server had ended the session\nSl. No." in out
    assert out.count(b"1  bob@lab") == 2
    assert out.count(b"1  carol@lab") == 1
    assert client.returncode == 0


@pytest.mark.parametrize("verb", ["USER", "PASS", "STAT", "LIST"])
def test_a_pop3_server_that_hangs_up_is_told(verb):
    pop3 = Pop3(TWO)
    pop3.close_at = (verb,)
    out = manage(Server(pop3), "")
    assert "Error in reading mailbox: the server hung up\n" + MENU in out


def test_hanging_up_in_the_middle_of_a_mail_is_told():
    class Cut(Pop3):
        def text(self, octets):
            return super().text(octets)[:-2]

        def say(self, peer, *lines):
            super().say(peer, *lines)
            if len(lines) > 4 and lines[0] == b"+OK" and lines[-1] != b".":
                raise ConnectionError

    out = manage(Server(Cut(TWO, capa=None, top=False)), "")
    assert "Error in reading mailbox: the server hung up" in out


def test_a_deletion_that_the_server_refuses_at_quit_is_told_and_the_mail_is_still_there():
    pop3 = Pop3(TWO)
    pop3.quit_reply = b"-ERR [SYS/TEMP] nothing was removed"
    out = manage(Server(pop3), "1\nd\n-1\n")
    assert "Error in deleting mail: -ERR [SYS/TEMP] nothing was removed\nSl. No." in out
    assert out.count("1  bob@lab") == 2


@pytest.mark.parametrize("endless", [b"+OK " + b"x" * 4096, b"\r\n" * 4096])
def test_an_endless_pop3_answer_is_left(endless):
    def talk(peer):
        while True:
            peer.send(endless)

    started = time.monotonic()
    assert "Error in reading mailbox: the server" in manage(Server(talk), "")
    assert time.monotonic() - started < 10


def test_a_mail_larger_than_what_is_kept_in_memory_is_shown_whole():
    body = "\n".join(f"{i:078d}" for i in range(300000))
    out = manage(Server(Pop3((mail("bob@lab", "Big", body),))), "1\nx\n-1\n", timeout=60)
    assert "\n" + body + "\n" in out


def test_end_of_input_says_quit_and_ends_with_status_0():
    for typed in ("", "1\n", "1\n", "1\nx\n"):
        server = Server(Pop3(TWO))
        run("alice\nsecret\n1\n" + typed, pop3=server.port)
        assert server.lines[-1] == "QUIT"
    for typed in ("", "alice", "alice\n", "alice\nsecret", "alice\nsecret\n"):
        run(typed)


def test_an_overlong_name_or_password_is_asked_for_again():
    out = run("a" * 600 + "\nalice\n" + "p" * 5000 + "\nsecret\n1\n-1\n3\n", pop3=Server(Pop3(TWO)).port)
    assert out.count("That is longer than 512 octets\n") == 2
    assert "1  bob@lab" in out


def test_an_empty_line_is_another_key():
    pop3 = Pop3(TWO)
    out = manage(Server(pop3), "1\n\n-1\n\n")
    assert len(pop3.mails) == 2
    assert out.count(MENU) == 3


def test_only_the_first_character_of_a_piped_line_counts():
    pop3 = Pop3(TWO)
    run("alice\nsecret\n1. Manage\n1\ndelete it\n-1\n3 quit\n", pop3=Server(pop3).port)
    assert pop3.mails == [TWO[1]]


# ---- options ----


def test_the_transcript_shows_the_dialogue_in_its_place_and_masks_the_password():
    out = run("alice\nsecret\n1\n2\nd\n-1\n3\n", pop3=Server(Pop3(TWO)).port, options=["--transcript"])
    dialogue = [
        "Enter your choice: \n", "C: <client connects>\n", "S: +OK POP3 server ready\n", "C: USER alice\n", "C: PASS …\n",
        "C: LIST\nS: +OK\nS: 1 ", "C: TOP 1 0\nC: TOP 2 0\nS: +OK\nS: From: bob@lab\n", "Sl. No.", "Enter mail no. to see: \n",
        "C: RETR 2\nS: +OK\nS: From: carol@lab\n", "\nFrom: carol@lab\n", "C: DELE 2\nS: +OK\nC: QUIT\nS: +OK goodbye\n",
        "C: <client hangs up>\nC: <client connects>\n", "Sl. No.", "C: QUIT\nS: +OK goodbye\nC: <client hangs up>\n" + MENU,
    ]
    at = 0
    for lines in dialogue:
        at = out.index(lines, at) + 1
    assert "secret" not in out


def test_the_transcript_of_a_mail_is_the_labs_dialogue():
    out = send(Server(Smtp(RCPT="250 ok")), "From: a@lab\nTo: b@lab\nSubject: s\n.dot\n.\n", options=["--transcript"])
    assert (
        "C: <client connects>\nS: 220 lab Service Ready\n"
        f"C: HELO {socket.gethostname()}\nS: 250 OK\nC: MAIL FROM:<a@lab>\nS: 250 OK\nC: RCPT TO:<b@lab>\nS: 250 ok\nC: DATA\nS: 354 go on\n"
        "C: From: a@lab\nC: To: b@lab\nC: Subject: s\nC: ..dot\nC: .\nS: 250 OK Message accepted for delivery\n"
        "C: QUIT\nS: 221 lab Service closing transmission channel\nC: <client hangs up>\nMail sent successfully\n"
    ) in out


@pytest.mark.parametrize(
    "arguments, status",
    [([], 64), (["h", "0"], 64), (["h", "x"], 64), (["h", "65536"], 64), (["h", "25", "-1"], 64), (["h", "1", "2", "3"], 64),
     (["--nonsense", "h"], 64), (["--course"], 64), (["--course", "atlantis", "h"], 78), (["--help"], 0), (["--version"], 0)],
)
def test_exit_statuses(arguments, status):
    done = subprocess.run([PROGRAMS / "mailclient", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
    assert done.returncode == status
    message = done.stdout if status == 0 else done.stderr
    assert message and message.count(b"\n") == 1 or arguments == ["--help"]
    assert (done.stderr if status == 0 else done.stdout) == b""
