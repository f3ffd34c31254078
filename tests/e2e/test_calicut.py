"""The servers as the assignment from Calicut demonstrates them: a users file with commas, names without regard to case."""

import poplib
import smtplib

import pytest

from courses import CourseLab, minutes, play
from harness import Dialogue, login, retrieve

USERS = {"Stallings": "network$ecurity", "Fourouzan": "d@t@comm", "Andrew": "@dministr@tor"}
LINES = "Stallings,network$ecurity\nFourouzan,d@t@comm\nAndrew,@dministr@tor\n"

# The mail of the assignment's example, as its client sends it.
DIALOGUE = """\
S: 220 localhost Service Ready
C: HELO localhost
S: 250 OK Hello localhost
C: MAIL FROM: <stallings@localhost>
S: 250 <stallings@localhost>... Sender ok
C: RCPT TO: <andrew@localhost>
S: 250 <andrew@localhost>... Recipient ok
C: DATA
S: 354 Start mail input; end with <CRLF>.<CRLF>
C: From: stallings@localhost
C: To: andrew@localhost
C: Subject: SMTP Experiment
C: Next evaluation will be on 22 March 2021.
C: Please be ready.
C: .
S: 250 OK Message accepted for delivery
C: QUIT
S: 221 localhost Service closing transmission channel
"""
STORED = """\
From: stallings@localhost
To: andrew@localhost
Subject: SMTP Experiment
Received: {date}
Next evaluation will be on 22 March 2021.
Please be ready.
.
"""


@pytest.fixture
def lab(tmp_path):
    lab = CourseLab(tmp_path / "lab", "logincred.txt", LINES, "mymailbox.mail", USERS)
    yield lab
    lab.close()


@pytest.fixture
def smtpmail(lab):
    return lab.smtpmail("--domain", "localhost")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_the_example_reaches_the_directory_as_the_file_spells_it(lab, smtpmail, line_end):
    dates = minutes(lambda: play(smtpmail, DIALOGUE, line_end))
    assert lab.mailbox("Andrew").read_text() in {STORED.format(date=date) for date in dates}
    assert sorted(entry.name for entry in lab.path.iterdir()) == ["Andrew", "Fourouzan", "Stallings", "logincred.txt"]


def test_every_mail_is_ended_by_a_full_stop(lab, smtpmail):
    for _ in range(3):
        play(smtpmail, DIALOGUE)
    assert len(lab.mails("Andrew")) == 3


@pytest.mark.parametrize("name", ["stallings", "STALLINGS", "Stallings"])
def test_names_are_known_in_any_case(lab, smtpmail, name):
    with smtplib.SMTP("127.0.0.1", smtpmail.port) as client:
        client.sendmail("andrew@localhost", [f"{name}@localhost"], "From: andrew@localhost\r\n\r\nHello\r\n")
    assert len(lab.mails("Stallings")) == 1


def test_nobody_else_is_known(smtpmail):
    with Dialogue(smtpmail, "220 ") as talk:
        talk.say("HELO x", "250")
        talk.say("MAIL FROM: <stallings@localhost>", "250")
        assert talk.say("RCPT TO: <tanenbaum@localhost>") == "550 No such user"
        assert talk.say("RCPT TO: <stallings,network$ecurity@localhost>").startswith("50")


@pytest.mark.parametrize("name", USERS)
def test_passwords_hold_what_they_hold(lab, smtpmail, name):
    """The server for POP3 is not the assignment's, but the users are there."""
    popserver = lab.popserver()
    client = poplib.POP3("127.0.0.1", popserver.port)
    client.user(name.lower())
    client.pass_(USERS[name])
    assert client.stat() == (0, 0)
    client.quit()
    with Dialogue(popserver) as talk:
        talk.say(f"USER {name}", "+OK")
        talk.say(f"PASS {USERS[name][:-1]}", "-ERR")


def test_the_first_comma_separates(lab, smtpmail):
    (lab.path / "logincred.txt").write_text(LINES + "Kurose,top,down\n# a comment\n\n Ross , spaced \n")
    popserver = lab.popserver()
    login(popserver, "kurose", "top,down").say("QUIT", "+OK goodbye")


def test_a_stored_mail_is_read_back(lab, smtpmail):
    dates = minutes(lambda: play(smtpmail, DIALOGUE))
    talk = login(lab.popserver(), "andrew", USERS["Andrew"])
    text = retrieve(talk, 1).decode()
    assert text in {STORED.format(date=date)[:-2].replace("\n", "\r\n") for date in dates}


def test_a_subject_of_100_characters_is_the_longest(lab, smtpmail):
    for length, expected in ((100, "250"), (101, "554")):
        with Dialogue(smtpmail, "220 ") as talk:
            talk.say("HELO x", "250")
            talk.say("MAIL FROM:<a@b>", "250")
            talk.say("RCPT TO:<andrew@b>", "250")
            talk.say("DATA", "354")
            talk.send(b"From: a@b\r\nTo: andrew@b\r\nSubject: " + b"s" * length + b"\r\ntext\r\n")
            talk.say(".", expected)
    assert len(lab.mails("Andrew")) == 1
