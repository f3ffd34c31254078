"""smtpmail and popserver as an operator meets them: command line, users file, exit statuses, signals."""

import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, ROOT, Dialogue, Server, login, run, send_mail, smtp, wait_for

GRACE = 5  # seconds that a mail in the middle of DATA has when the server ends

SERVERS = pytest.mark.parametrize("program", ["smtpmail", "popserver"])


def complaint(program, *arguments, cwd=None, status):
    """The one line that a failed start leaves on stderr."""
    ended = run(program, *arguments, cwd=cwd)
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith(program + ": ")
    assert ended.stderr.count("\n") == 1 and ended.stderr.endswith("\n")
    return ended.stderr


def taken(talk, address):
    """The code that answers this recipient, in a transaction of its own."""
    talk.say("MAIL FROM:<someone@example.org>", "250 ")
    code = talk.say(f"RCPT TO:<{address}>")[:3]
    talk.say("RSET", "250 ")
    return code


def begin_data(server):
    talk = smtp(server)
    talk.say("MAIL FROM:<someone@example.org>", "250 ")
    talk.say("RCPT TO:<alice@lab>", "250 ")
    talk.say("DATA", "354 ")
    return talk


def password_answer(server, user, password):
    with Dialogue(server, "+OK") as talk:
        talk.say(f"USER {user}", "+OK")
        return talk.say(f"PASS {password}")


def courses():
    """The names of the courses that are compiled in, out of the message that lists them."""
    return re.findall(r"[a-z]+", run("smtpmail", "0", "--course", "nonesuch").stderr.split("one of")[1])


# The command line


@SERVERS
@pytest.mark.parametrize("port", ["abc", "65536", "25x", "18446744073709551617", "1 2", "0x19"])
def test_a_port_that_is_none_is_named(program, port, lab):
    line = complaint(program, port, cwd=lab.path, status=64)
    assert line == f"{program}: '{port}' is not a port: give a number from 1 to 65535 (0 picks a free one)\n"


