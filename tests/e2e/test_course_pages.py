"""docs/courses/*.md are what really happens: every page is played against the real programs.

In a page, a fenced block begins with one of these words:
  server    each line `$ command` starts a server; ports are exchanged for free ones
  console   `$ command` (with the lines of its here-document) and what it prints
  shown P   what server P has printed since the last such block
  typed N   a dialogue by hand over connection N, C: and S:; it stays open for later blocks
POSTROOM_PAGES=write puts the real output into the pages; then read the difference.
"""

import os
import re
import socket
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, ROOT, Server, free_port, wait_for

PAGES = sorted((ROOT / "docs/courses").glob("*.md"))
BLOCK = re.compile(r"^```(server|console|shown \w+|typed \w+)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^\$ ([^\n]*<<'END'\n(?:(?!END$)[^\n]*\n)*END\n|[^\n]*\n)((?:(?!\$ )[^\n]*\n)*)", re.M)


def masked(text):
    """Without what differs from day to day and from machine to machine."""
    text = re.sub(r"\d{4}-\d\d-\d\d : \d\d : \d\d", "2026-11-20 : 12 : 44", text.replace("\r\n", "\n"))
    text = re.sub(r"\bid [A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+", "id TIVC5B-4L2-0", text)
    text = re.sub(r"\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "Sat, 21 Nov 2026 12:44:05 +0000", text)
    host = re.escape(socket.gethostname())  # only where it is said: it may be any word, `mail` as well
    return re.sub(rf"^(S: 22[01]|C: HELO|S: 250 OK Hello) {host}(?=$| )", r"\1 lab", text, flags=re.M)


def spoken(text):
    """What was said, and how many connections there were: one may be seen to end after the next has begun."""
    lines = text.splitlines()
    return [line for line in lines if "<client" not in line], sorted(line for line in lines if "<client" in line)


class Player:
    def __init__(self, path):
        self.path = path
        self.ports = {"2525": str(free_port()), "2110": str(free_port())}
        self.servers, self.shown, self.connections = {}, {}, {}
        self.sockets = self.over = 0  # of a server without connections; connections that have ended
        self.numbered, self.first = False, 5  # the number of mymailserver's first client; the pages count from 5

    def here(self, text):
        text = re.sub(r"\b(2525|2110)\b", lambda m: self.ports[m[0]], text)
        return re.sub(r"\b(\d+)@mymailserver", lambda m: f"{int(m[1]) - 5 + self.first}@mymailserver", text)

    def there(self, text):
        text = masked(text)
        for page, real in self.ports.items():
            text = re.sub(rf"\b{real}\b", page, text)
        return re.sub(r"\b(\d+)@mymailserver", lambda m: f"{int(m[1]) + 5 - self.first}@mymailserver", text)

    def server(self, block):
        for program, *options in (line[2:].split() for line in self.here(block).splitlines()):
            log = self.path / f"{program}.log"
            port = next(option for option in options if option.isdigit())
            options.remove(port)
            server = Server(program, *options, port=port, cwd=self.path, stdout=log.open("w"))
            self.servers[program], self.shown[program] = server, 0
        return block

    def console(self, block):
        played = ""
        for command, _ in COMMAND.findall(block):
            done = subprocess.run(
                ["bash", "-c", self.here(command)], cwd=self.path, env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
            played += f"$ {command}{self.there(done.stdout)}"
        return played

    def shown_by(self, program, block):
        log = self.path / f"{program}.log"
        end = time.monotonic() + PATIENCE
        while True:
            text = self.there(log.read_text()[self.shown[program]:])
            whole = text.count("<client connects") == text.count("<client hangs up>") > 0
            if whole and (spoken(text) == spoken(block) or time.monotonic() > end - PATIENCE + 1):
                self.shown[program] = len(log.read_text())
                return block if spoken(text) == spoken(block) else text
            assert time.monotonic() < end, text
            time.sleep(0.05)

    def typed(self, name, block):
        server = self.servers["smtpmail"]
        if name not in self.connections:
            self.sockets = self.sockets or server.sockets()
            connection = socket.create_connection(("127.0.0.1", int(self.ports["2525"])), PATIENCE)
            self.connections[name] = connection, connection.makefile("rb")
        connection, answers = self.connections[name]
        played = ""
        for line in block.splitlines():
            if line.startswith("C: "):
                connection.sendall(self.here(line[3:]).encode() + b"\r\n")
                played += line + "\n"
            else:
                heard = answers.readline().decode().rstrip("\r\n")
                if not self.numbered and (mine := re.search(r"You are (\d+)@", heard)):
                    self.first, self.numbered = int(mine[1]), True
                played += self.there("S: " + heard) + "\n"
                if heard.startswith("221"):  # the client hangs up, and its number is free again
                    assert answers.read() == b""
                    answers.close()
                    connection.close()
                    self.over += 1
                    wait_for(lambda: server.sockets() <= self.sockets + len(self.connections) - self.over)
        return played

    def play(self, kind, block):
        word, _, name = kind.partition(" ")
        if word == "shown":
            return self.shown_by(name, block)
        return self.typed(name, block) if word == "typed" else getattr(self, word)(block)

    def close(self):
        for value in self.connections.values():
            if value is not True:
                value[0].close()
        for server in self.servers.values():
            server.stop()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_happens(page, tmp_path):
    player = Player(tmp_path)
    text = page.read_text()
    played = {}
    try:
        for block in BLOCK.finditer(text):
            played[block.span(2)] = player.play(block[1], block[2])
            if os.environ.get("POSTROOM_PAGES") != "write":
                assert played[block.span(2)] == block[2]
    finally:
        player.close()
    assert played
    if os.environ.get("POSTROOM_PAGES") == "write":
        for (begin, end), real in reversed(played.items()):
            text = text[:begin] + real + text[end:]
        page.write_text(text)


def test_every_course_has_its_page():
    assert {page.stem for page in PAGES} == {conf.stem for conf in (ROOT / "courses").glob("*.conf")}
