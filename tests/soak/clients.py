"""Those who send and those who fetch, over and over, in every way that the protocols have. What they hear goes to the ledger.

A client chooses by a random generator of its own, so that a seed gives the same clients; what the clock makes of it is another matter.
"""

import asyncio
import base64

import letters
from ledger import Broken
from talk import Gone, Talk

SOME_BACKLOG = 150  # accepted mails in a mailbox at which its senders wait
RETRIEVED_AT_ONCE = 40


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


class Client:
    """What both kinds have in common. `place` is where they do it: servers, users, ledger, certificates (soak.py)."""

    def __init__(self, place, rng):
        self.place, self.rng = place, rng
        self.talk = None

    def chance(self, share):
        return self.rng.random() < share

    async def connect(self, servers, start_tls):
        """To any of the servers, in clear, with TLS at once, or with TLS after start_tls()."""
        server = self.rng.choice(servers)
        way = self.rng.choice(["clear", "tls", "start"]) if self.place.tls else "clear"
        self.talk = await Talk.open(server, self.place.tls if way == "tls" else None)
        if self.chance(0.12):
            self.talk.light_fuse(self.rng.expovariate(8))
        return way == "start" and start_tls

    async def session(self):
        """One, from connect to close. Gone where its end was nobody's fault."""
        try:
            await self.converse()
        except Gone:
            if not (self.talk is None or self.talk.cut or self.talk.server.mortal):
                raise
        finally:
            if self.talk:
                await self.talk.close()
                self.talk = None

    async def login_smtp(self, user, password, expected):
        first = self.chance(0.5)
        await self.talk.say(f"AUTH PLAIN{' ' + plain(user, password) if first else ''}", expected if first else "334")
        if not first:
            await self.talk.say(plain(user, password), expected)


