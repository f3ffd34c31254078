"""LMTP (RFC 2033): a reply for each recipient, over TCP and over a UNIX socket, and Postfix as the client."""

import smtplib
import socket

import pytest

from foreign_servers import Postfix, clear, make_directory, missing
from harness import Dialogue, login, run, send_mail, wait_for
from serving import Serve

USERS = "alice wonderland\nbob builder\n"


@pytest.fixture
def directory(tmp_path):
    here = tmp_path / "mail"
    here.mkdir()
    (here / "users.txt").write_text(USERS)
    return here


def settings(directory, more=""):
    return f'hostname = "mail.example.org"\ndomains = {{"example.org"}}\ndirectory = "{directory}"\n{more}'


def deliver(talk, recipients, text=b"Subject: x\r\n\r\n"):
    """The replies behind the text, one for each recipient that was taken."""
    talk.say("MAIL FROM:<a@b.example>", "250")
    taken = [recipient for recipient in recipients if talk.say(f"RCPT TO:<{recipient}>").startswith("250")]
    talk.say("DATA", "354")
    talk.send(text + b".\r\n")
    return [talk.reply() for _ in taken]


def test_a_full_mailbox_is_refused_and_the_other_recipient_has_the_mail(directory):
    listeners = {"lmtp": "protocol = lmtp port = 0", "pop3": "protocol = pop3 port = 0"}
    with Serve(directory, settings(directory, "quota = 3000\n"), listeners) as server:
        with Dialogue(server.port_of["lmtp"], "220") as talk:
            talk.say("LHLO relay.example", "250")
            filled = b"Subject: x\r\n\r\n" + 40 * (50 * b"x" + b"\r\n")
            assert deliver(talk, ["alice@example.org"], filled)[0].startswith("250")
            replies = deliver(talk, ["alice@example.org", "bob@example.org", "nobody@example.org"], filled)
            assert [reply[:9] for reply in replies] == ["452 4.2.2", "250 2.0.0"]
        with login(server.port_of["pop3"], "bob", "builder") as talk:
            assert talk.say("STAT").startswith("+OK 1 ")


def test_an_alias_has_the_mail_only_if_all_behind_it_have(directory):
    (directory / "aliases.txt").write_text("both: alice, bob\n")
    with Serve(directory, settings(directory), {"lmtp": "protocol = lmtp port = 0"}) as server:
        with Dialogue(server.port_of["lmtp"], "220") as talk:
            talk.say("LHLO relay.example", "250")
            (directory / "bob" / "mailbox").mkdir(parents=True)
            replies = deliver(talk, ["alice@example.org", "both@example.org", "bob@example.org"])
            assert [reply[:3] for reply in replies] == ["250", "451", "451"]
            assert (directory / "alice" / "mailbox").read_bytes().count(b"\n.\n") == 1


def test_a_path_is_a_unix_socket(directory, tmp_path):
    path = tmp_path / "lmtp"
    for _ in range(2):  # the second finds what the first has left
        with Serve(directory, settings(directory), {"lmtp": f'protocol = lmtp address = "{path}"'}) as server:
            assert f"listening on {path}" in server.errors
            with smtplib.LMTP(str(path)) as client:
                assert client.sendmail("a@b.example", ["alice@example.org"], "Subject: x\r\n\r\n") == {}
            ended = run("postroom", "serve", "--config", server.config)
            assert ended.returncode == 69 and f"{path} is in use" in ended.stderr
    mails = (directory / "alice" / "mailbox").read_text()
    assert mails.count("with LMTP id") == 2 and "([unix])" not in mails


def address_of_this_machine():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def test_from_elsewhere_it_needs_a_login(directory):
    address = address_of_this_machine()
    if address.startswith("127."):
        pytest.skip("this machine has no other address")
    with Serve(directory, settings(directory, "plaintext = true\n"), {"lmtp": f'protocol = lmtp address = "{address}" port = 0'}) as server:
        with smtplib.LMTP(address, server.port_of["lmtp"]) as client:
            assert client.docmd("LHLO", "x")[0] == 250
            assert client.docmd("MAIL", "FROM:<a@b.example>")[0] == 530
            client.login("alice", "wonderland")
            assert client.docmd("MAIL", "FROM:<a@b.example>")[0] == 250


def test_the_dialogue_is_explained(directory, tmp_path):
    with open(tmp_path / "transcript", "wb") as transcript:
        server = Serve(directory, settings(directory), {"lmtp": "protocol = lmtp port = 0"}, ["--explain"])
        server.stop()
        server.stdout = transcript
        server.start()
        with server, Dialogue(server.port_of["lmtp"], "220") as talk:
            talk.say("LHLO relay.example", "250")
            assert len(deliver(talk, ["alice@example.org", "bob@example.org"])) == 2
            talk.say("QUIT", "221")
    text = (tmp_path / "transcript").read_text()
    assert "a server of LMTP" in text and "not a command" not in text
    assert text.count("that is its word on the next one") == 1, text


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_postfix_delivers_by_lmtp(directory, way):
    here = make_directory()
    run("postroom", "cert", "--dir", here)
    postfix = None
    path = here / "lmtp"
    where = f'address = "{path}"' if way == "unix" else "port = 0"
    try:
        with Serve(directory, settings(directory, "quota = 60K\n"), {"lmtp": f"protocol = lmtp {where}"}) as server:
            target = f"unix:{path}" if way == "unix" else f"inet:127.0.0.1:{server.port_of['lmtp']}"
            for name in "mailboxes", "aliases":
                (here / name).write_text("alice@example.org x\nbob@example.org x\n" if name == "mailboxes" else "")
            postfix = Postfix(here, f"virtual_transport = lmtp:{target}\nsmtpd_sasl_auth_enable = no")
            assert send_mail(postfix.port, b"Subject: by Postfix\r\n\r\n.dot\r\n", ["alice@example.org", "bob@example.org"]).startswith("250 ")
            for user in "alice", "bob":
                wait_for(lambda: (directory / user / "mailbox").exists() and (directory / user / "mailbox").read_bytes().endswith(b"\n.\n"))
                text = (directory / user / "mailbox").read_text()
                assert "Subject: by Postfix\n" in text and "\n..dot\n" in text and "with LMTP id" in text
                assert f"<{user}@example.org>" in text or "for <" not in text
    finally:
        if postfix:
            postfix.stop()
        clear(here)
