"""Logging in, at both servers: every mechanism by programs that nobody here wrote, secrets of every kind, what a wrong name shows (nothing), who is slowed
down, and what hashing costs others (RFC 4954, 5034, 4616, 5802, 7677, 9266, 1939 section 7)."""

import base64
import contextlib
import poplib
import smtplib
import ssl
import statistics
import subprocess
import threading
import time

import pytest

from harness import PATIENCE, SANITISED, Dialogue, Lab, run, wait_for

PASSWORDS = {"alice": "wonderland", "bob": "builder", "carol": "net!work", "dave": "p%C3%A4ss&"}


def scram_keys(password):
    """As GNU SASL's own program derives them."""
    made = subprocess.run(
        ["gsasl", "--mkpasswd", "--mechanism", "SCRAM-SHA-256", "--password", password, "--iteration-count", "4096"],
        check=True, capture_output=True, text=True,
    )
    return made.stdout.strip()


def sha512(password):
    made = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password + "\n", check=True, capture_output=True, text=True)
    return "{CRYPT}" + made.stdout.strip()


class Standard(Lab):
    """A lab in the standard mode, with a certificate; secrets as they are given."""

    def __init__(self, path):
        super().__init__(path)
        (path / "user.txt").unlink()
        self.plain()
        self.cert = path / "cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path / "key.pem", "-out", self.cert],
            check=True, capture_output=True,
        )
        self.trust = ssl.create_default_context(cafile=str(self.cert))

    def write(self, users):
        (self.path / "users.txt").write_text("".join(f"{name} {secret}\n" for name, secret in users.items()))

    def plain(self):
        self.write(PASSWORDS)

    def scram(self):
        """Passwords in clear and SCRAM's keys: every mechanism works for all."""
        self.write({"alice": PASSWORDS["alice"], "bob": scram_keys(PASSWORDS["bob"])})

    def hashed(self, **more):
        self.write({name: sha512(PASSWORDS[name]) for name in ("alice", "bob")} | more)

    def yescrypt(self):
        """As `postroom user` writes them."""
        (self.path / "users.txt").write_text("")
        for name in ("alice", "bob"):
            self.user("add", name, password=PASSWORDS[name])

    def slow(self):
        """Hashes that take a twelfth of a second or more, and that nobody's password has."""
        self.write({"alice": PASSWORDS["alice"]} | {name: "{CRYPT}$6$rounds=200000$saltsalt$" + "a" * 86 for name in ("bob", "carol", "dave")})

    def user(self, *how, password=""):
        done = run("postroom", "user", *how, "--dir", self.path, "--course", "standard", input=password + "\n")
        assert done.returncode == 0, done.stderr

    def server(self, program, *options, **how):
        return super().server(program, "--course", "standard", "--domain", "example.org", "--tls-cert", self.cert, "--tls-key", self.path / "key.pem",
                              "--verbose", *options, **how)


@pytest.fixture
def lab(tmp_path):
    lab = Standard(tmp_path / "lab")
    yield lab
    lab.close()


def base64_of(*parts):
    return base64.b64encode("\0".join(parts).encode()).decode()


def greeted(server):
    talk = Dialogue(server, "220 ")
    talk.say("EHLO client.test", "250")
    return talk


def plain(talk, user, password):
    return talk.say("AUTH PLAIN " + base64_of("", user, password))


def logins(server, outcome):
    return [line for line in server.errors if " login user=" in line and line.endswith("outcome=" + outcome)]


SMTP_WRONG = "535 5.7.8 "
POP3_WRONG = "-ERR [AUTH] "


# Programs


