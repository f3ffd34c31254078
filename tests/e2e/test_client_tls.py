"""mailclient with TLS and logins: honest servers, our own and others', and servers that somebody sits in front of."""

import base64
import email
import email.policy
import hashlib
import random
import re
import socket
import ssl
import subprocess
import threading

import pytest

import foreign_servers
from harness import BUILD, PATIENCE, Lab, free_port, send_mail, wait_for
from test_client_scripted import Pop3, Server, mail

WORDS = "alice\nsecret\n"
SEND = WORDS + "2\nFrom: alice@lab\nTo: bob@lab\nSubject: s\nbody\n.\n3\n"
LIST = WORDS + "1\n-1\n3\n"
PASSWORD = "secret"
SECRETS = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), base64.b64encode(b"\0alice\0secret").decode()]
OTHER = next((a for a in subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split() if "." in a), None)
needs_other = pytest.mark.skipif(not OTHER, reason="this machine has no address but the loopback")


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, check=True, capture_output=True)


class Certificates:
    """A CA, and what it has signed: for each name a file with certificate and key."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        for ca in "ca", "stranger":
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{ca}.key",
                    "-out", f"{ca}.pem", "-days", 2, "-subj", f"/CN={ca}", "-addext", "basicConstraints=critical,CA:TRUE", cwd=path)
        self.ca = path / "ca.pem"
        local = f"IP:127.0.0.1,DNS:localhost{f',IP:{OTHER}' if OTHER else ''}"
        self.good = self.sign("good", local)
        self.expired = self.sign("expired", local, days=-1)
        self.wrong_name = self.sign("wrong_name", "DNS:elsewhere.example")
        self.unknown = self.sign("unknown", local, ca="stranger")

    def sign(self, name, alt_names, ca="ca", days=2):
        (self.path / f"{name}.ext").write_text(f"subjectAltName={alt_names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}", cwd=self.path)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", days,
                "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=self.path)
        both = self.path / f"{name}.pem"
        both.write_text((self.path / f"{name}.crt").read_text() + (self.path / f"{name}.key").read_text())
        return both


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates") / "c")


def context(pem):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(pem)
    return c


class Listener(Server):
    """As Server, on an address of choice; TLS may come first."""

    def __init__(self, talk, tls=None, address="127.0.0.1"):
        self.tls = tls
        self.talk, self.lines, self.connections = talk, [], 0
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def serve(self, connection):
        try:
            super().serve(self.tls.wrap_socket(connection, server_side=True) if self.tls else connection)
        except OSError:  # the client does not like the certificate
            connection.close()


class Smtp:
    """An SMTP server with EHLO; `offer` before TLS, `offer_tls` after it."""

    def __init__(self, offer=("STARTTLS",), offer_tls=("AUTH PLAIN", "SIZE 100000"), tls=None, starttls=b"220 go\r\n", auth="235 ok"):
        self.offer, self.offer_tls, self.tls, self.starttls, self.auth = offer, offer_tls, tls, starttls, auth
        self.mails, self.secured = [], None

    def __call__(self, peer):
        secured = isinstance(peer.connection, ssl.SSLSocket)
        peer.send(b"220 lab ESMTP\r\n")
        while True:
            line = peer.line()
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                words = ["lab", *(self.offer_tls if secured else self.offer)]
                peer.send("".join(f"250{'-' if i < len(words) - 1 else ' '}{w}\r\n" for i, w in enumerate(words)).encode())
            elif verb == "STARTTLS":
                peer.send(self.starttls)
                if not self.starttls.startswith(b"220"):
                    continue
                peer.connection = self.tls.wrap_socket(peer.connection, server_side=True)
                peer.ahead, secured = b"", True
            elif verb == "AUTH":
                self.secured = secured
                peer.send(self.auth.encode() + b"\r\n")
                while self.auth.startswith("334"):
                    peer.line()
                    peer.send(self.auth.encode() + b"\r\n")
            elif verb == "DATA":
                peer.send(b"354 go on\r\n")
                text = []
                while (line := peer.line()) != ".":
                    text.append(line)
                self.mails.append(text)
                peer.send(b"250 taken\r\n")
            elif verb == "QUIT":
                peer.send(b"221 bye\r\n")
                return
            else:
                peer.send(b"250 OK\r\n")


class Pop3Tls(Pop3):
    """A POP3 server with STLS, AUTH PLAIN and APOP."""

    def __init__(self, tls=None, capa=("STLS", "TOP"), capa_tls=("SASL PLAIN", "TOP"), stls=b"+OK go\r\n", stamp="", auth=None):
        super().__init__([mail("bob@lab", "First")])
        self.tls, self.before, self.after, self.stls, self.stamp, self.auth = tls, capa, capa_tls, stls, stamp, auth

    def __call__(self, peer):
        secured = isinstance(peer.connection, ssl.SSLSocket)
        peer.send(f"+OK ready {self.stamp}\r\n".encode())
        while True:
            line = peer.line()
            verb = line.split(" ")[0].upper()
            if verb == "CAPA":
                self.say(peer, b"+OK", *[w.encode() for w in (self.after if secured else self.before)], b".")
            elif verb == "STLS":
                peer.send(self.stls)
                if not self.stls.startswith(b"+OK"):
                    continue
                peer.connection = self.tls.wrap_socket(peer.connection, server_side=True)
                peer.ahead, secured = b"", True
            elif verb == "AUTH":
                good = line.split(" ")[2:] == [base64.b64encode(b"\0alice\0secret").decode()]
                self.say(peer, (self.auth or "+OK in" if good else "-ERR [AUTH] no").encode())
            elif verb == "APOP":
                good = line.split(" ")[2] == hashlib.md5((self.stamp + PASSWORD).encode()).hexdigest()
                self.say(peer, b"+OK in" if good else b"-ERR no")
            elif verb == "USER":
                self.say(peer, b"+OK")
            elif verb == "PASS":
                self.say(peer, b"+OK in")
            elif verb == "STAT":
                self.say(peer, b"+OK 1 10")
            elif verb == "LIST":
                self.say(peer, b"+OK", b"1 10", b".")
            elif verb == "TOP":
                self.say(peer, b"+OK", *self.text(self.head(self.mails[0])))
            elif verb == "QUIT":
                self.say(peer, b"+OK bye")
                return
            else:
                self.say(peer, b"-ERR what?")


def client(typed, *options, host="127.0.0.1", smtp=1, pop3=1, course="standard"):
    done = subprocess.run(
        [BUILD / "mailclient", "--course", course, *map(str, options), host, str(smtp), str(pop3)],
        input=typed, capture_output=True, timeout=PATIENCE, text=True,
    )
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout and SECRETS[2] not in done.stdout
    return done.stdout


def said_nothing_secret(server):
    return not any(form in line for line in server.lines for form in SECRETS)


# ---- honest servers ----


def test_starttls_then_ehlo_again_then_the_login(certs):
    smtp = Smtp(tls=context(certs.good))
    server = Server(smtp)
    out = client(SEND, "--ca", certs.ca, smtp=server.port)
    assert "Mail sent successfully" in out
    verbs = [line.split(" ")[0] for line in server.lines]
    assert verbs[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]
    assert smtp.secured and len(smtp.mails) == 1
    assert re.match(r"MAIL FROM:<alice@lab> SIZE=\d+$", server.lines[4])


def test_stls_then_capa_again_then_the_login(certs):
    server = Server(Pop3Tls(tls=context(certs.good)))
    assert "bob@lab" in client(LIST, "--ca", certs.ca, pop3=server.port)
    assert [line.split()[0] for line in server.lines][:4] == ["CAPA", "STLS", "CAPA", "AUTH"]


@pytest.mark.parametrize("course", ["standard", "kharagpur", "leuven"])
def test_tls_first(certs, course):
    smtp = Smtp(tls=context(certs.good))
    sends = Listener(smtp, tls=context(certs.good))
    keeps = Listener(Pop3Tls(), tls=context(certs.good))
    typed = SEND if course != "leuven" else WORDS + "a\nFrom: alice@lab\nTo: bob@lab\nSubject: s\nbody\n.\nc\n"
    out = client(typed, "--tls", "--ca", certs.ca, smtp=sends.port, course=course)
    assert smtp.secured and len(smtp.mails) == 1, out
    if course != "leuven":
        assert "bob@lab" in client(LIST, "--tls", "--ca", certs.ca, pop3=keeps.port, course=course)
        assert keeps.lines[0] == "CAPA" and keeps.lines[1].startswith("AUTH PLAIN ")


def test_a_name_is_verified_as_an_address_is(certs):
    server = Server(Pop3Tls(tls=context(certs.good)))
    assert "bob@lab" in client(LIST, "--ca", certs.ca, pop3=server.port, host="localhost")


def test_the_transcript_shows_tls_and_no_secret(certs):
    server = Server(Pop3Tls(tls=context(certs.good)))
    out = client(LIST, "--transcript", "--ca", certs.ca, pop3=server.port)
    assert re.search(r"C: STLS\nS: \+OK go\nC: <TLSv1.3, \S+, certificate verified>\nC: CAPA\n", out)
    assert "C: AUTH PLAIN …\n" in out


# ---- certificates that are not good ----


@pytest.mark.parametrize("which, words", [
    ("expired", "expired"), ("wrong_name", "for another name"), ("unknown", "--ca FILE"),
])
@pytest.mark.parametrize("first", [True, False])
def test_a_certificate_that_is_not_good_ends_it(certs, which, words, first):
    tls = context(getattr(certs, which))
    options = ["--ca", certs.ca] + (["--tls"] if first else [])
    smtp = Smtp(tls=tls)
    sends = Listener(smtp, tls=tls if first else None)
    keeps = Listener(Pop3Tls(tls=tls), tls=tls if first else None)
    out = client(SEND, *options, smtp=sends.port)
    assert "Error in sending mail: " in out and words in out
    out = client(LIST, *options, pop3=keeps.port)
    assert "Error in reading mailbox: " in out and words in out
    for server in sends, keeps:
        assert said_nothing_secret(server) and not any(line.startswith("MAIL") for line in server.lines)


def test_without_ca_the_system_decides(certs):
    server = Server(Pop3Tls(tls=context(certs.good)))
    assert "--ca FILE" in client(LIST, pop3=server.port)


def test_a_ca_file_that_is_not_there_is_told_at_once(tmp_path):
    done = subprocess.run([BUILD / "mailclient", "--ca", tmp_path / "none", "127.0.0.1"], capture_output=True, text=True, input="")
    assert done.returncode == 66 and done.stderr.count("\n") == 1 and "none" in done.stderr


def test_a_ca_that_a_course_has_no_use_for_is_refused(certs):
    words = [BUILD / "mailclient", "--ca", certs.ca]
    done = subprocess.run([*words, "127.0.0.1"], capture_output=True, text=True, input="")
    assert done.returncode == 64 and "the course kharagpur has no TLS" in done.stderr and "--course standard" in done.stderr
    for rest in ["--tls", "127.0.0.1"], ["127.0.0.1", "465", "2110"], ["--course", "standard", "127.0.0.1"]:
        assert subprocess.run([*words, *rest], capture_output=True, text=True, input="").returncode == 0


def test_tls_on_a_port_that_does_not_begin_with_it_says_so(certs):
    for server, typed, port in (Server(Smtp()), SEND, "smtp"), (Server(Pop3([])), LIST, "pop3"):
        assert f"port {server.port} does not begin with TLS: leave --tls out" in client(typed, "--tls", "--ca", certs.ca, **{port: server.port})


def test_a_misspelt_command_is_named_with_those_there_are():
    done = subprocess.run([BUILD / "mailclient", "lst", "--server", "127.0.0.1"], capture_output=True, text=True, input="")
    assert done.returncode == 64 and done.stderr.count("\n") == 1
    assert "is lst a server? The commands are send, list, show and delete" in done.stderr


def test_a_port_that_waits_for_tls_is_guessed():
    """It says nothing, and hangs up when no handshake comes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def wait_and_hang_up():
            peer, _ = listening.accept()
            peer.settimeout(3.5)
            try:
                peer.recv(1)
            except TimeoutError:
                pass
            peer.close()

        waiting = threading.Thread(target=wait_and_hang_up)
        waiting.start()
        out = client(LIST, pop3=listening.getsockname()[1])
        waiting.join()
    assert "the server hung up (does this port begin with TLS? Then add --tls)" in out


