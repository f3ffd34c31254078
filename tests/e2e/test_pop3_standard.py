"""popserver in the standard mode, against mail programs and libraries that nobody here wrote: every way into a mailbox, in clear and over TLS, and what a
session keeps to (RFC 1939, 2449, 2595, 3206, 5034, 6856). What one connection can show by itself stands in tests/dialogs/standard-pop3."""

import poplib
import re
import ssl
import subprocess
import time

import pytest

from harness import PATIENCE, Dialogue, Lab, free_port, login, wait_for

USERS = {"alice": "secret", "bob": "d@t@comm"}
MAIL = "Return-Path: <bob@example.org>\nSubject: {0}\n\nText of {0}.\n..dot\n"
UTF8_MAIL = "Return-Path: <j\u00f6rg@example.org>\nReceived: from a by b with UTF8SMTP id 1; now\nSubject: gr\u00fc\u00dfe\n\ntext\n"


class Standard(Lab):
    """A lab in the standard mode, with a certificate for this machine."""

    def __init__(self, path, users=None):
        super().__init__(path, users or USERS)
        (path / "user.txt").rename(path / "users.txt")
        self.cert = path / "cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path / "key.pem", "-out", self.cert],
            check=True, capture_output=True,
        )
        self.trust = ssl.create_default_context(cafile=str(self.cert))

    def popserver(self, *options, tls=True, **how):
        pair = ["--tls-cert", self.cert, "--tls-key", self.path / "key.pem"] if tls else []
        return super().popserver("--course", "standard", "--domain", "example.org", *pair, *options, **how)

    def mailbox(self, user="alice"):
        return self.path / user / "mailbox"

    def put(self, *texts, user="alice"):
        self.mailbox(user).parent.mkdir(mode=0o700, exist_ok=True)
        with open(self.mailbox(user), "ab") as mailbox:
            mailbox.writelines(text.encode() + b".\n" for text in texts)


@pytest.fixture
def lab(tmp_path):
    lab = Standard(tmp_path / "lab")
    yield lab
    lab.close()


def connect(server):
    return poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)


# Python's poplib


def log_in_by_pass(client):
    client.user("alice")
    client.pass_("secret")


WAYS = {"USER": log_in_by_pass, "APOP": lambda client: client.apop("alice", "secret")}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "STLS"])
def test_poplib(lab, way, encrypted):
    server = lab.popserver()
    lab.put(MAIL.format("one"), MAIL.format("two"))
    client = connect(server)
    if encrypted:
        client.stls(lab.trust)
    WAYS[way](client)
    assert client.stat()[0] == 2
    _, lines, octets = client.retr(1)
    assert lines[1:] == [b"Subject: one", b"", b"Text of one.", b".dot"] and octets == sum(len(line) + 2 for line in lines)
    assert client.top(2, 0)[1] == [b"Return-Path: <bob@example.org>", b"Subject: two", b""]
    client.dele(1)
    client.quit()
    assert lab.mails() == [MAIL.format("two").encode()]


@pytest.mark.parametrize("way", WAYS)
def test_poplib_with_a_wrong_password(lab, way):
    client = connect(lab.popserver())
    with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\] "):
        if way == "APOP":
            client.apop("alice", "Secret")
        client.user("alice")
        client.pass_("Secret")


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "STLS"])
def test_poplib_where_passwords_are_hashed(lab, encrypted):
    """A hash can be compared with a password alone: no time stamp, no APOP, no SCRAM."""
    secret = "{CRYPT}" + subprocess.check_output(["openssl", "passwd", "-6", "secret"], text=True).strip()
    (lab.path / "users.txt").write_text(f"alice {secret}\n")
    client = connect(lab.popserver())
    if encrypted:
        client.stls(lab.trust)
    assert client.welcome == b"+OK POP3 server ready"
    with pytest.raises(poplib.error_proto):
        client._shortcmd("APOP alice c4c9334bac560ecc979e58001b3e22fb")
    assert set(client.capa()["SASL"]) == {"PLAIN", "LOGIN"}
    client.user("alice")
    with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\] "):
        client.pass_("Secret")
    log_in_by_pass(client)
    client.quit()


def test_poplib_over_implicit_tls(lab):
    port = free_port()
    lab.popserver("--tls-port", port)
    client = poplib.POP3_SSL("localhost", port, context=lab.trust, timeout=PATIENCE)
    assert "STLS" not in client.capa()
    client.apop("alice", "secret")
    assert client.stat() == (0, 0)
    client.quit()


