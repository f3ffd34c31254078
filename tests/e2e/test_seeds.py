"""The examples of the assignment this course comes from (networks lab, Kharagpur): its dialogue, its mail, its menu.

The client's lines and the mailbox file are compared byte for byte; the server's texts are those the assignment lists. The users of
the examples are users here.
"""

import email
import email.policy
import re
import socket
import threading
import time

import pytest

from harness import Dialogue, Lab, login, retrieve, run

USERS = {"ag": "secret1", "gb": "secret2", "ng": "secret3", "agupta": "secret4"}


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path / "lab", USERS)
    yield lab
    lab.close()


def minutes(function):
    """What the function did, and the Received dates it may have written: of the minute before and after."""

    def now():
        return time.strftime("%Y-%m-%d : %H : %M")

    before = now()
    outcome = function()
    return outcome, {before, now()}


# "A typical ordering of the commands in a mail session", as its two sides say it
DIALOGUE = """\
S: 220 iitkgp.edu Service Ready
C: HELO iitkgp.edu
S: 250 OK Hello iitkgp.edu
C: MAIL FROM: <ag@iitkgp.edu>
S: 250 <ag@iitkgp.edu>... Sender ok
C: RCPT TO: gb@iitkgp.edu
S: 250 <gb@iitkgp.edu>... Recipient ok
C: DATA
S: 354 Start mail input; end with <CRLF>.<CRLF>
C: From: ag@iitkgp.edu
C: To: gb@iitkgp.edu
C: Subject: Test mail
C: This is a test mail.
C: How are you doing?
C: .
S: 250 OK Message accepted for delivery
C: QUIT
S: 221 iitkgp.edu Service closing transmission channel
"""
DIALOGUE_MAIL = """\
From: ag@iitkgp.edu
To: gb@iitkgp.edu
Subject: Test mail
Received: {date}
This is a test mail.
How are you doing?
.
"""

# "An example typed by a user can be"
TYPED = """\
From: agupta@10.5.20.22
To: ng@10.5.21.32
Subject: This week's lab assignment
This is the first week after midsem.
The students are eager to do assignments (ha ha ha!)
Let us give them something interesting.
.
"""
TYPED_MAIL = TYPED.replace("assignment\n", "assignment\nReceived: {date}\n")


def play(server, line_end):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection, connection.makefile("rb") as answers:
        for line in DIALOGUE.splitlines():
            side, text = line[:2], line[3:]
            if side == "C:":
                connection.sendall(text.encode() + line_end)
            else:
                assert answers.readline() == text.encode() + b"\r\n"
        assert answers.read() == b""


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_the_dialogue_by_hand(lab, line_end):
    server = lab.smtpmail("--domain", "iitkgp.edu")
    _, dates = minutes(lambda: play(server, line_end))
    assert lab.mailbox("gb").read_text() in {DIALOGUE_MAIL.format(date=date) for date in dates}


def test_a_mailbox_holds_messages_divided_by_full_stops(lab):
    server = lab.smtpmail("--domain", "iitkgp.edu")
    _, dates = minutes(lambda: [play(server, b"\r\n") for _ in range(3)])
    mails = lab.mailbox("gb").read_text()
    assert mails in {"".join(DIALOGUE_MAIL.format(date=date) for date in three) for three in
                     ((a, b, c) for a in dates for b in dates for c in dates)}


def test_no_such_user(lab):
    with Dialogue(lab.smtpmail(), "220 ") as talk:
        talk.say("HELO iitkgp.edu", "250 OK Hello iitkgp.edu")
        talk.say("MAIL FROM: <ag@iitkgp.edu>", "250 <ag@iitkgp.edu>... Sender ok")
        assert talk.say("RCPT TO: xyz@iitkgp.edu") == "550 No such user"


def test_pop3_as_the_assignment_tells_it(lab):
    smtpmail, popserver = lab.smtpmail("--domain", "iitkgp.edu"), lab.popserver("--domain", "iitkgp.edu")
    _, dates = minutes(lambda: [play(smtpmail, b"\r\n") for _ in range(2)])
    sizes = {len(DIALOGUE_MAIL.format(date=date).removesuffix(".\n").replace("\n", "\r\n")) for date in dates}
    (size,) = sizes
    with Dialogue(popserver) as talk:
        assert talk.greeting == "+OK POP3 server ready"
        talk.say("USER gb", "+OK")
        talk.say("PASS secret2", "+OK")
        assert talk.say("STAT") == f"+OK 2 {2 * size}"
        talk.say("LIST", "+OK")
        assert talk.body() == f"1 {size}\r\n2 {size}\r\n".encode()
        assert retrieve(talk, 1).decode() in {
            DIALOGUE_MAIL.format(date=date).removesuffix(".\n").replace("\n", "\r\n") for date in dates
        }
        talk.say("DELE 1", "+OK")
        talk.say("RSET", "+OK")
        talk.say("DELE 2", "+OK")
        assert talk.say("QUIT") == "+OK goodbye"
        assert talk.ended()
    assert len(lab.mails("gb")) == 1
    # A wrong password, and a mailbox that is in use.
    with Dialogue(popserver) as talk:
        talk.say("USER gb", "+OK")
        talk.say("PASS secret3", "-ERR")
        talk.say("USER gb", "+OK")
        talk.say("PASS secret2", "+OK")
        with Dialogue(popserver) as second:
            second.say("USER gb", "+OK")
            second.say("PASS secret2", "-ERR [IN-USE]")
            assert second.ended()


