"""popserver and clients that say many commands at once: each gets its own mails, whole and in order, however mails lie across the pieces in which the server reads
and sends, and whoever else is served at the same time (RFC 2449 section 6.6)."""

import random
import threading

from harness import USERS, login

KIB = 1024


def line(letter, octets):
    return letter * (octets - 1) + b"\n"


def mail(dice, letter):
    """In stored form: of any size, and now and then just as long as a piece is, or an octet more or less."""
    size = dice.choice([2, dice.randrange(3, 400), dice.randrange(400, 9000), 16 * KIB, 64 * KIB]) + dice.randrange(-1, 2)
    text = b""
    while len(text) < size:
        left = size - len(text)
        some = [b"\n", b"..\n", b".. dot\n", letter + b"\rlone\n", letter + b"\r\n", line(letter, dice.randrange(1, 120)), line(letter, dice.randrange(1, 20000))]
        fit = [one for one in some if len(one) <= left]
        text += dice.choice(fit)
    return text


def on_the_wire(stored):
    return stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b".\r\n"


def fill(lab, user, count):
    dice = random.Random(user)
    mails = [mail(dice, user[:1].encode()) for _ in range(count)]
    lab.mailbox(user).parent.mkdir(mode=0o700, exist_ok=True)
    lab.mailbox(user).write_bytes(b"".join(one + b".\n" for one in mails))
    return mails


def fetch_in_one_go(server, user, mails, deleted):
    """RETR of each mail, twice where the dice say so, some with a DELE behind it; all that was wrong."""
    dice, said, expected = random.Random(user + "!"), [], []
    for number, text in enumerate(mails, 1):
        for _ in range(dice.choice([1, 1, 2])):
            said.append(b"RETR %d" % number)
            expected.append(on_the_wire(text))
        if dice.randrange(4) == 0:
            said.append(b"DELE %d" % number)
            expected.append(None)
            deleted.append(number)
    with login(server, user) as talk:
        threading.Thread(target=talk.send, args=[b"\r\n".join(said) + b"\r\nQUIT\r\n"], daemon=True).start()
        for command, text in zip(said, expected):
            status = talk.hear()
            assert status.startswith("+OK"), (user, command, status)
            if text is not None:
                got = talk.file.read(len(text))
                assert got == text, (user, command, len(text))
        assert talk.hear().startswith("+OK")


def test_pipelined_mails_come_whole_and_to_whom_they_belong(lab):
    mails = {user: fill(lab, user, 120) for user in USERS}
    deleted = {user: [] for user in USERS}
    wrong = []

    server = lab.popserver()

    def fetch(user):
        try:
            fetch_in_one_go(server, user, mails[user], deleted[user])
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=fetch, args=[user]) for user in USERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for user in USERS:
        left = [text for number, text in enumerate(mails[user], 1) if number not in deleted[user]]
        with login(server, user) as talk:
            talk.say("STAT", f"+OK {len(left)} ")
            for number, text in enumerate(left, 1):
                talk.say(f"RETR {number}", "+OK")
                assert talk.file.read(len(on_the_wire(text))) == on_the_wire(text)


def test_a_client_that_stops_reading_amid_a_pipeline_holds_nobody_up_and_gets_the_rest(lab):
    first, second = list(USERS)[:2]
    mails = fill(lab, first, 100)
    others = fill(lab, second, 20)
    while sum(map(len, mails)) < 8 * KIB * KIB:
        mails += mails
    lab.mailbox(first).write_bytes(b"".join(one + b".\n" for one in mails))
    server = lab.popserver()
    with login(server, first) as slow:
        slow.send(b"".join(b"RETR %d\r\n" % number for number in range(1, len(mails) + 1)))
        assert slow.hear().startswith("+OK")
        for _ in range(3):
            with login(server, second) as talk:
                for number, text in enumerate(others, 1):
                    talk.say(f"RETR {number}", "+OK")
                    assert talk.file.read(len(on_the_wire(text))) == on_the_wire(text)
                talk.say("QUIT", "+OK")
        for number, text in enumerate(mails, 1):
            assert number == 1 or slow.hear().startswith("+OK"), number
            assert slow.file.read(len(on_the_wire(text))) == on_the_wire(text), number