class Sender(Client):
    """Sends some mails in a session. `heavy`: large ones, to one mailbox, until it is full."""

    def __init__(self, place, rng, heavy=None):
        super().__init__(place, rng)
        self.heavy = heavy

    async def converse(self):
        tls = await self.connect(self.place.receivers, True)
        self.talk.need(await self.talk.reply(), "220 ")
        await self.hello()
        if tls:
            await self.talk.say("STARTTLS", "220 ")
            await self.talk.start_tls(self.place.tls)
            await self.hello()
        if self.extended and self.chance(0.3):
            await self.authenticate()
        for _ in range(self.rng.randrange(1, 8)):
            if users := self.recipients():
                await self.rng.choice(self.ways())(users)
        if self.chance(0.7):
            await self.talk.say("QUIT", "221 ")

    async def hello(self):
        self.extended = self.chance(0.8)
        await self.talk.say("EHLO soak.test" if self.extended else "HELO soak.test", "250")

    async def authenticate(self):
        user = self.rng.choice(list(self.place.users))
        if self.chance(0.3):
            await self.login_smtp(user, "wrong", "535")
        await self.login_smtp(user, self.place.users[user], "235")

    def recipients(self):
        if self.heavy:
            return [self.heavy]
        ledger = self.place.ledger
        waiting = [user for user in self.place.busy if len(ledger.mailboxes[user].accepted) < SOME_BACKLOG]
        return self.rng.sample(waiting, min(len(waiting), self.rng.choice([1, 1, 1, 2, 3])))

    def ways(self):
        ways = [self.by_data, self.by_data_in_one_go, self.given_up, self.never_ended]
        if self.extended:
            ways += [self.by_chunks, self.all_in_one_go]
        return ways

    def letter(self):
        rng, place = self.rng, self.place
        return letters.Letter(next(place.ledger.numbers), place.ocean.piece(rng, letters.size(rng, bool(self.heavy))))

    def mail_command(self, letter):
        command = "MAIL FROM:<soak@elsewhere.test>"
        if self.extended:
            command += self.rng.choice(["", f" SIZE={letter.size}", " BODY=8BITMIME"])
        return command

    async def recipient_reply(self, user):
        """Whether this one will get it: a full mailbox may be told at once."""
        reply = await self.talk.reply()
        if reply.startswith("452 ") and "mailbox is full" in reply:
            self.place.count("full")
            return []
        self.talk.need(reply, "250 ")
        return [user]

    async def envelope(self, letter, users):
        """Said one by one; the users who will get it."""
        await self.talk.say(self.mail_command(letter), "250 ")
        if self.chance(0.05):
            await self.talk.say(f"RCPT TO:<nobody@{self.place.domain}>", "550 ")
        taken = []
        for user in users:
            await self.talk.send(f"RCPT TO:<{user}@{self.place.domain}>\r\n".encode())
            taken += await self.recipient_reply(user)
        return taken

    def offered(self, letter, users):
        self.place.ledger.offered(letter, users)

    async def outcome(self, letter, users):
        """The reply to a mail's end."""
        reply = await self.talk.reply()
        if reply.startswith("452 ") and "mailbox is full" in reply:
            self.place.count("full")
            return self.place.ledger.refused(letter, users)
        self.talk.need(reply, "250 ")
        self.place.ledger.took(letter, users)
        self.place.count("accepted", len(users))

    async def by_data(self, users):
        letter = self.letter()
        if users := await self.envelope(letter, users):
            await self.talk.say("DATA", "354 ")
            self.offered(letter, users)
            await self.talk.send(letter.stuffed())
            await self.outcome(letter, users)
        else:
            await self.talk.say("RSET", "250 ")

    async def envelope_in_one_go(self, letter, users, more=b""):
        """And `more` with it (RFC 2920)."""
        lines = [self.mail_command(letter), *(f"RCPT TO:<{user}@{self.place.domain}>" for user in users)]
        await self.talk.send("".join(line + "\r\n" for line in lines).encode() + more)
        self.talk.need(await self.talk.reply(), "250 ")
        taken = []
        for user in users:
            taken += await self.recipient_reply(user)
        return taken

    async def by_data_in_one_go(self, users):
        letter = self.letter()
        users = await self.envelope_in_one_go(letter, users, b"DATA\r\n")
        reply = await self.talk.reply()
        if not users:
            self.talk.need(reply, ("554 ", "503 "))
            return await self.talk.say("RSET", "250 ")
        self.talk.need(reply, "354 ")
        self.offered(letter, users)
        await self.talk.send(letter.stuffed())
        await self.outcome(letter, users)

    async def by_chunks(self, users):
        """BDAT (RFC 3030), cut anywhere."""
        letter = self.letter()
        if not (users := await self.envelope(letter, users)):
            return await self.talk.say("RSET", "250 ")
        cuts = sorted(self.rng.randrange(letter.size) for _ in range(self.rng.randrange(4)))
        for begin, end in zip([0, *cuts], cuts):
            await self.talk.send(b"BDAT %d\r\n" % (end - begin) + letter.octets[begin:end])
            self.talk.need(await self.talk.reply(), "250 ")
        begin = cuts[-1] if cuts else 0
        self.offered(letter, users)
        await self.talk.send(b"BDAT %d LAST\r\n" % (letter.size - begin) + letter.octets[begin:])
        await self.outcome(letter, users)

    async def all_in_one_go(self, users):
        """Several mails, of which each has its chunk, before any reply is read."""
        mails = [self.letter() for _ in range(self.rng.randrange(2, 6))]
        for letter in mails:
            self.offered(letter, users)
        await self.talk.send(b"".join(self.transaction(letter, users) for letter in mails))
        for letter in mails:
            self.talk.need(await self.talk.reply(), "250 ")
            taken = []
            for user in users:
                taken += await self.recipient_reply(user)
            for user in set(users).difference(taken):
                self.place.ledger.refused(letter, [user])
            if taken:
                await self.outcome(letter, taken)
            else:
                self.talk.need(await self.talk.reply(), ("554 ", "503 "))
                self.talk.need(await self.talk.reply(), "250 ")
                continue
            self.talk.need(await self.talk.reply(), "250 ")

    def transaction(self, letter, users):
        lines = ["MAIL FROM:<>", *(f"RCPT TO:<{user}@{self.place.domain}>" for user in users), f"BDAT {letter.size} LAST"]
        return "".join(line + "\r\n" for line in lines).encode() + letter.octets + b"RSET\r\n"

    async def given_up(self, users):
        """RSET instead of a mail."""
        letter = self.letter()
        users = await self.envelope(letter, users)
        if users and self.extended and self.chance(0.5):
            half = letter.octets[: letter.size // 2]
            await self.talk.send(b"BDAT %d\r\n" % len(half) + half)
            self.talk.need(await self.talk.reply(), "250 ")
        await self.talk.say("RSET", "250 ")

    async def never_ended(self, users):
        """The text breaks off before its end: nobody has got anything."""
        letter = self.letter()
        if self.chance(0.5):
            return await self.talk.say("NOOP", "250 ")
        if not await self.envelope(letter, users):
            return await self.talk.say("RSET", "250 ")
        await self.talk.say("DATA", "354 ")
        await self.talk.send(letter.stuffed()[: self.rng.randrange(letter.size)])
        if self.chance(0.5):
            await asyncio.sleep(self.rng.random() / 5)
        self.talk.abort()
        raise Gone("by ourselves")


class Fetcher(Client):
    """Opens a mailbox, looks whether it is as it must be, reads and removes some. `patient`: leaves a mailbox alone until it is nearly full."""

    def __init__(self, place, rng, users, patient=0):
        super().__init__(place, rng)
        self.users, self.patient = users, patient

    async def converse(self):
        self.mailbox = self.place.ledger.mailboxes[self.rng.choice(self.users)]
        if await self.login(await self.connect(self.place.readers, True)):
            there = await self.look()
            await self.browse(there)
            await self.leave(await self.delete(await self.choose(there)))

    async def login(self, tls):
        """Whether the mailbox is ours now. What must be in it is known before the login."""
        talk, user = self.talk, self.mailbox.user
        talk.need(await talk.answer(), "+OK")
        if tls:
            await talk.ask("STLS")
            await talk.start_tls(self.place.tls)
        if self.chance(0.2):
            await talk.ask("CAPA")
            await talk.body()
        if self.chance(0.1):
            await talk.ask(f"USER {user}")
            await talk.ask("PASS wrong", "-ERR")
        self.expected = self.mailbox.expected()
        return await self.log_in_as(user, self.place.users[user])

    async def log_in_as(self, user, password):
        if self.chance(0.3):
            await self.talk.send(f"AUTH PLAIN {plain(user, password)}\r\n".encode())
        elif self.chance(0.5):
            await self.talk.send(f"USER {user}\r\nPASS {password}\r\n".encode())
            self.talk.need(await self.talk.answer(), "+OK")
        else:
            await self.talk.ask(f"USER {user}")
            await self.talk.send(f"PASS {password}\r\n".encode())
        answer = await self.talk.answer()
        if answer.startswith("-ERR [IN-USE]"):
            return False
        return self.talk.need(answer, "+OK")

    async def table(self, command):
        """LIST or UIDL: the second column."""
        await self.talk.ask(command)
        rows = [row.split(" ") for row in (await self.talk.body()).decode().split("\r\n")[:-1]]
        if [row[0] for row in rows] != [str(n + 1) for n in range(len(rows))]:
            raise Broken(f"{self.mailbox.user}: numbers of {command}: {rows}")
        return [row[1] for row in rows]

    async def look(self):
        """The numbers of all letters, in the mailbox's order; the ledger compares."""
        uids = await self.table("UIDL")
        self.sizes = [int(size) for size in await self.table("LIST")]
        count, octets = map(int, (await self.talk.ask("STAT")).split()[1:3])
        if (count, octets) != (len(uids), sum(self.sizes)) or len(self.sizes) != count:
            raise Broken(f"{self.mailbox.user}: STAT, LIST and UIDL differ")
        for n, uid in enumerate(uids):
            if uid not in self.mailbox.uids:
                await self.talk.ask(f"TOP {n + 1} 0")
                self.mailbox.learn(uid, letters.number_of(await self.talk.body()))
        there = [self.mailbox.uids.get(uid) for uid in uids]
        self.mailbox.look(self.talk, there, self.expected)
        return there

    async def browse(self, there):
        if there and self.chance(0.2):
            n = self.rng.randrange(len(there))
            await self.talk.ask(f"TOP {n + 1} {self.rng.randrange(20)}")
            if letters.number_of(await self.talk.body()) != there[n]:
                raise Broken(f"{self.mailbox.user}: TOP shows another mail than UIDL")
        if self.chance(0.2):
            await self.talk.ask("NOOP")

    async def choose(self, there):
        """Places and numbers of some mails, each of them read."""
        count = min(RETRIEVED_AT_ONCE, (len(there) * 2 + 2) // 3)
        if self.patient:
            count = len(there) // 3 if self.mailbox.octets > self.patient else min(2, len(there))
        places = self.rng.sample(range(len(there)), count)
        if self.chance(0.5):
            await self.talk.send(b"".join(b"RETR %d\r\n" % (n + 1) for n in places))
            for n in places:
                self.talk.need(await self.talk.answer(), "+OK")
                await self.read(n, there[n])
        else:
            for n in places:
                await self.talk.ask(f"RETR {n + 1}")
                await self.read(n, there[n])
        return {n: there[n] for n in places}

    async def read(self, n, number):
        octets = letters.unstuffed(await self.talk.body())
        found, digest = letters.read(octets)
        if found != number:
            raise Broken(f"{self.mailbox.user}: RETR gives mail {found}, and UIDL was that of {number}")
        if len(octets) != self.sizes[n]:
            raise Broken(f"{self.mailbox.user}: mail {number} has {len(octets)} octets, and LIST says {self.sizes[n]}")
        self.mailbox.is_whole(number, digest)
        self.place.count("read")

    async def delete(self, chosen):
        """The numbers that are marked at the end."""
        if self.patient and self.mailbox.octets <= self.patient:
            return []
        for n in chosen:
            await self.talk.ask(f"DELE {n + 1}")
        if not self.chance(0.15):
            return list(chosen.values())
        await self.talk.ask("RSET")
        return []

    async def leave(self, marked):
        """By QUIT, or without it: then nothing is removed."""
        if self.chance(0.12):
            return self.talk.abort() if self.chance(0.5) else None
        removal = self.mailbox.remove(self.talk, marked)
        await self.talk.send(b"QUIT\r\n")
        if self.chance(0.05):
            return self.talk.abort()
        answer = await self.talk.answer()
        if answer.startswith("+OK"):
            self.mailbox.removed_all(removal)
            self.place.count("removed", len(marked))
        else:
            self.mailbox.removed_nothing(removal)
            raise Broken(f"{self.talk.server.name}: {answer} to QUIT")


class LastReader(Fetcher):
    """Fetches everything, compares, removes, and finds nothing more."""

    async def converse(self):
        (user,) = self.users
        self.mailbox = self.place.ledger.mailboxes[user]
        self.talk = await Talk.open(self.place.readers[-1])
        self.talk.need(await self.talk.answer(), "+OK")
        self.expected = self.mailbox.expected()
        if not await self.log_in_as(user, self.place.users[user]):
            raise Broken(f"{user}: the mailbox is still held by a session that is over")
        there = await self.look()
        for n, number in enumerate(there):
            await self.talk.ask(f"RETR {n + 1}")
            await self.read(n, number)
            await self.talk.ask(f"DELE {n + 1}")
        removal = self.mailbox.remove(self.talk, there)
        await self.talk.ask("QUIT")
        self.mailbox.removed_all(removal)
