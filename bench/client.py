"""mailclient at a local server: a list of 10,000 mails, and sending 100 MiB."""

import socket
import subprocess
import threading
import time

import measure as figures
from peers.ours import Popserver, Smtpmail

MANY, LARGE = 10_000, 100 << 20


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


def sending(bench, values, rates, runs):
    letter = bench.place / "letter"
    with open(letter, "wb") as file:
        for _ in range(LARGE // 64):
            file.write(b"y" * 63 + b"\n")
    for _ in range(runs):
        with bench.server(PlainSmtpmail, 1) as server, open(letter, "rb") as body:
            command = [bench.build / "mailclient", "send", "--server", f"127.0.0.1:{server.port}", "--from", "sender@load.test",
                       "--to", "u0@load.test", "--subject", "large"]
            took = timed(command, stdin=body)
        values.add(octets=LARGE / took)
        rates.add(octets=loopback(LARGE))
    letter.unlink()


def measure(bench, options):
    lists, sends, rates = figures.Values(), figures.Values(), figures.Values()
    listing(bench, lists, options.runs)
    sending(bench, sends, rates, options.runs)
    found = {"client-list": {"mailclient": figures.summary(lists)}, "client-send": {"mailclient": figures.summary(sends), "loopback": figures.summary(rates)}}
    print(found, flush=True)
    return found