def gsasl(server, mechanism, user, password, *options):
    return subprocess.run(
        ["gsasl", "--smtp", "--connect", f"127.0.0.1:{server.port}", "--hostname", "localhost", "-m", mechanism, "-a", user, "-p", password, "-z", "",
         "-d", *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
@pytest.mark.parametrize("user", ["alice", "bob"])
def test_gsasl(lab, mechanism, user):
    lab.scram()
    server = lab.smtpmail()
    gsasl(server, mechanism, user, PASSWORDS[user], "--no-starttls")
    wait_for(lambda: logins(server, "ok"))
    assert f"user={user} " in logins(server, "ok")[0] and f"by={mechanism} " in logins(server, "ok")[0]
    gsasl(server, mechanism, user, "wrong", "--no-starttls")
    wait_for(lambda: logins(server, "wrong"))
    assert not any(word in line for line in server.errors for word in (PASSWORDS[user], "wrong "))


def test_gsasl_bound_to_its_tls_session(lab):
    lab.scram()
    server = lab.smtpmail()
    gsasl(server, "SCRAM-SHA-256-PLUS", "bob", PASSWORDS["bob"], "--x509-ca-file", lab.cert)
    wait_for(lambda: logins(server, "ok"))
    assert "by=SCRAM-SHA-256-PLUS " in logins(server, "ok")[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
def test_curl(lab, protocol, mechanism):
    lab.hashed()
    server = lab.smtpmail() if protocol == "smtp" else lab.popserver()
    mail = lab.path / "mail"
    mail.write_text("Subject: hi\r\n\r\ntext\r\n")
    task = ["--mail-from", "alice@example.org", "--mail-rcpt", "bob@example.org", "-T", mail] if protocol == "smtp" else []
    for encrypted in [], ["--ssl-reqd", "--cacert", lab.cert]:
        for initial in [], ["--sasl-ir"]:
            for password, status in (PASSWORDS["alice"], 0), ("wrong", 67):
                done = subprocess.run(
                    ["curl", "-sS", f"{protocol}://localhost:{server.port}/", "--user", f"alice:{password}", "--login-options", f"AUTH={mechanism}",
                     *task, *encrypted, *initial],
                    capture_output=True, text=True, timeout=PATIENCE,
                )
                assert done.returncode == status, done.stderr
    wait_for(lambda: len(logins(server, "ok")) == len(logins(server, "wrong")) == 4)


def test_curl_by_apop(lab):
    server = lab.popserver()
    for password, status in (PASSWORDS["alice"], 0), ("wrong", 67):
        done = subprocess.run(
            ["curl", "-sS", f"pop3://localhost:{server.port}/", "--user", f"alice:{password}", "--login-options", "AUTH=+APOP"],
            capture_output=True, text=True, timeout=PATIENCE,
        )
        assert done.returncode == status, done.stderr


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "STARTTLS"])
def test_msmtp(lab, mechanism, encrypted):
    lab.scram()
    server = lab.smtpmail()
    tls = ["--tls=on", f"--tls-trust-file={lab.cert}"] if encrypted else ["--tls=off"]
    for user, password, status in ("alice", PASSWORDS["alice"], 0), ("bob", PASSWORDS["bob"], 0), ("bob", "wrong", 77):
        done = subprocess.run(
            ["msmtp", "--file=/dev/null", "--host=localhost", f"--port={server.port}", f"--auth={mechanism}", f"--user={user}",
             f"--passwordeval=echo '{password}'", "--from=alice@example.org", *tls, "bob@example.org"],
            input="Subject: hi\n\ntext\n", capture_output=True, text=True, timeout=PATIENCE,
        )
        assert done.returncode == status, done.stderr


@pytest.mark.parametrize("secrets", ["plain", "scram", "hashed"])
@pytest.mark.parametrize("initial", [True, False])
def test_smtplib(lab, secrets, initial):
    getattr(lab, secrets)()
    server = lab.smtpmail()
    for encrypted in False, True:
        with smtplib.SMTP("localhost", server.port, timeout=PATIENCE) as client:
            if encrypted:
                client.starttls(context=lab.trust)
            client.ehlo()
            client.user, client.password = "Bob", PASSWORDS["bob"]
            name, authenticate = ("PLAIN", client.auth_plain) if encrypted else ("LOGIN", client.auth_login)
            assert client.auth(name, authenticate, initial_response_ok=initial)[0] == 235
            client.sendmail("bob@example.org", ["alice@example.org"], "Subject: hi\r\n\r\ntext\r\n")
        with smtplib.SMTP("localhost", server.port, timeout=PATIENCE) as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("bob", "wrong", initial_response_ok=initial)


@pytest.mark.parametrize("secrets", ["plain", "scram", "hashed", "yescrypt"])
def test_poplib(lab, secrets):
    getattr(lab, secrets)()
    server = lab.popserver()
    for user, password, right in ("BOB", PASSWORDS["bob"], True), ("bob", "wrong", False), ("alice", PASSWORDS["bob"], False):
        client = poplib.POP3("localhost", server.port, timeout=PATIENCE)
        client.user(user)
        if right:
            client.pass_(password)
        else:
            with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\]"):
                client.pass_(password)
        client.quit()


# What is offered


def offered(talk_to):
    words = [line.split("AUTH ", 1)[1] for line in talk_to.split("\n") if line[4:].startswith("AUTH ")]
    return words[0].split() if words else []


