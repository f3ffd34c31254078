#!/usr/bin/env python3
"""`make bench`: the figures of bench/RESULTS.md, measured side by side with the servers that somebody would pick instead.

Usage: run.py BUILD [--quick] [--only ROW,…] [--servers NAME;…] [--runs N] [--seconds N] [--place DIR] [--out DIR] [--list]
Root starts the other servers; without root there are ours and smtp-sink. README.md says what is measured, and how.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

import client
import generators
import growth
import measure
import report
from peers import READERS, RECEIVERS
from rows import FETCHING, HOLDING, RECEIVING

HERE = pathlib.Path(__file__).resolve().parent
OURS = ["smtpmail", "smtp-sink", "popserver"]
EXTRA = {"generators": generators.measure, "client": client.measure, "growth": growth.measure}


def parse():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--only", default="")
    options.add_argument("--servers", default="")
    options.add_argument("--runs", type=int)
    options.add_argument("--seconds", type=float)
    options.add_argument("--place", type=pathlib.Path, default=pathlib.Path("/var/tmp"))
    options.add_argument("--out", type=pathlib.Path, default=HERE)
    options.add_argument("--list", action="store_true", help="the rows")
    options = options.parse_args()
    options.runs = options.runs or (2 if options.quick else 3)
    options.seconds = options.seconds or (1.5 if options.quick else 10)
    return options


def chosen(options, rows):
    only = options.only.split(",") if options.only else []
    return [row for row in rows if (row.key in only if only else not options.quick or getattr(row, "quick", False))]


def servers_for(options, row, known):
    names = [name for name in known if not getattr(row, "only", ()) or name in row.only]
    if options.servers:
        names = [name for name in names if name in options.servers.split(";")]
    if options.quick or os.geteuid() != 0:
        names = [name for name in names if name in OURS]
    return [known[name] for name in names if name not in getattr(row, "not_for", ())]


class Run:
    def __init__(self, options, bench, keep):
        """`keep(run)` is called whenever there is something new: what ends a run of hours in its last one takes no more than a row with it."""
        self.options, self.bench, self.keep = options, bench, keep
        self.results = {"machine": report.machine(bench.build, bench.place), "runs": options.runs, "seconds": options.seconds, "rows": {}}

    def figure(self, row, server, measuring):
        """One, or why there is none: a server that fails does not end the others' run."""
        print(f"{row.key}: {server.name} … ", end="", flush=True)
        found = self.results["rows"].setdefault(row.key, {})
        try:
            values = measuring()
            found[server.name] = measure.summary(values)
            print(", ".join(f"{name} {report.number(m['median'])}" for name, m in found[server.name].items()), f"(load {report.load_average()})", flush=True)
        except Exception as error:
            traceback.print_exc()
            found[server.name] = {"failed": str(error).splitlines()[0][:200] if str(error) else type(error).__name__}
        self.keep_row()

    def keep_row(self):
        try:
            self.keep(self)
        except Exception:
            traceback.print_exc()  # the measuring goes on

    def more(self, key, measuring):
        try:
            self.results["rows"].update(measuring(self.bench, self.options))
        except Exception as error:
            traceback.print_exc()
            self.results["rows"][key] = {key: {"failed": str(error)[:200]}}
        self.keep_row()

    def receiving(self, row, server):
        values = measure.receive(self.bench, server, row.flags, self.options.runs)
        if not self.options.quick and shutil.which("strace") and server.stores:
            values.add(syncs=measure.receive_syncs(self.bench, server, row.flags))
        return values

    def all(self):
        for row in chosen(self.options, RECEIVING):
            for server in servers_for(self.options, row, RECEIVERS):
                self.figure(row, server, lambda: self.receiving(row, server))
        for row in chosen(self.options, FETCHING):
            for server in servers_for(self.options, row, READERS):
                self.figure(row, server, lambda: measure.fetch(self.bench, server, row, self.options.runs))
        for row in chosen(self.options, HOLDING):
            known = RECEIVERS if row.protocol == "smtp" else READERS
            for server in servers_for(self.options, row, known):
                if server.held_most and (server.tls or not row.tls):
                    self.figure(row, server, lambda: measure.hold(self.bench, server, row.connections, row.tls, row.protocol))
        for key, measuring in EXTRA.items():
            if key in self.options.only.split(",") or not self.options.only and not self.options.quick:
                self.more(key, measuring)


def on_a_disk(place):
    kind = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", place], capture_output=True, text=True).stdout.strip()
    if kind == "tmpfs":
        sys.exit(f"{place} is memory, not a disk: name a directory by --place")


@contextlib.contextmanager
def no_autogroups():
    """With these Linux shares processors out among process groups, not among threads: off, so that every thread counts alike. Then what it was before."""
    switch = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")
    before = switch.read_text() if switch.exists() and os.access(switch, os.W_OK) else None
    if before:
        switch.write_text("0")
    try:
        yield
    finally:
        if before:
            switch.write_text(before)


def replace(file, text):
    """Whole or not at all."""
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(text)
    fresh.replace(file)


def write(run, last):
    """Rows that were measured take the place of the last run's."""
    run.results["machine"].update(load_after=report.load_average(), versions=report.versions(run.bench.build))
    rows = {**last.get("rows", {}), **run.results["rows"]}
    results = {**run.results, "rows": rows}
    run.options.out.mkdir(parents=True, exist_ok=True)
    replace(run.options.out / "results.json", json.dumps(results, indent=1) + "\n")
    replace(run.options.out / "RESULTS.md", report.markdown(results))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no server is left behind
    options = parse()
    if options.list:
        print("\n".join([row.key for row in (*RECEIVING, *FETCHING, *HOLDING)] + list(EXTRA)))
        return
    on_a_disk(options.place)
    file = options.out / "results.json"
    last = json.loads(file.read_text()) if file.exists() else {}
    place = pathlib.Path(tempfile.mkdtemp(prefix="postroom-bench-", dir=options.place))
    place.chmod(0o755)
    run = Run(options, measure.Bench(options.build.resolve(), place, options.seconds), lambda run: options.quick or write(run, last))
    try:
        with no_autogroups():
            run.all()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if options.quick:
        report.compare(run.results, last)


if __name__ == "__main__":
    main()