@SERVERS
@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "no port"),
        (["-1"], "a port has no sign"),
        (["0", "1"], "'1' is one argument too many"),
        (["0", "--colour"], "unknown option '--colour'"),
        (["0", "--dir"], "--dir needs a value"),
        (["0", "--transcript=yes"], "--transcript takes no value"),
        (["0", "--max-connections", "none"], "--max-connections 'none'"),
        (["0", "--listen", "nowhere"], '"nowhere"'),
        (["0", "--listen", "192.0.2.1"], "192.0.2.1"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(program, arguments, word, lab):
    assert word in complaint(program, *arguments, cwd=lab.path, status=64)


def test_a_size_that_is_none_is_named(lab):
    assert "'50 MB'" in complaint("smtpmail", "0", "--max-size", "50 MB", cwd=lab.path, status=64)


@SERVERS
def test_a_port_in_use(program, lab):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = complaint(program, port, "--listen", "127.0.0.1", cwd=lab.path, status=69)
    assert f"port {port} is in use" in line


@SERVERS
def test_help_goes_to_stdout(program):
    ended = run(program, "--help")
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines[0] == f"usage: {program} PORT [options]"
    assert lines[-1].strip().startswith(f"{program} ")
    assert {"--dir", "--course", "--domain", "--listen", "--transcript"} <= set(re.findall(r"--[a-z-]+", ended.stdout))


@SERVERS
def test_help_that_cannot_be_written_is_no_success(program):
    with open("/dev/full", "w") as full:
        assert subprocess.run([BUILD / program, "--help"], stdout=full, timeout=PATIENCE).returncode == 74


@SERVERS
def test_the_man_page_has_every_option(program):
    page = (ROOT / "docs/man" / f"{program}.8").read_text()
    described = re.findall(r"^\.It Fl -([a-z-]+)", page, re.MULTILINE)
    shown = re.findall(r"^  --([a-z-]+)", run(program, "--help").stdout, re.MULTILINE)
    assert described == shown


@pytest.mark.parametrize("program", ["smtpmail", "popserver", "postroom"])
def test_version_goes_to_stdout(program):
    ended = run(program, "--version")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(program + r" \d+\.\d+\.\d+\n", ended.stdout)


def test_postroom_says_what_there_is():
    ended = run("postroom", "--help")
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: postroom ")
    complaint("postroom", "serve-tea", status=64)


@SERVERS
def test_port_0_prints_the_port_that_was_picked(program, lab):
    server = lab.server(program)
    assert server.errors == [f"listening on 127.0.0.1 port {server.port}"]
    Dialogue(server, "220 " if program == "smtpmail" else "+OK").close()


@SERVERS
def test_the_directory_is_the_current_one_and_all_addresses_are_listened_on(program, lab):
    server = Server(program, cwd=lab.path, listen=None)
    for address in ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
        socket.create_connection((address, server.port), PATIENCE).close()
    server.stop()


def test_the_domain_is_the_one_given(lab):
    with Dialogue(lab.smtpmail("--domain", "mail.example.org")) as talk:
        assert talk.greeting == "220 mail.example.org Service Ready"


def test_the_domain_is_the_host_name_otherwise(lab):
    with Dialogue(lab.smtpmail()) as talk:
        assert talk.greeting == f"220 {socket.gethostname()} Service Ready"


def test_a_further_connection_than_allowed_is_told_421(lab):
    server = lab.smtpmail("--max-connections", "1")
    with Dialogue(server, "220 "), Dialogue(server, "421 ") as second:
        assert second.ended()


# Directory, course and users file


@SERVERS
def test_no_users_file(program, tmp_path):
    line = complaint(program, "0", cwd=tmp_path, status=66)
    assert "user.txt" in line
    line = complaint(program, "0", "--course", "kharagpur", "--dir", tmp_path, status=66)
    assert f"{tmp_path}/user.txt" in line


@SERVERS
def test_a_users_file_that_cannot_be_read(program, tmp_path):
    (tmp_path / "user.txt").mkdir()
    assert "user.txt" in complaint(program, "0", cwd=tmp_path, status=66)


@SERVERS
def test_no_directory(program, tmp_path):
    missing = tmp_path / "nowhere"
    assert str(missing) in complaint(program, "0", "--dir", missing, status=66)
    missing.write_text("a file")
    assert str(missing) in complaint(program, "0", "--dir", missing, status=66)


@SERVERS
def test_an_unknown_course(program, lab):
    line = complaint(program, "0", "--course", "nonesuch", cwd=lab.path, status=78)
    assert "nonesuch" in line and "kharagpur" in line


@SERVERS
def test_a_bad_course_file_is_named_with_its_line(program, lab):
    (lab.path / "my.conf").write_text('users_file = "user.txt"\ncolour = "blue"\n')
    assert "my.conf:2" in complaint(program, "0", "--course", "my.conf", cwd=lab.path, status=78)


@SERVERS
def test_two_users_files_are_both_named(program, lab):
    if "calicut" not in courses():
        pytest.skip("one course alone is compiled in")
    (lab.path / "logincred.txt").write_text("carol,secret\n")
    line = complaint(program, "0", cwd=lab.path, status=78)
    assert "user.txt" in line and "logincred.txt" in line


@SERVERS
def test_missing_directories_are_made_for_the_owner_alone(program, lab):
    lab.server(program)
    for user in lab.users:
        assert stat.S_IMODE((lab.path / user).stat().st_mode) == 0o700


@SERVERS
def test_bad_users_lines_are_reported_and_the_others_go_on(program, lab):
    (lab.path / "user.txt").write_text(
        "# comment\nalice secret\n../evil secret\n\nnopassword\n.hidden secret\na/b secret\nALICE other\nbob d@t@comm\n"
    )
    server = lab.server(program)
    reported = [int(n) for n in re.findall(r"user\.txt:(\d+):", "\n".join(server.errors))]
    assert reported == [3, 5, 6, 7, 8]
    assert not any("secret" in line for line in server.errors)
    if program == "smtpmail":
        with smtp(server) as talk:
            assert [taken(talk, f"{user}@lab") for user in ("alice", "bob")] == ["250", "250"]
            for user in ("nopassword", "../evil", ".hidden", "a/b"):
                assert taken(talk, f"{user}@lab") in ("550", "501")
    else:
        assert password_answer(server, "bob", "d@t@comm").startswith("+OK")
        assert password_answer(server, "alice", "other").startswith("-ERR")
        assert password_answer(server, "../evil", "secret").startswith("-ERR")
    assert sorted(path.name for path in lab.path.iterdir()) == ["alice", "bob", "user.txt"]
    assert not (lab.path.parent / "evil").exists()


def test_smtp_sees_a_new_users_file_without_a_restart(lab):
    server = lab.smtpmail()
    with smtp(server) as talk:
        assert taken(talk, "carol@lab") == "550"
        (lab.path / "user.txt").write_text("alice secret\ncarol pw\nbad\n")
        assert taken(talk, "carol@lab") == "250"
        assert taken(talk, "bob@lab") == "550"
    wait_for(lambda: any("user.txt:3:" in line for line in server.errors))
    assert stat.S_IMODE((lab.path / "carol").stat().st_mode) == 0o700


def test_pop3_sees_a_new_users_file_without_a_restart(lab):
    server = lab.popserver()
    login(server, "alice").say("QUIT", "+OK")
    (lab.path / "user.txt").write_text("Alice changed\ncarol pw\n")
    assert password_answer(server, "alice", lab.users["alice"]).startswith("-ERR")
    assert password_answer(server, "alice", "changed").startswith("+OK")
    assert password_answer(server, "carol", "pw").startswith("+OK")


def test_users_stay_when_their_file_is_gone(lab):
    server = lab.smtpmail()
    (lab.path / "user.txt").unlink()
    with smtp(server) as talk:
        assert taken(talk, "alice@lab") == "250"
    wait_for(lambda: any("user.txt" in line for line in server.errors))


# Signals


@SERVERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(program, number, lab):
    server = lab.server(program)
    server.process.send_signal(number)
    assert server.process.wait(PATIENCE) == 0
    server.reader.join(PATIENCE)
    assert server.errors == [f"listening on 127.0.0.1 port {server.port}"]


def test_sigterm_says_421_to_who_waits_for_a_command(lab):
    server = lab.smtpmail()
    with smtp(server) as idle, smtp(server) as within:
        within.say("MAIL FROM:<a@b>", "250 ")
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for talk in (idle, within):
            assert talk.hear().startswith("421 ")
            assert talk.ended()
        server.stop()
        assert time.monotonic() - begun < GRACE - 1


def test_sigterm_lets_a_mail_finish(lab):
    server = lab.smtpmail()
    with begin_data(server) as talk:
        talk.send(b"Subject: half\r\n\r\nthis ")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), 0.5)
        talk.send(b"ends\r\n.\r\n")
        assert talk.hear().startswith("250 ")
        assert talk.hear()[:4] in ("421 ", "")
        server.stop()
    assert len(lab.mails()) == 1
    assert lab.mails()[0].endswith(b"\nthis ends\n")