def test_a_ca_file_without_certificates_is_told_in_one_word(tmp_path):
    (tmp_path / "note.txt").write_text("to do\n")
    done = subprocess.run([BUILD / "mailclient", "--ca", tmp_path / "note.txt", "127.0.0.1"], capture_output=True, text=True, input="")
    assert done.returncode == 66 and done.stderr.endswith("note.txt: no certificates in PEM form\n")


# ---- somebody in between ----


@pytest.mark.parametrize("answer", [b"220 go\r\n250-lab\r\n250 AUTH PLAIN\r\n", b"220 go\r\nx", b"454 not now\r\n", b"500 what?\r\n"])
def test_injected_or_refused_starttls_ends_it(certs, answer):
    smtp = Smtp(tls=context(certs.good), starttls=answer)
    server = Server(smtp)
    out = client(SEND, "--ca", certs.ca, smtp=server.port)
    assert "Error in sending mail: " in out and not smtp.mails
    assert said_nothing_secret(server) and server.lines[-1] == "STARTTLS"


@pytest.mark.parametrize("answer", [b"+OK go\r\n+OK\r\nSASL PLAIN\r\n.\r\n", b"+OK go\r\nx", b"-ERR no\r\n"])
def test_injected_or_refused_stls_ends_it(certs, answer):
    server = Server(Pop3Tls(tls=context(certs.good), stls=answer))
    assert "Error in reading mailbox: " in client(LIST, "--ca", certs.ca, pop3=server.port)
    assert said_nothing_secret(server) and server.lines[-1] == "STLS"


