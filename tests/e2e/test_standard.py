"""The standard mode: whose mail is taken, what is added to it, what it may hold, and quotas. Dialogues are in tests/dialogs/standard-*."""

import email
import email.policy
import email.utils
import re
import smtplib
import socket
import time

import pytest

from harness import PATIENCE, Dialogue, Lab, run, send_mail, smtp, split_mailbox, wait_for

USERS = {"alice": "wonderland", "bob": "builder", "jürgen": "grün"}


class StandardLab(Lab):
    def __init__(self, path):
        super().__init__(path)
        (path / "user.txt").unlink()
        (path / "users.txt").write_text("# the first one is the postmaster\n" + "".join(f"{name} {word}\n" for name, word in USERS.items()))

    def mailbox(self, user="alice"):
        return self.path / user / "mailbox"

    def aliases(self, text):
        (self.path / "aliases.txt").write_text(text)


@pytest.fixture
def lab(tmp_path):
    lab = StandardLab(tmp_path / "lab")
    yield lab
    lab.close()


@pytest.fixture
def server(lab):
    return lab.smtpmail("--domain", "example.org", "--domain", "Example.NET")


def rcpt(server, recipient, parameters=""):
    """The reply to RCPT, on a connection of its own."""
    with Dialogue(server, "220 ") as talk:
        talk.say("EHLO client.test", "250")
        talk.say(f"MAIL FROM:<sender@elsewhere.test>{parameters}", "250")
        return talk.say(f"RCPT TO:<{recipient}>")


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


def head_and_rest(stored):
    """What the server has put on top, and the mail below."""
    found = re.match(rb"(Return-Path: <[^\n]*>\nReceived: [^\n]*\n(?:[ \t][^\n]*\n)*)", stored)
    assert found, stored[:400]
    return found[1].decode(), stored[found.end() :]


# Whose mail is taken


@pytest.mark.parametrize("recipient", ["alice@example.org", "alice@EXAMPLE.net", "Alice@example.org", '"alice"@example.org', '"\\alice"@example.org'])
def test_every_spelling_of_a_users_address_is_taken(server, recipient):
    assert rcpt(server, recipient).startswith("250 ")


@pytest.mark.parametrize(
    "recipient",
    [
        "alice@elsewhere.test", "alice@example.org.elsewhere.test", "alice@sub.example.org", "alice@[192.0.2.1]", "alice@localhost",
        "@example.org:alice@elsewhere.test", "@example.org,@example.net:alice@elsewhere.test",
    ],
)
def test_mail_for_another_domain_is_refused_as_relaying(server, recipient):
    assert rcpt(server, recipient).startswith("550 5.7.1 ")


@pytest.mark.parametrize(
    "recipient",
    ["alice%elsewhere.test@example.org", '"alice@elsewhere.test"@example.org', "elsewhere.test!alice@example.org", "alice%example.org@example.org", '"@elsewhere.test:alice"@example.org'],
)
def test_an_address_within_the_name_is_just_a_name_that_nobody_has(server, recipient):
    assert rcpt(server, recipient).startswith("550 5.1.1 ")


def test_nothing_is_relayed_even_after_a_login(lab):
    server = lab.smtpmail("--domain", "example.org")
    with smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE) as client:
        client.login("alice", USERS["alice"])
        client.mail("alice@example.org")
        assert client.rcpt("bob@elsewhere.test")[0] == 550


def test_a_source_route_to_a_user_is_ignored(lab, server):
    assert send_mail(server, b"Subject: routed\r\n\r\nx\r\n", to=("@one.test,@two.test:alice@example.org",)).startswith("250")
    assert len(lab.mails()) == 1


def test_a_recipient_without_a_domain_is_refused_but_the_postmaster(server):
    assert rcpt(server, "alice").startswith("550 5.1.2 ")
    assert rcpt(server, "PostMaster").startswith("250 ")


def test_without_domains_the_hosts_name_and_localhost_are_ours(lab):
    server = lab.smtpmail()
    assert rcpt(server, "alice@localhost").startswith("250 ")
    assert rcpt(server, f"alice@{socket.gethostname()}").startswith("250 ")
    assert rcpt(server, "alice@example.org").startswith("550 5.7.1 ")


def test_the_address_of_the_server_is_ours_where_mailboxes_are_measured_first(lab):
    """That is another thread's work, which may ask nothing about sockets."""
    server = lab.smtpmail("--domain", "example.org", "--quota", "100000")
    assert rcpt(server, "alice@[127.0.0.1]").startswith("250 ")