def test_sigterm_gives_a_mail_five_seconds_and_stores_nothing_of_it(lab):
    server = lab.smtpmail()
    with begin_data(server) as talk:
        talk.send(b"Subject: half\r\n\r\nthis never ends\r\n")
        time.sleep(0.2)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        assert talk.hear().startswith("421 ")
        assert GRACE - 0.5 < time.monotonic() - begun < GRACE + 2
        assert talk.ended()
        server.stop()
    assert lab.mails() == []


def test_sigterm_removes_nothing_that_quit_has_not_removed(lab):
    send_mail(lab.smtpmail(), b"Subject: x\r\ntext\r\n")
    server = lab.popserver()
    with login(server) as talk:
        talk.say("DELE 1", "+OK")
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.stop()
        assert time.monotonic() - begun < GRACE - 1
    assert len(lab.mails()) == 1


# Sessions, as far as they are the operator's business


def test_who_holds_a_mailbox_is_told(lab):
    server = lab.popserver()
    with login(server, "alice") as first:
        with Dialogue(server, "+OK") as second:
            second.say("USER ALICE", "+OK")
            assert "alice from 127.0.0.1" in second.say(f"PASS {lab.users['alice']}", "-ERR [IN-USE] ")
            assert second.ended()
        assert first.say("QUIT") == "+OK goodbye"
        login(server, "alice").say("QUIT", "+OK")


def test_a_broken_connection_gives_the_lock_up(lab):
    server = lab.popserver()
    login(server, "alice").reset()
    wait_for(lambda: password_answer(server, "alice", lab.users["alice"]).startswith("+OK"))


def test_verbose_writes_a_line_for_every_mail(lab):
    server = lab.smtpmail("--verbose")
    assert send_mail(server, b"Subject: one\r\n\r\ntext\r\n", to=("alice@lab", "bob@lab")).startswith("250 ")
    server.stop()
    lines = [line for line in server.errors if " mail from=" in line]
    assert len(lines) == 1
    assert "from=<bob@lab> recipients=2 " in lines[0]
    assert re.search(r" peer=127\.0\.0\.1 user=- id=[A-Z0-9-]+ outcome=stored$", lines[0])