@needs_other
def test_where_tls_was_taken_out_no_password_crosses(certs):
    sends = Listener(Smtp(offer=("AUTH PLAIN LOGIN",)), address=OTHER)
    keeps = Listener(Pop3Tls(capa=("TOP",)), address=OTHER)
    out = client(SEND, host=OTHER, smtp=sends.port)
    assert "Error in sending mail: the server offers no TLS" in out and "--plaintext" in out
    out = client(LIST, host=OTHER, pop3=keeps.port)
    assert "Error in reading mailbox: the server offers no TLS" in out and "--plaintext" in out
    assert said_nothing_secret(sends) and said_nothing_secret(keeps)
    assert not any(line.startswith(("USER", "PASS", "AUTH", "APOP", "MAIL")) for line in sends.lines + keeps.lines)


@needs_other
def test_plaintext_lets_it_cross_and_loopback_needs_no_leave():
    for host, options in (OTHER, ["--plaintext"]), ("127.0.0.1", []):
        sends = Listener(Smtp(offer=("AUTH PLAIN LOGIN",)), address=host)
        keeps = Listener(Pop3Tls(capa=("TOP",)), address=host)
        assert "Mail sent" in client(SEND, *options, host=host, smtp=sends.port)
        assert "bob@lab" in client(LIST, *options, host=host, pop3=keeps.port)
        assert "PASS secret" in keeps.lines


