"""What README.md shows is what happens."""

import os
import re
import smtplib
import ssl
import subprocess

import pytest

from harness import BUILD, PATIENCE, ROOT, free_port, run
from test_front import Demo

README = (ROOT / "README.md").read_text()
START, USE, WATCH, SECURE = re.findall(r"^```\w*\n(.*?)^```$", README, re.M | re.S)
DATE = re.compile(r"\d{4}-\d\d-\d\d : \d\d : \d\d")


def commands(block):
    """Pairs of a command (its further lines are indented) and what it prints."""
    return re.findall(r"^\$ (.*\n(?:    .*\n)*)((?:(?!\$ ).*\n)*)", block, re.M)


def test_the_first_screen(tmp_path):
    ports = {"2525": str(free_port()), "2110": str(free_port())}

    def here(text):
        return re.sub(r"\b(2525|2110)\b", lambda port: ports[port[0]], text)

    ((command, printed),) = commands(START)
    assert command == "make run\n"
    demo = Demo(tmp_path, SMTP_PORT=ports["2525"], POP3_PORT=ports["2110"])
    try:
        assert demo.read_until("Ctrl-C ends the servers.\n").startswith(here(printed))
        dialogue = len(demo.text)
        for command, printed in commands(USE):
            done = subprocess.run(here(command), shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE)
            assert done.returncode == 0, done.stderr
            assert DATE.sub("DATE", done.stdout.replace("\r\n", "\n")) == DATE.sub("DATE", printed), command
        demo.read_until("S: +OK goodbye")
        assert demo.text[dialogue:].lstrip("\n").startswith(WATCH)
        assert demo.interrupt() == 0
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


def test_the_figures_are_those_that_were_measured():
    measured = (ROOT / "bench/RESULTS.md").read_text().replace(" mails/s", "")
    rows = re.findall(r"^\| [\d,]+ \|.*$", README, re.M)
    assert len(rows) == 3 and all(row in measured.splitlines() for row in rows)


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
