"""What README.md shows is what happens."""

import json
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT, free_port, run
from test_front import Demo

README = (ROOT / "README.md").read_text()
START, USE, WATCH, SECURE, LAB, LAB_USE = re.findall(r"^```\w*\n(.*?)^```$", README, re.M | re.S)


def commands(block):
    """Pairs of a command (its further lines are indented) and what it prints."""
    return re.findall(r"^\$ (.*\n(?:    .*\n)*)((?:(?!\$ ).*\n)*)", block, re.M)


def masked(text):
    """Without what differs from day to day and from machine to machine."""
    text = re.sub(r"\d{4}-\d\d-\d\d : \d\d : \d\d", "DATE", text.replace("\r\n", "\n"))
    text = re.sub(r"\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "DATE", text)
    text = re.sub(r"\bid [A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+", "id ID", text)
    host = re.escape(socket.gethostname())
    text = re.sub(rf"^(S: 22[01] (?:2.0.0 )?|S: 250-|\tby )(?:laptop|{host}) ", r"\1HOST ", text, flags=re.M)
    return re.sub(r" +$", "", text, flags=re.M)


class Here:
    """The ports of a block, exchanged for free ones."""

    def __init__(self):
        self.ports = {"2525": str(free_port()), "2110": str(free_port()), "8025": str(free_port())}

    def __call__(self, text):
        return re.sub(r"\b(2525|2110|8025)\b", lambda port: self.ports[port[0]], text)

    def demo(self, cwd, script):
        return Demo(cwd, script, SMTP_PORT=self.ports["2525"], POP3_PORT=self.ports["2110"], WEB_PORT=self.ports["8025"])

    def play(self, block, cwd):
        for command, printed in commands(block):
            done = subprocess.run(self(command), shell=True, capture_output=True, text=True, cwd=cwd, timeout=PATIENCE)
            assert done.returncode == 0, done.stderr
            assert masked(done.stdout) == masked(printed), command


def test_the_first_screen(tmp_path):
    here = Here()
    ((command, printed),) = commands(START)
    assert command == "make run\n"
    demo = here.demo(tmp_path, "run.sh")
    try:
        text = demo.read_until("explained:\n\n")
        assert text.startswith(here(printed)) and f"Open {here('http://127.0.0.1:8025/')}" in text
        here.play(USE, tmp_path)
        demo.read_until("S: +OK goodbye")
        assert masked(demo.text[len(text) :]).startswith(masked(WATCH))
        assert demo.interrupt() == 0
    finally:
        demo.close()


def test_the_lab(tmp_path):
    here = Here()
    ((command, printed),) = commands(LAB)
    assert command == "make lab\n"
    demo = here.demo(tmp_path, "lab.sh")
    try:
        assert demo.read_until("Ctrl-C ends the servers.\n").startswith(here(printed))
        here.play(LAB_USE, tmp_path)
        assert demo.interrupt() == 0
    finally:
        demo.close()


def test_the_examples_for_tests(tmp_path):
    here = Here()
    page = (ROOT / "docs/web.md").read_text()
    ((in_python,), (in_node,)) = (re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S) for language in ("python", "js"))
    demo = here.demo(tmp_path, "run.sh")
    try:
        demo.read_until("explained:\n\n")
        done = run("/usr/bin/python3", "-c", here(in_python))
        assert done.stdout == "482913 https://shop.example/verify\n", done.stderr
        if node := shutil.which("node"):
            done = run(node, "--input-type=module", "-e", here(in_node))
            assert done.stdout == "482913\n200\n", done.stderr
            with smtplib.SMTP("127.0.0.1", int(here("2525"))) as talk, pytest.raises(smtplib.SMTPRecipientsRefused):
                talk.sendmail("a@example.org", "bob@example.org", "Subject: x\n\nx\n")
    finally:
        demo.close()


