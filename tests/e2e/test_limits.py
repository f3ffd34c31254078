"""Limits with a clear reply, and peers that are slow, hasty, many, or wrong."""

import random
import re
import time

import pytest

from harness import SANITISED, Dialogue, login, retrieve, send_mail, smtp, stuffed, wait_for
import letters


def begin_mail(talk, to="alice@lab"):
    talk.say("MAIL FROM:<bob@lab>", "250 ")
    talk.say(f"RCPT TO:<{to}>", "250 ")
    talk.say("DATA", "354 ")


def test_a_thousand_recipients_and_not_one_more(lab):
    (lab.path / "user.txt").write_text("".join(f"user{n} word\n" for n in range(1001)))
    smtpmail = lab.smtpmail()
    with smtp(smtpmail) as talk:
        talk.say("MAIL FROM:<bob@lab>", "250 ")
        talk.send(b"".join(b"RCPT TO:<user%d@lab>\r\n" % n for n in range(1000)))
        assert all(talk.reply().startswith("250 ") for _ in range(1000))
        talk.say("RCPT TO:<user1000@lab>", "452 ")
        talk.say("DATA", "354 ")
        talk.send(stuffed(letters.text(1)) + b".\r\n")
        assert talk.reply().startswith("250 ")
    assert all(len(lab.mails(f"user{n}")) == 1 for n in range(1000))
    assert lab.mails("user1000") == []


def test_a_mail_over_the_limit_is_refused_and_the_session_goes_on(lab):
    smtpmail = lab.smtpmail("--max-size", "100K")
    with Dialogue(smtpmail, "220 ") as talk:
        assert "SIZE 102400" in talk.say("EHLO client.test", "250-")
        talk.say("MAIL FROM:<bob@lab> SIZE=102401", "552 ")
        begin_mail(talk)
        talk.send((b"x" * 78 + b"\r\n") * 2000 + b".\r\n")
        assert talk.reply().startswith("552 ")
        begin_mail(talk)
        talk.send(stuffed(letters.text(1)) + b".\r\n")
        assert talk.reply().startswith("250 ")
    assert len(lab.mails()) == 1


@pytest.mark.parametrize("length", [512, 1000, 2046])
def test_command_lines_up_to_the_limit_work(smtpmail, length):
    with smtp(smtpmail) as talk:
        assert talk.say("NOOP " + "x" * (length - len("NOOP \r\n"))).startswith("250 ")


def test_an_endless_command_line_is_refused_and_its_tail_never_runs(smtpmail):
    for probe in (2048, 2049, 4096, 8192, 65536):
        with smtp(smtpmail) as talk:
            talk.send(b"NOOP " + b"x" * (probe - 5) + b"QUIT\r\nNOOP\r\n")
            replies = [talk.hear(), talk.hear()]
            assert replies[0].startswith("500 ") and not any(r.startswith("221") for r in replies), replies


def test_an_endless_pop3_line_is_refused(popserver):
    with Dialogue(popserver, "+OK") as talk:
        talk.send(b"USER " + b"x" * 100_000 + b"\r\nCAPA\r\n")
        assert talk.hear().startswith("-ERR")
        assert talk.hear().startswith("+OK")


@pytest.mark.parametrize("length", [78, 998, 1000, 4096, 100_000])
def test_text_lines_of_any_length_are_kept_whole(lab, smtpmail, popserver, length):
    line = b"." + b"L" * (length - 1) + b"\r\n"
    assert send_mail(smtpmail, b"Subject: long\r\n\r\n" + line).startswith("250 ")
    with login(popserver) as talk:
        assert retrieve(talk, 1).endswith(b"\r\n\r\n" + line)


def test_a_subject_over_the_limit_is_refused_with_the_limit_named(lab, smtpmail):
    mail = "From: a@b\r\nTo: c@d\r\nSubject: {}\r\nbody\r\n"
    assert send_mail(smtpmail, mail.format("é" * 100).encode()).startswith("250 ")
    reply = send_mail(smtpmail, mail.format("é" * 101).encode())
    assert reply.startswith("554 ") and "100" in reply
    assert len(lab.mails()) == 1


def test_ten_errors_and_out(smtpmail, popserver):
    with smtp(smtpmail) as talk:
        for _ in range(9):
            talk.say("XYZZY", "500 ")
        rest = [talk.reply() for _ in (talk.send(b"XYZZY\r\n"),)]
        while not rest[-1].startswith("421 ") and rest[-1]:
            rest.append(talk.reply())
        assert rest[-1].startswith("421 ") and talk.ended(), rest
    with login(popserver) as talk:
        for _ in range(9):
            talk.say("XYZZY", "-ERR")
        talk.send(b"XYZZY\r\n")
        assert talk.hear().startswith("-ERR")
        assert talk.ended()


def test_three_wrong_passwords_and_out(popserver):
    with Dialogue(popserver, "+OK") as talk:
        for _ in range(3):
            talk.say("USER alice", "+OK")
            talk.say("PASS wrong", "-ERR")
        assert talk.ended()


def test_a_connection_too_many_is_told_421(lab):
    smtpmail, popserver = lab.smtpmail("--max-connections", 3), lab.popserver("--max-connections", 3)
    with smtp(smtpmail), smtp(smtpmail), smtp(smtpmail) as last:
        with Dialogue(smtpmail) as more:
            assert more.greeting.startswith("421 ") and more.ended()
        last.say("QUIT", "221 ")
        last.close()

        def there_is_room_again():
            with Dialogue(smtpmail) as talk:
                return talk.greeting.startswith("220 ")

        wait_for(there_is_room_again)
    with Dialogue(popserver, "+OK"), Dialogue(popserver, "+OK"), Dialogue(popserver, "+OK"):
        with Dialogue(popserver) as more:
            assert more.greeting.startswith("-ERR") and more.ended()


