"""The servers of a soak as processes: started, killed, ended, started again; and what two of them that live on use of the machine."""

import asyncio
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import time

from ledger import Broken

PATIENCE = 60
HOUR = 3600
ALLOWED_AN_HOUR = 1 << 20  # octets
# For the servers that are measured: malloc without the caches of each thread, and with one arena. What it keeps for itself there is bounded, but takes long to fill up,
# and would hide a leak meanwhile (docs/promises.md).
BARE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1"}
# How far the medians of a server's idle memory may lie apart without a leak: pieces of memory that are in use keep free ones from being given back.
NOISE = 256 << 10
COLD_NOISE = 2 << 20  # where so little time was measured that the busiest moment may be still to come
SETTLED = 240  # seconds


def port(taken=set()):
    """A free one that no client is given as its own while a server is down."""
    for _ in range(1000):
        number = random.randrange(10000, 32000)
        if number in taken:
            continue
        try:
            socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        taken.add(number)
        return number
    raise SystemExit("no port is free")


class Server:
    """`mortal`: it is killed now and then. The others live as long as the soak."""

    def __init__(self, name, place, command, *, mortal):
        self.name, self.place, self.mortal = name, place, mortal
        tls = bool(place.tls)
        self.port, self.tls_port = port(), port() if tls else None
        self.command = [*map(str, command), "--listen", "127.0.0.1", str(self.port)]
        if tls:
            self.command += ["--tls-port", str(self.tls_port)]
        self.hangup_ends = not tls  # without a certificate
        self.log = place.path / "log" / f"{name}.log"
        self.process = None
        self.ending = False
        self.base = None  # descriptors without a client
        self.samples = []  # (octets, descriptors), once a second
        self.idle = []  # (time, octets) without a client

    async def start(self):
        async with self.place.renewal:
            await self.start_now()

    async def start_now(self):
        with self.log.open("ab") as log:
            begin = log.tell()
            how = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(self.command, env={**os.environ, **({} if self.mortal else BARE)}, **how)
        end = time.monotonic() + PATIENCE
        while self.log.read_bytes()[begin:].count(b"listening on") < (2 if self.tls_port else 1):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Broken(f"{self.name} does not start: status {self.process.poll()}, see {self.log}")
            await asyncio.sleep(0.01)
        self.ending = False

    async def end(self, by):
        """SIGKILL, or a signal that ends it cleanly."""
        self.check()
        self.ending = True
        self.process.send_signal(by)
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise Broken(f"{self.name} did not end by {by.name}")
            await asyncio.sleep(0.01)
        if by != signal.SIGKILL and self.process.returncode != 0:
            raise Broken(f"{self.name} ended with status {self.process.returncode} after {by.name}, see {self.log}")

    def check(self):
        if not self.ending and self.process.poll() is not None:
            raise Broken(f"{self.name} has ended by itself, status {self.process.returncode}, see {self.log}")

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # What it uses

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10

    def open_files(self):
        """What its descriptors stand for."""
        names = []
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                names.append(os.readlink(fd))
            except FileNotFoundError:  # closed meanwhile
                pass
        return sorted(names)

    def descriptors(self):
        """How many it has open, but for those that smtpmail keeps for the next delivery: a mailbox's directory and lock, once each."""
        names = self.open_files()
        kept = {str(path) for user in self.place.users for path in (self.place.path / user, self.place.path / user / ".lock")}
        return len(names) - len(kept.intersection(names))

    def sample(self):
        self.samples.append((self.memory(), self.descriptors()))

    async def sample_idle(self):
        """Without clients it must come back to the descriptors it began with."""
        end = time.monotonic() + 10
        while self.descriptors() != self.base and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if (now := self.descriptors()) != self.base:
            raise Broken(f"{self.name} has {now} descriptors without a client, and had {self.base} at first: {' '.join(self.open_files())}")
        self.idle.append((time.monotonic(), self.memory()))

    def growth(self):
        """Octets between the medians of the second and the last quarter of the idle samples, the seconds between them, and how much is allowed."""
        quarter = max(1, len(self.idle) // 4)
        early, late = self.idle[:-quarter][quarter : 2 * quarter] or self.idle[:1], self.idle[-quarter:]
        grown, seconds = (statistics.median(pair[n] for pair in late) - statistics.median(pair[n] for pair in early) for n in (1, 0))
        noise = NOISE if self.idle[-1][0] - self.idle[0][0] >= SETTLED else COLD_NOISE
        return grown, seconds, noise + ALLOWED_AN_HOUR * seconds / HOUR

    def slope(self):
        """Octets an hour, the line of least squares through the idle samples."""
        times, octets = zip(*self.idle)
        return statistics.linear_regression(times, octets).slope * HOUR


async def keep_killing(server, rng, soak):
    """Every few seconds, by SIGKILL or cleanly; down for a moment."""
    while not soak.over.is_set():
        await soak.rest(min(rng.expovariate(1 / 4), 20))
        ways = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT] + ([signal.SIGHUP] if server.hangup_ends else [])
        by = rng.choice(ways)
        await server.end(by)
        soak.count("killed" if by == signal.SIGKILL else "ended")
        await asyncio.sleep(rng.choice([0, 0, 0.2, 1]) * rng.random())
        await server.start()
