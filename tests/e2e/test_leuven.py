"""The servers as the assignment from Leuven demonstrates them: verbs with underscores beside the standard ones, further program names."""

import os
import smtplib
import subprocess

import pytest

from courses import CourseLab, minutes, play
from harness import BUILD, ROOT, Dialogue, login, retrieve, run

USERS = {"cnlab": "secret1", "cn": "secret2"}
LINES = "cnlab  secret1\ncn secret2\n"

# "A typical sequence of commands", with the reply texts that the assignment lists.
DIALOGUE = """\
S: 220 kuleuven.be Service Ready
C: HELO kuleuven.be
S: 250 OK Hello kuleuven.be
C: MAIL_FROM: <cnlab@kuleuven.be>
S: 250 <cnlab@kuleuven.be>... Sender ok
C: RCPT_TO: <cn@kuleuven.be>
S: 250 <cn@kuleuven.be>... Recipient ok
C: DATA
S: 354 Start mail input; end with <CRLF>.<CRLF>
C: From: <cnlab@kuleuven.be>
C: To: <cn@kuleuven.be>
C: Subject: Test
C: This is a test mail.
C: Are you going well?
C: .
S: 250 OK Message accepted for delivery
C: QUIT
S: 221 kuleuven.be Service closing transmission channel
"""
STORED = """\
From: <cnlab@kuleuven.be>
To: <cn@kuleuven.be>
Subject: Test
Received: {date}
This is a test mail.
Are you going well?
.
"""


@pytest.fixture
def lab(tmp_path):
    lab = CourseLab(tmp_path / "lab", "userinfo.txt", LINES, "my_mailbox", USERS)
    yield lab
    lab.close()


@pytest.fixture
def smtpmail(lab):
    return lab.smtpmail("--domain", "kuleuven.be")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_the_dialogue_by_hand(lab, smtpmail, line_end):
    dates = minutes(lambda: play(smtpmail, DIALOGUE, line_end))
    assert lab.mailbox("cn").read_text() in {STORED.format(date=date) for date in dates}


@pytest.mark.parametrize(
    "mail, rcpt",
    [
        ("MAIL FROM:<a@b>", "RCPT TO:<cn@b>"),
        ("MAIL FROM: a@b", "RCPT_TO: cn@b"),
        ("mail_from:<a@b> SIZE=10", "Rcpt_To:<cn@b>"),
        ("MAIL_FROM:a@b  ", "  RCPT_TO:   <cn@b>  "),
        ("MAIL_FROM: <>", "RCPT TO:<cn@b>"),
    ],
)
def test_both_spellings_work_together(lab, smtpmail, mail, rcpt):
    with Dialogue(smtpmail, "220 ") as talk:
        talk.say("HELO x", "250")
        talk.say(mail, "250")
        talk.say(rcpt, "250")
        talk.say("DATA", "354")
        talk.send(b"text\r\n")
        talk.say(".", "250")
    assert len(lab.mails("cn")) == 1


def test_the_further_verbs_obey_the_same_rules(smtpmail):
    with Dialogue(smtpmail, "220 ") as talk:
        talk.say("MAIL_FROM: <a@b>", "503")
        talk.say("EHLO x", "250")
        talk.say("RCPT_TO: <cn@b>", "503")
        talk.say("MAIL_FROM:", "501")
        talk.say("MAIL_FROM: <a@b> COLOUR=blue", "555")
        talk.say("MAIL_FROM: <a@b>", "250")
        talk.say("MAIL FROM: <a@b>", "503")
        assert talk.say("RCPT_TO: <nobody@b>") == "550 5.1.1 No such user"
        talk.say("RCPT_TO", "500")
        talk.say("MAIL_FROM", "500")


def test_ehlo_and_help_are_as_ever(smtpmail):
    with Dialogue(smtpmail, "220 ") as talk:
        assert "_" not in talk.say("EHLO x", "250")
        assert talk.say("HELP") == "214 2.0.0 HELO EHLO AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"