def test_scram_is_offered_where_it_works_for_every_user(lab):
    lab.scram()
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    with Dialogue(smtpmail) as talk:
        assert offered(talk.say("EHLO a.test", "250")) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
    with Dialogue(popserver) as talk:
        talk.say("CAPA", "+OK")
        assert b"SASL SCRAM-SHA-256 PLAIN LOGIN\r\n" in talk.body()
    with smtplib.SMTP("localhost", smtpmail.port, timeout=PATIENCE) as client:
        client.starttls(context=lab.trust)
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
    lab.hashed()
    with Dialogue(smtpmail, "220 ") as talk:
        assert offered(talk.say("EHLO a.test", "250")) == ["PLAIN", "LOGIN"]


def test_what_is_offered_is_right_as_soon_as_a_user_is_there(lab):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    with Dialogue(smtpmail, "220 ") as early, Dialogue(popserver, "+OK") as pop:
        assert "SCRAM-SHA-256" in offered(early.say("EHLO a.test", "250"))
        lab.user("add", "erin", password="first")  # a hash of crypt(3): no SCRAM
        assert offered(early.say("EHLO a.test", "250")) == ["PLAIN", "LOGIN"]
        pop.say("CAPA", "+OK")
        assert b"SASL PLAIN LOGIN\r\n" in pop.body()
        lab.user("remove", "erin")  # an EHLO ago SCRAM was not there: AUTH looks by itself
        early.say("AUTH SCRAM-SHA-256 " + base64.b64encode(b"n,,n=alice,r=abc").decode(), "334")
    with Dialogue(popserver) as pop:
        assert "@example.org>" in pop.greeting
    lab.user("add", "erin", password="first")
    with Dialogue(popserver) as pop:
        assert "@example.org>" not in pop.greeting  # no APOP


# Names that do not exist


WHAT_SMTP_HEARS = ["AUTH PLAIN {plain}", "AUTH LOGIN {user}|{password}"]
WHAT_POP3_HEARS = ["USER {name}|PASS wrong", "AUTH PLAIN {plain}", "AUTH LOGIN {user}|{password}", "APOP {name} 0123456789abcdef0123456789abcdef"]


def replies(talk, script, name):
    words = {"name": name, "plain": base64_of("", name, "wrong"), "user": base64_of(name), "password": base64_of("wrong")}
    return [talk.say(line.format(**words)) for line in script.split("|")]


@pytest.mark.parametrize("secrets", ["plain", "scram", "hashed"])
def test_unknown_name_is_answered_as_a_wrong_password(lab, secrets):
    getattr(lab, secrets)()
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    for script in WHAT_SMTP_HEARS:
        with greeted(smtpmail) as talk:
            known, unknown = replies(talk, script, "alice"), replies(talk, script, "mallory")
        assert known == unknown and known[-1].startswith(SMTP_WRONG)
    for script in WHAT_POP3_HEARS[: 4 if secrets == "plain" else 3]:
        with Dialogue(popserver) as talk:
            known = replies(talk, script, "alice")
        with Dialogue(popserver) as talk:
            unknown = replies(talk, script, "mallory")
        assert [line.replace("alice", "NAME") for line in known] == [line.replace("mallory", "NAME") for line in unknown]
        assert known[-1].startswith(POP3_WRONG)


def time_of(talk_to, name):
    with talk_to() as talk:
        before = time.monotonic()
        plain(talk, name, "wrong")
        return time.monotonic() - before


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
@pytest.mark.parametrize("secret", [PASSWORDS["alice"], "{CRYPT}$6$rounds=200000$saltsalt$" + "a" * 86], ids=["plain", "hashed"])
def test_unknown_name_takes_as_long_as_a_wrong_password(lab, program, secret):
    """RFC 4616 section 6, RFC 1939 section 13: in turns, so that whatever else the machine does falls on both. Without a hash a tenth of a second would be
    missing; finer is test_probing.py."""
    lab.write({"alice": secret, "bob": secret})
    server = lab.server(program)
    talk_to = (lambda: greeted(server)) if program == "smtpmail" else lambda: Dialogue(server, "+OK")

    times = [(time_of(talk_to, "alice"), time_of(talk_to, "mallory")) for _ in range(9)]
    known, unknown = (statistics.median(column) for column in zip(*times))
    assert abs(known - unknown) < max(0.1 if SANITISED else 0.025, known / 2)