def client(lab, typed, smtpmail, popserver, *options):
    done = run("mailclient", *options, "127.0.0.1", smtpmail.port, popserver.port, input=typed)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_mail_typed_in_the_client(lab, tmp_path):
    with open(tmp_path / "transcript", "w") as transcript:
        smtpmail = lab.smtpmail("--transcript", "--domain", "iitkgp.edu", stdout=transcript)
    screen, dates = minutes(lambda: client(lab, f"agupta\nsecret4\n2\n{TYPED}3\n", smtpmail, smtpmail))
    assert "Mail sent successfully\n" in screen
    assert screen.count("1. Manage Mail\n2. Send Mail\n3. Quit\n") == 2
    assert lab.mailbox("ng").read_text() in {TYPED_MAIL.format(date=date) for date in dates}
    smtpmail.stop()
    said = [line[3:] for line in (tmp_path / "transcript").read_text().splitlines() if line.startswith("C: ")]
    said = [line for line in said if not line.startswith("<client ")]
    assert re.fullmatch(r"HELO [A-Za-z0-9.-]+", said[0])
    assert said[1:] == ["MAIL FROM:<agupta@10.5.20.22>", "RCPT TO:<ng@10.5.21.32>", "DATA", *TYPED.splitlines(), "QUIT"]


def test_what_the_client_sends_byte_for_byte(lab):
    """The same, heard by a listener that is not ours."""
    replies = iter([b"250 OK\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n", b"250 OK\r\n", b"221 bye\r\n"])
    heard = []

    def listen():
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 iitkgp.edu Service Ready\r\n")
            in_data = False
            for line in lines:
                heard.append(line)
                if in_data and line != b".\r\n":
                    continue
                in_data = line == b"DATA\r\n"
                connection.sendall(next(replies))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen)
        thread.start()
        port = server.getsockname()[1]
        done = run("mailclient", "127.0.0.1", port, port, input=f"agupta\nsecret4\n2\n{TYPED}3\n")
        thread.join()
    assert "Mail sent successfully\n" in done.stdout
    assert heard[0].startswith(b"HELO ") and heard[0].endswith(b"\r\n")
    body = TYPED.replace("\n", "\r\n").encode()
    assert b"".join(heard[1:]) == b"MAIL FROM:<agupta@10.5.20.22>\r\nRCPT TO:<ng@10.5.21.32>\r\nDATA\r\n" + body + b"QUIT\r\n"


def test_blanks_where_one_is_shown(lab):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    typed = "From:   agupta   @   10.5.20.22\nTo:  ng @ 10.5.21.32\nSubject:    blanks\n.\n"
    screen, dates = minutes(lambda: client(lab, f"ng\nsecret3\n2\n{typed}3\n", smtpmail, popserver))
    assert "Mail sent successfully\n" in screen
    assert lab.mailbox("ng").read_text().startswith("From: agupta@10.5.20.22\nTo: ng@10.5.21.32\nSubject:")


@pytest.mark.parametrize(
    "typed",
    [
        "To: ng@b\nFrom: ag@a\nSubject: order\n.\n",
        "From: ag@a\nTo: ng@b\nno subject\n.\n",
        "From: ag\nTo: ng@b\nSubject: no domain\n.\n",
        "From: ag@a\nTo: ng@b@c\nSubject: two\n.\n",
        f"From: ag@a\nTo: ng@b\nSubject: {'x' * 51}\n.\n",
    ],
)
def test_incorrect_format(lab, typed):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    screen = client(lab, f"ag\nsecret1\n2\n{typed}3\n", smtpmail, popserver)
    assert "Incorrect format\n1. Manage Mail\n2. Send Mail\n3. Quit\n" in screen
    assert not lab.mailbox("ng").exists()


def test_error_in_sending_mail(lab):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    screen = client(lab, "ag\nsecret1\n2\nFrom: ag@a\nTo: nobody@b\nSubject: s\nbody\n.\n3\n", smtpmail, popserver)
    assert "Error in sending mail: 550 No such user\n" in screen


def test_managing_mail(lab):
    smtpmail, popserver = lab.smtpmail("--domain", "iitkgp.edu"), lab.popserver()
    _, dates = minutes(lambda: [play(smtpmail, b"\r\n") for _ in range(2)])
    screen = client(lab, "gb\nsecret2\n1\n7\nxyz\n1\nd\n1\nx\n-1\n3\n", smtpmail, popserver)
    assert screen.count("Sl. No.") == 3  # at first, after the deletion, after the look
    assert screen.count("Mail no. out of range, give again\n") == 2
    shown = [DIALOGUE_MAIL.format(date=date).removesuffix(".\n") for date in dates]
    assert sum(screen.count(mail) for mail in shown) == 2
    assert any(re.search(rf"^ *1 +ag@iitkgp\.edu +{date} +Test mail *$", screen, re.M) for date in dates), screen
    assert len(lab.mails("gb")) == 1


def test_pythons_email_parser_reads_such_a_mail(lab):
    """These mails have no empty line before the body. Python's parser ends the header there and says so, and the body is right."""
    smtpmail, popserver = lab.smtpmail("--domain", "iitkgp.edu"), lab.popserver()
    _, dates = minutes(lambda: play(smtpmail, b"\r\n"))
    with login(popserver, "gb", "secret2") as talk:
        octets = retrieve(talk, 1)
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert (mail["From"], mail["To"], mail["Subject"]) == ("ag@iitkgp.edu", "gb@iitkgp.edu", "Test mail")
    assert mail["Received"] in dates
    assert mail.get_content().splitlines() == ["This is a test mail.", "How are you doing?"]
