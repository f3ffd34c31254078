"""mailclient in its other courses, through a pipe, against servers made for one situation each. See test_client_scripted.py."""

import re
import socket
import subprocess
import time

import pytest

from test_client_scripted import LIMIT, PROGRAMS, TWO, Pop3, Server, Smtp, run

MAIL = "From: a@lab\nTo: b@lab\nSubject: s\nbody\n.\n"

# ---- a client that only sends ----


def test_the_client_with_two_options_sends_and_quits():
    smtp = Smtp()
    out = run("alice\nsecret\n1\n" + MAIL + "2\nnever read\n", smtp=Server(smtp).port, options=["--course", "calicut"])
    menu = "1. Send Mail\n2. Quit\nEnter your choice: \n"
    assert out.startswith("Username: \nPassword: \n" + menu)
    assert out.endswith("Mail sent successfully\n" + menu)
    assert smtp.mails == [["From: a@lab", "To: b@lab", "Subject: s", "body"]]


# ---- a client with a command prompt ----

LETTERS = "a) Mail Sending\nb) Mail Management\nc) Exit\nEnter your choice: \n"
COMMAND = "Command (STAT, LIST, RETR, DELE, RSET, QUIT): \n"
AGAIN = "Error in reading mailbox: -ERR wrong user name or password\nPlease give them again; an empty name goes back to the menu.\n"
ROWS = ("1  bob@lab  2026-11-20 : 12 : 44  First\n", "2  carol@lab  2026-11-20 : 12 : 44  Second\n")
LIST = "No.  Sender  Received  Subject\n" + "".join(ROWS)


def leuven(typed, **more):
    return run(typed, options=["--course", "leuven", *more.pop("options", ())], **more)


def manage(server, lines, login="alice\nsecret\n", **more):
    return leuven(login + "b\n" + lines, pop3=server.port, **more)


@pytest.mark.parametrize("keys", ["abc", "ABC", "123", "a2C"])
def test_letters_in_either_case_and_positions_choose(keys):
    smtp, pop3 = Smtp(), Server(Pop3(TWO))
    out = leuven(f"alice\nsecret\n{keys[0]}\n{MAIL}{keys[2]}\n", smtp=Server(smtp).port)
    assert out == (
        "Username: \nPassword: \n" + LETTERS
        + "Type the mail: From: X@Y, To: X@Y, Subject:, then the text; end with a line that holds only a full stop.\n"
        + "Mail sent successfully\n" + LETTERS
    )
    out = leuven(f"alice\nsecret\n{keys[1]}\nquit\n", pop3=pop3.port)
    assert out.endswith(LETTERS + "+OK POP3 server ready\n" + LIST + COMMAND + "+OK goodbye\n")


def test_each_command_does_what_its_name_says():
    pop3 = Pop3(TWO)
    server = Server(pop3)
    out = manage(server, "STAT\nlist\nRetr 2\nRETR\n1\nDELE 1\nList\nstat\nQUIT\nb\n")
    assert server.lines[7:] == ["STAT", "LIST", "RETR 2", "RETR 1", "DELE 1", "LIST", "STAT", "QUIT"]
    shown = out.split("+OK POP3 server ready\n")[1].split(COMMAND)
    assert shown == [
        LIST, "Mails: 2\n", LIST, TWO[1].decode(), "Serial number: \n" + TWO[0].decode(), "+OK\n",
        "No.  Sender  Received  Subject\n" + ROWS[1], "Mails: 1\n", "+OK goodbye\n",
    ]
    assert pop3.mails == [TWO[1]]


def test_rset_takes_the_deletions_back():
    pop3 = Pop3(TWO)
    out = manage(Server(pop3), "dele 1\ndele 2\nlist\nrset\nlist\nstat\nquit\n")
    assert COMMAND + "No.  Sender  Received  Subject\nNo mail.\n" + COMMAND + "+OK\n" + COMMAND + LIST + COMMAND + "Mails: 2\n" in out
    assert pop3.mails == list(TWO)


def test_a_wrong_number_is_told_and_the_prompt_comes_again():
    server = Server(Pop3(TWO))
    for typed in ("RETR 3", "RETR 0", "DELE x", "DELE\n-1", "RETR 1 2", "DELE 99999999999999999999"):
        out = manage(server, typed + "\nquit\n")
        assert "There is no mail of that number.\n" + COMMAND in out
    assert not any(line.startswith(("RETR", "DELE")) for line in server.lines)