@pytest.mark.parametrize("listen, literal", [("127.0.0.1", "[127.0.0.1]"), ("::1", "[IPv6:0:0:0::1]"), (None, "[127.0.0.1]")])
def test_the_address_of_the_server_in_brackets_is_ours(lab, listen, literal):
    server = lab.smtpmail("--domain", "example.org", listen=listen)
    with socket.create_connection((listen or "127.0.0.1", server.port), timeout=PATIENCE) as connection:
        file = connection.makefile("rwb")
        for line, code in (None, b"220"), ("HELO x", b"250"), ("MAIL FROM:<>", b"250"), (f"RCPT TO:<alice@{literal}>", b"250"), ("RCPT TO:<alice@[127.0.0.2]>", b"550 "):
            if line:
                file.write(line.encode() + b"\r\n")
                file.flush()
            assert file.readline().startswith(code), line


@pytest.mark.parametrize("recipient", ["alice+shopping@example.org", "alice+a+b@example.org", "ALICE+@example.org"])
def test_a_tag_behind_a_plus_is_the_user_all_the_same(lab, server, recipient):
    assert send_mail(server, b"\r\nx\r\n", to=(recipient,)).startswith("250")
    assert len(lab.mails()) == 1


def test_a_user_whose_name_has_a_plus_comes_first(lab, server):
    with (lab.path / "users.txt").open("a") as users:
        users.write("alice+work secret\n")
    wait_for(lambda: send_mail(server, b"\r\nx\r\n", to=("alice+work@example.org",)) and lab.mails("alice+work"))
    assert rcpt(server, "+work@example.org").startswith("550 ")


def test_a_name_in_utf_8_is_found_by_smtputf8(lab, server):
    assert rcpt(server, "jürgen@example.org").startswith("553 5.6.7 ")
    assert rcpt(server, "jürgen@example.org", " SMTPUTF8").startswith("250 ")


# The postmaster


@pytest.mark.parametrize("address", ["postmaster", "postmaster@example.org", "POSTMASTER@example.net"])
def test_the_postmasters_mail_goes_to_the_first_user(lab, server, address):
    assert send_mail(server, b"\r\nx\r\n", to=(address,)).startswith("250")
    assert len(lab.mails("alice")) == 1


def test_the_postmasters_mail_goes_to_whom_the_option_names(lab):
    server = lab.smtpmail("--domain", "example.org", "--postmaster", "BOB")
    assert send_mail(server, b"\r\nx\r\n", to=("postmaster",)).startswith("250")
    assert len(lab.mails("bob")) == 1


def test_an_alias_of_that_name_comes_before_the_option(lab):
    lab.aliases("postmaster: jürgen\n")
    server = lab.smtpmail("--domain", "example.org", "--postmaster", "bob")
    assert send_mail(server, b"\r\nx\r\n", to=("postmaster@example.org",)).startswith("250")
    assert len(lab.mails("jürgen")) == 1


def test_a_course_has_a_postmaster_too(tmp_path):
    lab = Lab(tmp_path / "course")
    server = lab.smtpmail()
    assert send_mail(server, b"\r\nx\r\n", to=("Postmaster", "postmaster@anywhere.test")).startswith("250")
    assert len(lab.mails("alice")) == 1
    lab.close()


def test_a_postmaster_who_is_no_user_is_an_error_at_the_start(lab):
    ended = run("smtpmail", 0, "--dir", lab.path, "--postmaster", "nobody")
    assert ended.returncode == 66
    assert ended.stderr == f"smtpmail: --postmaster 'nobody': there is no such user in {lab.path}/users.txt\n"


# Aliases


def test_an_alias_stands_for_users_and_other_aliases_and_each_gets_one_copy(lab, server):
    lab.aliases("team  alice, bob everyone\neveryone: alice jürgen\n")
    wait_for(lambda: rcpt(server, "team@example.org").startswith("250 "))
    assert send_mail(server, b"\r\nx\r\n", to=("Team+tag@example.org", "alice@example.org")).startswith("250")
    assert [len(lab.mails(user)) for user in USERS] == [1, 1, 1]


def test_aliases_are_read_again_when_the_file_changes(lab, server):
    assert rcpt(server, "info@example.org").startswith("550 ")
    lab.aliases("info alice\n")
    wait_for(lambda: rcpt(server, "info@example.org").startswith("250 "))
    (lab.path / "aliases.txt").unlink()
    wait_for(lambda: rcpt(server, "info@example.org").startswith("550 "))


def test_an_alias_for_somewhere_else_is_a_bad_line_and_the_others_go_on(lab):
    lab.aliases("away someone@elsewhere.test\ninfo bob\n")
    server = lab.smtpmail("--domain", "example.org")
    assert rcpt(server, "away@example.org").startswith("550 ")
    assert rcpt(server, "info@example.org").startswith("250 ")
    assert any("aliases.txt:1:" in line for line in server.errors)