def scram_salt(server, name):
    with greeted(server) as talk:
        talk.say("AUTH SCRAM-SHA-256", "334 ")
        challenge = talk.say(base64_of(f"n,,n={name},r=abcdefgh"), "334 ")
        talk.say("*", "501 ")
    nonce, salt, iterations = base64.b64decode(challenge[4:]).decode().split(",")
    assert nonce.startswith("r=abcdefgh") and len(nonce) > 20
    return salt, iterations


def test_unknown_name_has_a_salt_that_stays(lab):
    """RFC 5802 section 9: it must look like a user's, at any time."""
    lab.scram()
    server = lab.smtpmail()
    shown = scram_salt(server, "mallory")
    assert shown[1] == scram_salt(server, "bob")[1] == "i=4096"
    assert shown[0] != scram_salt(server, "bob")[0]
    assert len(shown[0]) in {len(scram_salt(server, name)[0]) for name in ("alice", "bob")}
    server.stop()
    lab.user("add", "erin", "--scheme", "scram-sha-256", password="x")
    again = scram_salt(lab.smtpmail(), "mallory")[0]
    assert again[:16] == shown[0][:16]  # one of twelve octets may become one of sixteen: its length is that of whosever secret it borrows


# Attackers


def test_password_never_reaches_log_or_transcript(lab):
    lab.hashed()
    with open(lab.path / "transcript", "w") as transcript:
        smtpmail = lab.smtpmail("--transcript", stdout=transcript)
        popserver = lab.popserver("--transcript", stdout=transcript)
    secret = "s3cretword"
    with greeted(smtpmail) as talk:
        plain(talk, "alice", secret)
        talk.say("AUTH LOGIN", "334")
        talk.say(base64_of("alice"), "334")
        talk.say(base64_of(secret), SMTP_WRONG)
        talk.say("AUTH LOGIN", "334")
        talk.say("alice", "501")  # a beginner's client, which talks on
        talk.say(secret, "500")
        talk.say("AUTH CRAM-MD5", "504")
        talk.say(secret, "500")
        talk.say("NOOP\nAUTH PLAIN " + secret, "500")
    with Dialogue(popserver) as talk:
        replies(talk, "USER alice|PASS " + secret, "alice")
        plain(talk, "alice", secret)
    with Dialogue(popserver) as talk:
        for line in "AUTH LOGIN", "alice", secret, "AUTH CRAM-MD5", secret:
            talk.send(line.encode() + b"\r\n")
    smtpmail.stop()
    popserver.stop()
    said = (lab.path / "transcript").read_text() + "\n".join(smtpmail.errors + popserver.errors)
    assert "login user=alice peer=127.0.0.1 by=PLAIN outcome=wrong" in said
    for word in secret, base64_of(secret), base64_of("", "alice", secret):
        assert word not in said


def test_no_name_and_no_address_looks_like_the_rest_of_a_log_line(lab):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    forged = "x peer=192.0.2.66 by=password outcome=ok"
    with Dialogue(popserver, "+OK") as talk:
        talk.say(f"USER {forged}")
        talk.say("PASS wrong", "-ERR")
    with Dialogue(popserver, "+OK") as talk:
        plain(talk, forged, "wrong")
    with greeted(smtpmail) as talk:
        talk.say(f'MAIL FROM:<"{forged}"@example.net>', "250")
        talk.say("RCPT TO:<alice@example.org>", "250")
        talk.say("DATA", "354")
        talk.say("Subject: hi\r\n\r\ntext\r\n.", "250")
    wait_for(lambda: len(logins(popserver, "wrong")) == 2)
    wait_for(lambda: any('from=<"x\\x20peer=192.0.2.66' in line for line in smtpmail.errors))
    for line in popserver.errors + smtpmail.errors:
        assert " peer=192.0.2.66" not in line and " outcome=ok" not in line


def memory_of(server):
    """What it has written to: heap, stacks, data."""
    pid = server.process.pid
    areas = [line.split() for line in open(f"/proc/{pid}/maps")]
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for span in (area[0] for area in areas if area[1].startswith("rw")):
            first, end = (int(x, 16) for x in span.split("-"))
            memory.seek(first)
            with contextlib.suppress(OSError):
                yield memory.read(end - first)