def test_hundreds_of_idle_connections_disturb_nobody(lab, smtpmail, popserver):
    idle = [Dialogue(server) for server in (smtpmail, popserver) for _ in range(300)]
    begin = time.monotonic()
    assert send_mail(smtpmail, letters.text(1)).startswith("250 ")
    with login(popserver) as talk:
        assert letters.number_of(retrieve(talk, 1)) == 1
    assert time.monotonic() - begin < 2
    for talk in idle:
        talk.reset()


def test_octets_one_at_a_time_make_the_same_mail(lab, smtpmail, popserver):
    session = b"HELO x\r\n" + letters.transaction(5) + b"QUIT\r\n"
    with Dialogue(smtpmail, "220 ") as talk:
        for octet in session:
            talk.send(bytes([octet]))
        assert [talk.hear()[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]
    with Dialogue(popserver, "+OK") as talk:
        for octet in b"USER alice\r\nPASS wonderland\r\nRETR 1\r\n":
            talk.send(bytes([octet]))
        assert [talk.hear()[:3] for _ in range(3)] == ["+OK"] * 3
        assert letters.number_of(talk.body()) == 5


def test_whole_sessions_in_one_write(lab, smtpmail, popserver):
    with Dialogue(smtpmail, "220 ") as talk:
        talk.send(b"HELO x\r\n" + b"".join(letters.transaction(n) for n in range(20)) + b"QUIT\r\n")
        codes = [talk.hear()[:3] for _ in range(82)]
        assert codes == ["250"] + ["250", "250", "354", "250"] * 20 + ["221"] and talk.ended()
    with Dialogue(popserver, "+OK") as talk:
        talk.send(b"USER alice\r\nPASS wonderland\r\n" + b"".join(b"RETR %d\r\nDELE %d\r\n" % (n + 1, n + 1) for n in range(20)) + b"QUIT\r\n")
        assert [talk.hear()[:3] for _ in range(2)] == ["+OK"] * 2
        for number in range(20):
            assert talk.hear().startswith("+OK")
            assert letters.number_of(talk.body()) == number
            assert talk.hear().startswith("+OK")
        assert talk.hear() == "+OK goodbye" and talk.ended()
    assert lab.mails() == []


def test_sessions_cut_anywhere_make_the_same_mail(lab, smtpmail):
    session = b"HELO x\r\n" + letters.transaction(4) + letters.transaction(8) + b"QUIT\r\n"
    rng = random.Random(7)
    for _ in range(40):
        with Dialogue(smtpmail, "220 ") as talk:
            cut = rng.randrange(1, len(session))
            talk.send(session[:cut])
            time.sleep(0.005)
            talk.send(session[cut:])
            assert [talk.hear()[:3] for _ in range(10)] == ["250"] + ["250", "250", "354", "250"] * 2 + ["221"]
    received = re.compile(rb"^Received: .*\n", re.M)
    assert len({received.sub(b"", mail) for mail in lab.mails()}) == 2 and len(lab.mails()) == 80


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\r\n.\r\r\n"], ids=repr
)
def test_nothing_but_crlf_dot_crlf_ends_a_mail(lab, smtpmail, end):
    with smtp(smtpmail) as talk:
        begin_mail(talk)
        talk.send(b"Subject: outer\r\n\r\nbefore" + end + b"MAIL FROM:<evil@x>\r\nRCPT TO:<alice@lab>\r\nDATA\r\nsmuggled\r\n.\r\n")
        assert talk.reply()[:3] in ("250", "554")
        talk.say("NOOP", "250 ")
    mails = lab.mails()
    assert len(mails) <= 1 and (not mails or b"smuggled" in mails[0] and b"outer" in mails[0])


def test_a_hand_typed_session_with_bare_line_feeds(lab, smtpmail):
    with Dialogue(smtpmail, "220 ") as talk:
        talk.send(b"HELO student\n")
        assert talk.reply() == "250 OK Hello student"
        talk.send(b"MAIL FROM: <bob@lab>\nRCPT TO: alice@lab\nDATA\n")
        assert [talk.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        talk.send(b"From: bob@lab\nTo: alice@lab\nSubject: first try\nIt works.\n.\nQUIT\n")
        assert [talk.reply()[:3] for _ in range(2)] == ["250", "221"]
    assert lab.mails()[0].endswith(b"It works.\n")


def test_a_reader_that_does_not_read_stops_nobody(lab, smtpmail, popserver):
    big = b"Subject: big\r\n\r\n" + (b"z" * 78 + b"\r\n") * 25_000
    assert send_mail(smtpmail, big).startswith("250 ")
    with login(popserver) as lazy:
        lazy.send(b"RETR 1\r\n" * (5 if SANITISED else 20))
        time.sleep(0.2)
        assert send_mail(smtpmail, letters.text(1), to=["bob@lab"]).startswith("250 ")
        with login(popserver, "bob") as talk:
            assert letters.number_of(retrieve(talk, 1)) == 1
        if not SANITISED:
            assert popserver.peak_memory() < 32 * 1024 * 1024