def test_a_mail_that_came_by_smtputf8_needs_utf8(lab):
    """RFC 6856 sections 2.1 and 5."""
    server = lab.popserver()
    lab.put(UTF8_MAIL, MAIL.format("one"))
    client = connect(server)
    log_in_by_pass(client)
    with pytest.raises(poplib.error_proto, match=r"-ERR \[UTF8\] "):
        client.retr(1)
    assert client.retr(2)[1][1] == b"Subject: one"
    client.quit()
    client = connect(server)
    client.utf8()
    log_in_by_pass(client)
    assert client.retr(1)[1] == UTF8_MAIL.encode().splitlines()
    client.quit()


# STLS


def test_stls_is_offered_once_and_before_the_login(lab):
    """RFC 2595 section 4."""
    client = connect(lab.popserver())
    assert "STLS" in client.capa()
    client.stls(lab.trust)
    assert "STLS" not in client.capa()
    with pytest.raises(poplib.error_proto):
        client._shortcmd("STLS")
    log_in_by_pass(client)
    with pytest.raises(poplib.error_proto):
        client._shortcmd("STLS")


def test_what_is_sent_behind_stls_in_clear_is_not_answered_inside(lab):
    """RFC 2595 section 4; CVE-2011-0411."""
    with Dialogue(lab.popserver(), "+OK") as talk:
        talk.send(b"USER alice\r\nSTLS\r\nCAPA\r\nPASS secret\r\n")
        assert talk.hear().startswith("+OK") and talk.hear().startswith("+OK")
        with lab.trust.wrap_socket(talk.socket, server_hostname="localhost") as secure, secure.makefile("rb") as answers:
            secure.sendall(b"PASS secret\r\n")
            assert answers.readline() == b"-ERR say USER first\r\n"


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused(lab, version):
    """RFC 8996."""
    server = lab.popserver()
    asked = ["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-starttls", "pop3", "-connect", f"127.0.0.1:{server.port}"]
    result = subprocess.run(asked, input=b"QUIT\r\n", capture_output=True, timeout=PATIENCE)
    assert result.returncode != 0
    client = connect(server)
    client.stls(lab.trust)
    client.quit()


def test_garbage_in_place_of_a_handshake_ends_that_connection_alone(lab):
    server = lab.popserver()
    with Dialogue(server, "+OK") as talk:
        talk.send(b"STLS\r\n")
        assert talk.hear().startswith("+OK")
        talk.send(b"this is no handshake at all\r\n" * 10)
        try:
            while talk.socket.recv(4096):  # an alert, perhaps
                pass
        except ConnectionResetError:
            pass
    connect(server).quit()


def test_without_a_certificate_there_is_no_stls(lab):
    client = connect(lab.popserver(tls=False))
    assert "STLS" not in client.capa()
    with pytest.raises(poplib.error_proto):
        client._shortcmd("STLS")


# curl and mpop


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "+APOP"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "STLS"])
def test_curl(lab, mechanism, encrypted):
    server = lab.popserver()
    lab.put(MAIL.format("one"))
    tls = ["--ssl-reqd", "--cacert", lab.cert] if encrypted else []
    for rest in [[], ["--sasl-ir"]]:
        curl = ["curl", "-sS", "-v", *tls, *rest, "--login-options", f"AUTH={mechanism}", "-u", "alice:secret", f"pop3://localhost:{server.port}/1"]
        result = subprocess.run(curl, capture_output=True, timeout=PATIENCE)
        assert result.returncode == 0, result.stderr.decode()
        assert result.stdout.endswith(b"Subject: one\r\n\r\nText of one.\r\n.dot\r\n")
        said = b"> APOP alice" if mechanism == "+APOP" else b"> AUTH " + mechanism.encode()
        assert said in result.stderr
    wrong = subprocess.run([*curl[:-2], "alice:Secret", curl[-1]], capture_output=True, timeout=PATIENCE)
    assert wrong.returncode == 67  # login denied


