"""Several processes at one mailbox at the same time: every accepted mail is read exactly once."""

import itertools
import random
import socket
import threading
import time

from harness import PATIENCE, Dialogue, login, smtp, stuffed
import letters

MAILS = 50_000
REMOVALS = 1_000
CONNECTIONS = 12  # to each smtpmail
WINDOW = 6  # mails on their way, a connection
BACKLOG = 2_000  # mails in the mailbox at which senders wait, so that reading and sending go on side by side


class Ledger:
    """Which letters were accepted and which were read; shared by all threads."""

    def __init__(self):
        self.numbers = itertools.count()
        self.accepted = set()
        self.read = set()
        self.trouble = []

    def next_numbers(self):
        """The next few to be sent; none when all are, or when something went wrong."""
        while len(self.accepted) - len(self.read) > BACKLOG and not self.trouble:
            time.sleep(0.002)
        return [n for n in (next(self.numbers) for _ in range(WINDOW)) if n < MAILS and not self.trouble]


def send_letters(server, ledger):
    try:
        with smtp(server) as talk:
            while numbers := ledger.next_numbers():
                talk.send(b"".join(map(letters.transaction, numbers)))
                for number in numbers:
                    replies = [talk.hear() for _ in range(letters.REPLIES)]
                    assert [r[:3] for r in replies] == ["250", "250", "354", "250"], replies
                    ledger.accepted.add(number)
            talk.say("QUIT", "221 ")
    except Exception as trouble:  # to be seen in the main thread
        ledger.trouble.append(trouble)


def removal(server, ledger, rng, rival):
    """One POP3 session: reads about fifty mails anywhere in the mailbox, deletes them, and quits."""
    with login(server) as talk:
        if rival:
            with Dialogue(server, "+OK") as other:
                other.say("USER alice", "+OK")
                other.say("PASS wonderland", "-ERR [IN-USE]")
        count = int(talk.say("STAT", "+OK").split()[1])
        chosen = rng.sample(range(1, count + 1), min(50, count))
        talk.send(b"".join(b"RETR %d\r\n" % n for n in chosen))
        read = []
        for _ in chosen:
            assert talk.hear().startswith("+OK")
            read.append(letters.number_of(talk.body()))
        talk.send(b"".join(b"DELE %d\r\n" % n for n in chosen))
        for _ in chosen:
            assert talk.hear().startswith("+OK")
        talk.say("QUIT", "+OK")
    again = ledger.read.intersection(read)
    assert not again and len(set(read)) == len(read), f"read twice: {sorted(again)} in {read}"
    ledger.read.update(read)
    return len(chosen)


def test_every_mail_of_two_servers_is_read_once_while_a_third_removes(lab):
    senders = [lab.smtpmail(), lab.smtpmail()]
    reader = lab.popserver()
    ledger, rng = Ledger(), random.Random(1)
    threads = [
        threading.Thread(target=send_letters, args=(server, ledger), daemon=True) for server in senders for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()

    removals = 0
    while any(thread.is_alive() for thread in threads) or len(ledger.read) < len(ledger.accepted):
        assert not ledger.trouble, ledger.trouble
        # Waiting for fifty keeps the number of removals near to the planned one.
        if len(ledger.accepted) - len(ledger.read) < 50 and any(thread.is_alive() for thread in threads):
            time.sleep(0.001)
            continue
        if removal(reader, ledger, rng, rival=removals % 50 == 0) == 0:
            break
        removals += 1

    assert not ledger.trouble, ledger.trouble
    assert len(ledger.accepted) == MAILS
    assert ledger.read == ledger.accepted
    assert removals >= REMOVALS
    assert lab.mails() == []


def test_a_slow_sender_holds_nobody_up(lab, smtpmail, popserver):
    with smtp(smtpmail) as slow:
        for line, expected in ("MAIL FROM:<bob@lab>", "250"), ("RCPT TO:<alice@lab>", "250"), ("DATA", "354"):
            slow.say(line, expected)
        slow.send(stuffed(letters.text(1))[:-20])
        with smtp(smtpmail) as quick, login(popserver) as session:
            quick.send(letters.transaction(2))
            assert [quick.hear()[:3] for _ in range(letters.REPLIES)] == ["250", "250", "354", "250"]
            session.say("QUIT", "+OK")
        slow.send(stuffed(letters.text(1))[-20:] + b".\r\n")
        assert slow.reply().startswith("250 ")
    assert len(lab.mails()) == 2


def test_mail_that_arrives_in_a_session_waits_for_the_next(lab, smtpmail, popserver):
    with smtp(smtpmail) as sender, login(popserver) as session:
        sender.send(letters.transaction(1))
        assert [sender.hear()[:3] for _ in range(letters.REPLIES)][-1] == "250"
        assert session.say("STAT", "+OK") == "+OK 0 0"
        session.say("QUIT", "+OK")
    with login(popserver) as session:
        assert session.say("STAT", "+OK").startswith("+OK 1 ")
        session.say("DELE 1", "+OK")
        with smtp(smtpmail) as sender:
            sender.send(letters.transaction(2))
            assert [sender.hear()[:3] for _ in range(letters.REPLIES)][-1] == "250"
        session.say("QUIT", "+OK")
    assert [b"letter 2" in mail for mail in lab.mails()] == [True]


def login_soon(server):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return login(server)
        except AssertionError as refused:
            assert "[IN-USE]" in str(refused) and time.monotonic() < end, refused
            time.sleep(0.01)


def test_a_login_succeeds_as_soon_as_the_last_session_said_goodbye(lab, popserver):
    for _ in range(100):
        with login(popserver) as session:
            session.say("QUIT", "+OK")
    # … and soon after a connection broke off: the server has to hear of that first.
    for _ in range(20):
        login_soon(popserver).reset()


def test_many_mailboxes_at_once(lab):
    users = {f"user{n}": "word" for n in range(50)}
    (lab.path / "user.txt").write_text("".join(f"{name} {word}\n" for name, word in users.items()))
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    talks = {name: smtp(smtpmail) for name in users}
    for round_ in range(5):
        for name, talk in talks.items():
            talk.send(letters.transaction(round_, f"{name}@lab"))
        for talk in talks.values():
            assert [talk.hear()[:3] for _ in range(letters.REPLIES)] == ["250", "250", "354", "250"]
    sessions = {name: login(popserver, name, "word") for name in users}
    for name, session in sessions.items():
        session.send(b"".join(b"RETR %d\r\n" % (n + 1) for n in range(5)))
        for round_ in range(5):
            assert session.hear().startswith("+OK")
            assert letters.number_of(session.body(), f"{name}@lab") == round_
    for talk in [*talks.values(), *sessions.values()]:
        talk.close()


def test_ipv6_and_ipv4_reach_the_same_server(lab):
    server = lab.smtpmail(listen=None)
    for address in "127.0.0.1", "::1":
        try:
            talk = socket.create_connection((address, server.port), timeout=PATIENCE)
        except OSError:
            assert address == "::1", "IPv4 is there everywhere"
            continue
        with talk:
            assert talk.recv(4) == b"220 "
