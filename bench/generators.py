"""Our generator beside smtp-source (Postfix), postal and rabid: at the same server their figures must agree, its CPU for a mail above all.

postal does not send as fast as servers take: it waits for acknowledgements of its own small packets. rabid comes in bursts of 2,048 sessions.
"""

import re
import subprocess
import time

import measure as figures
from peers import READERS, RECEIVERS
from peers.packages import unpacked


def smtp_source(bench, server, connections, mails, reused):
    begin = time.perf_counter()
    subprocess.run([bench.tool("smtp-source"), *(["-d"] if reused else []), "-s", str(connections), "-m", str(mails), "-l", "1024",
                    "-f", "sender@load.test", "-t", "u0@load.test", f"127.0.0.1:{server.port}"], check=True)
    return mails / (time.perf_counter() - begin)


def beside_smtp_source(bench, runs, kind, reused):
    values = figures.Values()
    connections, mails = 50 if reused else 10, int(bench.seconds * (8_000 if reused else 3_000))
    for _ in range(runs):
        with bench.server(RECEIVERS[kind], 1) as server:
            ours = bench.load("smtpload", server, {"connections": connections, "mails": mails, **({} if reused else {"per-connection": 1})})["rate"]
            our_cpu = server.cpu()
        with bench.server(RECEIVERS[kind], 1) as server:
            theirs = smtp_source(bench, server, connections, mails, reused)
            their_cpu = server.cpu()
        values.add(ours=ours, theirs=theirs, ratio=ours / theirs, cpu_ratio=our_cpu / their_cpu)
    return figures.summary(values)


def minutes(text, column):
    """The mean of a column of what postal and rabid print each minute."""
    lines = re.findall(r"^\d\d:\d\d,(.*)$", text, re.M)
    return sum(int(line.split(",")[column]) for line in lines) / max(len(lines), 1)


def timed(command, seconds, place):
    """What a program that has no end printed until it was told to end. It leaves a log where it runs."""
    process = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.terminate()
        return process.communicate()[0]


def beside_postal(bench):
    """One minute: postal prints nothing sooner. Mails of 1 KiB, 10 threads, 20 a connection."""
    with bench.server(RECEIVERS["smtpmail"], 1) as server:
        users = bench.place / "postal-users"
        users.write_text("u0@load.test\n")
        program = unpacked(bench.build, "postal") / "usr/sbin/postal"
        text = timed([program, "-t", "10", "-c", "20", "-m", "1", "-M", "1", "-r", "1000000", "-p", str(server.port), "-f", str(users), "127.0.0.1", str(users)], 63, bench.place)
        theirs = minutes(text, 0) / 60
        their_cpu = server.cpu() / max(theirs * 60, 1)
    with bench.server(RECEIVERS["smtpmail"], 1) as server:
        ours = bench.load("smtpload", server, {"connections": 10, "per-connection": 20, "seconds": bench.seconds})
        our_cpu = server.cpu() / ours["mails"]
    return figures.summary({"ours": [ours["rate"]], "theirs": [theirs], "ratio": [ours["rate"] / max(theirs, 0.001)], "cpu_ratio": [our_cpu / their_cpu]})


class LoggingPopserver(READERS["popserver"]):
    port_fixed = 110  # rabid knows no other
    tls = False

    def command(self):
        return [*super().command(), "--verbose"]


def beside_rabid(bench):
    """Logins, LIST and QUIT, one after the other. rabid prints nothing before a minute is over, and fetches no mail but postal's: the server's log is what counts its sessions."""
    fill = figures.filler(10, 1000, 1)
    with bench.server(LoggingPopserver, 1, fill) as server:
        users = bench.place / "rabid-users"
        users.write_text("u0 secret\n")
        program = unpacked(bench.build, "postal") / "usr/sbin/rabid"
        timed([program, "-p", "1", "-r", "1000000", "-d", "0:0", "127.0.0.1", str(users)], bench.seconds, bench.place)
        sessions = (server.lab / "server.log").read_text().count("outcome=ok")
        theirs, their_cpu = sessions / bench.seconds, server.cpu() / sessions
    with bench.server(LoggingPopserver, 1, fill) as server:
        ours = bench.load("popload", server, {"connections": 1, "users": 1, "script": "login,list,quit", "seconds": bench.seconds})
        our_cpu = server.cpu() / ours["sessions"]
    return figures.summary({"ours": [ours["rate"]], "theirs": [theirs], "ratio": [ours["rate"] / theirs], "cpu_ratio": [our_cpu / their_cpu]})


def measure(bench, options):
    found = {}
    for kind in "smtp-sink", "smtpmail":
        for reused in True, False:
            name = f"smtp-source at {kind}, {'50 connections' if reused else '10 connections, one mail each'}"
            found[name] = beside_smtp_source(bench, options.runs, kind, reused)
            print("generators:", name, {key: round(value["median"], 2) for key, value in found[name].items()}, flush=True)
    for name, compare in ("postal at smtpmail, 10 connections × 20", beside_postal), ("rabid at popserver, one connection", beside_rabid):
        try:
            found[name] = compare(bench)
        except Exception as error:  # rabid needs a port that may be taken
            found[name] = {"failed": str(error)[:200]}
        print("generators:", name, found[name], flush=True)
    return {"generators": found}
