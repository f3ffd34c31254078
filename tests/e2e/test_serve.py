"""`postroom serve`: SMTP, LMTP and POP3 in one process, from one file; `postroom config`."""

import concurrent.futures
import json
import os
import poplib
import random
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import time

import pytest

from harness import BUILD, ROOT, Dialogue, free_port, login, run, send_mail, smtp, split_mailbox, wait_for
from serving import Serve

USERS = "alice wonderland\nbob builder\n"
PLAIN = {"smtp": "protocol = smtp port = 0", "pop3": "protocol = pop3 port = 0"}


@pytest.fixture
def directory(tmp_path):
    here = tmp_path / "mail"
    here.mkdir()
    (here / "users.txt").write_text(USERS)
    return here


def settings(directory, more=""):
    return f'hostname = "mail.example.org"\ndomains = {{"example.org"}}\ndirectory = "{directory}"\n{more}'


# ---- one process


def test_mail_comes_in_and_is_fetched_from_one_process(directory):
    with Serve(directory, settings(directory), PLAIN) as server:
        assert send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\ntext\r\n", ["alice@example.org"]).startswith("250 ")
        with login(server.port_of["pop3"]) as talk:
            assert talk.say("STAT").startswith("+OK 1 ")
        with smtp(server.port_of["smtp"]) as talk:
            talk.say("MAIL FROM:<a@b.example>", "250")
            talk.say("RCPT TO:<alice@elsewhere.example>", "550")
            talk.say("RCPT TO:<nobody@example.org>", "550")
    assert (directory / "alice" / "mailbox").exists()


def test_tls_is_begun_in_clear_or_comes_first_in_both_protocols(directory):
    run("postroom", "cert", "--dir", directory)
    tls = f'tls_cert = "{directory}/cert.pem"\ntls_key = "{directory}/key.pem"\n'
    listeners = PLAIN | {"smtps": "protocol = smtp port = 0 tls = true", "pop3s": "protocol = pop3 port = 0 tls = true"}
    trust = ssl.create_default_context(cafile=directory / "ca.pem")
    with Serve(directory, settings(directory, tls), listeners) as server:
        assert [line for line in server.errors if line.endswith(" (TLS)")].__len__() == 2
        with smtplib.SMTP("localhost", server.port_of["smtp"]) as client:
            client.starttls(context=trust)
            client.sendmail("a@b.example", ["alice@example.org"], "Subject: one\r\n\r\n")
        with smtplib.SMTP_SSL("localhost", server.port_of["smtps"], context=trust) as client:
            client.login("bob", "builder")
            client.sendmail("a@b.example", ["alice@example.org"], "Subject: two\r\n\r\n")
        pop = poplib.POP3("localhost", server.port_of["pop3"])
        pop.stls(trust)
        pop.user("alice")
        pop.pass_("wonderland")
        assert pop.stat()[0] == 2
        pop.quit()
        pop = poplib.POP3_SSL("localhost", server.port_of["pop3s"], context=trust)
        pop.apop("alice", "wonderland")
        pop.quit()


def test_limits_are_of_the_whole_process(directory):
    with Serve(directory, settings(directory, "max_connections = 2\n"), PLAIN) as server:
        with Dialogue(server.port_of["smtp"], "220"), Dialogue(server.port_of["pop3"], "+OK"):
            with Dialogue(server.port_of["smtp"]) as third:
                assert third.greeting.startswith("421 "), third.greeting
            with Dialogue(server.port_of["pop3"]) as third:
                assert third.greeting.startswith("-ERR "), third.greeting


def test_a_failed_login_slows_down_the_address_in_every_protocol(directory):
    """The penalty is one: three failures over POP3, and SMTP's next login waits, too."""
    with Serve(directory, settings(directory, "slow_loopback = true\n"), PLAIN) as server:
        for _ in range(3):
            with Dialogue(server.port_of["pop3"]) as talk:
                talk.say("USER alice", "+OK")
                talk.say("PASS wrong", "-ERR")
        begin = time.monotonic()
        with smtp(server.port_of["smtp"]) as talk:
            talk.say("EHLO x", "250")
            talk.say("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", "235")
        assert time.monotonic() - begin > 0.5