def test_the_lines_for_tls_and_logins_work(tmp_path):
    ports = {"2525": str(free_port()), "4650": str(free_port())}
    *before, (start, _) = commands(re.sub(r"\b(2525|4650)\b", lambda port: ports[port[0]], SECURE))
    where = {"cwd": tmp_path, "env": {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"}}
    for command, _ in before:
        subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE, **where)
    server = subprocess.Popen(["sh", "-c", "exec " + start], stderr=subprocess.PIPE, text=True, **where)
    try:
        assert "(TLS)" in server.stderr.readline() + server.stderr.readline()
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        with smtplib.SMTP_SSL("localhost", int(ports["4650"]), timeout=PATIENCE, context=context) as client:
            client.login("alice", "wonderland")
            client.sendmail("alice@example.org", ["alice@example.org"], "Subject: secure\n\nyes\n")
        assert "Subject: secure" in (tmp_path / "alice/mailbox").read_text()
    finally:
        server.terminate()
        assert server.wait(PATIENCE) == 0


@pytest.mark.parametrize("program", ["smtpmail", "popserver", "mailclient"])
def test_the_options_are_those_that_help_lists(program):
    rows = re.findall(r"^\| ((?:`--.*?`(?:, )?)+) \| (\w+) \|", README, re.M)
    of = {"servers": {"smtpmail", "popserver"}, "all": {"smtpmail", "popserver", "mailclient"}, "smtpmail": {"smtpmail"}, "popserver": {"popserver"}, "mailclient": {"mailclient"}}
    told = {option for names, who in rows if program in of[who] for option in re.findall(r"--[a-z-]+", names)}
    assert told == set(re.findall(r"^ +.*?(--[a-z-]+)", run(program, "--help").stdout, re.M)) | {"--version"}


RECEIVED = {
    "50 connections, 20 mails each": "50x20", "… to 100 users in turn": "100users", "10 connections, 100 mails each": "10x100",
    "10 connections, one mail each": "single", "10 connections, to 10 recipients": "recipients",
}
FETCHED = {
    "logins": ("logins", "rate"), "RETR of 4 KiB, 200 under way": ("retr", "mails"), "login, STAT, LIST, UIDL of 100,000 mails": ("session-warm", "p50"),
    "the same without an index": ("session-cold", "p50"), "login, one of 100,000 deleted": ("delete-one", "p50"), "login, all of 100,000 deleted": ("delete-all", "p50"),
    "memory of an idle connection": ("idle-pop3", "each"),
}


def figure(text):
    found = re.search(r"[\d,.]+", text)
    return float(found[0].replace(",", "")) if found else None


def near(told, measured):
    return told is None or abs(told - measured) <= max(0.005 * measured, 0.5 if measured > 50 else 0.05 * measured)


def test_the_figures_are_those_that_were_measured():
    rows = json.loads((ROOT / "bench/results.json").read_text())["rows"]
    told = dict(re.findall(r"^\| ([^|]+?) \| (.*) \|$", README.split("## Figures")[1], re.M))
    for label, row in RECEIVED.items():
        found = [figure(cell) for cell in told[label].split("|")]
        servers = "smtpmail", "Postfix", "OpenSMTPD", "Dovecot, LMTP", "smtp-sink"
        assert found[0] and all(near(value, rows[row][name]["rate"]["median"]) for value, name in zip(found, servers)), label
    for label, (row, metric) in FETCHED.items():
        found = [figure(cell) for cell in told[label].split("|")]
        values = {name: value[metric]["median"] for name, value in rows[row].items() if metric in value}
        best = (max if metric in ("rate", "mails") else min)(value for name, value in values.items() if name.startswith("Dovecot"))
        wanted = values["popserver"], values["Dovecot, Maildir"], best, values.get("popa3d")
        assert found[0] and all(near(value, measured) for value, measured in zip(found, wanted)), (label, found, wanted)


def test_every_link_leads_somewhere():
    for page in "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md":
        text = (ROOT / page).read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert target.startswith("https://") or (ROOT / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_the_files_that_are_named_exist(page):
    """In `…`: paths with a directory of ours in front; tests/e2e's also by their own name."""
    for name in re.findall(r"`([\w./*-]+)`", (ROOT / page).read_text()):
        if re.match(r"(src|tests|docs|bench|scripts|courses)/", name) and "build" not in name:
            assert list(ROOT.glob(name.rstrip("/"))), f"{page}: {name}"
        elif re.match(r"test_\w+\.py$", name):
            assert (ROOT / "tests/e2e" / name).exists(), f"{page}: {name}"


def test_the_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in "README.md", "CONTRIBUTING.md":
        named = set(re.findall(r"`make ([a-z-]+)(?![\w/-])", (ROOT / page).read_text()))
        assert named <= targets, f"{page}: {named - targets}"
    assert os.access(ROOT / ".ci/run", os.X_OK)
