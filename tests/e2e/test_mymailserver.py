"""The system mymailserver: clients register by connecting, write to one another, and fetch what has come."""

import contextlib
import os
import re
import smtplib
import threading

import pytest

from harness import PATIENCE, SANITISED, Dialogue, Server, run, wait_for

MEGABYTE = 1 << 20


@pytest.fixture
def server(tmp_path):
    server = Server("smtpmail", "--course", "mymailserver", "--workers", "4", cwd=tmp_path)
    yield server
    try:
        server.stop()
    finally:
        server.process.kill()
    assert list(tmp_path.iterdir()) == []  # no files


class Client(Dialogue):
    """A connection; after register() it has an address."""

    def __init__(self, server):
        super().__init__(server)
        assert self.greeting == "220 Service Ready"

    def register(self):
        self.address = re.fullmatch(r"250 (\d+@mymailserver)", self.say("REGISTER"))[1]
        self.number = self.address.split("@")[0]
        return self

    def envelope(self, *to):
        assert self.say(f"MAIL FROM:<{self.address}>") == "250 OK"
        return [self.say(f"RCPT TO:<{address}>")[:3] for address in to]

    def send_mail(self, *to, text=b"text\r\n"):
        self.envelope(*to)
        assert self.say("DATA") == "354 Start mail input; end with <CRLF>.<CRLF>"
        self.send(text)
        return self.say(".")

    def retrieve(self):
        self.say("RETRIEVE", "250 ")
        return self.body().decode()


@pytest.fixture
def clients(server):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(server)).register() for _ in range(4)]


def head(sender, recipient):
    return f"*****\r\nFrom: {sender}\r\nTo: {recipient}\r\nMIME-Version: 1.0\r\nContent-Type: text\r\n*****\r\n"


def taken(talk, address):
    return talk.say(f"RCPT TO: <{address}>")


# ---- the assignment ----


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_the_dialogue_by_hand(server, line_end):
    """Part I: A writes to B, C and D, of whom C is not registered; part II: they fetch the mail."""

    def say(talk, line):
        talk.send(line.encode() + line_end)
        return talk.reply()

    a, b, d = (Client(server) for _ in range(3))
    hello = say(a, "HELO")
    address = re.fullmatch(r"250 OK You are (\d+@mymailserver)", hello)[1]
    b.register()
    d.register()
    assert say(a, f"MAIL FROM: <{address}>") == "250 OK"
    assert say(a, f"RCPT TO: <{b.address}>") == "250 OK"
    assert say(a, "RCPT TO: <900@mymailserver>") == "550 No such user here"
    assert say(a, f"RCPT TO: <{d.address}>") == "250 OK"
    assert say(a, "DATA") == "354 Start mail input; end with <CRLF>.<CRLF>"
    a.send(b"...email body..." + line_end + b"...email body continues..." + line_end)
    assert say(a, ".") == "250 OK"
    assert say(a, "QUIT") == "221 Connection Closed"
    assert a.ended()
    for talk in b, d:
        assert talk.retrieve() == head(address, talk.address) + "..email body...\r\n..email body continues...\r\n"
        assert talk.retrieve() == ""  # flushed
        talk.close()
    a.close()


def test_the_address_is_the_connection_s_descriptor(server, clients):
    sockets = {fd for fd in os.listdir(f"/proc/{server.pid}/fd") if os.readlink(f"/proc/{server.pid}/fd/{fd}").startswith("socket:")}
    assert {talk.number for talk in clients} <= sockets
    assert len({talk.number for talk in clients}) == 4


def test_helo_and_register_give_the_same_address(server):
    with Client(server) as talk:
        address = talk.say("HELO").removeprefix("250 OK You are ")
        assert talk.say("REGISTER") == f"250 {address}"
        assert talk.say("HELO again") == f"250 OK You are {address}"
        assert talk.say("EHLO x").startswith(f"250-mymailserver OK You are {address}\n")


def test_before_registration(server):
    with Client(server) as talk:
        talk.say("MAIL FROM:<1@mymailserver>", "503")
        talk.say("RETRIEVE", "503")
        talk.say("RCPT TO:<1@mymailserver>", "503")
        talk.say("DATA", "503")


def test_a_client_that_is_connected_but_not_registered_gets_no_mail(server, clients):
    with Client(server) as late:
        a = clients[0]
        a.say(f"MAIL FROM:<{a.address}>", "250")
        for number in range(100):
            if str(number) not in {talk.number for talk in clients}:
                assert taken(a, f"{number}@mymailserver") == "550 No such user here"
        late.register()
        assert taken(a, late.address) == "250 OK"


