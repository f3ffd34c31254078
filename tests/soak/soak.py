#!/usr/bin/env python3
"""`make soak`: both servers under mixed load for a long time, some of them and their clients killed all the while.

Two places, each with servers and a directory of its own: one in the standard mode, with TLS and a quota, and one of a course. In each some servers are killed or
ended at random, and one of each kind lives on, whose memory and descriptors are measured. Every so often the load stops for a moment, so that they are measured
without clients. At the end every mailbox is read and compared with the ledger.

Usage: soak.py BUILD [--minutes N] [--seed N] [--dir DIR]. Status 0: every promise was kept. 1: one was broken; the directory stays.
"""

import argparse
import asyncio
import collections
import contextlib
import os
import pathlib
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

import letters
from clients import Fetcher, LastReader, Sender
from ledger import Broken, Ledger
from processes import Mailer
from servers import Server, keep_killing
from talk import Gone

QUOTA = 32 << 20
WARM_UP = 0.2  # of the whole time
EBB_EVERY = 15  # seconds, after the warm-up; in a short soak at least so many:
EBBS = 12


class Place:
    """A directory, its users, its servers, and their clients."""

    def __init__(self, name, soak, path):
        self.name, self.soak, self.path = name, soak, path
        self.build, self.ocean, self.count = soak.build, soak.ocean, soak.count
        self.tls = None
        self.renewal = asyncio.Lock()
        self.receivers, self.readers = [], []
        path.mkdir()
        (path / "log").mkdir()

    @property
    def servers(self):
        return self.receivers + self.readers

    def have_users(self, users):
        self.users = users
        self.ledger = Ledger(users)
        self.busy = [user for user in users if user != "archive"]

    def postroom(self, *arguments, **how):
        subprocess.run([self.build / "postroom", *arguments, "--dir", self.path], check=True, stdout=subprocess.DEVNULL, text=True, **how)

    def server(self, program, number, *options, mortal):
        server = Server(f"{program}-{self.name}-{number}", self, [self.build / program, "--dir", self.path, *options], mortal=mortal)
        (self.receivers if program == "smtpmail" else self.readers).append(server)

    def rng(self, role):
        return random.Random(f"{self.soak.seed} {self.name} {role}")