def test_what_is_no_command_is_told_and_an_empty_line_is_not():
    server = Server(Pop3(TWO))
    told = "The commands are STAT, LIST, RETR n, DELE n, RSET and QUIT\n"
    for typed in ("help", "RETR3", "QUIT now", "x" * 10000, "\x1b[2J"):
        out = manage(server, typed + "\nquit\n")
        assert out.count(told) == 1 and "\x1b" not in out
    assert told not in manage(server, "\n  \nquit\n")
    assert server.lines.count("QUIT") == 6


def test_a_wrong_login_is_asked_again_until_it_is_right():
    server = Server(Pop3(TWO))
    out = manage(server, "alice\nfalse\nalice\nsecret\nquit\n", login="alice\nwrong\n")
    error = AGAIN + "Username: \nPassword: \n"
    assert LETTERS + error + error + "+OK POP3 server ready\n" + LIST in out
    assert [line for line in server.lines if line.startswith("PASS")] == ["PASS wrong", "PASS false", "PASS secret"]


def test_an_empty_name_goes_back_to_the_menu_and_is_asked_for_at_the_next_login():
    server = Server(Pop3(TWO))
    out = manage(server, "\nb\nalice\nsecret\nquit\n", login="alice\nwrong\n")
    assert AGAIN + "Username: \n" + LETTERS + "Username: \nPassword: \n+OK POP3 server ready\n" in out
    assert server.connections == 2


def test_a_server_that_cannot_be_reached_leads_back_to_the_menu():
    out = leuven("alice\nsecret\nb\nc\n", pop3=1)
    assert re.search(r"Error in reading mailbox: .*127\.0\.0\.1.*\n" + re.escape(LETTERS) + "$", out)


@pytest.mark.parametrize("typed", ["", "dele 1\n", "retr\n", "retr"])
def test_the_end_of_input_says_quit(typed):
    server = Server(Pop3(TWO))
    manage(server, typed)
    assert server.lines[-1] == "QUIT"


@pytest.mark.parametrize("verb", ["RETR", "DELE", "RSET", "QUIT"])
def test_a_server_that_hangs_up_in_the_middle_is_told(verb):
    pop3 = Pop3(TWO)
    pop3.close_at = (verb,)
    out = manage(Server(pop3), f"{verb} {1 if verb in ('RETR', 'DELE') else ''}\nc\n")
    told = "Error in managing mail: the server hung up\n"
    assert out.endswith(told if verb == "QUIT" else told + LETTERS)


def test_refusals_are_shown_and_the_prompt_comes_again():
    pop3 = Pop3(TWO)
    pop3.rset = False
    out = manage(Server(pop3), "rset\nquit\n")
    assert COMMAND + "-ERR what?\n" + COMMAND in out


def test_a_quit_that_is_refused_ends_the_program_all_the_same():
    pop3 = Pop3(TWO)
    pop3.quit_reply = b"-ERR [SYS/TEMP] nothing was removed"
    assert manage(Server(pop3), "dele 1\nquit\nb\n").endswith(COMMAND + "-ERR [SYS/TEMP] nothing was removed\n")


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
@pytest.mark.parametrize("split", [0, 1, 7])
def test_the_prompt_works_with_a_poor_server(eol, split):
    pop3 = Pop3(TWO, capa=None, top=False, eol=eol, split=split)
    out = manage(Server(pop3), "stat\nlist\nretr 2\ndele 1\nlist\nquit\n")
    assert out.count(LIST) == 2 and out.count(ROWS[1]) == 3
    assert "Mails: 2\n" in out and TWO[1].decode() in out
    assert pop3.mails == [TWO[1]]


def test_the_prompt_works_with_a_server_whose_answers_have_no_text_and_wrong_counts():
    class Terse(Pop3):
        def say(self, peer, *lines):
            if peer.lines and peer.lines[-1] == "STAT":
                lines = (b"+OK",)
            if lines[0].startswith(b"+OK POP3"):
                lines = (b"+OK",)
            super().say(peer, *lines)

    pop3 = Terse(TWO, capa=None)
    pop3.list_status = b"+OK 9 messages"
    pop3.quit_reply = b"+OK"
    out = manage(Server(pop3), "dele 1\nstat\nrset\nstat\ndele 2\nlist\nquit\n")
    assert out.endswith(
        LETTERS + "+OK\n" + LIST + COMMAND + "+OK\n" + COMMAND + "Mails: 1\n" + COMMAND + "+OK\n" + COMMAND + "Mails: 2\n" + COMMAND + "+OK\n"
        + COMMAND + "No.  Sender  Received  Subject\n" + ROWS[0] + COMMAND + "+OK\n"
    )


def test_an_empty_mailbox_has_an_empty_list():
    assert "+OK POP3 server ready\nNo.  Sender  Received  Subject\nNo mail.\n" + COMMAND in manage(Server(Pop3(())), "quit\n")