def test_the_end_is_told_on_every_listener(directory):
    with Serve(directory, settings(directory), PLAIN) as server:
        with smtp(server.port_of["smtp"]) as one, Dialogue(server.port_of["pop3"]) as two:
            server.process.send_signal(signal.SIGTERM)
            assert one.hear().startswith("421 ")
            assert two.hear().startswith("-ERR ")
            assert server.process.wait(10) == 0


def test_the_users_file_may_be_elsewhere(directory, tmp_path):
    (directory / "users.txt").rename(tmp_path / "people")
    (tmp_path / "names").write_text("sales: alice\n")
    more = f'users = "{tmp_path}/people"\naliases = "{tmp_path}/names"\n'
    with Serve(directory, settings(directory, more), PLAIN) as server:
        send_mail(server.port_of["smtp"], b"Subject: x\r\n\r\n", ["sales@example.org"])
        with login(server.port_of["pop3"]) as talk:
            assert talk.say("STAT").startswith("+OK 1 ")
        (tmp_path / "people").write_text(USERS + "carol pw\n")
        wait_for(lambda: send_mail_to_carol(server))


def send_mail_to_carol(server):
    with smtp(server.port_of["smtp"]) as talk:
        talk.say("MAIL FROM:<a@b.example>", "250")
        return talk.say("RCPT TO:<carol@example.org>").startswith("250")


# ---- what goes wrong


def serve(config, *options):
    return run("postroom", "serve", *(["--config", config] if config else []), *options)


def test_what_is_wrong_with_the_file_is_all_told_and_the_status_says_so(tmp_path):
    config = tmp_path / "p.conf"
    config.write_text('hostnam = "x"\n\nmax_size = lots\nlistener "a" { protocol = imap port = 1 }\n')
    for ended in serve(config), run("postroom", "config", "check", config):
        assert ended.returncode == 78
        assert ended.stderr.splitlines() == [
            f"{config}:1: there is no key 'hostnam': did you mean hostname?",
            f'{config}:3: max_size cannot be "lots": give octets such as 52428800, or 50M, or 1G',
            f'{config}:4: protocol cannot be "imap": give smtp, lmtp, pop3 or web',
        ]
    config.write_text("")
    ended = run("postroom", "config", "check", config)
    assert (ended.returncode, ended.stdout) == (0, f"{config}: all well\n")


def test_each_obstacle_has_its_status_and_a_line(directory, tmp_path):
    config = tmp_path / "p.conf"
    assert serve(tmp_path / "missing.conf").returncode == 66
    config.write_text('directory = "/there/is/none"\n')
    assert serve(config).returncode == 66
    config.write_text(f'directory = "{tmp_path}"\n')
    ended = serve(config)
    assert ended.returncode == 66 and "users.txt" in ended.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(f'directory = "{directory}"\nlistener "a" {{ protocol = smtp port = {port} }}\n')
        ended = serve(config)
        assert ended.returncode == 69 and f"port {port} is in use" in ended.stderr
    config.write_text(f'directory = "{directory}"\ntls_cert = "/none.pem"\n')
    assert serve(config).returncode == 66
    assert run("postroom", "serve", "--nonsense").returncode == 64
    assert run("postroom", "serve", "--verbose=1").returncode == 64
    assert run("postroom", "serve", "extra").returncode == 64
    assert run("postroom", "config").returncode == 64


# ---- systemd


def as_activated(command, names, sockets, **environment):
    """As systemd begins a process: the sockets from descriptor 3 on."""
    begin = "import os,sys; os.environ['LISTEN_PID'] = str(os.getpid()); " + "".join(
        f"os.dup2({socket.fileno()}, {100 + i}); " for i, socket in enumerate(sockets)) + "".join(
        f"os.dup2({100 + i}, {3 + i}); " for i in range(len(sockets))) + "os.execv(sys.argv[1], sys.argv[1:])"
    env = {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(names), **environment}
    return ["/usr/bin/python3", "-c", begin, *map(str, command)], {
        "env": env, "pass_fds": [socket.fileno() for socket in sockets]}