@needs_other
def test_without_auth_a_mail_may_go_in_clear():
    smtp = Smtp(offer=())
    server = Listener(smtp, address=OTHER)
    assert "Mail sent" in client(SEND, host=OTHER, smtp=server.port)
    assert len(smtp.mails) == 1 and said_nothing_secret(server)


@needs_other
def test_a_course_says_in_one_line_that_the_password_is_not_encrypted():
    server = Listener(Pop3([mail("bob@lab", "First")]), address=OTHER)
    out = client(WORDS + "1\n-1\n1\n-1\n3\n", host=OTHER, pop3=server.port, course="kharagpur")
    line = f"The password for alice at {OTHER} goes unencrypted: the course kharagpur has no TLS\n"
    assert out.count(line) == 1 and "bob@lab" in out


# ---- logins ----


def test_apop_is_used_in_clear_where_there_is_a_time_stamp():
    server = Server(Pop3Tls(capa=("TOP", "SASL PLAIN"), stamp="<1896.697170952@dbc.mtview.ca.us>"))
    assert "bob@lab" in client(LIST, pop3=server.port)
    assert any(line.startswith("APOP alice ") for line in server.lines) and said_nothing_secret(server)


def test_a_refused_login_is_told_in_the_servers_words(certs):
    smtp = Smtp(tls=context(certs.good), auth="535 5.7.8 Wrong name or password")
    server = Server(smtp)
    assert "Error in sending mail: 535 5.7.8 Wrong name or password\n" in client(SEND, "--ca", certs.ca, smtp=server.port)
    assert not smtp.mails and sum(line.startswith("AUTH") for line in server.lines) == 1


