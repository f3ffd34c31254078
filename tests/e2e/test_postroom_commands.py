"""postroom cert and postroom user, as an operator types them."""

import os
import pty
import re
import select
import shutil
import socket
import ssl
import stat
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, ROOT, Server, free_port, login, run, send_mail, wait_for


def postroom(*words, status=0, **how):
    ended = run("postroom", *words, **how)
    assert ended.returncode == status, (words, ended)
    if status == 0:
        assert ended.stderr == ""
        return ended.stdout
    assert ended.stdout == ""
    assert re.fullmatch(r"postroom: [^\n]+\n", ended.stderr), ended.stderr
    return ended.stderr


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} not installed")


# what there is


def test_help_lists_the_commands_and_each_has_its_own():
    assert postroom("help") == postroom("--help")
    commands = re.findall(r"^  postroom (\S+) ", postroom("help"), re.MULTILINE)
    assert {"serve", "config", "check-mailbox", "cert", "mail", "user"} <= set(commands)
    for command in commands:
        text = postroom(command, "--help")
        assert text == postroom("help", command)
        assert text.startswith(f"usage: postroom {command} ")


@pytest.mark.parametrize("words", [
    [], ["certs"], ["help", "certs"], ["cert", "--day", "3", "--fast"], ["cert", "--days"], ["cert", "--days", "0"], ["cert", "--help=x"],
    ["cert", "-x"], ["user"], ["user", "invite"], ["user", "add"], ["user", "list", "alice"], ["user", "add", "alice", "bob"],
    ["user", "add", "alice", "--scheme", "md5"],
], ids=" ".join)
def test_what_is_not_understood_says_what_to_do(words, tmp_path):
    postroom(*words, status=64, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_manual_page_names_every_option():
    page = (ROOT / "docs/man/postroom.1").read_text()
    for command in "serve", "status", "cert", "user":
        section = page.split(f".Ss postroom {command}\n")[1].split("\n.S")[0]
        items = re.findall(r"^\.It Fl .*", section, re.MULTILINE)
        described = [word for item in items for word in re.findall(r"(?:Fl|,) -([a-z0-9-]+)", item)]
        shown = re.findall(r"^  --([a-z0-9-]+)", postroom(command, "--help"), re.MULTILINE)
        assert described + ["help"] == shown


# cert


@pytest.fixture
def certs(tmp_path):
    postroom("cert", "--dir", tmp_path)
    return tmp_path


def openssl(*words):
    ended = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    assert ended.returncode == 0, ended
    return ended.stdout


def alternative_names(path):
    return re.findall(r"(?:DNS|IP Address):[^\s,]+", openssl("x509", "-in", path, "-noout", "-ext", "subjectAltName"))


def test_a_certificate_is_for_this_machine_where_nothing_is_named(certs):
    openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", certs / "ca.pem", certs / "cert.pem")
    assert alternative_names(certs / "cert.pem") == [
        "DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1", f"DNS:{socket.gethostname()}"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in certs.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "cert.pem": 0o644, "key.pem": 0o600}
    ca = openssl("x509", "-in", certs / "ca.pem", "-noout", "-subject", "-ext", "basicConstraints")
    assert f"Postroom local CA ({socket.gethostname()}, " in ca and "CA:TRUE, pathlen:0" in ca


def test_a_certificate_is_for_all_that_is_named_and_nothing_else(tmp_path):
    postroom("cert", "--dir", tmp_path, "--days", 5, "mail.example.org", "192.0.2.7", "2001:db8::7", "*.lab.example")
    assert alternative_names(tmp_path / "cert.pem") == [
        "DNS:mail.example.org", "IP Address:192.0.2.7", "IP Address:2001:DB8:0:0:0:0:0:7", "DNS:*.lab.example"]
    for days, ends in (4, False), (6, True):
        ended = subprocess.run(["openssl", "x509", "-in", tmp_path / "cert.pem", "-noout", "-checkend", str(days * 86400)], capture_output=True)
        assert (ended.returncode != 0) == ends


@pytest.mark.parametrize("name", ["a b", "a,DNS:evil.example", "-a", "a..b", "", "x" * 64, "ä.example", "a.*.example", "host:25", "1.2.3.4/8", "999.1.1.1", "192.0.2", "12"])
def test_what_is_no_name_is_refused(tmp_path, name):
    postroom("cert", "--dir", tmp_path, "--", "good.example", name, status=64)
    assert list(tmp_path.iterdir()) == []


def test_the_ca_stays_and_the_certificate_is_new_each_time(certs):
    before = {path.name: path.read_bytes() for path in certs.iterdir()}
    said = postroom("cert", "--dir", certs, "mail.example.org")
    after = {path.name: path.read_bytes() for path in certs.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"cert.pem", "key.pem"}
    assert "the CA, as it was" in said
    openssl("verify", "-CAfile", certs / "ca.pem", certs / "cert.pem")


def test_a_ca_that_is_about_to_end_is_renewed_with_its_name_and_key(certs):
    """So that a program that still has the old one goes on."""
    old = certs / "old.pem"
    subject = openssl("x509", "-in", certs / "ca.pem", "-noout", "-subject", "-nameopt", "compat").strip().removeprefix("subject=")
    openssl("req", "-x509", "-new", "-key", certs / "ca.key", "-days", 30, "-subj", subject, "-out", old,
            "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign")
    (certs / "ca.pem").write_bytes(old.read_bytes())
    key = (certs / "ca.key").read_bytes()
    assert "RENEWED" in postroom("cert", "--dir", certs)
    assert (certs / "ca.key").read_bytes() == key
    for trusted in old, certs / "ca.pem":
        openssl("verify", "-CAfile", trusted, certs / "cert.pem")
    openssl("x509", "-in", certs / "ca.pem", "-noout", "-checkend", 3000 * 86400)
    assert "the CA, as it was" in postroom("cert", "--dir", certs)


def test_a_run_that_was_cut_short_is_taken_up(certs):
    key = (certs / "ca.key").read_bytes()
    (certs / "ca.pem").unlink()
    assert "the CA, NEW for the key that was there, as ca.pem was missing" in postroom("cert", "--dir", certs)
    assert (certs / "ca.key").read_bytes() == key


@pytest.mark.parametrize("spoil", [
    lambda d: (d / "ca.key").unlink(),
    lambda d: (d / "ca.pem").write_text("no PEM\n"),
    lambda d: (d / "ca.key").write_text("no PEM\n"),
    lambda d: (d / "ca.key").write_bytes((d / "key.pem").read_bytes()),
    lambda d: (d / "ca.pem").write_bytes((d / "cert.pem").read_bytes()) and (d / "ca.key").write_bytes((d / "key.pem").read_bytes()),
], ids=["no key", "cert spoilt", "key spoilt", "another's key", "no CA"])
def test_a_ca_that_cannot_be_used_is_said_and_not_touched(certs, spoil):
    spoil(certs)
    before = {path.name: path.read_bytes() for path in certs.iterdir()}
    postroom("cert", "--dir", certs, status=65)
    assert {path.name: path.read_bytes() for path in certs.iterdir()} == before


@pytest.mark.parametrize("taken", [["cert.pem"], ["key.pem"], ["cert.pem", "key.pem"]], ids=" ".join)
@pytest.mark.parametrize("has_ca", [True, False])
def test_a_pair_of_somebody_elses_is_not_touched(tmp_path, taken, has_ca):
    """Such as a certificate that was bought, under the usual names."""
    postroom("cert", "--dir", tmp_path)
    for name in ["cert.pem", "key.pem"] + ([] if has_ca else ["ca.pem", "ca.key"]):
        (tmp_path / name).unlink()
    other = tmp_path / "other"
    other.mkdir()
    postroom("cert", "--dir", other)
    for name in taken:
        (other / name).rename(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    postroom("cert", "--dir", tmp_path, status=65)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_another_key_beside_our_certificate_is_not_touched(certs):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", certs / "key.pem")
    key = (certs / "key.pem").read_bytes()
    postroom("cert", "--dir", certs, status=65)
    assert (certs / "key.pem").read_bytes() == key
    (certs / "key.pem").unlink()
    postroom("cert", "--dir", certs)
    ssl.create_default_context().load_cert_chain(certs / "cert.pem", certs / "key.pem")


def test_a_directory_that_is_not_there(tmp_path):
    postroom("cert", "--dir", tmp_path / "nowhere", status=73)


def test_runs_at_the_same_time_leave_one_ca_and_a_pair(tmp_path):
    runs = [subprocess.Popen([BUILD / "postroom", "cert", "--dir", tmp_path], stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [process.wait(PATIENCE) for process in runs] == [0] * 6
    ssl.create_default_context().load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    openssl("verify", "-CAfile", tmp_path / "ca.pem", tmp_path / "cert.pem")
    assert {path.name for path in tmp_path.iterdir()} == {"ca.pem", "ca.key", "cert.pem", "key.pem"}


# … and how programs come to trust it: the printed lines, as they stand


class TlsServer:
    """Somebody else's: openssl s_server with the certificate, which also speaks a little HTTP."""

    def __init__(self, directory):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", str(self.port), "-cert", directory / "cert.pem", "-cert_chain", directory / "cert.pem",
             "-key", directory / "key.pem", "-www", "-quiet"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


@pytest.fixture
def told(tmp_path):
    """What is printed in a directory that a shell must not misread, by the program's name; and a server with that certificate."""
    directory = tmp_path / "it's $HOME"
    directory.mkdir()
    said = postroom("cert", "--dir", directory)
    lines = re.findall(r"^  (\w+|) +(.+)$", said.partition("Have programs trust")[2], re.MULTILINE)
    assert [name for name, _ in lines] == ["Python", "", "curl", "Node", "Java", "", "OpenSSL", "mailclient"]
    server = TlsServer(directory)
    yield [line for _, line in lines], server.port
    server.stop()


def shell(line, status=0, **how):
    ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, **how)
    assert (ended.returncode == 0) == (status == 0), (line, ended)
    return ended.stdout


PYTHON = """
import socket, ssl
context = {context}
for host in "localhost", "127.0.0.1":
    with context.wrap_socket(socket.create_connection((host, {port})), server_hostname=host) as s:
        print(s.version())
try:
    context.wrap_socket(socket.create_connection(("127.0.0.1", {port})), server_hostname="other.example")
except ssl.SSLCertVerificationError:
    print("refused")
"""


def test_python_trusts_it(told, tmp_path):
    (context, command, *_), port = told
    program = tmp_path / "program.py"
    program.write_text(PYTHON.format(context=context, port=port))
    assert shell(f"/usr/bin/python3 {program}") == "TLSv1.3\nTLSv1.3\nrefused\n"
    program.write_text(PYTHON.format(context="ssl.create_default_context()", port=port))
    command = command.removeprefix("or ")
    assert command.endswith(" python3 PROGRAM")
    assert shell(command.replace("PROGRAM", str(program))) == "TLSv1.3\nTLSv1.3\nrefused\n"
    shell(f"/usr/bin/python3 {program}", status=1)


@needs("curl")
def test_curl_trusts_it(told):
    (_, _, command, *_), port = told
    assert command.endswith(" smtps://localhost:4650")
    here = command.replace("smtps://localhost:4650", f"-sS https://localhost:{port}")
    assert "TLSv1.3" in shell(here)
    shell(re.sub(r"--cacert '.*' ", "", here), status=60)


NODE = """
const tls = require('tls');
const s = tls.connect({ host: 'localhost', port: %d, servername: 'localhost' }, () => { console.log(s.authorized); s.destroy(); });
s.on('error', () => process.exit(1));
"""


@needs("node")
def test_node_trusts_it(told, tmp_path):
    (_, _, _, command, *_), port = told
    program = tmp_path / "program.js"
    program.write_text(NODE % port)
    assert shell(command.replace("PROGRAM", str(program))) == "true\n"
    shell(f"node {program}", status=1)


JAVA = """
import javax.net.ssl.*;
public class Program {
	public static void main(String[] words) throws Exception {
		SSLSocket s = (SSLSocket) SSLSocketFactory.getDefault().createSocket("localhost", Integer.parseInt(words[0]));
		SSLParameters p = s.getSSLParameters();
		p.setEndpointIdentificationAlgorithm("HTTPS");
		s.setSSLParameters(p);
		s.startHandshake();
		System.out.println(s.getSession().getProtocol());
	}
}
"""


@needs("keytool")
def test_java_trusts_it(told, tmp_path):
    (_, _, _, _, keytool, command, *_), port = told
    program = tmp_path / "Program.java"
    program.write_text(JAVA)
    shell(keytool)
    if shell("java --list-modules").find("jdk.compiler") < 0 and not shutil.which("javac"):
        pytest.skip("this Java has no compiler")
    assert shell(command.replace("PROGRAM", f"{program} {port}")) == "TLSv1.3\n"
    shell(f"java {program} {port}", status=1)


def test_openssl_trusts_it(told):
    (*_, command, _), port = told
    assert "Verify return code: 0 (ok)" in shell(command.replace("localhost:4650", f"localhost:{port}"))


def test_mailclient_trusts_it(told, tmp_path):
    (*_, command), _ = told
    assert command.startswith("mailclient --course standard --ca ") and command.endswith(" localhost 2525 2110")
    directory = tmp_path / "it's $HOME"
    (directory / "users.txt").write_text("alice wonderland\n")
    server = Server("popserver", "--dir", directory, "--tls-cert", directory / "cert.pem", "--tls-key", directory / "key.pem")
    line = command.replace("mailclient ", f"{BUILD}/mailclient --transcript ", 1).replace(" 2110", f" {server.port}")
    ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=PATIENCE, input="alice\nwonderland\n1\n-1\n3\n")
    server.stop()
    assert "C: STLS\n" in ended.stdout and "certificate verified" in ended.stdout and "S: +OK 0 messages" in ended.stdout, ended


# user


HASHED = "bob {CRYPT}$6$abcdefgh$8Iq8TGgzC4OgfMQCkbmLOQ7Hr2Ef.PgAqnpCQsiHMnIpldI6EGfVM5qvoHuXvnIqbnz1inKvQS/4oDr68dZL81\n"


@pytest.fixture
def people(tmp_path):
    """A directory in the standard mode."""
    (tmp_path / "users.txt").write_text("# staff\nalice wonderland\n\n" + HASHED)
    return tmp_path


def test_a_user_is_added_to_a_users_file_that_is_made_for_it(tmp_path):
    assert postroom("user", "add", "alice", "--dir", tmp_path, input="wonderland\n") == f"alice is a user now, in {tmp_path}/users.txt\n"
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["users.txt"]
    name, secret = (tmp_path / "users.txt").read_text().split()
    assert name == "alice" and secret.startswith("{CRYPT}$y$") and "wonderland" not in secret
    assert stat.S_IMODE((tmp_path / "users.txt").stat().st_mode) == 0o600


@pytest.mark.parametrize("scheme, form", [
    ("yescrypt", r"\{CRYPT\}\$y\$[./0-9A-Za-z$]+"), ("scram-sha-256", r"\{SCRAM-SHA-256\}\d+,[0-9A-Za-z+/=]+,[0-9A-Za-z+/=]+,[0-9A-Za-z+/=]+"), ("plain", "net!work"),
])
def test_each_scheme_has_its_form(people, scheme, form):
    postroom("user", "add", "carol", "--scheme", scheme, "--dir", people, input="net!work")
    assert (people / "users.txt").read_text().startswith("# staff\nalice wonderland\n\n" + HASHED)
    name, secret = (people / "users.txt").read_text().splitlines()[-1].split(" ")
    assert name == "carol" and re.fullmatch(form, secret)


def test_a_password_changes_and_what_else_stands_there_stays(people):
    postroom("user", "passwd", "alice", "--scheme", "plain", "--dir", people, input="lookingglass\n")
    assert (people / "users.txt").read_text() == "# staff\nalice lookingglass\n\n" + HASHED


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_file_that_root_makes_is_the_directory_owners(tmp_path):
    """As it is on a machine where the servers have a user of their own."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    os.chown(home, 12345, 12346)
    postroom("user", "add", "alice", "--dir", home, input="wonderland\n")
    made = (home / "users.txt").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (12345, 12346, 0o600)
    os.chown(home / "users.txt", 0, 0)  # what somebody has given to root stays root's
    postroom("user", "add", "bob", "--dir", home, input="builder\n")
    assert (home / "users.txt").stat().st_uid == 0


def test_a_user_goes_and_the_mail_stays(people):
    (people / "alice").mkdir()
    (people / "alice" / "mailbox").write_text("Subject: s\n\nmail\n.\n")
    assert postroom("user", "remove", "Alice", "--dir", people) == f"alice is a user no more; the mail stays, in {people}/alice\n"
    assert (people / "users.txt").read_text() == "# staff\n\n" + HASHED
    assert (people / "alice" / "mailbox").exists()


def test_the_list_shows_kinds_and_no_secrets(people):
    postroom("user", "add", "carol", "--scheme", "scram-sha-256", "--dir", people, input="pw\n")
    said = postroom("user", "list", "--dir", people)
    assert [line.split(None, 1) for line in said.splitlines()] == [
        ["alice", "password in clear"], ["bob", "crypt(3) hash"], ["carol", "SCRAM-SHA-256 keys"]]
    assert "wonderland" not in said and "$6$" not in said


@pytest.mark.parametrize("file, separator", [("user.txt", " "), ("logincred.txt", ","), ("userinfo.txt", " ")])
def test_a_course_s_own_file_is_found_and_kept_in_its_form(tmp_path, file, separator):
    (tmp_path / file).write_text(f"alice{separator}wonderland\n")
    postroom("user", "add", "stallings", "--dir", tmp_path, input="network$ecurity\n")
    assert (tmp_path / file).read_text() == f"alice{separator}wonderland\nstallings{separator}network$ecurity\n"
    for scheme in "yescrypt", "scram-sha-256":
        assert "--scheme plain" in postroom("user", "passwd", "alice", "--scheme", scheme, "--dir", tmp_path, input="x\n", status=64)
    postroom("user", "remove", "stallings", "--dir", tmp_path)
    assert (tmp_path / file).read_text() == f"alice{separator}wonderland\n"


def test_a_server_takes_a_new_user_at_once(lab, smtpmail, popserver):
    postroom("user", "add", "dora", "--dir", lab.path, input="explorer\n")
    assert send_mail(smtpmail, b"Subject: s\r\n\r\nfor dora\r\n", to=["dora@lab"]).startswith("250 ")
    with login(popserver, "dora", "explorer") as talk:
        assert talk.say("STAT").startswith("+OK 1 ")


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "a b", "#x", "x" * 65, "a\nb"])
def test_a_name_that_can_be_none_is_refused(people, name):
    before = (people / "users.txt").read_bytes()
    postroom("user", "add", "--dir", people, "--", name, input="pw\n", status=65)
    assert (people / "users.txt").read_bytes() == before


@pytest.mark.parametrize("password", ["", "\n", "a\tb\n", "x" * 600 + "\n"])
def test_a_password_that_can_be_none_is_refused(people, password):
    before = (people / "users.txt").read_bytes()
    postroom("user", "passwd", "alice", "--scheme", "plain", "--dir", people, input=password, status=65)
    assert (people / "users.txt").read_bytes() == before


@pytest.mark.parametrize("name, reason", [("a b", "may not hold blanks"), ("", "the name is empty"), ("#x", "a comment"), ("carl@example.org", "without a domain")])
def test_a_name_that_can_be_none_is_refused_for_its_own_reason(people, name, reason):
    assert reason in postroom("user", "add", "--dir", people, "--", name, input="pw\n", status=65)


def test_what_the_servers_offer_no_longer_is_said(people):
    def lines(*words):
        return postroom("user", *words, "--dir", people, input="pw\n").splitlines()[1:]

    (people / "users.txt").write_text("alice wonderland\n")
    (apop,) = lines("add", "bob", "--scheme", "scram-sha-256")
    assert "no longer offer APOP" in apop
    (scram,) = lines("add", "carol")
    assert "no longer offer SCRAM, to anybody: with carol's secret" in scram and "--scheme scram-sha-256 keeps SCRAM" in scram
    assert lines("add", "dora") == []
    assert lines("remove", "dora") == []
    assert lines("passwd", "carol", "--scheme", "scram-sha-256") == ["the servers offer SCRAM again: every user's secret works with it"]
    assert lines("remove", "carol") == []
    assert lines("remove", "bob") == ["the servers offer APOP again: every password is in clear"]
    (both,) = lines("passwd", "alice")
    assert "no longer offer SCRAM and APOP" in both
    assert lines("passwd", "alice", "--scheme", "plain") == ["the servers offer SCRAM and APOP again: every user's secret works with it"]


def test_a_course_s_users_change_nothing_that_is_offered(tmp_path):
    (tmp_path / "user.txt").write_text("alice wonderland\n")
    assert postroom("user", "add", "bob", "--dir", tmp_path, input="pw\n") == f"bob is a user now, in {tmp_path}/user.txt\n"


def test_what_goes_wrong_has_its_status(people, tmp_path):
    assert "already" in postroom("user", "add", "ALICE", "--dir", people, input="pw\n", status=65)
    for action in "passwd", "remove":
        assert "no user 'carol'" in postroom("user", action, "carol", "--dir", people, input="pw\n", status=67)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "users.txt" in postroom("user", "list", "--dir", empty, status=66)
    postroom("user", "list", "--dir", tmp_path / "nowhere", status=66)
    postroom("user", "list", "--dir", people, "--course", "mymailserver", status=78)
    postroom("user", "list", "--dir", people, "--course", "oxford", status=78)
    (people / "user.txt").write_text("alice pw\n")
    assert "user.txt" in postroom("user", "list", "--dir", people, status=78)
    assert postroom("user", "list", "--dir", people, "--course", "kharagpur").split()[0] == "alice"
    postroom("user", "add", "carol", "--dir", people, "--course", "standard", "--password-file", people / "none", status=66)


def test_a_password_from_a_file(people):
    secret = people / "secret"
    secret.write_text("from-a-file\nsecond line\n")
    postroom("user", "passwd", "alice", "--scheme", "plain", "--dir", people, "--password-file", secret)
    assert "alice from-a-file\n" in (people / "users.txt").read_text()
    postroom("user", "passwd", "alice", "--scheme", "plain", "--dir", people, "--password-file", "-", input="from-stdin\r\n")
    assert "alice from-stdin\n" in (people / "users.txt").read_text()


class Terminal:
    """A person at a terminal."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(BUILD / "postroom", ["postroom", *map(str, words)])
        self.screen = ""

    def read(self):
        try:
            self.screen += os.read(self.fd, 4096).decode() if select.select([self.fd], [], [], 0.05)[0] else ""
            return True
        except OSError:
            return False

    def answer(self, question, text):
        wait_for(lambda: self.read() and question in self.screen)
        time.sleep(0.05)
        os.write(self.fd, text.encode())
        self.screen = self.screen.partition(question)[2]

    def end(self):
        while self.read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(people):
    terminal = Terminal("user", "passwd", "alice", "--scheme", "plain", "--dir", people)
    terminal.answer("Password for alice: ", "sesame\r")
    terminal.answer("The same again: ", "sesame\r")
    assert terminal.end() == 0
    assert "sesame" not in terminal.screen
    assert "alice has a new password" in terminal.screen
    assert "alice sesame\n" in (people / "users.txt").read_text()


@pytest.mark.parametrize("again", ["sesane\r", "\r", "\3"], ids=["another", "nothing", "Ctrl-C"])
def test_at_a_terminal_what_is_not_the_same_twice_changes_nothing(people, again):
    before = (people / "users.txt").read_bytes()
    terminal = Terminal("user", "passwd", "alice", "--scheme", "plain", "--dir", people)
    terminal.answer("Password for alice: ", "sesame\r")
    terminal.answer("The same again: ", again)
    assert terminal.end() != 0
    assert (people / "users.txt").read_bytes() == before
    assert "erif" not in terminal.screen  # OpenSSL's words
    said = "interrupted" if again == "\3" else "that was not the same twice"
    assert terminal.screen.split("\n", 1)[1:] == [f"postroom: {said}: nothing was changed\r\n"], terminal.screen


def test_edits_at_the_same_time_are_all_there(people):
    added = [f"user{n}" for n in range(12)]
    processes = [subprocess.Popen([BUILD / "postroom", "user", "add", name, "--scheme", "plain", "--dir", people, "--password-file", "-"],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for name in added]
    for process in processes:
        process.communicate(b"pw\n", timeout=PATIENCE)
        assert process.returncode == 0
    lines = (people / "users.txt").read_text().splitlines()
    assert sorted(lines[4:]) == sorted(f"{name} pw" for name in added)