def test_sockets_that_systemd_gives_are_served_by_their_names(directory):
    with socket.create_server(("127.0.0.1", 0)) as smtp_socket, socket.create_server(("127.0.0.1", 0)) as pop3_socket:
        before, how = as_activated([], ["pop3", "smtp.socket"], [pop3_socket, smtp_socket])
        with Serve(directory, settings(directory), PLAIN, before=before, **how) as server:
            assert server.port_of == {"smtp": smtp_socket.getsockname()[1], "pop3": pop3_socket.getsockname()[1]}
            send_mail(server.port_of["smtp"], b"Subject: x\r\n\r\n", ["alice@example.org"])
            with login(server.port_of["pop3"]) as talk:
                assert talk.say("STAT").startswith("+OK 1 ")


def test_who_comes_while_the_server_is_begun_anew_is_served_by_the_next(directory):
    """The sockets are systemd's, and go on listening."""
    with socket.create_server(("127.0.0.1", 0)) as smtp_socket, socket.create_server(("127.0.0.1", 0)) as pop3_socket:
        before, how = as_activated([], ["smtp", "pop3"], [smtp_socket, pop3_socket])
        with Serve(directory, settings(directory), PLAIN, before=before, **how):
            pass
        with socket.create_connection(smtp_socket.getsockname(), timeout=10) as early:
            with Serve(directory, settings(directory), PLAIN, before=before, **how):
                assert early.recv(4) == b"220 "


