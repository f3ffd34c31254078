"""A server under measurement: started on a free port of loopback, with its processes, their CPU time and memory, and its mailboxes.

Each is started by root in a mount namespace of its own: so packages that conflict stand side by side, files at places that are compiled
in are the run's own, and a process that turned into a daemon is still found.
"""

import os
import pathlib
import random
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


PORTS = range(10_000, 15_000)  # below those that the kernel gives to outgoing connections, of which a run has thousands, and those of the tests


def free_ports():
    """Each once, so that two that are asked for before somebody listens are two."""
    found = True
    while found:
        found = False
        for port in random.sample(PORTS, len(PORTS)):
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                continue
            found = True
            yield port
    raise RuntimeError("no port is free")


free = free_ports()


def free_port():
    return next(free)


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s in vain")
        time.sleep(0.02)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(5)
            return connection.recv(1) != b""
    except OSError:
        return False


def stat_of(pid):
    """(parent, seconds of CPU with those of its children that ended), or None."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15])) / TICK


def pss(pid):
    """Octets of memory, what is shared counted in shares."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Server:
    """`lab`: where its files lie. What a subclass says: command(), what it writes first in prepare(), how its mailboxes are read."""

    name = ""  # as in the tables
    lmtp = False
    queues = False  # 250 comes before delivery
    stores = True
    port_fixed = 0  # compiled in
    held_most = 10_000  # connections that it can have at once …
    held_most_tls = None  # … with TLS, where these are others
    binds = {}  # place in the file system → what stands there for the server alone
    tls = False

    def __init__(self, bench, lab, users):
        self.bench, self.lab, self.users = bench, lab, users
        self.port = self.port_fixed or free_port()
        self.tls_port = free_port()
        self.process = self.space = None
        self.prepare()

    def prepare(self):
        pass

    def command(self):
        raise NotImplementedError

    def start(self, trace=()):
        command = [str(word) for word in (*trace, *self.command())]
        if os.geteuid() == 0:
            mounts = [f"mount --bind '{here}' '{there}'" for there, here in self.binds.items()]
            told = self.lab / "namespace"
            script = " && ".join([f"readlink /proc/self/ns/mnt > '{told}'", *mounts, 'exec "$@"'])
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *command]
        with open(self.lab / "server.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env=os.environ | {"PATH": PATH} | self.environment())
        try:
            wait_for(lambda: answers(self.port))
            if os.geteuid() == 0:
                self.space = told.read_text().strip()
        except TimeoutError as error:
            self.stop()
            raise RuntimeError(f"{self.name} does not answer: {(self.lab / 'server.log').read_text()[-500:]}") from error

    def environment(self):
        return {}

    def stop(self):
        """Ends the server; what does not end in ten seconds is killed."""
        if self.process is None:
            return
        tracer = [pid for pid in self.processes(all_of_them=True) if name_of(pid) == "strace"]
        for pid in self.processes()[:1]:
            os.kill(pid, signal.SIGTERM)
        try:
            wait_for(lambda: not self.processes(), 10)
            wait_for(lambda: not any(name_of(pid) == "strace" for pid in tracer), 5)
        except TimeoutError:
            for pid in self.processes(all_of_them=True):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def processes(self, all_of_them=False):
        """Ids, its first process first; those that strace and unshare need only where all are asked for."""
        if self.process is None:
            return []
        parents = {int(p.name): s[0] for p in pathlib.Path("/proc").glob("[0-9]*") if (s := stat_of(p.name)) and alive(p.name)}
        found = [pid for pid in parents if self.space and namespace(pid) == self.space or descends(pid, self.process.pid, parents)]
        return sorted(pid for pid in found if all_of_them or name_of(pid) not in ("strace", "sh", "unshare"))

    def cpu(self):
        """Seconds so far, of all processes, those that ended included as far as their parents waited for them."""
        return sum(stat[1] for pid in self.processes() if (stat := stat_of(pid)))

    def memory(self):
        return sum(pss(pid) for pid in self.processes())

    def mails_of(self, user):
        """The texts in a user's mailbox, as pieces of octets (a mail each, or a whole file)."""
        raise NotImplementedError


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def descends(pid, ancestor, parents):
    while pid in parents:
        if pid == ancestor:
            return True
        pid = parents[pid]
    return False
