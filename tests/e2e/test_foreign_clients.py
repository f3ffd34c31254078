"""First attempts of others: clients that end lines with LF, leave blanks where none belong, and send commands in pieces or in one heap."""

import socket
import time

import pytest

from harness import PATIENCE, USERS, Dialogue, login

MAIL = "From: bob@lab\nTo: alice@lab\nSubject: s\nHello.\n..dot\n"
STORED = b"From: bob@lab\nTo: alice@lab\nSubject: s\n", b"Hello.\n..dot\n"


def stored_once(lab):
    (mail,) = lab.mails()
    assert mail.startswith(STORED[0] + b"Received: ") and mail.endswith(b"\n" + STORED[1])


@pytest.fixture(params=[b"\r\n", b"\n"], ids=["crlf", "lf"])
def line_end(request):
    return request.param


class Foreign(Dialogue):
    """Says lines with its own end; `pieces` sends them octet by octet."""

    def __init__(self, server, line_end, pieces=False):
        super().__init__(server)
        self.line_end, self.pieces = line_end, pieces

    def say(self, line, expected=""):
        octets = line.replace("\n", self.line_end.decode()).encode() + self.line_end
        if self.pieces:
            for octet in octets:
                self.send(bytes([octet]))
                time.sleep(0.001)
        else:
            self.send(octets)
        reply = self.reply()
        assert reply.startswith(expected), (line, reply)
        return reply


def send(talk, mail="MAIL FROM:<bob@lab>", rcpt="RCPT TO:<alice@lab>"):
    talk.say("HELO x", "250")
    talk.say(mail, "250")
    talk.say(rcpt, "250")
    talk.say("DATA", "354")
    talk.say(MAIL + ".", "250")
    talk.say("QUIT", "221")


@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "octets"])
def test_smtp_by_lines(lab, smtpmail, line_end, pieces):
    with Foreign(smtpmail, line_end, pieces) as talk:
        send(talk)
        assert talk.ended()
    stored_once(lab)


@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "octets"])
def test_pop3_by_lines(lab, smtpmail, popserver, line_end, pieces):
    with Foreign(smtpmail, line_end) as talk:
        send(talk)
    with Foreign(popserver, line_end, pieces) as talk:
        talk.say("USER alice", "+OK")
        talk.say("PASS " + USERS["alice"], "+OK")
        talk.say("STAT", "+OK 1 ")
        talk.say("RETR 1", "+OK")
        assert talk.body().endswith(b"\r\nHello.\r\n.dot\r\n")
        talk.say("DELE 1", "+OK")
        talk.say("QUIT", "+OK")
    assert lab.mails() == []


@pytest.mark.parametrize("user, password", [
    ("USER alice ", "PASS wonderland"),
    ("USER  alice", "PASS wonderland"),
    ("USER alice \t ", "PASS  wonderland"),
    ("user Alice", "pass wonderland"),
    ("  USER alice", "PASS wonderland "),
])
def test_blanks_around_name_and_password(popserver, line_end, user, password):
    with Foreign(popserver, line_end) as talk:
        talk.say(user, "+OK")
        talk.say(password, "+OK")
        talk.say("STAT ", "+OK 0 0")
        talk.say("QUIT  ", "+OK")


@pytest.mark.parametrize("mail, rcpt", [
    ("MAIL FROM: <bob@lab>", "RCPT TO: <alice@lab>"),
    ("MAIL FROM:   <bob@lab>  ", "RCPT TO:\t<alice@lab> "),
    ("MAIL FROM: bob@lab", "RCPT TO: alice@lab"),
    ("MAIL FROM:bob@lab", "RCPT TO:alice"),
    ("mail from : <bob@lab>", "rcpt to : <alice@lab>"),
    ("MAIL  FROM:<bob@lab>", "RCPT   TO:<ALICE@lab>"),
    ("  MAIL FROM:<bob@lab>", "\tRCPT TO:<alice@lab>"),
])
def test_blanks_around_addresses(lab, smtpmail, line_end, mail, rcpt):
    with Foreign(smtpmail, line_end) as talk:
        send(talk, mail, rcpt)
    stored_once(lab)