# What is put on top


def test_return_path_and_received_say_who_how_and_when(lab, server):
    before = int(time.time())
    with Dialogue(server, "220 ") as talk:
        talk.say("EHLO client.test", "250")
        talk.say("MAIL FROM:<Sender+x@elsewhere.test>", "250")
        talk.say("RCPT TO:<Alice@Example.org>", "250")
        talk.say("DATA", "354")
        talk.send(b"Subject: traced\r\n\r\nx\r\n.\r\n")
        assert talk.reply().startswith("250 2.0.0 ")
    head, rest = head_and_rest(lab.mails()[0])
    assert rest == b"Subject: traced\n\nx\n"
    unfolded = re.sub(r"\n[ \t]+", " ", head)
    line = re.fullmatch(
        r"Return-Path: <Sender\+x@elsewhere\.test>\nReceived: from client\.test \(\[127\.0\.0\.1\]\) by example\.org with ESMTP id ([A-Z0-9-]+) for <Alice@Example\.org>; (.*)\n", unfolded
    )
    assert line, unfolded
    assert before <= email.utils.parsedate_to_datetime(line[2]).timestamp() <= time.time() + 1
    assert all(len(part) <= 78 for part in head.splitlines())


def test_helo_is_smtp_and_a_login_is_esmtpa(lab, server):
    send_mail(server, b"\r\nx\r\n", to=("alice@example.org",))
    with smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE) as client:
        client.login("bob", USERS["bob"])
        client.sendmail("bob@example.org", ["alice@example.org"], b"\r\nx\r\n")
    first, second = (head_and_rest(mail)[0] for mail in lab.mails())
    assert " with SMTP id " in re.sub(r"\s+", " ", first)
    assert " with ESMTPA id " in re.sub(r"\s+", " ", second)
    assert "bob" not in second.split("Received:")[1]  # who logged in is nobody's business but the log's


def test_with_several_recipients_none_is_named_and_ids_differ(lab, server):
    send_mail(server, b"\r\nx\r\n", to=("alice@example.org", "bob@example.org"))
    send_mail(server, b"\r\nx\r\n", to=("alice@example.org",), sender="")
    first, second = (head_and_rest(mail)[0] for mail in lab.mails())
    assert " for " not in first and "bob" not in head_and_rest(lab.mails("bob")[0])[0].split("Received:")[1]
    assert second.startswith("Return-Path: <>\n")
    assert re.search(r"id (\S+)", first)[1] != re.search(r"id (\S+)", second)[1]


@pytest.mark.parametrize("name", ["[127.0.0.1]", "[IPv6:::1]", "a_b", "strange(name", "(comment) x@y", "x\\y;z", "-"])
def test_whatever_name_the_client_gives_the_received_line_is_one(lab, server, name):
    with smtp(server, name) as talk:
        talk.say("MAIL FROM:<a@b.test>", "250")
        talk.say("RCPT TO:<alice@example.org>", "250")
        talk.say("DATA", "354")
        talk.send(b"Subject: x\r\n\r\ny\r\n.\r\n")
        talk.reply()
    mail = parsed(lab.mails()[0])
    assert mail.keys() == ["Return-Path", "Received", "Subject"]
    (date,) = re.findall(r";\s+(\w{3}, [^;]*)$", mail["Received"])
    assert email.utils.parsedate_to_datetime(date)


def test_whatever_else_the_mail_holds_is_kept(lab, server):
    text = (
        b"Return-Path: <forged@elsewhere.test>\nReceived: from a by b; Mon, 1 Jan 2001 00:00:00 +0000\nX-Long: " + b"v" * 900 + b"\n"
        b"Subject: folded\n   and blanks  \nX-Empty:\n\nFrom here\n>From there\n\n\n trailing blanks  \t\n.dot\n\x00\x80\xff\n\n"
    )
    assert send_mail(server, text.replace(b"\n", b"\r\n"), to=("alice@example.org",)).startswith("250")
    _, rest = head_and_rest(lab.mails()[0])
    assert rest == text.replace(b"\n.dot", b"\n..dot")


# Limits