@pytest.mark.parametrize("answer", ["334 ", "334 AAAA", "334 !!!", "235 ok"])
def test_a_server_that_cannot_prove_itself_is_left(certs, answer):
    """SCRAM: it asks on and on, says what makes no sense, or says yes without knowing the password."""
    smtp = Smtp(tls=context(certs.good), offer_tls=("AUTH SCRAM-SHA-256",), auth=answer)
    server = Server(smtp)
    out = client(SEND, "--ca", certs.ca, smtp=server.port)
    assert "Error in sending mail: " in out and not smtp.mails


def test_tls_that_ends_in_the_middle_is_told(certs):
    class Cut(Smtp):
        def __call__(self, peer):
            hear = peer.line

            def line():
                if (said := hear()).startswith("MAIL"):
                    raise ConnectionError("cuts")
                return said

            peer.line = line
            try:
                super().__call__(peer)
            finally:
                peer.connection.close()

    server = Server(Cut(tls=context(certs.good)))
    assert "Error in sending mail: the server hung up" in client(SEND, "--ca", certs.ca, smtp=server.port)


# ---- our own servers ----


@pytest.fixture
def own(tmp_path, certs):
    lab = Lab(tmp_path / "lab")
    (lab.path / "user.txt").unlink()
    (lab.path / "users.txt").write_text("alice secret\nbob builder\n")
    lab.mailbox = lambda user: lab.path / user / "mailbox"
    options = ["--course", "standard", "--tls-cert", certs.good]
    yield lab, options
    lab.close()


def own_server(own, program, first, *options):
    """The port to talk to."""
    lab, common = own
    port = free_port() if first else None
    server = lab.server(program, *common, *options, *(["--tls-port", port] if first else []))
    return port or server.port


@pytest.mark.parametrize("first", [True, False])
def test_our_own_smtpmail(own, certs, first):
    port = own_server(own, "smtpmail", first, "--domain", "lab")
    options = ["--transcript", "--ca", certs.ca, *(["--tls"] if first else [])]
    letter = SEND.replace("bob@lab", "alice@lab")
    out = client(letter, *options, smtp=port)
    assert "Mail sent successfully" in out and "C: AUTH SCRAM-SHA-256-PLUS …\n" in out, out
    assert "Error in sending mail: 535 " in client(letter.replace("secret", "wrong"), *options, smtp=port)


@pytest.mark.parametrize("first", [True, False])
def test_our_own_popserver(own, certs, first):
    assert send_mail(own[0].smtpmail("--course", "standard", "--domain", "lab"), b"From: bob@lab\r\n\r\nx\r\n").startswith("250 ")
    port = own_server(own, "popserver", first)
    options = ["--transcript", "--ca", certs.ca, *(["--tls"] if first else [])]
    out = client(LIST, *options, pop3=port)
    assert re.search(r"^1 .*bob@lab", out, re.M) and "C: AUTH SCRAM-SHA-256-PLUS …\n" in out, out
    assert "Error in reading mailbox: -ERR " in client(LIST.replace("secret", "wrong"), *options, pop3=port)


def send(own, port, *options, password=PASSWORD, host="127.0.0.1"):
    """mailclient send with a login, or without where the password is None."""
    file = own[0].path / "password"
    file.write_text(f"{password}\n")
    login = ["--user", "alice", "--password-file", file] if password else []
    done = subprocess.run(
        [BUILD / "mailclient", "send", "--server", f"{host}:{port}", "--from", "alice@lab", "--to", "bob@lab", "--transcript",
         *map(str, options), *map(str, login)],
        input="text\n", capture_output=True, timeout=PATIENCE, text=True,
    )
    assert done.stdout == "" and not any(form in done.stderr for form in SECRETS)
    return done


