"""What the end-to-end tests share: the programs as processes, a directory to run them in, and a plain line dialogue.

Everything a test starts has its own directory and port, so that all tests may run at the same time.
"""

import contextlib
import itertools
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("POSTROOM_BUILD", "build")
SANITISED = bool(os.environ.get("POSTROOM_SAN"))  # everything is several times slower then
PATIENCE = 60 if SANITISED else 20  # seconds after which something hangs

USERS = {"alice": "wonderland", "bob": "builder", "stallings": "network$ecurity"}


class Server:
    """A smtpmail or popserver process that takes connections."""

    def __init__(self, program, *options, port=None, cwd=None, stdout=subprocess.DEVNULL, listen="127.0.0.1", before=()):
        where = ["--listen", listen] if listen else []
        self.command = [*before, BUILD / program, *where, *map(str, options)]
        self.cwd, self.stdout = cwd, stdout
        self.port = port or free_port()  # not of the kernel's choice: it would give it to another while the server is restarted
        self.errors = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.command, str(self.port)],
            cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=subprocess.PIPE, text=True, errors="replace",
        )
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))
            if heard := re.match(r".*listening on \S+ port (\d+)$", line.rstrip()):
                self.port = int(heard[1])
                break
        else:
            raise AssertionError(f"{self.command} ended with {self.process.wait()}: {self.errors}")
        self.reader = threading.Thread(target=self.read_errors, args=(self.process.stderr,), daemon=True)
        self.reader.start()

    def read_errors(self, pipe):
        for line in pipe:
            self.errors.append(line.rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def restart(self):
        """Once more, on the same port."""
        self.start()

    def stop(self):
        """SIGTERM; a server ends cleanly within its five seconds. Safe to call twice."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(PATIENCE)
            self.reader.join()
            assert status == 0, f"{self.command[0].name} ended with {status}: " + "\n".join(self.errors)
        complaints = [line for line in self.errors if "Sanitizer" in line or "runtime error" in line]
        assert not complaints, "\n".join(self.errors)

    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def sockets(self):
        """How many of them are sockets, connections among them."""
        links = (link(f"/proc/{self.pid}/fd/{number}") for number in os.listdir(f"/proc/{self.pid}/fd"))
        return sum(target.startswith("socket:") for target in links)

    def peak_memory(self):
        """The most resident memory it ever had, in octets."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


class Lab:
    """A directory with a users file, and the servers that run in it."""

    def __init__(self, path, users=None):
        self.path = path
        self.users = dict(users or USERS)
        self.servers = []
        path.mkdir(parents=True, exist_ok=True)
        (path / "user.txt").write_text("".join(f"{name} {word}\n" for name, word in self.users.items()))

    def server(self, program, *options, **how):
        server = Server(program, "--dir", self.path, *options, **how)
        self.servers.append(server)
        return server

    def smtpmail(self, *options, **how):
        return self.server("smtpmail", *options, **how)

    def popserver(self, *options, **how):
        return self.server("popserver", *options, **how)

    def mailbox(self, user="alice"):
        return self.path / user / "mymailbox"

    def mails(self, user="alice"):
        return split_mailbox(self.mailbox(user).read_bytes()) if self.mailbox(user).exists() else []

    def close(self):
        for server in self.servers:
            try:
                server.stop()
            finally:
                server.process.kill()


def split_mailbox(octets):
    """The mails of a mailbox file as they are stored. Anything behind the last full stop is a mistake."""
    assert octets == b"" or octets.endswith(b"\n.\n"), octets[-80:]
    mails, begin = [], 0
    while begin < len(octets):
        end = octets.index(b"\n.\n", begin)
        mails.append(octets[begin : end + 1])
        begin = end + 3
    return mails


class Dialogue:
    """A connection on which lines are said and heard."""

    def __init__(self, server, greeting=None, source=""):
        port = server if isinstance(server, int) else server.port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.greeting = self.hear()
        if greeting:
            assert self.greeting.startswith(greeting), self.greeting

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def reset(self):
        """Breaks the connection off with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def hear(self):
        """The next line without its CR LF; '' at the end of the connection."""
        line = self.file.readline()
        assert line == b"" or line.endswith(b"\r\n"), line
        return line[:-2].decode("utf-8", "surrogateescape")

    def reply(self):
        """A whole SMTP reply, its lines joined."""
        lines = [self.hear()]
        while lines[-1][3:4] == "-":
            lines.append(self.hear())
        return "\n".join(lines)

    def body(self):
        """The lines of a POP3 answer up to its full stop, dots taken off, as octets with CR LF."""
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            assert line.endswith(b"\r\n"), line
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def say(self, line, expected=""):
        """Says a line and returns the (SMTP) reply, which begins as expected."""
        self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        reply = self.reply()
        assert reply.startswith(expected), f"{line!r}: {reply!r}, not {expected!r}"
        return reply

    def ended(self):
        """Whether the server has closed the connection, with nothing more to say."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def smtp(server, name="client.test"):
    """A connection that has said HELO."""
    talk = Dialogue(server, "220 ")
    talk.say(f"HELO {name}", "250 ")
    return talk


def send_mail(server, text, to=("alice@lab",), sender="bob@lab"):
    """One mail on a connection of its own; its lines end in CR LF, and their full stops are doubled here. Returns the last reply."""
    with smtp(server) as talk:
        talk.say(f"MAIL FROM:<{sender}>", "250 ")
        for recipient in to:
            talk.say(f"RCPT TO:<{recipient}>", "250 ")
        talk.say("DATA", "354 ")
        talk.send(stuffed(text) + b".\r\n")
        reply = talk.reply()
        talk.say("QUIT", "221 ")
    return reply


def stuffed(text):
    """As it travels: a leading full stop doubled."""
    return re.sub(rb"^\.", b"..", text, flags=re.M)


def login(server, user="alice", password=None):
    """A POP3 connection with an open mailbox."""
    talk = Dialogue(server, "+OK")
    talk.say(f"USER {user}", "+OK")
    talk.say(f"PASS {password or USERS[user]}", "+OK")
    return talk


def retrieve(talk, number):
    talk.say(f"RETR {number}", "+OK")
    return talk.body()


def run(program, *arguments, input="", cwd=None, **how):
    """Runs a program of ours to its end."""
    return subprocess.run(
        [BUILD / program, *map(str, arguments)], input=input, cwd=cwd, capture_output=True, timeout=PATIENCE, text=True, **how
    )


def wait_for(condition, seconds=PATIENCE):
    """Until the condition holds; what it returned."""
    end = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return outcome


def link(path):
    """Where it leads; "": it is gone by now."""
    with contextlib.suppress(OSError):
        return os.readlink(path)
    return ""


def listens_nobody(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def free_ports():
    """Ports that nobody else picks: below those that the kernel hands out, and pytest's workers share them out."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    kernels = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    share = range(15000 + worker, min(kernels, 32768), 16)
    start = random.randrange(len(share))  # two runs on one machine seldom meet
    return (share[n % len(share)] for n in itertools.count(start) if listens_nobody(share[n % len(share)]))


PORTS = free_ports()


def free_port():
    """A port that stays free until somebody listens on it."""
    return next(PORTS)