def test_what_a_mail_or_a_server_sends_never_drives_the_terminal():
    class Hostile(Pop3):
        def say(self, peer, *lines):
            super().say(peer, lines[0] + b" \x1b[2J\x07" if len(lines) == 1 else lines[0], *lines[1:])

    hostile = b"From: \x1b[31mevil@lab\nTo: a@b\nSubject: \x1b]0;x\x07\xc2\x9b\nReceived: \x1b[2J\nbody \x1b[H\x9b5n\n"
    out = manage(Server(Hostile((hostile,))), "retr 1\ndele 1\nquit\n")
    assert "^[[2J^G" in out and "body ^[[H<9B>5n" in out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", out)


# ---- a course's own verbs ----


@pytest.mark.parametrize("unknown", ["500 what?", "502 5.5.2 Error: command not recognized", "500"])
def test_the_standard_verbs_follow_in_the_same_connection(unknown):
    smtp = Smtp(**{"MAIL_FROM:": unknown})
    server = Server(smtp)
    assert "Mail sent successfully\n" in leuven("alice\nsecret\na\n" + MAIL + "c\n", smtp=server.port)
    assert server.lines[1:4] == ["MAIL_FROM: <a@lab>", "MAIL FROM:<a@lab>", "RCPT TO:<b@lab>"]
    assert server.connections == 1
    assert len(smtp.mails) == 1


def test_the_own_verbs_alone_where_the_server_takes_them():
    server = Server(Smtp())
    leuven("alice\nsecret\na\n" + MAIL + "c\n", smtp=server.port)
    assert server.lines[1:3] == ["MAIL_FROM: <a@lab>", "RCPT_TO: <b@lab>"]


@pytest.mark.parametrize("reply", ["550 No such user", "501 no address", "451 later"])
def test_another_refusal_is_none_of_the_verb(reply):
    server = Server(Smtp(**{"RCPT_TO:": reply}))
    out = leuven("alice\nsecret\na\n" + MAIL + "c\n", smtp=server.port)
    assert f"Error in sending mail: {reply}\n" + LETTERS in out
    assert "DATA" not in server.lines and not any("RCPT TO" in line for line in server.lines)


def test_a_subject_of_150_characters_and_the_courses_own_words_for_a_wrong_format():
    smtp = Smtp()
    for n, told in ((150, "Mail sent successfully"), (151, "This is an incorrect format")):
        out = leuven(f"alice\nsecret\na\nFrom: a@b\nTo: c@d\nSubject: {'x' * n}\n.\nc\n", smtp=Server(smtp).port)
        assert told + "\n" + LETTERS in out
    assert len(smtp.mails) == 1


# ---- a client that registers ----

NUMBERS = "1. Send Mail\n2. Retrieve Mail\n3. Quit\nEnter your choice: \n"
TO_THREE = "From: 4@m\nTo: 5@m, 9@m,6@m\nSubject: s\nbody\n.\n"


class Member(Smtp):
    """A server at which clients register; what it says to REGISTER and RETRIEVE is chosen per test."""

    address = b"250 4@m\r\n"
    inbox = b"250 OK\r\n*****\r\nFrom: 5@m\r\nTo: 4@m\r\nMIME-Version: 1.0\r\nContent-Type: text\r\n*****\r\nhello\r\n..dots\r\n.\r\n"
    split = 0

    def say(self, peer, octets):
        step = self.split or len(octets)
        for at in range(0, len(octets), step):
            peer.send(octets[at : at + step])
            time.sleep(0.001 if self.split else 0)

    def __call__(self, peer):
        super().__call__(MemberPeer(peer, self))


class MemberPeer:
    """Answers REGISTER and RETRIEVE by itself, and leaves the rest to Smtp."""

    def __init__(self, peer, member):
        self.peer, self.member = peer, member

    def send(self, octets):
        self.member.say(self.peer, octets)

    def line(self):
        while True:
            line = self.peer.line()
            if line == "REGISTER" and self.member.address:
                self.send(self.member.address)
            elif line == "RETRIEVE" and self.member.inbox:
                self.send(self.member.inbox)
            else:
                return line


def member(typed, server, **more):
    return run(typed, smtp=server.port, options=["--course", "mymailserver"], **more)


def test_it_registers_shows_its_address_and_asks_for_no_name():
    server = Server(Member())
    assert member("3\n", server) == "Your address: 4@m\n" + NUMBERS
    assert server.lines == ["REGISTER", "QUIT"]