class Standard(Place):
    """The standard mode. `archive` gets large mails until it is full, and is then emptied by a third; its removals are marks."""

    domain = "soak.test"

    def __init__(self, soak, path):
        super().__init__("standard", soak, path)
        self.have_users({"alice": "wonderland", "bob": "builder", "carol": "chandelier", "archive": "cellar"})
        for user, password in self.users.items():
            scheme = "scram-sha-256" if user in ("bob", "carol") else "plain"
            self.postroom("user", "add", user, "--scheme", scheme, input=password + "\n")
        self.postroom("cert", "localhost", "127.0.0.1")
        self.tls = ssl.create_default_context(cafile=str(path / "ca.pem"))
        certificate = ("--tls-cert", path / "cert.pem", "--tls-key", path / "key.pem", "--domain", self.domain)
        for number, mortal in enumerate((True, True, False), 1):
            self.server("smtpmail", number, "--quota", str(QUOTA), *certificate, mortal=mortal)
        for number, mortal in enumerate((True, False), 1):
            self.server("popserver", number, *certificate, mortal=mortal)

    def clients(self):
        senders = [Sender(self, self.rng(f"sender {n}")) for n in range(6)]
        fetchers = [Fetcher(self, self.rng(f"fetcher {n}"), self.busy) for n in range(4)]
        heavy = Sender(self, self.rng("heavy"), heavy="archive")
        patient = Fetcher(self, self.rng("patient"), ["archive"], patient=QUOTA * 4 // 5)
        return [*((client, 0.02) for client in senders + fetchers), (heavy, 0.5), (patient, 2), (Mailer(self, self.rng("mailer")), 0.3)]

    async def touch(self, rng):
        """What an operator does meanwhile."""
        while not self.soak.over.is_set():
            await self.soak.rest(rng.expovariate(1 / 3))
            kind = rng.randrange(4)
            if kind == 0:
                await asyncio.to_thread(self.postroom, "user", "add", f"guest{rng.getrandbits(40)}", "--scheme", "plain", input="g\n")
            elif kind == 1:
                async with self.renewal:  # two files: a server that starts in between may find a key of another certificate
                    await asyncio.to_thread(self.postroom, "cert", "localhost", "127.0.0.1")
            elif kind == 2:
                os.utime(self.path / rng.choice(["cert.pem", "key.pem", "users.txt"]))
            server = rng.choice(self.servers)
            if not server.ending:
                server.process.send_signal(signal.SIGHUP)
            self.count("touched")


class Course(Place):
    """A course's mode: in clear, to any domain."""

    domain = "anywhere.test"

    def __init__(self, soak, path):
        super().__init__("course", soak, path)
        self.have_users({"dora": "explorer", "emil": "detective"})
        self.write_users("")
        for number, mortal in enumerate((True, False), 1):
            self.server("smtpmail", number, mortal=mortal)
        for number, mortal in enumerate((True, False), 1):
            self.server("popserver", number, mortal=mortal)

    def write_users(self, more):
        new = self.path / "new"
        new.write_text("".join(f"{name} {word}\n" for name, word in self.users.items()) + more)
        new.rename(self.path / "user.txt")

    def clients(self):
        senders = [Sender(self, self.rng(f"sender {n}")) for n in range(4)]
        fetchers = [Fetcher(self, self.rng(f"fetcher {n}"), self.busy) for n in range(3)]
        return [*((client, 0.02) for client in senders + fetchers), (Mailer(self, self.rng("mailer")), 0.3)]

    async def touch(self, rng):
        while not self.soak.over.is_set():
            await self.soak.rest(rng.expovariate(1 / 3))
            self.write_users(f"# {rng.getrandbits(40)}\n" * rng.randrange(3))
            self.count("touched")


class Soak:
    def __init__(self, options):
        self.build = options.build.resolve()
        self.seed, self.seconds = options.seed, options.minutes * 60
        self.judges_memory = not options.sanitised
        self.path = pathlib.Path(options.dir or tempfile.mkdtemp(prefix="soak-", dir=os.environ.get("TMPDIR", "/tmp")))
        self.path.mkdir(exist_ok=True)
        self.counts = collections.Counter()
        self.broken = []
        self.over = asyncio.Event()
        self.flood = asyncio.Event()  # clear: an ebb, no new sessions
        self.busy = 0  # sessions under way
        self.ocean = letters.Ocean(random.Random(self.seed))
        self.places = [Standard(self, self.path / "standard"), Course(self, self.path / "course")]

    def count(self, what, times=1):
        self.counts[what] += times

    @property
    def servers(self):
        return [server for place in self.places for server in place.servers]

    @property
    def steady(self):
        return [server for server in self.servers if not server.mortal]

    def complain(self, what):
        """A broken promise ends the soak."""
        self.broken.append(what)
        self.over.set()
        self.flood.set()
        print(f"\nbroken: {what}", flush=True)

    async def guarded(self, work):
        """Whatever goes wrong in it is told."""
        try:
            await work
        except (Broken, Gone) as why:
            self.complain(str(why))
        except Exception:
            self.complain(traceback.format_exc())

    async def keep(self, client, pause):
        """One session after the other, but in an ebb."""
        while not self.over.is_set():
            await self.flood.wait()
            if self.over.is_set():
                break
            self.busy += 1
            try:
                await self.guarded(client.session())
            finally:
                self.busy -= 1
            self.count("sessions")
            await self.rest(client.rng.expovariate(1 / pause))

    async def rest(self, seconds):
        """Unless it is over earlier."""
        try:
            async with asyncio.timeout(max(0, seconds)):
                await self.over.wait()
        except TimeoutError:
            pass

    async def ebb(self):
        """Everybody leaves, and the servers that live on are measured."""
        self.flood.clear()
        while self.busy and not self.over.is_set():
            await asyncio.sleep(0.02)
        if not self.over.is_set():
            await asyncio.sleep(0.2)
            for server in self.steady:
                await server.sample_idle()
        self.flood.set()

    async def tide(self):
        """The whole course of it."""
        await self.rest(self.seconds * WARM_UP)
        period = min(EBB_EVERY, self.seconds * (1 - WARM_UP) / EBBS)
        while not self.over.is_set():
            await self.ebb()
            left = self.begin + self.seconds - time.monotonic()
            if left <= 0:
                break
            await self.rest(min(period, left))
        self.over.set()
        self.flood.set()

    async def watch(self):
        """Samples once a second, and a line of progress."""
        terminal, said = sys.stdout.isatty(), time.monotonic()
        while not self.over.is_set():
            await self.rest(1)
            for server in self.servers:
                server.check()
            for server in self.steady:
                server.sample()
            if terminal or time.monotonic() - said >= 20:
                said = time.monotonic()
                print(("\r\033[K" if terminal else "") + self.progress(), end="" if terminal else "\n", flush=True)
        print(end="\n" if terminal else "")

    def progress(self):
        c = self.counts
        memory = " ".join(f"{server.memory() / 1048576:.1f}" for server in self.steady)
        return (
            f"{time.monotonic() - self.begin:4.0f} of {self.seconds:.0f} s: {c['sessions']} sessions, {c['accepted']} copies accepted, {c['removed']} removed, "
            f"{c['killed']} kills, {c['ended']} ends; memory {memory} MiB"
        )

    async def load(self):
        """Everything at once, until it is over."""
        work = [self.tide(), self.watch()]
        for place in self.places:
            work.append(place.touch(place.rng("touch")))
            work += [self.keep(client, pause) for client, pause in place.clients()]
            work += [keep_killing(server, place.rng(server.name), self) for server in place.servers if server.mortal]
        await asyncio.gather(*map(self.guarded, work))

    async def account(self):
        """What is there in the end."""
        for place in self.places:
            for user, mailbox in place.ledger.mailboxes.items():
                left = len(mailbox.accepted)
                for _ in range(2):  # the second one finds nothing
                    await self.guarded(LastReader(place, place.rng("end"), [user]).session())
                print(f"{place.name}, {user}: {left} mails were left, {len(mailbox.removed)} removed in all")
                if mailbox.digests and not self.broken:
                    self.count("unanswered and not there", len(mailbox.digests))
                file = place.path / user / ("mailbox" if place.tls else "mymailbox")
                if not self.broken and file.exists() and file.stat().st_size:
                    self.complain(f"{file} is not empty")

    def judge(self):
        """Memory over the whole time."""
        for server in self.steady:
            if len(server.idle) < 2:
                print(f"{server.name}: too short to judge its memory")
                continue
            grown, seconds, allowed = server.growth()
            first, last = (octets >> 10 for _, octets in (server.idle[0], server.idle[-1]))
            most, busiest = map(max, zip(*server.samples))
            print(
                f"{server.name}: {server.base} descriptors without clients, each time, at most {busiest} under load; memory without clients {first} KiB at first, "
                f"{last} KiB at last, at most {most >> 10} KiB under load; {grown / 1024:+.0f} KiB in {seconds:.0f} s (allowed {allowed / 1024:.0f}), "
                f"{server.slope() / 1048576:+.2f} MiB an hour by least squares over {len(server.idle)} samples"
            )
            if grown > allowed and self.judges_memory:
                self.complain(f"{server.name}: its memory has grown by {grown / 1024:.0f} KiB within {seconds:.0f} s, and {allowed / 1024:.0f} KiB are allowed")

    async def run(self):
        # asyncio's TLS complains where a connection ends twice. What goes wrong in work of ours is told by guarded().
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        for server in self.servers:
            await server.start()
            server.base = server.descriptors()
        self.begin = time.monotonic()
        self.flood.set()
        await self.load()
        for server in self.servers:
            if server.process.poll() is not None and server.ending:
                await server.start()
        await self.account()
        if not self.broken:
            self.judge()
        for server in self.servers:
            await self.guarded(server.end(signal.SIGTERM))

    def close(self):
        print("; ".join(f"{number} {what}" for what, number in sorted(self.counts.items())))
        if self.broken:
            print(f"FAILED ({len(self.broken)}): --seed {self.seed}; everything is kept in {self.path}")
            for what in self.broken:
                print(f"  {what}")
        else:
            for place in self.places:
                shutil.rmtree(place.path)
            with contextlib.suppress(OSError):  # it was there before, and holds more
                self.path.rmdir()
            print(f"{self.counts['accepted']} copies accepted, each found once and whole; 0 promises broken")
        return 1 if self.broken else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--sanitised", action="store_true", help="the build keeps memory that was freed: it may grow")
    parser.add_argument("--dir", help="where the servers run (default: a new directory in TMPDIR)")
    options = parser.parse_args()
    print(f"soak: {options.minutes:g} minutes, --seed {options.seed}", flush=True)
    soak = Soak(options)
    print(f"in {soak.path}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(soak.run())
    except (KeyboardInterrupt, Broken, Gone) as why:
        soak.broken.append(str(why) or "interrupted")
    finally:
        for server in soak.servers:
            server.destroy()
    sys.exit(soak.close())


if __name__ == "__main__":
    main()
