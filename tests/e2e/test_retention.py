"""Mail that goes by itself, and mail that comes back: `undelete`, `retain_age`, `retain_size` of postroom.conf, and `postroom mail` undelete and expire."""

import json
import random
import re
import subprocess
import threading
import time

import pytest

from harness import BUILD, login, run, send_mail, split_mailbox, wait_for
from serving import Serve

LISTENERS = {"smtp": "protocol = smtp port = 0", "pop3": "protocol = pop3 port = 0"}


@pytest.fixture
def directory(tmp_path):
    here = tmp_path / "mail"
    here.mkdir()
    (here / "users.txt").write_text("alice wonderland\nbob builder\n")
    return here


def settings(directory, more):
    return f'hostname = "lab"\ndomains = {{"lab"}}\ndirectory = "{directory}"\nverbose = true\n{more}\n'


def postroom(*words, status=0, input=""):
    done = run("postroom", "mail", *words, input=input)
    assert done.returncode == status, (words, done)
    return done.stdout if status == 0 else done.stderr


def deliver(server, *subjects):
    for subject in subjects:
        assert send_mail(server.port_of["smtp"], f"Subject: {subject}\r\n\r\ntext of {subject}\r\n".encode()).startswith("250 ")


def ids(server):
    with login(server.port_of["pop3"]) as talk:
        assert talk.say("UIDL").startswith("+OK")
        found = [line.split()[1] for line in talk.body().decode().splitlines()]
        assert talk.say("QUIT").startswith("+OK")
    return found


def subjects(directory, *more):
    return [mail["subject"] for mail in json.loads(postroom("list", "--dir", directory, "--json", *more, "alice"))]


def remove(server, *numbers):
    with login(server.port_of["pop3"]) as talk:
        for number in numbers:
            assert talk.say(f"DELE {number}").startswith("+OK")
        assert talk.say("QUIT").startswith("+OK")


def undelete(*words):
    """Once the last session's end has got about."""
    done = wait_for(lambda: (done := run("postroom", "mail", "undelete", *words)).returncode != 75 and done)
    assert done.returncode == 0, done
    return done.stdout


def test_what_a_client_deleted_is_taken_back(directory):
    with Serve(directory.parent, settings(directory, "undelete = 1h"), LISTENERS) as server:
        deliver(server, "one", "two", "three")
        before = ids(server)
        remove(server, 1, 2)
        assert ids(server) == before[2:]
        assert subjects(directory, "--deleted") == ["one", "two"]
        gone = json.loads(postroom("list", "--config", server.config, "--deleted", "--json", "alice"))
        assert [mail["id"] for mail in gone] == before[:2] and all(mail["undelete_until"] > mail["received"] for mail in gone)
        with login(server.port_of["pop3"]):
            assert "mailbox in use" in postroom("undelete", "--config", server.config, "alice", "2", status=75)
        assert undelete("--config", server.config, "alice", "2") == "undeleted 1 mail\n"
        assert ids(server) == before[1:]
        server.kill()
        server.start()
        assert ids(server) == before[1:] and subjects(directory, "--deleted") == ["one"]
        assert undelete("--config", server.config, "alice", "--all") == "undeleted 1 mail\n"
        assert ids(server) == before
    assert postroom("list", "--dir", directory, "--deleted", "alice") == ""


def test_without_a_window_a_deleted_mail_is_gone(directory):
    with Serve(directory.parent, settings(directory, ""), LISTENERS) as server:
        deliver(server, "one", "two")
        remove(server, 1)
        assert subjects(directory, "--deleted") == []
        assert b"one" not in (directory / "alice/mailbox").read_bytes()
        assert "there is no mail 1" in postroom("undelete", "--dir", directory, "alice", "1", status=66)


def test_what_an_operator_deletes_is_kept_within_the_quota_and_no_more_is_promised(directory):
    conf = directory.parent / "postroom.conf"
    conf.write_text(settings(directory, "quota = 1000\nundelete = 1h"))
    for subject, size in ("one", 300), ("two", 800):
        postroom("import", "--config", conf, "alice", input=f"Subject: {subject}\n\n{'x' * size}\n")
        said = postroom("delete", "--config", conf, "alice", "1").splitlines()
        assert said[0].startswith("deleted 1 mail, ")
        assert said[1:] == ["`postroom mail list --deleted` shows what undelete can take back"]
    assert subjects(directory, "--deleted") == ["one"]