def test_another_s_address_is_refused(clients):
    a, b = clients[:2]
    a.say(f"MAIL FROM:<{b.address}>", "553")
    a.say("MAIL FROM:<900@mymailserver>", "553")
    a.say(f"MAIL FROM:<{a.number}@elsewhere>", "553")
    a.say(f"MAIL FROM: {a.address}", "250 OK")


def test_unread_mails_come_in_their_order_each_after_its_head(clients):
    a, b, c, _ = clients
    for sender, text in ((a, b"one\r\n"), (b, b""), (a, b"..dot\r\nthree\r\n")):
        assert sender.send_mail(c.address, text=text) == "250 OK"
    assert c.retrieve() == (
        head(a.address, c.address) + "one\r\n" + head(b.address, c.address) + head(a.address, c.address) + ".dot\r\nthree\r\n"
    )
    assert a.send_mail(c.address, text=b"four\r\n") == "250 OK"
    assert c.retrieve() == head(a.address, c.address) + "four\r\n"


def test_the_text_comes_as_it_was_sent(clients):
    a, b = clients[:2]
    text = b"From: x\r\nTo: y\r\nSubject: z\r\n\r\n\xff\0 8-bit\r\n" + b"long " * 1000 + b"\r\n"
    assert a.send_mail(b.address, text=text) == "250 OK"
    b.say("RETRIEVE", "250")
    assert b.body() == head(a.address, b.address).encode() + text


def test_the_subject_s_limit_holds(clients):
    a, b = clients[:2]
    assert a.send_mail(b.address, text=b"From: a\r\nTo: b\r\nSubject: " + b"s" * 101 + b"\r\n\r\n").startswith("554 ")
    assert a.send_mail(b.address, text=b"From: a\r\nTo: b\r\nSubject: " + b"s" * 100 + b"\r\n\r\n") == "250 OK"


def test_clients_that_nobody_here_wrote(server, clients):
    """smtplib says EHLO with a name, and registers by it."""
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        code, text = client.ehlo()
        address = re.search(rb"\d+@mymailserver", text)[0].decode()
        refused = client.sendmail(address, [clients[0].address, "900@mymailserver", clients[1].address], "Subject: hi\r\n\r\nHello\r\n")
        assert list(refused) == ["900@mymailserver"]
    for talk in clients[:2]:
        assert "Hello" in talk.retrieve()


# ---- coming and going ----


def leave(talk, server):
    """The connection ends, and the server has noticed."""
    talk.close()
    wait_for(lambda: talk.number not in os.listdir(f"/proc/{server.pid}/fd"))


def connect_as(number, server):
    """A new connection with this number: the lowest free one is given first."""
    others = []
    while (talk := Client(server).register()).number != number:
        others.append(talk)
        assert len(others) < 20
    return talk


def test_a_number_s_next_client_begins_with_an_empty_mailbox(server, clients):
    a, b = clients[:2]
    for _ in range(20):
        assert a.send_mail(b.address, text=b"for your eyes only\r\n") == "250 OK"
        leave(b, server)
        b = connect_as(b.number, server)
        assert b.retrieve() == ""
    b.close()


def test_recipients_who_leave_before_the_end_are_dropped(server, clients):
    a, b, c, d = clients
    assert a.envelope(b.address, c.address, d.address) == ["250"] * 3
    a.say("DATA", "354")
    a.send(b"half\r\n")
    leave(b, server)
    leave(d, server)
    d = connect_as(d.number, server)
    a.send(b"whole\r\n")
    assert a.say(".") == "250 OK"
    assert c.retrieve() == head(a.address, c.address) + "half\r\nwhole\r\n"
    assert d.retrieve() == ""
    d.close()


def test_where_all_recipients_have_left_the_sender_is_told(server, clients):
    a, b = clients[:2]
    a.envelope(b.address)
    a.say("DATA", "354")
    leave(b, server)
    assert a.say(".") == "550 No such user here"


def test_a_sender_who_vanishes_amid_its_mail_sends_nothing(server, clients):
    a, b = clients[:2]
    a.envelope(b.address)
    a.say("DATA", "354")
    a.send(b"half\r\n")
    leave(a, server)
    assert b.retrieve() == ""


def test_an_answer_that_breaks_off_leaves_nothing_behind(server, clients):
    """Three megabytes are more than sockets hold: the server is amid its answer when the connection is reset."""
    a, b, c, _ = clients
    for _ in range(3):
        assert a.send_mail(b.address, text=(b"x" * 998 + b"\r\n") * 1000) == "250 OK"
    b.send(b"RETRIEVE\r\n")
    b.hear()
    b.reset()
    wait_for(lambda: b.number not in os.listdir(f"/proc/{server.pid}/fd"))
    b = connect_as(b.number, server)
    assert b.retrieve() == ""
    assert a.send_mail(b.address) == "250 OK"
    b.close()


