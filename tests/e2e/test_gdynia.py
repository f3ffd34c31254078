"""The made-up course in examples/, in servers and client: a course is a file."""

import subprocess

import pytest

from courses import CourseLab
from harness import BUILD, ROOT, PATIENCE, Dialogue, login, retrieve

COURSE = ROOT / "examples" / "gdynia.conf"
USERS = {"anna": "kotwica", "Jan": "ster,kompas"}


@pytest.fixture
def lab(tmp_path):
    lab = CourseLab(tmp_path / "lab", "crew.txt", "anna,kotwica\nJan,ster,kompas\n", "letters.txt", USERS)
    yield lab
    lab.close()


@pytest.fixture
def smtpmail(lab):
    return lab.smtpmail("--course", COURSE)


@pytest.fixture
def popserver(lab):
    return lab.popserver("--course", COURSE)


def test_the_servers_speak_the_file_s_words(lab, smtpmail, popserver):
    with Dialogue(smtpmail) as talk:
        assert talk.greeting == "220 gdynia.example Harbour office, who is there?"
        assert talk.say("AHOY kutter") == "250 Welcome aboard, kutter"
        assert talk.say("SENDER:<anna@x>") == "250 From anna@x, aye"
        assert talk.say("RCPT TO:<jan@x>") == "250 For jan@x, aye"
        assert talk.say("RCPT TO:<hook@x>") == "550 Nobody called hook@x in this crew"
        assert talk.say("DATA") == "354 Dictate; a line with only a full stop is the end"
        talk.send(b"From: anna@x\r\nTo: jan@x\r\nSubject: " + b"s" * 80 + b"\r\nHello\r\n")
        assert talk.say(".") == "250 Your letter is in the bag"
        talk.say("MAIL FROM:<anna@x>", "250")
        talk.say("RCPT TO:<jan@x>", "250")
        talk.say("DATA", "354")
        talk.send(b"From: anna@x\r\nTo: jan@x\r\nSubject: " + b"s" * 81 + b"\r\nHello\r\n")
        assert talk.say(".") == "554 A subject has at most 80 characters here"
        assert talk.say("QUIT") == "221 gdynia.example Fair winds"
    assert len(lab.mails("Jan")) == 1
    talk = login(popserver, "jan", "ster,kompas")
    assert talk.greeting == "+OK Letters are handed out here"
    assert b"Hello" in retrieve(talk, 1)
    assert talk.say("QUIT") == "+OK Fair winds"


def test_the_client_shows_the_file_s_menu_and_says_its_verbs(lab, smtpmail, popserver):
    typed = (
        "anna\nkotwica\n"
        "w\nFrom: anna@x\nTo: jan@x\nSubject: wind\nIt blows.\n.\n"
        "w\nno letter\n.\n"
        "w\nFrom: anna@x\nTo: hook@x\nSubject: wind\n.\n"
        "x\n"
    )
    out = client(typed, smtpmail, popserver, "--transcript")
    assert "Name: " in out and "Watchword: " in out
    assert "l - Letters\nw - Write\nx - Go ashore\nWhat now? " in out
    assert "The letter is on its way\n" in out
    assert "That is no letter\n" in out
    assert "The letter came back: 550 Nobody called hook@x in this crew\n" in out
    assert "C: SENDER: <anna@x>\n" in out and "C: ADDRESSEE: <jan@x>\n" in out
    out = client("jan\nster,kompas\nl\n7\n1\ns\n-1\nx\n", smtpmail, popserver)
    assert "No.  From  Arrived  About\n1  anna@x  " in out
    assert "There is no such letter, once more\n" in out
    assert "It blows.\n" in out
    assert "No letters.\n" in out
    assert lab.mails("Jan") == []


def client(typed, smtpmail, popserver, *options):
    done = subprocess.run(
        [BUILD / "mailclient", "--course", COURSE, *options, "127.0.0.1", str(smtpmail.port), str(popserver.port)],
        input=typed, capture_output=True, text=True, timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