def test_when_the_window_is_over_it_is_cut_from_the_file(directory):
    box = directory / "alice/mailbox"
    with Serve(directory.parent, settings(directory, "undelete = 5s"), LISTENERS) as server:
        deliver(server, "one", "two")
        remove(server, 1)
        assert b"one" in box.read_bytes()
        wait_for(lambda: b"one" not in box.read_bytes(), 30)
        assert subjects(directory) == ["two"] and subjects(directory, "--deleted") == []


def test_old_mail_goes_and_an_open_session_is_left_alone(directory):
    box = directory / "alice/mailbox"
    with Serve(directory.parent, settings(directory, "retain_age = 6s"), LISTENERS) as server:
        deliver(server, "one", "two")
        with login(server.port_of["pop3"]) as talk:
            time.sleep(9)
            for number, subject in (1, b"one"), (2, b"two"):
                assert talk.say(f"RETR {number}").startswith("+OK")
                assert b"text of " + subject in talk.body()
            assert talk.say("DELE 2").startswith("+OK")
            assert talk.say("QUIT").startswith("+OK")
        wait_for(lambda: box.stat().st_size == 0, 30)
        deliver(server, "three")
        assert subjects(directory) == ["three"]
        assert any(re.search(r"user=alice removed=1 octets=\d+", line) for line in server.errors)


def test_the_oldest_mail_goes_where_an_inbox_holds_too_much(directory):
    """In an inbox of anybody's, too."""
    directory = directory.parent / "inboxes"
    text = f'catch_all = true\ndirectory = "{directory}"\nretain_size = 2000\nretain_age = 10d\nundelete = 10s\n'
    with Serve(directory.parent, text, LISTENERS) as server:
        for number in range(30):
            mail = f"Subject: {number}\r\n\r\n{'x' * 70}\r\n".encode()
            assert send_mail(server.port_of["smtp"], mail, ["any@where.example"]).startswith("250 ")
        [box] = directory.glob("*/mailbox")
        wait_for(lambda: box.stat().st_size <= 2000, 30)
        left = split_mailbox(box.read_bytes())
        assert left and re.search(rb"^Subject: 29$", left[-1], re.M)
        for path in box.parent.iterdir():
            path.unlink()
        box.parent.rmdir()
        time.sleep(3)
        assert list(directory.glob("*/mailbox")) == []


def put(lab, count, size):
    lab.mailbox().parent.mkdir(mode=0o700, exist_ok=True)
    lab.mailbox().touch(0o600)
    with lab.mailbox().open("ab") as box:
        for number in range(count):
            box.write(b"Subject: %d\n\n%s\n.\n" % (number, b"x" * size))


def test_a_sweep_that_is_killed_takes_all_of_its_mails_or_none(lab):
    chance = random.Random(4711)
    whole = 0
    for _ in range(25):
        put(lab, 40, 200_000)
        postroom("list", "--dir", lab.path, "alice")
        limit = 20 * 200_020
        began = time.monotonic()
        sweep = subprocess.Popen([BUILD / "postroom", "mail", "expire", "--dir", lab.path, "--retain-size", str(limit), "alice"], stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.03))
        sweep.kill()
        sweep.wait()
        left = json.loads(postroom("list", "--dir", lab.path, "--json", "alice"))
        assert [mail["subject"] for mail in left] in ([str(n) for n in range(40)], [str(n) for n in range(21, 40)], [str(n) for n in range(20, 40)]), began
        whole += len(left) == 40
        for path in lab.mailbox().parent.iterdir():
            path.unlink()
    assert whole > 0