def test_a_whole_smtp_session_in_one_write(lab, smtpmail, line_end):
    lines = ["HELO x", "MAIL FROM: <bob@lab>", "RCPT TO:<alice@lab>", "DATA", *MAIL.splitlines(), ".", "QUIT"]
    with Dialogue(smtpmail) as talk:
        talk.send(b"".join(line.encode() + line_end for line in lines))
        assert [talk.hear()[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]
        assert talk.ended()
    stored_once(lab)


def test_a_whole_pop3_session_in_one_write(lab, smtpmail, popserver, line_end):
    with Foreign(smtpmail, line_end) as talk:
        send(talk)
    lines = ["USER alice ", "PASS " + USERS["alice"], "STAT", "RETR 1", "DELE 1", "QUIT"]
    with Dialogue(popserver) as talk:
        talk.send(b"".join(line.encode() + line_end for line in lines))
        assert [talk.hear()[:3] for _ in range(4)] == ["+OK"] * 4
        assert talk.body().endswith(b".dot\r\n")
        assert [talk.hear()[:3] for _ in range(2)] == ["+OK"] * 2
        assert talk.ended()
    assert lab.mails() == []


def test_a_session_cut_at_any_place(lab, smtpmail, line_end):
    """In two writes, cut everywhere; the second comes when the first has been read."""
    lines = ["HELO x", "MAIL FROM: <bob@lab>", "RCPT TO:<alice@lab>", "DATA", *MAIL.splitlines(), ".", "QUIT"]
    octets = b"".join(line.encode() + line_end for line in lines)
    cuts = range(1, len(octets))
    for cut in cuts:
        with socket.create_connection(("127.0.0.1", smtpmail.port), PATIENCE) as connection, connection.makefile("rb") as answers:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers.readline()
            connection.sendall(octets[:cut])
            time.sleep(0.002)
            connection.sendall(octets[cut:])
            assert [line[:3] for line in answers] == [b"250", b"250", b"250", b"354", b"250", b"221"], cut
    mails = lab.mails()
    assert len(mails) == len(cuts) and {mail.split(b"\n", 4)[4] for mail in mails} == {STORED[1]}


def test_a_line_end_in_two_pieces(lab, smtpmail):
    with Dialogue(smtpmail) as talk:
        talk.send(b"HELO x\r")
        time.sleep(0.05)
        talk.send(b"\n")
        assert talk.reply() == "250 OK Hello x"
        talk.send(b"MAIL FR")
        time.sleep(0.05)
        talk.send(b"OM:<bob@lab>\r")
        time.sleep(0.05)
        talk.send(b"\nRCPT TO:<alice@lab>\r\n")
        assert talk.reply()[:3] == "250"
        assert talk.reply()[:3] == "250"


def test_a_client_that_shuts_its_side_after_the_last_line(lab, smtpmail, line_end):
    """`printf … | nc`: the input ends with QUIT or without it."""
    for quit_line in ["QUIT"], []:
        lines = ["HELO x", "MAIL FROM:<bob@lab>", "RCPT TO:<alice@lab>", "DATA", *MAIL.splitlines(), ".", *quit_line]
        with Dialogue(smtpmail) as talk:
            talk.send(b"".join(line.encode() + line_end for line in lines))
            talk.socket.shutdown(socket.SHUT_WR)
            assert [talk.hear()[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
            assert talk.hear()[:3] == ("221" if quit_line else "")
    assert len(lab.mails()) == 2


def test_an_lf_client_s_mail_is_read_back_by_a_real_one(lab, smtpmail, popserver):
    with Foreign(smtpmail, b"\n") as talk:
        send(talk)
    talk = login(popserver)
    talk.say("RETR 1", "+OK")
    assert talk.body().endswith(b"\r\nHello.\r\n.dot\r\n")
    talk.close()
