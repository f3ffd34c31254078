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

from harness import BUILD, login, retrieve, smtp
import letters

KILLS = {"smtpmail": 80, "popserver": 70, "mailclient": 50}  # 200

BROKEN = (ConnectionError, TimeoutError, AssertionError, OSError, ValueError)


class Mailbox:
    """One user's mailbox under load, and what became of each letter, as far as its sender and its reader were told."""

    def __init__(self, user, first, backlog):
        self.user, self.address = user, f"{user}@lab"
        self.numbers = itertools.count(first)
        self.backlog = backlog  # letters at which senders slow down
        self.sent = set()  # maybe in the mailbox
        self.accepted = set()  # got 250
        self.removed = set()  # +OK to QUIT
        self.open_removal = set()  # marked in a session whose QUIT was not answered
        self.over = False
        self.trouble = []

    def check(self, there):
        """`there`: the numbers of the letters in the mailbox, in order."""
        assert len(set(there)) == len(there), f"doubled: {sorted(n for n in there if there.count(n) > 1)}"
        found = self.open_removal.intersection(there)
        assert not found or found == self.open_removal, f"half removed: of {self.open_removal}, {found} is there"
        self.removed |= self.open_removal - found
        self.open_removal = set()
        assert self.sent.issuperset(there), f"from nowhere: {set(there) - self.sent}"
        assert not self.removed.intersection(there), f"deleted and back: {self.removed.intersection(there)}"

    def check_end(self, there):
        self.check(there)
        lost = self.accepted - self.removed - set(there)
        assert not lost, f"lost: {lost}"

    def keep_sending(self, server):
        while not self.over:
            try:
                with smtp(server) as talk:
                    while not self.over and self.send(talk):
                        time.sleep(0.001 if len(self.accepted) - len(self.removed) < self.backlog else 0.02)
            except BROKEN:
                time.sleep(0.01)

    def send(self, talk):
        number = next(self.numbers)
        self.sent.add(number)
        talk.send(letters.transaction(number, self.address))
        accepted = [talk.hear()[:3] for _ in range(letters.REPLIES)] == ["250", "250", "354", "250"]
        if accepted:
            self.accepted.add(number)
        return accepted

    def numbers_there(self, talk):
        count = int(talk.say("STAT", "+OK").split()[1])
        talk.send(b"".join(b"TOP %d 0\r\n" % (n + 1) for n in range(count)))
        there = []
        for _ in range(count):
            assert talk.hear().startswith("+OK")
            there.append(int(letters.NUMBER.search(talk.body())[1]))
        return there

    def read(self, talk, place, number):
        octets = retrieve(talk, place + 1)
        try:
            assert letters.number_of(octets, self.address) == number
        except AssertionError as trouble:
            self.trouble.append(trouble)

    def read_and_remove(self, server, rng):
        """One session: what is there must be right, and what is read must be whole."""
        with login(server, self.user) as talk:
            there = self.numbers_there(talk)
            try:
                self.check(there)
            except AssertionError as trouble:
                self.trouble.append(trouble)
            chosen = rng.sample(range(len(there)), min(50, (len(there) + 1) // 2))
            for place in chosen:
                self.read(talk, place, there[place])
            for place in chosen:
                talk.say(f"DELE {place + 1}", "+OK")
            self.open_removal = {there[place] for place in chosen}
            if talk.say("QUIT").startswith("+OK"):
                self.removed |= self.open_removal
                self.open_removal = set()

    def keep_removing(self, server, rng):
        while not self.over:
            try:
                self.read_and_remove(server, rng)
            except BROKEN:
                time.sleep(0.01)

    def finish(self, server):
        """After the last kill: everything is as it was told."""
        assert not self.trouble, self.trouble
        with login(server, self.user) as talk:
            there = self.numbers_there(talk)
            self.check_end(there)
            for place, number in enumerate(there):
                self.read(talk, place, number)
                talk.say(f"DELE {place + 1}", "+OK")
            talk.say("QUIT", "+OK")
        assert not self.trouble, self.trouble


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
    small, big = Mailbox("alice", first=0, backlog=500), Mailbox("stallings", first=letters.BIG, backlog=6)
    client = Client(lab, (smtpmail.port, popserver.port))
    work = [(small.keep_sending, smtpmail)] * 3 + [(big.keep_sending, smtpmail)] * 2
    work += [(mailbox.keep_removing, popserver, random.Random(seed + n)) for n, mailbox in enumerate((small, big))]
    load = [threading.Thread(target=function, args=arguments) for function, *arguments in work]
    killers = [
        threading.Thread(target=keep_killing, args=(server, KILLS[server.command[0].name], random.Random(seed + n)))
        for n, server in enumerate((smtpmail, popserver), 2)
    ]
    for thread in load + killers:
        thread.start()
    rng = random.Random(seed + 4)
    while client.killed < KILLS["mailclient"]:
        client.run(rng.uniform(0, 0.05))
    for thread in killers:
        thread.join()
    small.over = big.over = True
    for thread in load:
        thread.join()

    for mailbox in small, big:
        mailbox.finish(popserver)
        assert lab.mails(mailbox.user) == []
        print(f"{mailbox.user}: {len(mailbox.accepted)} mails accepted, {len(mailbox.removed)} removed")
    assert len(small.accepted) > 100 and len(small.removed) > 100, "there was hardly any load"
    with login(popserver, "bob") as talk:
        talk.say("QUIT", "+OK")
    client.check()
    print(f"{sum(KILLS.values())} kills; {len(client.sent)} mails by mailclient")


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