def test_sweeps_deliveries_and_undeletes_at_once_lose_nothing(lab):
    """One process takes mail, another deletes and takes back, a third sweeps for what is over."""
    server = lab.smtpmail()
    ended = threading.Event()
    troubles = []

    def sweep():
        while not ended.is_set():
            done = run("postroom", "mail", "expire", "--dir", lab.path, "--retain-age", "1d", "alice")
            if done.returncode not in (0, 75):
                troubles.append(done)

    def delete_and_take_back():
        while not ended.is_set():
            for words in ("delete", "--undelete", "1h", "1"), ("undelete", "1"):
                done = run("postroom", "mail", words[0], "--dir", lab.path, *words[1:-1], "alice", words[-1])
                if done.returncode not in (0, 66, 75):
                    troubles.append(done)

    threads = [threading.Thread(target=work) for work in (sweep, delete_and_take_back)]
    for thread in threads:
        thread.start()
    try:
        for number in range(150):
            assert send_mail(server, f"Subject: {number}\r\n\r\ntext\r\n".encode()).startswith("250 ")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert troubles == []
    run("postroom", "mail", "undelete", "--dir", lab.path, "--all", "alice")
    mails = json.loads(postroom("list", "--dir", lab.path, "--json", "alice"))
    assert [mail["subject"] for mail in mails] == [str(number) for number in range(150)]
    assert len({mail["id"] for mail in mails}) == 150


def test_import_keeps_to_the_quota_and_says_what_is_left_out(directory):
    conf = directory.parent / "postroom.conf"
    conf.write_text(settings(directory, "quota = 1000"))
    box = "".join(f"From a@b Sat Nov 21 10:00:00 2026\nSubject: {number}\n\n{'x' * 280}\n\n" for number in range(8))
    done = run("postroom", "mail", "import", "--config", conf, "alice", input=box)
    assert done.returncode == 73
    assert done.stdout == "3 mails imported; mail 4 and what stands behind it are left out\n"
    assert re.fullmatch(r"postroom: mail 4: alice/mailbox is at its quota: it holds \d+ octets of 1000\n", done.stderr)
    assert subjects(directory) == ["0", "1", "2"]
    done = run("postroom", "mail", "import", "--config", conf, "--quota", "2000", "alice", input=box)
    assert done.stdout.startswith("3 mails imported; ")
    assert "--quota means nothing to mail list" in postroom("list", "--config", conf, "--quota", "1", "alice", status=64)
    assert "--quota '1 apple': give octets" in postroom("import", "--quota", "1 apple", "alice", status=64)


def test_a_list_for_programs_says_what_the_table_says(directory):
    text = 'From: "Q \\" B" <q@b>\nSubject: =?utf-8?q?caf=C3=A9?= \\ "x"\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n\ntext\n'
    postroom("import", "--dir", directory, "alice", input=text)
    postroom("import", "--dir", directory, "alice", input="\x1b]0;title\x07no header\n")
    first, second = json.loads(postroom("list", "--dir", directory, "--json", "alice"))
    table = postroom("list", "--dir", directory, "alice").splitlines()[0].split("\t")
    assert [str(first["number"]), first["from"], first["subject"], str(first["octets"]), first["id"]] == [table[0], *table[2:]]
    assert first["subject"] == 'café \\ "x"' and first["date"] == "2026-11-21T10:00:00Z"
    assert second["date"] is None and second["number"] == 2
    assert json.loads(postroom("list", "--dir", directory, "--json", "bob")) == []


def test_a_damaged_index_is_mended_within_the_session(directory):
    with Serve(directory.parent, settings(directory, ""), LISTENERS) as server:
        deliver(server, "one", "two", "three")
        before = ids(server)
        index = directory / "alice/.mailbox.index"
        octets = bytearray(index.read_bytes())
        octets[1024 + 64 + 12] ^= 0x55
        with index.open("r+b") as file:
            file.write(octets)
        with login(server.port_of["pop3"]) as talk:
            assert talk.say("LIST").startswith("+OK 3")
            assert len(talk.body().splitlines()) == 3
            assert talk.say("RETR 2").startswith("+OK")
            assert b"text of two" in talk.body()
            assert talk.say("UIDL").startswith("+OK")
            assert [line.split()[1] for line in talk.body().decode().splitlines()] == before
        wait_for(lambda: any("its index was damaged, and is made anew" in line for line in server.errors))
        assert run("postroom", "check-mailbox", "--dir", directory, "alice").returncode == 0
