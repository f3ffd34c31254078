"""kill -9 of each program at random moments under load: what was acknowledged holds.

Every mail that got 250 is there afterwards, whole and once; none whose deletion was acknowledged is back; and of a removal that was
never answered either all or nothing is done.
"""

import itertools
import os
import random
import subprocess
import threading
import time

from harness import BUILD, SANITISED, login, smtp
import letters

KILLS = {"smtpmail": 80, "popserver": 70, "mailclient": 50}  # 200
if SANITISED:
    KILLS = {program: number // 5 for program, number in KILLS.items()}

BROKEN = (ConnectionError, TimeoutError, AssertionError, OSError, ValueError)


class Fates:
    """What became of each letter, as far as its sender and its reader were told."""

    def __init__(self):
        self.numbers = itertools.count()
        self.sent = set()  # maybe in the mailbox
        self.accepted = set()  # got 250
        self.removed = set()  # +OK to QUIT
        self.open_removals = []  # sets of letters whose QUIT was not answered
        self.over = False
        self.trouble = []

    def check(self, there):
        """`there`: the numbers of the letters in the mailbox, in order."""
        assert len(set(there)) == len(there), f"doubled: {sorted(n for n in there if there.count(n) > 1)}"
        there = set(there)
        maybe_gone = set().union(*self.open_removals)
        assert there <= self.sent, f"from nowhere: {there - self.sent}"
        assert not there & self.removed, f"deleted and back: {there & self.removed}"
        lost = self.accepted - self.removed - there - maybe_gone
        assert not lost, f"lost: {lost}"

    def settle(self, there):
        """Each removal without an answer was done whole or not at all."""
        for removal in self.open_removals:
            assert removal <= set(there) or not removal & set(there), f"half removed: {removal}, of which {removal & set(there)} is there"
        self.removed.update(n for removal in self.open_removals for n in removal - set(there))
        self.open_removals.clear()


def keep_sending(server, fates):
    while not fates.over:
        try:
            with smtp(server) as talk:
                while not fates.over:
                    number = next(fates.numbers)
                    fates.sent.add(number)
                    talk.send(letters.transaction(number))
                    replies = [talk.hear()[:3] for _ in range(letters.REPLIES)]
                    if replies != ["250", "250", "354", "250"]:
                        break
                    fates.accepted.add(number)
                    time.sleep(0.001 if len(fates.accepted) - len(fates.removed) < 500 else 0.02)
        except BROKEN:
            time.sleep(0.01)


def read_and_remove(server, fates, rng):
    """One session; what comes back must always be whole."""
    with login(server) as talk:
        count = int(talk.say("STAT", "+OK").split()[1])
        talk.send(b"".join(b"RETR %d\r\n" % (n + 1) for n in range(count)))
        there = []
        for _ in range(count):
            assert talk.hear().startswith("+OK")
            octets = talk.body()
            try:
                there.append(letters.number_of(octets))
            except AssertionError as trouble:
                fates.trouble.append(trouble)
        fates.settle(there)
        if fates.removed.intersection(there):
            fates.trouble.append(f"deleted and back: {fates.removed.intersection(there)}")
        chosen = rng.sample(range(count), count // 2)
        talk.send(b"".join(b"DELE %d\r\n" % (n + 1) for n in chosen))
        for _ in chosen:
            assert talk.hear().startswith("+OK")
        removal = {there[n] for n in chosen}
        fates.open_removals.append(removal)
        reply = talk.say("QUIT")
        if reply.startswith("+OK"):
            fates.open_removals.remove(removal)
            fates.removed |= removal


def keep_removing(server, fates, rng):
    while not fates.over:
        try:
            read_and_remove(server, fates, rng)
        except BROKEN:
            time.sleep(0.01)


def keep_killing(server, times, rng):
    for _ in range(times):
        time.sleep(rng.uniform(0, 0.15))
        server.kill()
        server.restart()


def script(number):
    """What a person types: bob sends himself a letter, looks at mail 1, deletes it, and quits."""
    body = "".join(f"Line {line} of letter {number}.\n" for line in range(20))
    mail = f"From: bob@lab\nTo: bob@lab\nSubject: letter {number}\n{body}.\n"
    return f"bob\nbuilder\n2\n{mail}1\n1\nd\n-1\n3\n"


class Client:
    """mailclient, one run after the other, each killed at some moment; bob's mailbox holds what it was told."""

    def __init__(self, lab, ports):
        self.lab, self.ports = lab, ports
        self.number = 0
        self.sent, self.kept, self.gone = set(), set(), set()
        self.killed = 0

    def run(self, pause):
        number, self.number = self.number, self.number + 1
        self.sent.add(number)
        process = subprocess.Popen(
            [BUILD / "mailclient", "127.0.0.1", *map(str, self.ports)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        try:
            process.stdin.write(script(number))
            process.stdin.close()
            time.sleep(pause)
            self.killed += process.poll() is None
            process.kill()
            self.note(number, process.stdout.read())
        finally:
            process.wait()

    def note(self, number, screen):
        sending, _, managing = screen.partition("Enter mail no. to see: ")
        if "Mail sent successfully" in sending:
            self.kept.add(number)
        shown = letters.NUMBER.search(managing.replace("\n", "\r\n").encode())
        if shown:
            # 'd' was typed: once the list shows again it is gone, until then it may be.
            self.kept.discard(int(shown[1]))
            if "Sl. No." in managing:
                self.gone.add(int(shown[1]))

    def check(self):
        there = []
        for mail in self.lab.mails("bob"):
            number = int(letters.NUMBER.search(mail.replace(b"\n", b"\r\n"))[1])
            assert mail.count(b" of letter %d.\n" % number) == 20, mail
            there.append(number)
        assert len(set(there)) == len(there), there
        assert self.kept <= set(there) <= self.sent - self.gone, (self.kept, there, self.gone)


def test_what_was_acknowledged_survives_kill_9_of_every_program(lab):
    seed = int(os.environ.get("POSTROOM_SEED") or random.randrange(2**32))
    print(f"POSTROOM_SEED={seed}")
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    fates = Fates()
    client = Client(lab, (smtpmail.port, popserver.port))
    load = [threading.Thread(target=keep_sending, args=(smtpmail, fates)) for _ in range(4)]
    load.append(threading.Thread(target=keep_removing, args=(popserver, fates, random.Random(seed))))
    killers = [
        threading.Thread(target=keep_killing, args=(server, KILLS[server.command[0].name], random.Random(seed + n)))
        for n, server in enumerate((smtpmail, popserver), 1)
    ]
    for thread in load + killers:
        thread.start()
    rng = random.Random(seed + 3)
    while client.killed < KILLS["mailclient"]:
        client.run(rng.uniform(0, 0.05))
    for thread in killers:
        thread.join()
    fates.over = True
    for thread in load:
        thread.join()

    assert not fates.trouble, fates.trouble
    with login(popserver) as talk:
        count = int(talk.say("STAT", "+OK").split()[1])
        there = []
        for number in range(count):
            talk.say(f"RETR {number + 1}", "+OK")
            there.append(letters.number_of(talk.body()))
        talk.say("QUIT", "+OK")
    fates.settle(there)
    fates.check(there)
    assert len(lab.mails()) == count
    assert len(fates.accepted) > 100 and len(fates.removed) > 100, "there was hardly any load"
    with login(popserver, "bob") as talk:
        talk.say("QUIT", "+OK")
    client.check()
    print(f"{sum(KILLS.values())} kills; {len(fates.accepted)} mails accepted, {len(fates.removed)} removed, {len(client.sent)} by mailclient")


def test_a_connection_that_breaks_off_delivers_and_removes_nothing(lab, smtpmail, popserver):
    for end in (b"", b".", b".\r", b"\r\n."):
        talk = smtp(smtpmail)
        for line, expected in ("MAIL FROM:<bob@lab>", "250"), ("RCPT TO:<alice@lab>", "250"), ("DATA", "354"):
            talk.say(line, expected)
        talk.send(b"Subject: half\r\n\r\nthis is" + end)
        talk.reset()
    with smtp(smtpmail) as talk:
        talk.send(letters.transaction(1))
        assert [talk.hear()[:3] for _ in range(letters.REPLIES)][-1] == "250"
    with login(popserver) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 1 ")
        talk.say("DELE 1", "+OK")
        talk.reset()
    assert len(lab.mails()) == 1