@pytest.mark.skipif(SANITISED, reason="a sanitizer keeps what was freed")
def test_no_password_stays_in_memory(lab):
    word = "Tr0ub4dor-and-3-more-words-of-it"
    response = base64.b64encode(b"\0alice\0" + word.encode()).decode()
    lab.write({"alice": sha512(word)})
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    for end in ("", "-wrong"):
        with greeted(smtpmail) as talk:
            talk.say(f"AUTH PLAIN {response}", "235")
        with Dialogue(popserver, "+OK") as talk:
            talk.say(f"AUTH PLAIN {response}", "+OK")
            talk.say("QUIT", "+OK")
        with Dialogue(popserver, "+OK") as talk:
            talk.send(f"USER alice\r\nPASS {word[:9]}".encode())
            talk.hear()
            talk.send(f"{word[9:]}{end}\r\n".encode())
            talk.hear()
    wait_for(lambda: len(logins(popserver, "ok")) == 3 and len(logins(popserver, "wrong")) == 1)
    secrets = [word[:12].encode(), word[10:].encode(), response[4:24].encode(), response[20:].encode()]
    assert not [s for server in (smtpmail, popserver) for area in memory_of(server) for s in secrets if s in area]


def test_response_of_12288_octets_is_answered(lab):
    server = lab.smtpmail()
    with greeted(server) as talk:
        talk.say("AUTH PLAIN", "334")
        talk.say("A" * 12288, SMTP_WRONG)
        talk.say("AUTH PLAIN", "334")
        talk.say(base64_of("", "alice", PASSWORDS["alice"]), "235")


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_address_that_guesses_is_slowed_down_and_others_are_not(lab, program):
    server = lab.server(program, "--slow-loopback", "--listen", "127.0.0.1")
    connect = (lambda: greeted(server)) if program == "smtpmail" else lambda: Dialogue(server, "+OK")
    with connect() as talk, connect() as other:
        before = time.monotonic()
        plain(talk, "alice", "wrong")
        assert time.monotonic() - before < 1
        talk.send(b"AUTH PLAIN " + base64_of("", "alice", PASSWORDS["alice"]).encode() + b"\r\n")
        asked = time.monotonic()
        other.say("NOOP" if program == "smtpmail" else "CAPA")
        assert time.monotonic() - asked < 1  # another session goes on while this one waits
        assert talk.hear().startswith(("235", "+OK"))
        assert 1.5 < time.monotonic() - before < 6


def test_loopback_is_not_slowed_down(lab):
    server = lab.smtpmail()
    before = time.monotonic()
    for _ in range(6):
        with greeted(server) as talk:
            assert plain(talk, "alice", "wrong").startswith(SMTP_WRONG)
    assert time.monotonic() - before < 2


def test_server_ends_cleanly_while_a_guesser_waits(lab):
    server = lab.smtpmail("--slow-loopback")
    talk = greeted(server)
    plain(talk, "alice", "wrong")
    talk.send(b"AUTH PLAIN " + base64_of("", "alice", "wrong").encode() + b"\r\n")
    time.sleep(0.2)
    talk.close()
    server.stop()


@pytest.mark.parametrize("program", ["smtpmail", "popserver"])
def test_the_end_of_a_server_does_not_wait_for_a_penalty(lab, program):
    server = lab.server(program, "--slow-loopback", "--listen", "127.0.0.1")
    for _ in range(4):  # the fifth attempt waits for eight seconds
        with greeted(server) if program == "smtpmail" else Dialogue(server, "+OK") as talk:
            talk.send(b"AUTH PLAIN " + base64_of("", "alice", "wrong").encode() + b"\r\n")
            time.sleep(0.05)
    with greeted(server) if program == "smtpmail" else Dialogue(server, "+OK") as talk:
        talk.send(b"AUTH PLAIN " + base64_of("", "alice", PASSWORDS["alice"]).encode() + b"\r\n")
        time.sleep(0.2)
        before = time.monotonic()
        server.stop()
        assert time.monotonic() - before < 2
        assert talk.hear().startswith(("454", "-ERR [SYS/TEMP]"))


@pytest.mark.parametrize("secrets", ["plain", "hashed"])
def test_many_connections_of_one_address_guess_no_more_than_one(lab, secrets):
    """In four seconds: one guess at once, one after two; and where they hash, what both threads are at when the first one turns out wrong."""
    getattr(lab, secrets)()
    server = lab.smtpmail("--slow-loopback", "--max-per-address", 100)
    crowd = [greeted(server) for _ in range(60)]
    for talk in crowd:
        talk.send(b"AUTH PLAIN " + base64_of("", "alice", "wrong").encode() + b"\r\n")
    time.sleep(4)
    assert 2 <= len(logins(server, "wrong")) <= 4
    server.stop()