def test_one_connection_serves_every_choice():
    smtp = Member()
    server = Server(smtp)
    out = member("1\n" + TO_THREE + "2\n1\n" + TO_THREE + "3\n", server)
    assert out.count("Mail sent successfully\n" + NUMBERS) == 2
    assert server.connections == 1
    assert server.lines.count("QUIT") == 1 and "RSET" not in server.lines
    assert [line for line in server.lines if line.startswith("RCPT")] == ["RCPT TO:<5@m>", "RCPT TO:<9@m>", "RCPT TO:<6@m>"] * 2
    assert smtp.mails[0] == ["From: 4@m", "To: 5@m, 9@m, 6@m", "Subject: s", "body"]


def test_each_refused_recipient_is_shown_and_the_others_get_the_mail():
    class Choosy(Member):
        def reply(self, peer, situation, usual):
            refused = situation == "RCPT" and "<9@m>" in peer.peer.lines[-1]
            return super().reply(peer, situation, "550 No such user here" if refused else usual)

    smtp = Choosy()
    out = member("1\n" + TO_THREE + "3\n", Server(smtp))
    assert "Error in sending mail: 9@m: 550 No such user here\nMail sent successfully\n" + NUMBERS in out
    assert len(smtp.mails) == 1


def test_where_all_recipients_are_refused_the_next_mail_begins_anew():
    smtp = Member(RCPT="550 No such user here")
    server = Server(smtp)
    out = member("1\n" + TO_THREE + "1\nFrom: 4@m\nTo: 9@m\nSubject: s\n.\n3\n", server)
    assert "".join(f"Error in sending mail: {to}@m: 550 No such user here\n" for to in "596") + NUMBERS in out
    assert "Error in sending mail: 550 No such user here\n" + NUMBERS in out
    assert server.lines.count("RSET") == 1 and smtp.mails == []


def test_the_server_decides_about_the_sender():
    out = member("1\n" + TO_THREE.replace("4@m", "7@m") + "3\n", Server(Member(MAIL="553 not yours")))
    assert "Error in sending mail: 553 not yours\n" + NUMBERS in out


@pytest.mark.parametrize("to", ["5@m,", ",5@m", "5@m 6@m", "5@m;6@m", "5@m,,6@m"])
def test_a_list_of_recipients_in_a_wrong_format(to):
    server = Server(Member())
    assert "Incorrect format\n" + NUMBERS in member(f"1\nFrom: 4@m\nTo: {to}\nSubject: s\n.\n3\n", server)
    assert "MAIL FROM:<4@m>" not in server.lines


@pytest.mark.parametrize("split", [0, 1, 5])
@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
def test_what_arrived_is_shown_whatever_the_servers_lines_look_like(split, eol):
    smtp = Member()
    smtp.split = split
    smtp.inbox, smtp.address = smtp.inbox.replace(b"\r\n", eol), smtp.address.replace(b"\r\n", eol)
    out = member("2\n2\n3\n", Server(smtp))
    assert out.count("*****\nFrom: 5@m\nTo: 4@m\nMIME-Version: 1.0\nContent-Type: text\n*****\nhello\n.dots\n" + NUMBERS) == 2


def test_where_nothing_arrived_that_is_said():
    smtp = Member()
    smtp.inbox = b"250\r\n.\r\n"
    assert "Enter your choice: \nNo mail.\n" + NUMBERS in member("2\n3\n", Server(smtp))


def test_what_arrives_never_drives_the_terminal():
    smtp = Member()
    smtp.address = b"250 4@m\x1b[2J\r\n"
    smtp.inbox = b"250 \x1b[2J\r\n\x1b]0;x\x07 \xc2\x9b \xe2\x80\xae \r x\r\n.\r\n"
    out = member("2\n3\n", Server(smtp))
    assert "Your address: 4@m^[[2J\n" in out
    assert "^[]0;x^G <U+009B> <U+202E> ^M x\n" in out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out)


def test_a_server_without_register_gives_the_address_at_helo():
    smtp = Member(REGISTER="500 what?", HELO="250 OK You are 4@m")
    smtp.address = None
    server = Server(smtp)
    assert member("1\n" + TO_THREE + "3\n", server).startswith("Your address: 4@m\n")
    assert server.lines[:2] == ["REGISTER", "HELO " + socket.gethostname()]
    assert len(smtp.mails) == 1


def test_a_server_without_retrieve_is_told():
    smtp = Member(RETRIEVE="502 not here")
    smtp.inbox = None
    assert "Error in retrieving mail: 502 not here\n" + NUMBERS in member("2\n3\n", Server(smtp))


