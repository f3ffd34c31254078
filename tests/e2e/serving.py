"""`postroom serve` as a process, with its configuration in a directory of its own."""

import os
import re
import subprocess
import threading

from harness import BUILD, SANITISED, Server


class Serve(Server):
    """`listeners`: name → what stands in its braces. Ports are 0: `port_of` knows the real ones. Without listeners: the file's `settings` alone."""

    def __init__(self, directory, settings="", listeners=None, options=(), before=(), named=True, **how):
        self.directory = directory
        self.names = list(listeners or {"smtp": "", "pop3": ""})
        text = settings + "".join(f'\nlistener "{name}" {{ {words} }}\n' for name, words in (listeners or {}).items())
        self.config = directory / "postroom.conf"
        self.config.write_text(text)
        self.command = [*before, BUILD / "postroom", "serve", *(["--config", self.config] if named else []), *map(str, options)]
        self.cwd, self.stdout, self.errors, self.how = None, subprocess.DEVNULL, [], how
        if SANITISED:  # a process that root has given up its rights for may not be looked into by itself, which is how leaks are found
            how.setdefault("env", {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})
        self.start()

    def start(self):
        self.port_of = {}
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=subprocess.PIPE, text=True,
                                        errors="replace", **self.how)
        left = list(self.names)
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))
            if heard := re.fullmatch(r"listening on (\S+)(?: port (\d+))?( \((?:TLS|web)\))?", line.rstrip()):
                self.port_of[left.pop(0)] = int(heard[2]) if heard[2] else heard[1]
            if not left:
                break
        else:
            raise AssertionError(f"{self.command} ended with {self.process.wait()}: {self.errors}")
        self.reader = threading.Thread(target=self.read_errors, args=(self.process.stderr,), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.process.kill()