def test_a_long_answer_arrives_whole(clients):
    a, b = clients[:2]
    lines = b"".join(b"%d\r\n" % n for n in range(100_000))
    for _ in range(3):
        assert a.send_mail(b.address, text=lines) == "250 OK"
    b.say("RETRIEVE", "250 OK Unread mails: 3")
    assert b.body() == (head(a.address, b.address).encode() + lines) * 3
    assert b.retrieve() == ""


def test_the_server_ends_in_good_order_with_mail_in_its_memory(server, clients):
    a, b = clients[:2]
    assert a.send_mail(b.address) == "250 OK"
    server.stop()
    assert b.hear().startswith("421 ")


# ---- limits ----

LINES = (b"x" * 998 + b"\r\n") * 1000  # a megabyte, nearly


def test_a_full_mailbox_is_452_until_it_is_read(clients):
    a, b, c, _ = clients
    replies = [a.send_mail(b.address, text=LINES)[:3] for _ in range(6)]
    assert replies == ["250"] * 4 + ["452"] * 2
    assert a.send_mail(c.address, text=LINES) == "250 OK"
    assert a.send_mail(c.address, b.address, text=LINES)[:3] == "452"
    assert c.retrieve().count("*****") == 2  # not half of what was refused
    assert b.retrieve().count("*****") == 8
    assert a.send_mail(b.address, text=LINES) == "250 OK"


def test_a_mail_that_no_mailbox_holds_is_452_and_the_session_lives(clients):
    a, b = clients[:2]
    assert a.send_mail(b.address, text=LINES * 6)[:3] == "452"
    assert a.send_mail(b.address) == "250 OK"


def test_memory_is_bounded_in_all(server):
    """Forty clients get four megabytes each: sixty-four are taken, the rest is 452, until somebody reads or leaves."""
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(Client(server)).register() for _ in range(40)]
        replies = [many[0].send_mail(talk.address, text=LINES)[:3] for talk in many for _ in range(4)]
        assert set(replies) == {"250", "452"}
        assert 60 <= replies.count("250") <= 68
        assert server.peak_memory() < (400 if SANITISED else 110) * MEGABYTE
        many[0].retrieve()
        assert many[0].send_mail(many[39].address, text=LINES) == "250 OK"
        leave(many[1], server)
        assert many[0].send_mail(many[38].address, text=LINES) == "250 OK"


def test_many_clients_at_once(server):
    """Each writes to all and reads what came, while others come and go: nothing is lost, nothing is another's."""
    stay = [Client(server).register() for _ in range(8)]
    rounds = 5 if SANITISED else 25
    errors = []

    def guarded(work):
        try:
            work()
        except Exception as error:  # noqa: BLE001 — shown by the test
            errors.append(error)

    def chatter(me):
        for _ in range(rounds):
            assert me.send_mail(*(talk.address for talk in stay), text=f"to all from {me.address}\r\n".encode()) == "250 OK"

    def come_and_go():
        for _ in range(rounds):
            with Client(server).register() as guest:
                guest.envelope(guest.address, stay[0].address)
                guest.say("RSET", "250 OK")
                assert guest.retrieve() == ""

    threads = [threading.Thread(target=guarded, args=[lambda me=me: chatter(me)]) for me in stay]
    threads += [threading.Thread(target=guarded, args=[come_and_go]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    assert not errors, errors[0]
    for me in stay:
        text = me.retrieve()
        for talk in stay:
            assert text.count(f"{head(talk.address, me.address)}to all from {talk.address}\r\n") == rounds
        me.close()


# ---- beside smtpmail ----


def test_there_is_no_popserver_for_this_course(tmp_path):
    done = run("popserver", "--course", "mymailserver", "0", cwd=tmp_path)
    assert done.returncode == 78
    assert "mymailserver" in done.stderr and "RETRIEVE" in done.stderr and done.stderr.count("\n") == 1


def test_users_files_do_not_matter(tmp_path):
    (tmp_path / "user.txt").write_text("alice secret\n")
    (tmp_path / "logincred.txt").write_text("bob,secret\n")
    server = Server("smtpmail", "--course", "mymailserver", cwd=tmp_path)
    try:
        with Client(server).register() as talk:
            talk.envelope()
            assert taken(talk, "alice@mymailserver") == "550 No such user here"
        assert sorted(os.listdir(tmp_path)) == ["logincred.txt", "user.txt"]
    finally:
        server.stop()