@pytest.mark.parametrize("situation, told", [
    ("greeting", "Error in registering: the server hung up\n" + NUMBERS),
    ("MAIL", "Error in sending mail: the server hung up\n" + NUMBERS),
    ("RCPT", "Error in sending mail: the server hung up\n" + NUMBERS),
    ("text", "Error in sending mail: the server hung up\n" + NUMBERS),
])
def test_a_server_that_hangs_up_is_told_in_every_situation(situation, told):
    assert told in member("1\n" + TO_THREE + "3\n", Server(Member(**{situation: None})))


def test_a_registration_that_is_refused_is_told_and_tried_again():
    smtp = Member()
    smtp.address = b"452 too many clients\r\n"
    server = Server(smtp)
    out = member("2\n3\n", server)
    assert out == ("Error in registering: 452 too many clients\n" + NUMBERS) * 2
    assert server.lines == ["REGISTER", "QUIT"] * 2


def test_a_server_that_cannot_be_reached_is_told_and_a_piped_mail_is_passed_over():
    out = run("1\n" + TO_THREE + "2\n3\n", options=["--course", "mymailserver"])
    assert len(re.findall(r"^Error in registering: .*127\.0\.0\.1", out, re.M)) == 3
    assert out.count(NUMBERS) == 3 and "Mail sent" not in out


def test_what_came_before_the_connection_broke_is_shown():
    class Cut(Member):
        def say(self, peer, octets):
            super().say(peer, octets)
            if b"*****" in octets:
                raise ConnectionError

    smtp = Cut()
    smtp.inbox = smtp.inbox.replace(b"\r\n.\r\n", b"\r\n")
    assert "hello\n.dots\nError in retrieving mail: the server hung up\n" + NUMBERS in member("2\n3\n", Server(smtp))


def test_when_the_server_ends_the_connection_the_next_choice_says_so_and_registers_anew():
    class Impatient(Member):
        def __call__(self, peer):
            peer.connection.settimeout(0.3)
            try:
                super().__call__(peer)
            except TimeoutError:
                self.address = b"250 7@m\r\n"
                peer.send(b"421 idle for too long\r\n")

    server = Server(Impatient())
    client = subprocess.Popen(
        [PROGRAMS / "mailclient", "--course", "mymailserver", "127.0.0.1", str(server.port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    client.stdin.write("2\n")
    client.stdin.flush()
    time.sleep(1)
    out, _ = client.communicate("1\n" + TO_THREE.replace("4@m", "7@m") + "3\n", timeout=LIMIT)
    assert "The server has ended the connection, and the address with it\nYour address: 7@m\n" in out
    assert "Mail sent successfully" in out
    assert server.connections == 2


# ---- courses by name and by file ----


def test_the_programs_further_name_implies_its_course(tmp_path):
    link = tmp_path / "mail_client"
    link.symlink_to(PROGRAMS / "mailclient")
    done = subprocess.run([link, "127.0.0.1", "1"], input="a\nb\nc\n", capture_output=True, text=True, timeout=LIMIT)
    assert LETTERS in done.stdout and done.returncode == 0
    done = subprocess.run(
        [link, "--course", "calicut", "127.0.0.1", "1"], input="a\nb\n2\n", capture_output=True, text=True, timeout=LIMIT
    )
    assert "1. Send Mail\n2. Quit\n" in done.stdout


def test_a_teachers_own_course(tmp_path):
    (tmp_path / "my.conf").write_text("""
        users_file = "people.txt"
        mailbox = "mail"
        subject_typed = 5
        list_view = true
        command_prompt = false
        verb "SENDER" { means = "MAIL FROM:" }
        client {
            menu "w" { label = "Write" action = send }
            menu "r" { label = "Read" action = manage }
            menu "x" { label = "Leave" action = quit }
            menu_mark = " - "
            ask_name = "Who? "
            ask_number = "Which? "
            wrong_format = "No!"
            sent = "Gone."
            delete_key = "#"
        }
    """)
    smtp, pop3 = Server(Smtp()), Pop3(TWO)
    typed = "alice\nsecret\nW\n" + MAIL + "w\n" + MAIL.replace(": s", ": toolong") + "2\n2\n#\n-1\n3\n"
    out = run(typed, smtp=smtp.port, pop3=Server(pop3).port, options=["--course", str(tmp_path / "my.conf")])
    assert out.startswith("Who? \nPassword: \nw - Write\nr - Read\nx - Leave\n")
    assert "Gone.\n" in out and "No!\n" in out and "Which? " in out
    assert smtp.lines[1:3] == ["SENDER <a@lab>", "RCPT TO:<b@lab>"]
    assert pop3.mails == [TWO[0]]