@pytest.mark.parametrize("mechanism", ["user", "plain", "login", "apop", "scram-sha-256"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "STLS"])
def test_mpop(lab, mechanism, encrypted):
    server = lab.popserver()
    lab.put(MAIL.format("one"), MAIL.format("two"))
    tls = ["--tls=on", "--tls-starttls=on", f"--tls-trust-file={lab.cert}"] if encrypted else ["--tls=off"]
    mpop = ["mpop", "--host=localhost", f"--port={server.port}", f"--auth={mechanism}", "--user=alice", "--passwordeval=echo secret", *tls,
            f"--uidls-file={lab.path}/uidls", f"--delivery=mbox,{lab.path}/fetched", "--keep=off", "--received-header=off"]
    result = subprocess.run(mpop, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    assert re.findall(r"Text of (\w+)", (lab.path / "fetched").read_text()) == ["one", "two"]
    assert lab.mails() == []


# the session


def test_in_use_says_who_holds_the_mailbox_from_where_and_since_when(lab):
    """RFC 2449 section 8.1.2, RFC 1939 section 4."""
    server = lab.popserver()
    with login(server, "alice", "secret") as first:
        with Dialogue(server, "+OK") as second:
            second.say("USER alice", "+OK")
            answer = second.say("PASS secret", "-ERR [IN-USE] ")
            assert re.search(r"alice from 127\.0\.0\.1 since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", answer)
            assert second.ended()
        login(server, "bob", "d@t@comm").close()
        first.say("QUIT", "+OK")
    login(server, "alice", "secret").close()


@pytest.mark.parametrize("say", ["", "DELE 1"])
def test_a_silent_client_loses_the_lock_and_removes_nothing(lab, say):
    """RFC 1939 section 3; the ten minutes are shortened here."""
    server = lab.popserver("--timeout", 1)
    lab.put(MAIL.format("one"))
    with login(server, "alice", "secret") as talk:
        if say:
            talk.say(say, "+OK")
        began = time.monotonic()
        assert talk.ended()  # without a word
        assert 0.5 < time.monotonic() - began < PATIENCE / 2
    with login(server, "alice", "secret") as talk:
        talk.say("STAT", "+OK 1 ")


def test_a_client_that_says_something_is_not_timed_out(lab):
    server = lab.popserver("--timeout", 1)
    with login(server, "alice", "secret") as talk:
        for _ in range(8):
            time.sleep(0.3)
            talk.say("NOOP", "+OK")


def test_a_broken_connection_gives_the_lock_up_and_removes_nothing(lab):
    """RFC 1939 section 6."""
    server = lab.popserver()
    lab.put(MAIL.format("one"), MAIL.format("two"))
    for end in [Dialogue.reset, Dialogue.close]:
        talk = login(server, "alice", "secret")
        talk.say("DELE 1", "+OK")
        end(talk)

        def opens():
            with Dialogue(server, "+OK") as next_one:
                next_one.say("USER alice", "+OK")
                opened = next_one.say("PASS secret").startswith("+OK 2 ")
                next_one.say("QUIT")
                return opened

        wait_for(opens)
    assert len(lab.mails()) == 2


def test_unique_ids_stay_over_sessions_deletions_and_servers(lab):
    """RFC 1939 section 7."""
    server = lab.popserver()
    lab.put(MAIL.format("same"), MAIL.format("same"), MAIL.format("other"))

    def uids():
        client = connect(server)
        log_in_by_pass(client)
        found = [line.split()[1] for line in client.uidl()[1]]
        return client, found

    client, first = uids()
    client.quit()
    assert len(set(first)) == 3 and all(re.fullmatch(rb"[!-~]{1,70}", uid) for uid in first)
    client, again = uids()
    assert again == first
    client.dele(1)
    client.quit()
    server.stop()
    server.restart()
    lab.put(MAIL.format("same"))
    client, then = uids()
    assert then[:2] == first[1:] and then[2] not in first
    client.quit()


def test_login_delay_is_announced_and_kept(lab):
    """RFC 2449 sections 6.5 and 8.1.1."""
    server = lab.popserver("--login-delay", 2)
    client = connect(server)
    assert client.capa()["LOGIN-DELAY"] == ["2"]
    log_in_by_pass(client)
    client.quit()
    for way in WAYS.values():
        client = connect(server)
        with pytest.raises(poplib.error_proto, match=r"-ERR \[LOGIN-DELAY\] "):
            way(client)
    other = connect(server)
    other.user("bob")
    other.pass_("d@t@comm")

    def enters():
        client = connect(server)
        try:
            log_in_by_pass(client)
        except poplib.error_proto:
            return False
        client.quit()
        return True

    wait_for(enters)


def test_an_unknown_user_takes_as_long_as_a_wrong_password(lab):
    """RFC 1939 section 13."""
    server = lab.popserver()
    times = {"alice": [], "nobody": []}
    for _ in range(15):
        for user in times:
            with Dialogue(server, "+OK") as talk:
                talk.say(f"USER {user}", "+OK")
                began = time.monotonic()
                talk.say("PASS wrong", "-ERR [AUTH]")
                times[user].append(time.monotonic() - began)
    middle = {user: sorted(taken)[7] for user, taken in times.items()}
    assert abs(middle["alice"] - middle["nobody"]) < 0.025


def test_time_stamps_differ_and_follow_the_form_of_a_message_id(lab):
    """RFC 1939 section 7."""
    server = lab.popserver()
    stamps = set()
    for _ in range(20):
        with Dialogue(server, "+OK") as talk:
            stamps.add(re.fullmatch(r"\+OK POP3 server ready <([0-9a-f.]+)@example\.org>", talk.greeting)[1])
    assert len(stamps) == 20
