"""mailclient at a local server: a list of 10,000 mails, and sending 100 MiB: as a text, as an attachment, and to a reader that keeps nothing."""

import contextlib
import os
import socket
import subprocess
import threading
import time

import measure as figures
from peers.ours import Popserver, Smtpmail

MANY, LARGE = 10_000, 100 << 20
ATTACHED = LARGE * 3 * 76 // (4 * 78)  # octets of a file that travels as so many, in BASE64


class PlainSmtpmail(Smtpmail):
    tls = False

    def command(self):
        return [*super().command(), "--max-size", "200M"]


class PlainPopserver(Popserver):
    tls = False  # the client would use it


def loopback(octets):
    """Octets a second that go through a connection of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        piece, done = b"x" * 65536, threading.Event()

        def take():
            connection, _ = listener.accept()
            with connection:
                while connection.recv(65536):
                    pass
            done.set()

        threading.Thread(target=take).start()
        with socket.create_connection(listener.getsockname()) as connection:
            begin = time.perf_counter()
            for _ in range(octets // len(piece)):
                connection.sendall(piece)
        done.wait()
        return octets / (time.perf_counter() - begin)


class Reader:
    """A server that throws away what it gets: what it costs to send, and nothing else."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self.talk(connection)

    def talk(self, connection):
        said = b"220 reader"
        while said:
            connection.sendall(said + b"\r\n")
            line = connection.recv(65536)
            if line == b"DATA\r\n":
                connection.sendall(b"354 go on\r\n")
                self.pass_text(connection)
            said = line and b"250 ok"

    def pass_text(self, connection):
        piece, end = bytearray(65536), b""
        while end != b"\r\n.\r\n":
            n = connection.recv_into(piece)
            if n == 0:
                raise ConnectionError
            end = (end + piece[max(0, n - 5):n])[-5:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def timed(command, **options):
    begin = time.perf_counter()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise figures.Broken(done.stderr.strip()[-300:])
    return time.perf_counter() - begin


def listing(bench, values, runs):
    secret = bench.place / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    with bench.server(PlainPopserver, 1, figures.filler(MANY, 1000, 1)) as server:
        for _ in range(runs + 1):
            command = [bench.build / "mailclient", "list", "--server", f"127.0.0.1:{server.port}", "--user", "u0", "--password-file", secret]
            values.add(seconds=timed(command))
    del values["seconds"][0]  # it brings the index


def send(bench, server, body, *options):
    """Octets a second."""
    command = [bench.build / "mailclient", "send", "--server", f"127.0.0.1:{server.port}", "--from", "sender@load.test",
               "--to", "u0@load.test", "--subject", "large", *options]
    with open(body, "rb") as text:
        return LARGE / timed(command, stdin=text)


def sending(bench, runs):
    found = {name: figures.Values() for name in ("mailclient", "mailclient, an attachment", "… to a reader that keeps nothing", "loopback")}
    text, attachment = bench.place / "letter", bench.place / "attachment"
    text.write_bytes((b"y" * 63 + b"\n") * (LARGE // 64))
    attachment.write_bytes(os.urandom(1 << 20) * (ATTACHED >> 20) + b"y" * (ATTACHED % (1 << 20)))
    for _ in range(runs):
        with bench.server(PlainSmtpmail, 1) as server:
            rates = [send(bench, server, text)]
        with bench.server(PlainSmtpmail, 1) as server:
            rates.append(send(bench, server, os.devnull, "--attach", attachment))
        with Reader() as server:
            rates.append(send(bench, server, os.devnull, "--attach", attachment))
        rates.append(loopback(LARGE))
        for values, rate in zip(found.values(), rates):
            values.add(octets=rate)
    text.unlink()
    attachment.unlink()
    return {name: figures.summary(values) for name, values in found.items()}


def measure(bench, options):
    lists = figures.Values()
    listing(bench, lists, options.runs)
    found = {"client-list": {"mailclient": figures.summary(lists)}, "client-send": sending(bench, options.runs)}
    print(found, flush=True)
    return found