@pytest.mark.parametrize("first", [True, False])
def test_a_script_sends_through_tls_with_a_login(own, certs, first):
    port = own_server(own, "smtpmail", first, "--domain", "lab", "--auth-required")
    options = ["--ca", certs.ca, *(["--tls"] if first else [])]
    done = send(own, port, *options)
    assert done.returncode == 0 and "C: AUTH SCRAM-SHA-256-PLUS …\n" in done.stderr, done.stderr
    assert ("C: STARTTLS\n" in done.stderr) != first
    (text,) = own[0].mails("bob")
    assert text.endswith(b"\ntext\n")
    done = send(own, port, *options, password="guess")
    assert done.returncode == 77 and "mailclient send: the server said 535 " in done.stderr and "guess" not in done.stderr
    done = send(own, port, *options, password=None)
    assert done.returncode == 77 and "mailclient send: the server said 530 " in done.stderr
    assert len(own[0].mails("bob")) == 1


def test_a_large_mail_goes_through_tls_whole(own, certs, tmp_path):
    """More than the sockets hold, so that records are written in part and again."""
    port = own_server(own, "smtpmail", False, "--domain", "lab", "--max-size", 64 << 20)
    octets = random.Random(6).randbytes(20 << 20)
    (tmp_path / "large").write_bytes(octets)
    done = subprocess.run([BUILD / "mailclient", "send", "--server", f"127.0.0.1:{port}", "--from", "alice@lab", "--to", "bob@lab",
                           "--ca", certs.ca, "--attach", tmp_path / "large"], input=b"text\n", capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    (text,) = own[0].mails("bob")
    (attached,) = email.message_from_bytes(text, policy=email.policy.default).iter_attachments()
    assert attached.get_payload(decode=True) == octets


def test_a_script_sends_nothing_under_another_name(own, certs):
    own[1][-1] = certs.wrong_name
    done = send(own, own_server(own, "smtpmail", False, "--domain", "lab"), "--ca", certs.ca)
    assert done.returncode == 77 and "C: AUTH" not in done.stderr and "certificate" in done.stderr
    assert own[0].mails("bob") == []


@needs_other
def test_a_script_sends_no_password_in_clear_to_another_machine(own):
    server = own[0].server("smtpmail", "--course", "standard", "--domain", "lab", "--plaintext", listen=OTHER)
    done = send(own, server.port, host=OTHER)
    assert done.returncode == 77 and "C: AUTH" not in done.stderr, done.stderr
    assert send(own, server.port, "--plaintext", host=OTHER).returncode == 0
    assert len(own[0].mails("bob")) == 1


@needs_other
def test_a_script_reads_nothing_in_clear_from_another_machine(own):
    server = own[0].server("popserver", "--course", "standard", "--plaintext", listen=OTHER)
    (own[0].path / "users.txt").write_text("alice {CRYPT}$6$saltsalt$" + "a" * 86 + "\n")  # else there is SCRAM
    done = subprocess.run([BUILD / "mailclient", "list", "--server", f"{OTHER}:{server.port}", "--user", "alice", "--password-file", "-"],
                          input="secret\n", capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 77 and "the password was not sent" in done.stderr, done


# ---- Postfix and Dovecot ----


@pytest.fixture(scope="module")
def peers():
    both = foreign_servers.Peers([("alice", PASSWORD), ("bob", "builder")])
    yield both
    both.stop()


@pytest.mark.skipif(bool(foreign_servers.missing()), reason=foreign_servers.missing())
def test_postfix_and_dovecot(peers):
    """Postfix with Dovecot's SASL takes a mail, Dovecot's POP3 gives it: over TLS, by SCRAM-SHA-256."""
    letter = SEND.replace("alice@lab", "alice@example.org").replace("bob@lab", "alice@example.org")
    out = client(letter, "--transcript", "--ca", peers.ca, host="localhost", smtp=peers.postfix.port)
    assert "Mail sent successfully" in out and "C: AUTH SCRAM-SHA-256 …\n" in out, out + peers.postfix.log()
    out = wait_for(lambda: next((o for o in [client(LIST, "--transcript", "--ca", peers.ca, pop3=peers.dovecot.port)] if "\n1 " in o), ""))
    assert "C: STLS\n" in out and "C: AUTH SCRAM-SHA-256 …\n" in out and re.search(r"^1 .*alice@example.org", out, re.M), out
    wrong = client(letter.replace("secret", "wrong"), "--ca", peers.ca, smtp=peers.postfix.port)
    assert "Error in sending mail: 535 " in wrong
    wrong = client(LIST.replace("secret", "wrong"), "--ca", peers.ca, pop3=peers.dovecot.port)
    assert "Error in reading mailbox: -ERR " in wrong
