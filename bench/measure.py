"""A figure: one row of the tables at one server, measured several times, each time with a fresh server and fresh mailboxes.

What comes out is a dictionary: the metric's name → all its values. summary() makes {median, low, high} of each.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from peers import mailboxes
from peers.server import free_port, wait_for

SYNCS = "fsync,fdatasync,sync_file_range,syncfs,sync,msync"
MARK = re.compile(rb"Message-ID: <(\d+)\.mark@load\.test>")
DRAIN = 180  # seconds for a queue to be delivered


class Broken(Exception):
    """A server did not do what it had acknowledged, or the generator was not satisfied."""


class Bench:
    """Where everything is. `place`: the directory of the runs, on a disk."""

    def __init__(self, build, place, seconds):
        self.build, self.place, self.seconds = build, place, seconds
        self.keys = None

    free_port = staticmethod(free_port)

    def tool(self, name):
        """smtp-source and smtp-sink: where Postfix is installed, or unpacked."""
        found = shutil.which(name, path="/usr/sbin:/sbin:" + os.environ["PATH"])
        if found:
            return pathlib.Path(found)
        from peers.packages import unpacked

        place = unpacked(self.build, "postfix")
        os.environ["LD_LIBRARY_PATH"] = str(place / "usr/lib/postfix")
        return place / "usr/sbin" / name

    def certificate(self, lab):
        """The same for all: cert.pem and key.pem."""
        if self.keys is None:
            self.keys = self.place / "keys"
            self.keys.mkdir()
            subprocess.run([self.build / "postroom", "cert", "--dir", self.keys, "load.test", "127.0.0.1"], check=True, capture_output=True)
        for name in "cert.pem", "key.pem":
            shutil.copy(self.keys / name, lab)
            mailboxes.own(lab / name)

    @contextlib.contextmanager
    def server(self, kind, users, fill=None, trace=()):
        """A started one, and a directory that goes with it. `fill(server)` makes its mailboxes before."""
        lab = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=self.place))
        lab.chmod(0o755)
        server = kind(self, lab, users)
        try:
            if fill:
                fill(server)
            server.start(trace)
            yield server
        finally:
            server.stop()
            shutil.rmtree(lab, ignore_errors=True)

    def load(self, program, server, flags):
        """Runs a generator; what it printed. A flag is `name: value`, True for one without a value."""
        words = [self.build / "bench" / program, "--port", str(server.tls_port if flags.get("tls") else server.port)]
        for name, value in flags.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Broken(done.stderr.strip()[-300:])
        return json.loads(done.stdout)


def summary(values):
    return {name: {"median": statistics.median(some), "low": min(some), "high": max(some)} for name, some in values.items() if some}


class Values(collections.defaultdict):
    def __init__(self):
        super().__init__(list)

    def add(self, **metrics):
        for name, value in metrics.items():
            self[name].append(value)


# Receiving


def delivered(server):
    """How many mails are in the Maildirs."""
    return sum(1 for _ in server.lab.glob("mail/*/new/*"))


def check_mailboxes(server, mails, recipients):
    """Each mail that was acknowledged is in the mailbox of each of its recipients, once."""
    if not server.stores:
        return
    found = 0
    for user in range(server.users):
        marks = [int(mark) for text in server.mails_of(f"u{user}") for mark in MARK.findall(text)]
        if len(set(marks)) != len(marks):
            raise Broken(f"u{user} has a mail twice")
        if any((user - mark * recipients) % server.users >= recipients for mark in marks):
            raise Broken(f"u{user} has somebody else's mail")
        found += len(marks)
    if found != mails * recipients:
        raise Broken(f"{mails * recipients} mails acknowledged, {found} in the mailboxes")


def receive_once(bench, server, flags):
    flags = dict(flags, **({"lmtp": True} if server.lmtp else {}))
    recipients = flags.get("recipients", 1)
    before = server.cpu()
    told = bench.load("smtpload", server, flags)
    if server.queues:
        wait_for(lambda: delivered(server) >= told["mails"] * recipients, DRAIN)
    told["server_cpu"] = server.cpu() - before
    return told


def receive(bench, kind, flags, runs):
    """Rate, latencies, CPU for each run."""
    values = Values()
    users = flags.get("users", 1)
    for _ in range(runs):
        with bench.server(kind, users) as server:
            told = receive_once(bench, server, {"seconds": bench.seconds, **flags})
            server.stop()
            check_mailboxes(server, told["mails"], flags.get("recipients", 1))
        values.add(rate=told["rate"], mails=told["mails"], sessions=told["sessions"] / told["seconds"], p50=told["mail_ms"]["p50"],
                   p99=told["mail_ms"]["p99"], worst=told["mail_ms"]["max"], cpu=told["server_cpu"] / told["mails"] * 1000,
                   generator_cpu=told["cpu"] / told["mails"] * 1000)
        if flags.get("tls"):
            values.add(resumed=told["resumed"] / max(told["handshakes"], 1))
    return values


def receive_syncs(bench, kind, flags):
    """Syncs a mail, in a run of its own: strace slows the server down, and so makes groups larger where mails are synced in groups."""
    with tempfile.NamedTemporaryFile("r") as out:
        trace = ["strace", "-f", "-c", "--seccomp-bpf", "-e", f"trace={SYNCS}", "-o", out.name]
        with bench.server(kind, flags.get("users", 1), trace=trace) as server:
            told = receive_once(bench, server, {"seconds": min(bench.seconds, 2), **flags})
            server.stop()
        calls = sum(int(n) for n in re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?\w*sync\w*$", out.read(), re.M))
    return calls / told["mails"]


# Fetching


def filler(mails, octets, users):
    """Makes that mailbox for every user."""

    def fill(server):
        for user in range(users):
            mailboxes.fill(server.mailbox_format, server.mailbox(f"u{user}"), mails, octets)
            if hasattr(server, "after_filling"):
                server.after_filling(f"u{user}")

    return fill


def fetch(bench, kind, row, runs):
    """Sessions of a script. row: users, mails, octets of the mailboxes; flags; `warm`: a session before; `cold`: the indexes are thrown away."""
    values = Values()
    for _ in range(runs):
        with bench.server(kind, row.users, filler(row.mails, row.octets, row.users)) as server:
            if row.warm:
                bench.load("popload", server, {"connections": row.users, "users": row.users, "sessions": row.users, "script": "login,stat,list,uidl,quit"})
            if row.cold:
                server.forget_index()
            before = server.cpu()
            told = bench.load("popload", server, {"users": row.users, **({} if "sessions" in row.flags else {"seconds": bench.seconds}), **row.flags})
            cpu = server.cpu() - before
        values.add(rate=told["rate"], p50=told["session_ms"]["p50"], p99=told["session_ms"]["p99"], worst=told["session_ms"]["max"],
                   mails=told["sessions"] * row.mails / told["seconds"], octets=told["octets"] / told["seconds"] / 1e6,
                   cpu=cpu / told["sessions"] * 1000, generator_cpu=told["cpu"] / told["sessions"] * 1000)
        for step in row.flags["script"].split(","):
            values[f"{step.replace('-', '_')}_ms"].append(told[f"{step}_ms"]["p50"])
    return values


# Holding


@contextlib.contextmanager
def holding(bench, server, connections, tls):
    port = server.tls_port if tls else server.port
    command = [bench.build / "bench/holdload", "--port", str(port), "--connections", str(connections), *(["--tls"] if tls else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if not process.stdout.readline().startswith("holding"):
            raise Broken(process.stderr.read().strip())
        yield
        if process.poll() is not None:
            raise Broken("an idle connection was closed: " + process.stderr.read().strip())
    finally:
        process.communicate()  # closes its input: it ends


def hold(bench, kind, connections, tls, protocol):
    """Memory without connections, and for each idle one; and how long new sessions take beside them."""
    values = Values()
    connections = min(connections, tls and kind.held_most_tls or kind.held_most)
    fill = filler(1, 1000, 1) if protocol == "pop3" else None
    new = {"per-connection": 1, "mails": 200} if protocol == "smtp" else {"sessions": 200}
    program = "smtpload" if protocol == "smtp" else "popload"
    new.update({"lmtp": True} if kind.lmtp else {})
    with bench.server(kind, 1, fill) as server:
        bench.load(program, server, dict(new, **({"tls": True} if tls else {})))
        time.sleep(0.5)
        base = server.memory()
        with holding(bench, server, connections, tls):
            time.sleep(0.5)
            each = (server.memory() - base) / connections
            told = bench.load(program, server, new)
    values.add(base=base / 1024, each=each / 1024, held=connections, p50=told["session_ms"]["p50"], worst=told["session_ms"]["max"])
    return values
