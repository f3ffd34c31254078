#!/usr/bin/env python3
"""`make bench`: the first figures, measured side by side in one go, and written to bench/RESULTS.md.

How many mails a second smtpmail takes and puts on disk, beside Postfix's smtp-sink, which takes them and stores nothing; both fed by
Postfix's smtp-source. And how many times a mail syncs. After each run every mail must be in the mailbox.

Usage: run.py BUILD [--runs N] [--mails N] [--dry] (--dry: print, write nothing)
"""

import argparse
import datetime
import os
import pathlib
import platform
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OCTETS = 1024
CONNECTIONS = 10


def postfix_tools(build):
    """The directory of smtp-source and smtp-sink: where Postfix is installed, or unpacked from its Debian package without installing it."""
    found = shutil.which("smtp-source", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found:
        return pathlib.Path(found).parent
    place = build / "postfix"
    if not (place / "usr/sbin/smtp-source").exists():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "postfix"], cwd=place, check=True)
        (package,) = place.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", package, place], check=True)
    os.environ["LD_LIBRARY_PATH"] = str(place / "usr/lib/postfix")
    return place / "usr/sbin"


def wait_for_port(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Bench:
    def __init__(self, build, mails):
        self.build, self.mails = build, mails
        self.tools = postfix_tools(build)

    def feed(self, port, connections):
        """Sends the mails and returns mails a second."""
        begin = time.perf_counter()
        subprocess.run(
            [self.tools / "smtp-source", "-d", "-s", str(connections), "-m", str(self.mails), "-l", str(OCTETS),
             "-f", "bob@lab", "-t", "alice@lab", f"127.0.0.1:{port}"],
            check=True,
        )
        return self.mails / (time.perf_counter() - begin)

    def sink(self, connections):
        port = free_port()
        # As root it wants to be told whom to become.
        as_user = ["-u", "nobody"] if os.getuid() == 0 else ["-u", pwd.getpwuid(os.getuid()).pw_name]
        process = subprocess.Popen([self.tools / "smtp-sink", *as_user, f"127.0.0.1:{port}", "1000"])
        try:
            wait_for_port(port)
            return self.feed(port, connections)
        finally:
            process.kill()
            process.wait()

    def smtpmail(self, connections, trace=()):
        # Beside the sources, on their disk: /tmp may be memory.
        with tempfile.TemporaryDirectory(dir=self.build) as lab:
            lab = pathlib.Path(lab)
            (lab / "user.txt").write_text("alice wonderland\n")
            port = free_port()
            process = subprocess.Popen(
                [*trace, self.build / "smtpmail", "--listen", "127.0.0.1", "--dir", lab, str(port)], stderr=subprocess.DEVNULL
            )
            try:
                wait_for_port(port)
                rate = self.feed(port, connections)
            finally:
                server = process.pid
                if trace:  # strace's only child
                    server = int(pathlib.Path(f"/proc/{server}/task/{server}/children").read_text())
                os.kill(server, signal.SIGTERM)
                process.wait()
            stored = (lab / "alice/mymailbox").read_bytes().count(b"\n.\n")
            if stored != self.mails:
                sys.exit(f"{self.mails} mails sent, {stored} in the mailbox")
            return rate

    def syncs(self, connections):
        """fsync and fdatasync calls a mail."""
        with tempfile.NamedTemporaryFile("r") as out:
            self.smtpmail(connections, ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range,syncfs,sync", "-o", out.name])
            calls = sum(int(n) for n in re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?\w*sync\w*$", out.read(), re.M))
        return calls / self.mails


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def machine(build, tools):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    where = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", build], capture_output=True, text=True).stdout.strip()
    package = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "postfix"], capture_output=True, text=True).stdout
    return [
        f"{os.cpu_count()} × {cpu[1] if cpu else platform.machine()}, {where}, Linux {platform.release()}",
        f"{version(build / 'smtpmail', '--version')}, {version(os.environ.get('CC', 'gcc'), '--version')}, Postfix {package or 'unpacked'}",
        datetime.date.today().isoformat(),
    ]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--mails", type=int, default=10_000)
    options.add_argument("--dry", action="store_true")
    options = options.parse_args()
    bench = Bench(options.build.resolve(), options.mails)

    lines = ["# Figures", "", "Written by `make bench`; medians of "
             f"{options.runs} runs of {options.mails:,} mails of {OCTETS:,} octets into one mailbox, the two taking turns,",
             "on one machine that runs sender and receiver.", ""]
    lines += [f"- {line}" for line in machine(bench.build, bench.tools)]
    lines += ["", "| connections | smtpmail, on disk at 250 | smtp-sink, stores nothing | ratio | syncs a mail |", "| --- | --- | --- | --- | --- |"]
    for connections in 1, CONNECTIONS, 100:
        ours, theirs = [], []
        for _ in range(options.runs):
            ours.append(bench.smtpmail(connections))
            theirs.append(bench.sink(connections))
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        lines.append(f"| {connections} | {ours:,.0f} mails/s | {theirs:,.0f} mails/s | {ours / theirs:.2f} | {bench.syncs(connections):.2f} |")
        print(lines[-1], flush=True)
    lines += ["", "Syncs are fsync and fdatasync together, counted by `strace -f -c`, which slows the server down and so makes it take",
              "more mails a sync than it does otherwise."]
    text = "\n".join(lines) + "\n"
    print(text)
    if not options.dry:
        (ROOT / "bench/RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