def test_under_a_supervisor_sighup_ends_nothing(directory, tmp_path):
    """Without a certificate, too, where it would be a terminal that is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(10)
        with Serve(directory, settings(directory), PLAIN, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server:
            assert supervisor.recv(100) == b"READY=1"
            server.process.send_signal(signal.SIGHUP)
            assert supervisor.recv(100).startswith(b"RELOADING=1") and supervisor.recv(100) == b"READY=1"
            with smtp(server.port_of["smtp"]) as talk:
                talk.say("NOOP", "250 ")


def test_a_socket_that_no_listener_is_named_after_is_an_error(directory):
    config = directory / "p.conf"
    config.write_text(settings(directory))
    with socket.create_server(("127.0.0.1", 0)) as given:
        command, how = as_activated([BUILD / "postroom", "serve", "--config", config], ["imap"], [given])
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, **how)
    assert ended.returncode == 64 or ended.returncode == 78
    assert 'a socket by the name of "imap"' in ended.stderr


def test_systemd_hears_of_the_beginning_a_reload_and_the_end(directory, tmp_path):
    run("postroom", "cert", "--dir", directory)
    tls = f'tls_cert = "{directory}/cert.pem"\ntls_key = "{directory}/key.pem"\n'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(10)
        with Serve(directory, settings(directory, tls), PLAIN, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server:
            assert supervisor.recv(100) == b"READY=1"
            server.process.send_signal(signal.SIGHUP)
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", supervisor.recv(100))
            assert supervisor.recv(100) == b"READY=1"
            server.stop()
            assert supervisor.recv(100) == b"STOPPING=1"


def test_a_hangup_has_the_file_read_again(directory):
    def say(more, listeners=PLAIN):
        server.config.write_text(settings(directory, more) + "".join(f'\nlistener "{name}" {{ {words} }}\n' for name, words in listeners.items()))
        server.errors.clear()
        server.process.send_signal(signal.SIGHUP)

    def deliver():
        return send_mail(server.port_of["smtp"], b"Subject: x\r\n\r\n" + b"x" * 200 + b"\r\n", ["alice@example.org"])

    def heard(words):
        wait_for(lambda: any(words in line for line in server.errors))

    with Serve(directory, settings(directory), PLAIN) as server:
        assert deliver().startswith("250 ")
        say("quota = 100")
        heard("is read again")
        assert not [line for line in server.errors if "after a restart" in line]
        assert deliver().startswith("452 ")
        say('quota = 1M\nmax_connections = 7\nlogin_delay = 5s\nverbose = true\npostmaster = "bob"')
        heard("is read again")
        assert sorted(re.findall(r"conf: (\w+) has changed, and holds after a restart", "\n".join(server.errors))) == ["login_delay", "max_connections", "postmaster"]
        assert deliver().startswith("250 ")
        heard("mail from=<")
        say("quota = 1M\nqota = 3\n")
        heard("line 5: ")
        heard("there is no key 'qota'")
        heard("all holds as before")
        assert deliver().startswith("250 ")
        say("retain_age = 1s", PLAIN | {"smtp": PLAIN["smtp"] + ' proxy = {"192.0.2.1"}'})
        heard("the listeners have changed, and hold after a restart")
        assert server.process.poll() is None


# ---- the manual page


def test_under_systemd_a_line_has_its_importance_and_the_name_is_not_said_twice(directory):
    reader, writer = os.pipe()
    stream = os.fstat(writer)
    (directory / "postroom.conf").write_text(settings(directory, "verbose = true") + '\nlistener "smtp" { protocol = smtp  port = 0 }\n')
    command = [BUILD / "postroom", "serve", "--config", directory / "postroom.conf"]
    process = subprocess.Popen(command, stderr=writer, env={**os.environ, "JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"})
    os.close(writer)
    with open(reader) as journal:
        try:
            said = next(line for line in journal if re.search(r"listening on \S+ port (\d+)", line))
            with socket.create_connection(("127.0.0.1", int(said.split()[-1]))) as client:
                assert client.recv(4) == b"220 "
        finally:
            process.terminate()
        lines = journal.read().splitlines()
    assert process.wait() == 0
    assert lines and all(re.match("<[346]>(?!postroom)", line) for line in lines), lines  # no greeting for people, either


def test_the_manual_page_has_the_keys_of_the_table():
    """`postroom config man` between the two comments of docs/man/postroom.conf.5."""
    page = (ROOT / "docs/man/postroom.conf.5").read_text()
    listed = page.split('.\\" ---- from here on: postroom config man ----\n')[1].split('.\\" ---- up to here ----\n')[0]
    assert listed == run("postroom", "config", "man").stdout


# ---- without a file


ANY = {"smtp": "protocol = smtp port = 0", "pop3": "protocol = pop3 port = 0"}


def catch_all(tmp_path, more="", options=(), **how):
    return Serve(tmp_path, f"catch_all = true\n{more}", ANY, options, **how)


def mails_of(server, name, password="any"):
    with login(server.port_of["pop3"], name, password) as talk:
        count = int(talk.say("STAT").split()[1])
        talk.say("QUIT", "+OK")
        return count


def test_any_recipient_has_an_inbox_that_any_password_opens(tmp_path):
    with catch_all(tmp_path) as server:
        to = ["Alice@Example.ORG", "bob@elsewhere.example", "alice+tag@example.org", "postmaster", '"../../x y"@example.org', "a/b/c@x"]
        assert send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\n", to).startswith("250 ")
        for name in ["alice@example.org", "ALICE@example.org", "bob@elsewhere.example", "alice+tag@example.org", "postmaster", "../../x y@example.org"]:
            assert mails_of(server, name) == 1, name
        assert mails_of(server, "nobody@example.org") == 0
        with smtplib.SMTP("127.0.0.1", server.port_of["smtp"]) as client:
            client.login("anybody", "any password")
        pop = poplib.POP3("127.0.0.1", server.port_of["pop3"])
        assert "PLAIN" in pop.capa()["SASL"] and "SCRAM-SHA-256" not in pop.capa()["SASL"]
        pop.quit()


def test_the_mail_is_gone_with_the_server_however_it_ends(tmp_path):
    for end in "stop", "kill":
        with catch_all(tmp_path, env={"TMPDIR": str(tmp_path)}) as server:
            send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\n", ["a@b"])
            (place,) = tmp_path.glob("postroom-*/")
            assert (place / "a@b" / "mailbox").exists()
            getattr(server, end)()
            wait_for(lambda: not place.exists())


def test_a_directory_that_is_named_keeps_the_mail(tmp_path):
    for mails in 1, 2:
        with catch_all(tmp_path, options=["--dir", tmp_path / "kept"]) as server:
            send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\n", ["a@b"])
            assert mails_of(server, "a@b") == mails
    other = run("postroom", "serve", "--config", tmp_path / "postroom.conf", "--dir", tmp_path)
    assert other.returncode == 66 and "is no inbox: give an empty directory" in other.stderr


def test_the_oldest_inbox_makes_room_but_not_one_that_is_open(tmp_path):
    with catch_all(tmp_path, "inboxes_max = 3\n", ["--dir", tmp_path / "kept"]) as server:
        for name in "a@x", "b@x", "c@x":
            send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\n", [name])
        with login(server.port_of["pop3"], "a@x", "any") as talk:
            send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\n", ["d@x"])
            send_mail(server.port_of["smtp"], b"Subject: hello\r\n\r\n", ["e@x"])
            assert talk.say("RETR 1").startswith("+OK")
        assert sorted(path.name for path in (tmp_path / "kept").glob("[a-z]*")) == ["a@x", "d@x", "e@x"]
        wait_for(lambda: len([line for line in server.errors if "is removed: there are too many" in line]) == 2)


def test_inboxes_come_and_go_under_many_senders_and_readers(tmp_path):
    """What stays is whole; who is sent away is so for now; the bound holds."""
    names = [f"user{i}@x" for i in range(12)]

    def work(seed):
        choose = random.Random(seed)
        replies = []
        for _ in range(25):
            with smtp(server.port_of["smtp"]) as talk:
                talk.say("MAIL FROM:<a@b.example>", "250")
                taken = [name for name in choose.sample(names, 2) if talk.say(f"RCPT TO:<{name}>")[:3] == "250"]
                if taken:
                    talk.say("DATA", "354")
                    talk.send(b"Subject: x\r\n\r\ntext\r\n.\r\n")
                    replies.append(talk.reply()[:3])
            with Dialogue(server.port_of["pop3"], "+OK") as talk:
                talk.say(f"USER {choose.choice(names)}", "+OK")
                if talk.say("PASS x").startswith("+OK"):
                    for number in range(int(talk.say("STAT").split()[1])):
                        talk.say(f"RETR {number + 1}", "+OK")
                        assert talk.body().endswith(b"Subject: x\r\n\r\ntext\r\n")
        return replies

    with catch_all(tmp_path, "inboxes_max = 6\n", ["--dir", tmp_path / "kept"]) as server:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            replies = [reply for worker in pool.map(work, range(8)) for reply in worker]
        assert len(replies) > 50 and set(replies) == {"250"}
        assert json.loads(run("postroom", "status", "--dir", tmp_path / "kept", "--json").stdout)["inboxes"] <= 6
        kept = list((tmp_path / "kept").glob("user*"))
        assert 0 < len(kept) <= 6
        for mailbox in (tmp_path / "kept").glob("user*/mailbox"):
            split_mailbox(mailbox.read_bytes())
    assert not [line for line in server.errors if "cannot be removed" in line]


def test_without_a_word_it_listens_on_this_machine_alone_and_says_where(tmp_path):
    """The usual ports may be in use here: then it says so."""
    process = subprocess.Popen([BUILD / "postroom", "serve"], stderr=subprocess.PIPE, text=True, env={"TMPDIR": str(tmp_path)})
    said = []
    try:
        while not said or not (said[-1] == "" or said[-1].startswith("  Mail")):
            said.append(process.stderr.readline())
    finally:
        process.terminate()
        process.communicate()
    if "in use" in said[0]:
        assert process.returncode == 69
        pytest.skip("a usual port is in use")
    assert process.returncode == 0
    assert [line for line in said if line.startswith("listening on ")] == [
        f"listening on 127.0.0.1 port {port}\n" for port in ("2525", "2110", "8025 (web)")]
    assert said[3] == "Postroom takes mail for tests:\n"
    assert said[4] == "  SMTP  127.0.0.1 port 2525    any recipient\n"
    assert said[5] == "  POP3  127.0.0.1 port 2110    user: the address, any password\n"
    assert said[6] == "  Web   http://127.0.0.1:8025/\n"
    assert re.fullmatch(rf"  Mail  {tmp_path}/postroom-\w+    removed at the end \(--dir DIR keeps it\)\n", said[7])
    assert list(tmp_path.glob("postroom-*")) == []


def test_ports_can_be_chosen_where_there_is_no_file_and_only_there(tmp_path):
    wanted = [free_port() for _ in range(3)]
    ports = [word for name, port in zip(("smtp", "pop3", "web"), wanted) for word in (f"--{name}-port", port)]
    with Serve(tmp_path, named=False, listeners={"smtp": "", "pop3": "", "web": ""}, options=["--dir", tmp_path / "mail", *ports]) as server:
        assert list(server.port_of.values()) == wanted
        busy = serve(None, "--dir", tmp_path / "other", "--smtp-port", 0, "--pop3-port", 0, "--web-port", wanted[2])
        assert busy.returncode == 69 and f"port {wanted[2]} is in use" in busy.stderr
    with_file = serve(tmp_path / "postroom.conf", "--web-port", 0)
    assert with_file.returncode == 64 and "listeners say the ports" in with_file.stderr
    assert serve(None, "--web-port", "65536").returncode == 64


# ---- status


def status(directory, *options):
    return run("postroom", "status", "--dir", directory, *options)


def test_status_says_sessions_rates_and_disk(directory):
    with Serve(directory, settings(directory, "max_connections = 3\n"), PLAIN) as server:
        send_mail(server.port_of["smtp"], b"Subject: x\r\n\r\n", ["alice@example.org"])
        login(server.port_of["pop3"]).close()
        with Dialogue(server.port_of["pop3"]) as talk:
            talk.say("USER alice", "+OK")
            talk.say("PASS wrong", "-ERR")
        wait_for(lambda: not any(one["sessions"] for one in json.loads(status(directory, "--json").stdout)["listeners"]))
        with smtp(server.port_of["smtp"]), smtp(server.port_of["smtp"]), Dialogue(server.port_of["pop3"]):
            Dialogue(server.port_of["pop3"]).close()
            ended = status(directory, "--json")  # it is full, and still answers
            assert ended.returncode == 0, ended
            told = json.loads(ended.stdout)
            text = status(directory).stdout
        assert {"pid": server.pid, "directory": str(directory)}.items() <= told.items()
        assert [(one["name"], one["port"], one["sessions"], one["in_all"]) for one in told["listeners"]] == [
            ("smtp", server.port_of["smtp"], 2, 3), ("pop3", server.port_of["pop3"], 1, 4)]
        count = {name: told[name]["in_all"] for name in ("mails", "logins", "failed_logins", "refused_connections", "refused_mails")}
        assert count == {"mails": 1, "logins": 1, "failed_logins": 1, "refused_connections": 1, "refused_mails": 0}
        assert told["mails"]["last_minute"] == 1 and told["octets"]["in_all"] > 10
        assert 0 < told["disk"]["free"] < told["disk"]["size"]
        assert re.search(r"(?m)^smtp +127\.0\.0\.1 port \d+ +2 +3$", text) and re.search(r"(?m)^mails +1 +1$", text) and " GiB free of " in text
        assert run("postroom", "status", "--config", server.config, "--json").returncode == 0
    assert status(directory).returncode == 69


def test_only_the_servers_user_may_ask_and_the_next_server_takes_the_place_of_one_that_was_killed(directory):
    for _ in range(2):
        server = Serve(directory, settings(directory), PLAIN)
        assert (directory / ".status").stat().st_mode & 0o7777 == 0o600
        assert status(directory).returncode == 0
        server.kill()
        assert status(directory).returncode == 69
    with Serve(directory, settings(directory), PLAIN), Serve(directory, settings(directory), PLAIN) as second:
        assert any("postroom status will not work" in line and "in use" in line for line in second.errors)


def test_who_says_nothing_or_nonsense_at_the_status_socket_is_hung_up_on(directory):
    with Serve(directory, settings(directory), PLAIN):
        for word in b"nonsense\n", b"x" * 1000 + b"\n":
            with socket.socket(socket.AF_UNIX) as talk:
                talk.connect(str(directory / ".status"))
                talk.settimeout(10)
                talk.sendall(word)
                assert talk.recv(100) == b""


# ---- behind a balancer


V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(source, command=0x21, family=0x11):
    address = socket.inet_pton(socket.AF_INET, source) + socket.inet_pton(socket.AF_INET, "198.51.100.1") + b"\x30\x39\0\x19"
    return V2 + bytes([command, family]) + len(address).to_bytes(2, "big") + address


def behind(port, header):
    """A connection that begins with the header; its first line, or b''."""
    talk = socket.create_connection(("127.0.0.1", port), timeout=10)
    talk.sendall(header)
    return talk, talk.makefile("rb")


def proxied(directory, more="", listeners=None, **how):
    return Serve(directory, settings(directory, "verbose = true\n" + more), listeners or {
        "smtp": 'protocol = smtp port = 0 proxy = {"127.0.0.1", "::1"}', "pop3": 'protocol = pop3 port = 0 proxy = {"10.9.8.7"}'}, **how)


@pytest.mark.parametrize("header, peer", [
    (v2("192.0.2.7"), "192.0.2.7"),
    (b"PROXY TCP4 192.0.2.8 198.51.100.1 12345 25\r\n", "192.0.2.8"),
    (b"PROXY TCP6 2001:db8::8 2001:db8::1 12345 25\r\n", "IPv6:2001:db8::8"),
    (v2("192.0.2.7", 0x20), "127.0.0.1"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
], ids=["v2", "v1", "v6", "local", "unknown"])
def test_the_client_is_whom_the_balancer_says(directory, header, peer):
    with proxied(directory) as server:
        for pieces in [header], [header[i : i + 1] for i in range(len(header))]:
            talk = socket.create_connection(("127.0.0.1", server.port_of["smtp"]), timeout=10)
            talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                talk.sendall(piece)
            file = talk.makefile("rb")
            assert file.readline().startswith(b"220 ")
            talk.sendall(b"HELO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
            assert [file.readline()[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
            talk.sendall(b"Subject: x\r\n\r\n.\r\n")
            assert file.readline().startswith(b"250")
            talk.close()
        assert (directory / "alice" / "mailbox").read_text().count(f"([{peer}])") == 2
        wait_for(lambda: any(f"peer={peer.removeprefix('IPv6:')} " in line for line in server.errors))


def test_a_header_and_commands_may_come_in_one_segment(directory):
    with proxied(directory) as server:
        talk, file = behind(server.port_of["smtp"], v2("192.0.2.7") + b"QUIT\r\n")
        assert file.readline().startswith(b"220 ") and file.readline().startswith(b"221 ")
        talk.close()


def test_who_is_no_balancer_or_says_no_header_is_hung_up_on(directory):
    with proxied(directory) as server:
        for port, words in [("pop3", v2("192.0.2.7")), ("smtp", b"EHLO client.example\r\n"), ("smtp", b"GET / HTTP/1.1\r\n\r\n"),
                            ("smtp", V2 + b"\x21\x11\xff\xff"), ("smtp", b"PROXY " + b"x" * 200)]:
            talk, file = behind(server.port_of[port], words)
            try:
                assert file.read(1) == b"", words
            except ConnectionResetError:
                pass
            talk.close()


def test_who_says_nothing_is_hung_up_on_in_a_few_seconds_whatever_trickles_in(directory):
    with proxied(directory) as server:
        talk, file = behind(server.port_of["smtp"], b"")
        slow, slow_file = behind(server.port_of["smtp"], b"PROXY UNKNOWN ")
        begin = time.monotonic()
        slow.settimeout(0.5)
        while time.monotonic() - begin < 8:
            try:
                slow.sendall(b"x")
                if slow.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 4 < time.monotonic() - begin < 7
        assert file.read(1) == b""


def test_limits_are_the_clients_and_not_the_balancers(directory):
    with proxied(directory, "max_per_address = 1\n") as server:
        port = server.port_of["smtp"]
        first, first_file = behind(port, v2("192.0.2.7"))
        assert first_file.readline().startswith(b"220 ")
        second, second_file = behind(port, v2("192.0.2.7"))
        assert second_file.readline().startswith(b"421 ")
        other, other_file = behind(port, v2("192.0.2.8"))
        assert other_file.readline().startswith(b"220 ")


def test_tls_comes_behind_the_header(directory):
    run("postroom", "cert", "--dir", directory)
    tls = f'tls_cert = "{directory}/cert.pem"\ntls_key = "{directory}/key.pem"\n'
    trust = ssl.create_default_context(cafile=directory / "ca.pem")
    with proxied(directory, tls, {"smtps": 'protocol = smtp port = 0 tls = true proxy = {"127.0.0.1"}'}) as server:
        talk, _ = behind(server.port_of["smtps"], v2("192.0.2.7"))
        with trust.wrap_socket(talk, server_hostname="localhost") as secure:
            assert secure.recv(100).startswith(b"220 ")


def test_the_end_does_not_wait_for_a_header(directory):
    with proxied(directory) as server:
        talk, file = behind(server.port_of["smtp"], b"PROXY ")
        time.sleep(0.2)
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 2