@pytest.mark.parametrize("count, reply", [(90, "250 "), (100, "250 "), (101, "554 5.4.6 "), (5000, "554 5.4.6 ")])
def test_a_mail_that_has_passed_too_many_servers_is_in_a_loop(lab, server, count, reply):
    with Dialogue(server, "220 ") as talk:
        talk.say("EHLO client.test", "250")
        talk.say("MAIL FROM:<a@b.test>", "250")
        talk.say("RCPT TO:<alice@example.org>", "250")
        talk.say("DATA", "354")
        talk.send(b"Received: from x by y; now\r\n" * count + b"\r\nReceived: not one\r\n.\r\n")
        assert talk.reply().startswith(reply)
        talk.say("NOOP", "250")
    assert len(lab.mails()) == (1 if reply == "250 " else 0)


def test_a_subject_may_have_any_length(lab, server):
    assert send_mail(server, b"Subject: " + b"s" * 900 + b"\r\n " + b"t" * 900 + b"\r\n\r\nx\r\n", to=("alice@example.org",)).startswith("250")


def test_a_hundred_recipients_and_the_thousandth_are_taken_and_the_next_is_told_to_wait(lab):
    with (lab.path / "users.txt").open("a") as users:
        users.write("".join(f"user{i} pw\n" for i in range(1001)))
    server = lab.smtpmail("--domain", "example.org")
    with Dialogue(server, "220 ") as talk:
        talk.say("EHLO client.test", "250")
        talk.say("MAIL FROM:<a@b.test>", "250")
        for i in range(1000):
            talk.say(f"RCPT TO:<user{i}@example.org>", "250")
        talk.say("RCPT TO:<user1000@example.org>", "452 4.5.3")
        talk.say("DATA", "354")
        talk.send(b"\r\nto all\r\n.\r\n")
        assert talk.reply().startswith("250 ")
    assert all(len(lab.mails(f"user{i}")) == 1 for i in range(1000))
    assert not lab.mails("user1000")


# Quotas


def test_a_full_mailbox_is_refused_for_now_and_takes_mail_again(lab):
    server = lab.smtpmail("--domain", "example.org", "--quota", "64K")
    pop = lab.popserver("--domain", "example.org")
    big = b"\r\n" + (b"x" * 998 + b"\r\n") * 40
    assert send_mail(server, big, to=("alice@example.org",)).startswith("250")
    assert rcpt(server, "alice@example.org", " SIZE=30000").startswith("452 4.2.2 ")
    assert rcpt(server, "alice@example.org", " SIZE=1000").startswith("250 ")
    with Dialogue(server, "220 ") as talk:  # it does not say its size
        talk.say("EHLO client.test", "250")
        talk.say("MAIL FROM:<a@b.test>", "250")
        talk.say("RCPT TO:<alice@example.org>", "250")
        talk.say("DATA", "354")
        talk.send(big + b".\r\n")
        assert talk.reply().startswith("452 4.2.2 ")
    assert len(lab.mails()) == 1
    with Dialogue(pop, "+OK") as talk:
        for line in "USER alice", "PASS " + USERS["alice"], "DELE 1", "QUIT":
            talk.send(line.encode() + b"\r\n")
            assert talk.hear().startswith("+OK")
    assert send_mail(server, big, to=("alice@example.org",)).startswith("250")


def test_many_deliveries_at_once_do_not_overrun_a_quota(lab):
    server = lab.smtpmail("--domain", "example.org", "--quota", "20K")
    talks = []
    for _ in range(20):
        talk = Dialogue(server, "220 ")
        talk.say("EHLO client.test", "250")
        talk.say("MAIL FROM:<a@b.test>", "250")
        talk.say("RCPT TO:<alice@example.org>", "250")
        talk.say("DATA", "354")
        talk.send(b"\r\n" + b"y" * 900 + b"\r\n" + (b"z" * 998 + b"\r\n") * 3)
        talks.append(talk)
    for talk in talks:
        talk.send(b".\r\n")
    replies = [talk.reply()[:10] for talk in talks]
    for talk in talks:
        talk.close()
    stored = len(lab.mails())
    assert stored == sum(reply.startswith("250") for reply in replies) >= 3
    assert set(replies) <= {"250 2.0.0 ", "452 4.2.2 "} and len(set(replies)) == 2
    assert lab.mailbox().stat().st_size <= 20 * 1024


def test_a_full_mailbox_does_not_keep_the_mail_from_others(lab):
    server = lab.smtpmail("--domain", "example.org", "--quota", "4K")
    (lab.path / "alice").mkdir(exist_ok=True)
    lab.mailbox().write_bytes(b"\n" + b"x" * 4060 + b"\n.\n")
    assert send_mail(server, b"\r\n" + b"y" * 900 + b"\r\n", to=("alice@example.org", "bob@example.org")).startswith("452 The recipient's mailbox is full")
    assert len(lab.mails("bob")) == 1 and len(split_mailbox(lab.mailbox().read_bytes())) == 1