def test_right_login_is_not_behind_the_wrong_ones_of_another_address(lab):
    lab.slow()
    server = lab.smtpmail()
    crowd = [greeted(server) for _ in range(100)]  # which take four seconds, on two threads
    for talk in crowd:
        talk.send(b"AUTH PLAIN " + base64_of("", "bob", "wrong").encode() + b"\r\n")
    time.sleep(0.2)
    with Dialogue(server, "220 ", source="127.0.0.2") as talk:
        talk.say("EHLO client.test", "250")
        talk.say("AUTH PLAIN " + base64_of("", "alice", PASSWORDS["alice"]), "235")
    assert len(logins(server, "wrong")) < 50


def test_the_end_of_a_server_does_not_wait_for_hashes(lab):
    lab.slow()
    server = lab.smtpmail()
    crowd = [greeted(server) for _ in range(100)]
    for talk in crowd:
        talk.send(b"AUTH PLAIN " + base64_of("", "bob", "wrong").encode() + b"\r\n")
    time.sleep(0.2)
    for talk in crowd:
        talk.close()
    before = time.monotonic()
    server.stop()
    assert time.monotonic() - before < 2


# Hashing


def crowd_of(server, count):
    """As many sessions, each with a wrong password that is not judged yet."""
    crowd = [Dialogue(server, "+OK") for _ in range(count)]
    for talk in crowd:
        talk.send(b"AUTH PLAIN " + base64_of("", "bob", "wrong").encode() + b"\r\n")
    return crowd


def test_fifty_logins_that_hash_do_not_delay_others(lab):
    lab.slow()
    server = lab.popserver("--workers", 1)
    with Dialogue(server, "+OK") as talk:
        plain(talk, "alice", PASSWORDS["alice"])
        before = time.monotonic()
        crowd = crowd_of(server, 50)
        delays = []
        for _ in range(20):
            asked = time.monotonic()
            talk.say("STAT", "+OK")
            delays.append(time.monotonic() - asked)
            time.sleep(0.01)
        assert all(one.hear().startswith(POP3_WRONG) for one in crowd)
        whole = time.monotonic() - before
    for one in crowd:
        one.close()
    assert whole > 1 and max(delays) < whole / 4, (whole, delays)


@pytest.mark.skipif(SANITISED, reason="a sanitiser's memory is not the server's")
def test_fifty_logins_that_hash_take_the_memory_of_two(lab):
    lab.yescrypt()  # 16 MiB each
    server = lab.popserver()
    before = server.peak_memory()
    for one in crowd_of(server, 50):
        assert one.hear().startswith(POP3_WRONG)
        one.close()
    assert server.peak_memory() - before < 48 * 1024 * 1024


# The file under running servers


def test_users_file_is_edited_under_running_servers(lab):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()

    def outcome(user, password):
        with greeted(smtpmail) as talk, Dialogue(popserver, "+OK") as other:
            answers = plain(talk, user, password), plain(other, user, password)
        assert [answer.startswith(good) for answer, good in zip(answers, ("235 ", "+OK"))] in ([True, True], [False, False]), answers
        return answers[0].startswith("235 ")

    assert not outcome("erin", "first")
    lab.user("add", "erin", password="first")
    assert outcome("erin", "first")
    lab.user("passwd", "erin", "--scheme", "scram-sha-256", password="second")
    assert not outcome("erin", "first") and outcome("erin", "second")
    lab.user("remove", "erin")
    assert not outcome("erin", "second")
    assert outcome("alice", PASSWORDS["alice"])


def test_a_hashed_password_may_hold_blanks(lab):
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    for name, scheme in ("erin", "yescrypt"), ("frank", "scram-sha-256"):
        lab.user("add", name, "--scheme", scheme, password=" two words ")
        with greeted(smtpmail) as talk, Dialogue(popserver, "+OK") as other:
            assert plain(talk, name, " two words ").startswith("235 ")
            other.say(f"USER {name}", "+OK")
            other.say("PASS  two words ", "+OK")
        listed = run("mailclient", "list", "--server", f"127.0.0.1:{popserver.port}", "--user", name, "--password-file", "-",
                     "--ca", lab.cert, input=" two words \n")
        assert listed.returncode == 0, listed


def test_bad_secret_is_reported_and_the_others_log_in(lab):
    lab.write({"alice": "{MD5}x", "bob": PASSWORDS["bob"]})
    server = lab.smtpmail()
    wait_for(lambda: any("users.txt:1: unknown scheme: a secret in braces begins with {CRYPT} or" in line for line in server.errors))
    with greeted(server) as talk:
        assert plain(talk, "bob", PASSWORDS["bob"]).startswith("235 ")