def test_other_courses_do_not_know_the_verbs(lab):
    (lab.path / "userinfo.txt").rename(lab.path / "user.txt")
    with Dialogue(lab.smtpmail(), "220 ") as talk:
        talk.say("HELO x", "250")
        talk.say("MAIL_FROM: <a@b>", "500")


def test_a_client_that_nobody_here_wrote(lab, smtpmail):
    with smtplib.SMTP("127.0.0.1", smtpmail.port) as client:
        client.sendmail("a@b", ["CN@kuleuven.be"], "From: a@b\r\nTo: cn@b\r\nSubject: s\r\n\r\nHello\r\n")
    assert len(lab.mails("cn")) == 1


def test_pop3_says_goodbye_in_the_course_s_words(lab, smtpmail):
    play(smtpmail, DIALOGUE)
    talk = login(lab.popserver(), "cn", "secret2")
    assert talk.greeting == "+OK POP3 server ready"
    assert talk.say("STAT").startswith("+OK 1 ")
    assert b"Are you going well?\r\n" in retrieve(talk, 1)
    talk.say("DELE 1", "+OK")
    talk.say("RSET", "+OK")
    talk.say("DELE 1", "+OK")
    assert talk.say("QUIT") == "+OK Thanks for using POP3 server"
    assert talk.ended()
    assert lab.mails("cn") == []


def test_a_subject_of_150_characters_is_the_longest(lab, smtpmail):
    for length, expected in ((150, "250"), (151, "554")):
        with Dialogue(smtpmail, "220 ") as talk:
            talk.say("HELO x", "250")
            talk.say("MAIL_FROM:<a@b>", "250")
            talk.say("RCPT_TO:<cn@b>", "250")
            talk.say("DATA", "354")
            talk.send(b"From: a@b\r\nTo: cn@b\r\nSubject: " + b"s" * length + b"\r\ntext\r\n")
            assert talk.say(".", expected)
    assert len(lab.mails("cn")) == 1


# ---- further names ----

NAMES = {"mailserver_stmp": "smtpmail", "pop_server": "popserver", "mail_client": "mailclient"}


@pytest.mark.parametrize("name", NAMES)
def test_the_further_names_are_links(name):
    assert os.readlink(BUILD / name) == NAMES[name]
    assert run(name, "--version").stdout.startswith(NAMES[name] + " ")


def test_the_further_names_imply_the_course(lab):
    """A users file of another course beside this one's would otherwise be an error."""
    (lab.path / "user.txt").write_text("alice secret\n")
    with Dialogue(lab.server("mailserver_stmp", "--domain", "kuleuven.be")) as talk:
        talk.say("HELO x", "250")
        talk.say("MAIL_FROM: <a@b>", "250")
        talk.say("RCPT_TO: <cn@b>", "250")
        talk.say("RCPT_TO: <alice@b>", "550")
    with Dialogue(lab.server("pop_server")) as talk:
        assert talk.say("QUIT") == "+OK Thanks for using POP3 server"
    assert run("smtpmail", "0", cwd=lab.path).returncode == 78


def test_a_course_that_is_named_comes_before_the_program_s_name(lab):
    (lab.path / "user.txt").write_text("alice secret\n")
    with Dialogue(lab.server("pop_server", "--course", "kharagpur")) as talk:
        assert talk.say("QUIT") == "+OK goodbye"


def test_install_and_uninstall_know_the_further_names(tmp_path):
    make = ["make", "--no-print-directory", f"B={BUILD}", "-o", "all", f"DESTDIR={tmp_path}", "PREFIX=/usr"]
    subprocess.run([*make, "install"], cwd=ROOT, check=True, capture_output=True)
    for name, program in NAMES.items():
        assert os.readlink(tmp_path / "usr/bin" / name) == program
        assert subprocess.run([tmp_path / "usr/bin" / name, "--help"], capture_output=True).returncode == 0
    assert (tmp_path / "usr/share/doc/postroom/courses/leuven.conf").exists()
    assert list((tmp_path / "usr/share/doc/postroom/examples").iterdir())
    subprocess.run([*make, "uninstall"], cwd=ROOT, check=True, capture_output=True)
    assert not [path for path in tmp_path.rglob("*") if not path.is_dir()]
