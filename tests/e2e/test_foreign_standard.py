"""Mail programs that nobody here wrote, with the servers in the standard mode: in clear, by STARTTLS or STLS, and with TLS first; with a login, and with
the certificate verified by the CA of `postroom cert`."""

import email
import email.policy
import json
import os
import poplib
import re
import smtplib
import ssl
import subprocess

import pytest

import foreign_servers
from harness import PATIENCE, Lab, run, wait_for
from test_peers import call, letter, maildir_mails, mutt_terminal, needs, same, secret_file

USER, PASSWORD, DOMAIN = "alice", "wonder=land", "example.org"
ADDRESS = f"{USER}@{DOMAIN}"
HOW = ["plain", "starttls", "tls"]


class Mailhost(Lab):
    """Both servers with TLS, in the standard mode, and a certificate."""

    def __init__(self, path, *more):
        super().__init__(path)
        (path / "user.txt").unlink()
        (path / "users.txt").write_text(f"{USER} {PASSWORD}\nbob builder\n")
        assert run("postroom", "cert", "--dir", path).returncode == 0
        self.ca = path / "ca.pem"
        options = ["--domain", DOMAIN, "--tls-port", 0, "--tls-cert", path / "cert.pem", "--tls-key", path / "key.pem", *more]
        self.smtp = self.ports(self.smtpmail(*options))
        self.pop3 = self.ports(self.popserver(*options))

    def ports(self, server):
        found = wait_for(lambda: re.search(r"port (\d+) \(TLS\)", "\n".join(server.errors)))
        return {"plain": server.port, "starttls": server.port, "tls": int(found[1])}

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def box(self):
        box = poplib.POP3_SSL("localhost", self.pop3["tls"], timeout=PATIENCE, context=self.context())
        box.user(USER)
        box.pass_(PASSWORD)
        return box

    def received(self):
        """All mails, as octets, over POP3."""
        box = self.box()
        mails = [b"".join(line + b"\r\n" for line in box.retr(n + 1)[1]) for n in range(box.stat()[0])]
        box.quit()
        return mails

    def fill(self, count=3):
        mails = [letter(f"Letter {n}", f"Body of {n}\n.\nend\n") for n in range(count)]
        with smtplib.SMTP("localhost", self.smtp["plain"], timeout=PATIENCE) as sender:
            for mail in mails:
                sender.send_message(mail, "bob@example.org", [ADDRESS])
        return mails


@pytest.fixture
def host(tmp_path):
    host = Mailhost(tmp_path / "host")
    yield host
    host.close()


def arrived(host, mail, how, authenticated=True):
    """Whole, and with a Received line that says how (RFC 3848)."""
    (octets,) = host.received()
    same(octets, mail)
    protocol = "ESMTP" + ("" if how == "plain" else "S") + ("A" if authenticated else "")
    assert re.search(rb"\bwith %s\b" % protocol.encode(), octets), octets[:600]


def parsed(octets):
    return email.message_from_bytes(octets.replace(b"\r\n", b"\n"), policy=email.policy.default)


def all_there(octets, mails):
    by_subject = {parsed(o)["Subject"]: o for o in octets}
    assert len(octets) == len(mails)
    for mail in mails:
        same(by_subject[mail["Subject"]], mail)


# Python


@pytest.mark.parametrize("how", HOW)
def test_smtplib(host, how):
    mail = letter()
    port = host.smtp[how]
    sender = smtplib.SMTP_SSL("localhost", port, timeout=PATIENCE, context=host.context()) if how == "tls" else smtplib.SMTP("localhost", port, timeout=PATIENCE)
    with sender:
        if how == "starttls":
            sender.starttls(context=host.context())
        sender.login(USER, PASSWORD)
        sender.send_message(mail, ADDRESS, [ADDRESS])
    arrived(host, mail, how)


@pytest.mark.parametrize("how", HOW)
def test_poplib(host, how):
    mails = host.fill()
    port = host.pop3[how]
    box = poplib.POP3_SSL("localhost", port, timeout=PATIENCE, context=host.context()) if how == "tls" else poplib.POP3("localhost", port, timeout=PATIENCE)
    if how == "starttls":
        box.stls(context=host.context())
    box.apop(USER, PASSWORD)
    all_there([b"".join(line + b"\r\n" for line in box.retr(n + 1)[1]) for n in range(3)], mails)
    box.quit()


# curl


def curl(host, *words):
    return call("curl", "-sS", "--cacert", host.ca, "-u", f"{USER}:{PASSWORD}", *words)


def curl_place(protocol, ports, how):
    if how == "tls":
        return [f"{protocol}s://localhost:{ports[how]}"]
    return [f"{protocol}://localhost:{ports[how]}", *(["--ssl-reqd"] if how == "starttls" else [])]


@needs("curl")
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_curl(host, how, mechanism, tmp_path):
    if mechanism.startswith("SCRAM") and b"gsasl" not in call("curl", "-V"):
        pytest.skip("this curl was built without GNU SASL")
    mail = letter()
    (tmp_path / "mail").write_bytes(mail.as_bytes(policy=email.policy.SMTP))
    login = ["--login-options", f"AUTH={mechanism}"]
    curl(host, *curl_place("smtp", host.smtp, how), *login, "--mail-from", ADDRESS, "--mail-rcpt", ADDRESS, "-T", tmp_path / "mail")
    arrived(host, mail, how)
    place, *more = curl_place("pop3", host.pop3, how)
    same(curl(host, f"{place}/1", *more, *login), mail)


@needs("curl")
@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_curl_refuses_a_ca_it_does_not_know(host, how):
    for protocol, ports in ("smtp", host.smtp), ("pop3", host.pop3):
        ended = subprocess.run(["curl", "-sS", *curl_place(protocol, ports, how)], capture_output=True, timeout=PATIENCE)
        assert ended.returncode == 60, ended


# swaks, msmtp


@needs("swaks")
@pytest.mark.parametrize("how", HOW)
def test_swaks(host, how):
    if how == "plain":
        tls = []
    else:
        tls = ["--tls-on-connect" if how == "tls" else "--tls", "--tls-verify", "--tls-ca-path", host.ca, "--tls-sni", "localhost"]
    said = call("swaks", "--server", "localhost", "--port", host.smtp[how], *tls, "--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD,
                "--from", ADDRESS, "--to", ADDRESS, "--header", "Subject: from swaks", "--body", "one\n.\n.two\n")
    assert b"235 " in said and (b"TLS started" in said) == (how != "plain")
    (octets,) = host.received()
    assert b"\r\nSubject: from swaks\r\n" in octets and octets.rstrip().endswith(b"one\r\n.\r\n.two")


@needs("msmtp")
@pytest.mark.parametrize("how", HOW)
def test_msmtp(host, how, tmp_path):
    mail = letter()
    config = secret_file(tmp_path / "msmtprc", f"""
account here
host localhost
port {host.smtp[how]}
from {ADDRESS}
auth {"scram-sha-256" if how == "tls" else "plain"}
user {USER}
password {PASSWORD}
tls {"off" if how == "plain" else "on"}
tls_starttls {"on" if how == "starttls" else "off"}
tls_trust_file {host.ca}
""")
    call("msmtp", f"--file={config}", "--account=here", ADDRESS, input=mail.as_bytes())
    arrived(host, mail, how)


# mpop, fetchmail, getmail


@needs("mpop")
@pytest.mark.parametrize("how", HOW)
def test_mpop(host, how, tmp_path):
    mails = host.fill()
    for part in "cur", "new", "tmp":
        (tmp_path / "maildir" / part).mkdir(parents=True)
    config = secret_file(tmp_path / "mpoprc", f"""
account here
host localhost
port {host.pop3[how]}
user {USER}
password {PASSWORD}
auth {"apop" if how == "plain" else "scram-sha-256"}
tls {"off" if how == "plain" else "on"}
tls_starttls {"on" if how == "starttls" else "off"}
tls_trust_file {host.ca}
uidls_file {tmp_path}/uidls
keep off
delivery maildir {tmp_path}/maildir
""")
    call("mpop", f"--file={config}", "--quiet", "here")
    all_there(maildir_mails(tmp_path / "maildir"), mails)
    assert host.received() == []


@needs("fetchmail")
@pytest.mark.parametrize("how", HOW)
def test_fetchmail(host, how, tmp_path):
    mails = host.fill()
    tls = {"plain": "sslproto ''", "starttls": "sslproto 'TLS1.2+'", "tls": "ssl"}[how]
    config = secret_file(tmp_path / "fetchmailrc", f"""
set no bouncemail
poll localhost service {host.pop3[how]} protocol pop3 uidl
  user "{USER}" password "{PASSWORD}" is root here
  {tls} sslcertck sslcertfile "{host.ca}"
  mda "cat > {tmp_path}/`date +%N`.mail"
""")
    call("fetchmail", "-f", config, "--pidfile", tmp_path / "pid", "--nodetach", "-v", env={"FETCHMAILHOME": str(tmp_path)})
    all_there([path.read_bytes() for path in tmp_path.glob("*.mail")], mails)
    assert host.received() == []


@needs("getmail")
@pytest.mark.parametrize("how", ["plain", "tls"])
def test_getmail(host, how, tmp_path):
    """It knows no STLS."""
    mails = host.fill()
    secret_file(tmp_path / "getmailrc", f"""
[retriever]
type = {"SimplePOP3SSLRetriever" if how == "tls" else "SimplePOP3Retriever"}
server = localhost
port = {host.pop3[how]}
username = {USER}
password = {PASSWORD}
{f"ca_certs = {host.ca}" if how == "tls" else "use_apop = true"}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat > {tmp_path}/`date +%N`.mail")
allow_root_commands = true
[options]
delete = true
""")
    call("getmail", "--getmaildir", tmp_path, "--rcfile", "getmailrc")
    all_there([path.read_bytes() for path in tmp_path.glob("*.mail")], mails)
    assert host.received() == []


# mutt


def mutt_config(host, how, tmp_path, authenticators):
    return secret_file(tmp_path / "muttrc", f"""
{authenticators}
set folder="{tmp_path}" spoolfile="{tmp_path}/none" record="" header_cache="" pop_delete=no pop_checkinterval=0
set from="{ADDRESS}" use_envelope_from=yes envelope_from_address="{ADDRESS}"
set smtp_url="smtp{"s" if how == "tls" else ""}://{USER}@localhost:{host.smtp[how]}" smtp_pass="{PASSWORD}"
set pop_user="{USER}" pop_pass="{PASSWORD}" quit=yes wait_key=no pipe_decode=yes confirmappend=no
set ssl_starttls={"yes" if how == "starttls" else "no"} ssl_force_tls={"no" if how == "plain" else "yes"}
set ssl_ca_certificates_file="{host.ca}" certificate_file="{tmp_path}/none-accepted" ssl_verify_host=yes
""")


def sends_and_reads(host, how, tmp_path, config):
    call("mutt", "-n", "-F", config, "-s", "Grüße von mutt", ADDRESS, input="Guten Tag,\n.\nschöne Grüße\n".encode(), env={"LC_ALL": "C.UTF-8", "HOME": str(tmp_path)})
    (octets,) = host.received()
    mail = parsed(octets)
    assert mail["Subject"] == "Grüße von mutt" and mail.get_content() == "Guten Tag,\n.\nschöne Grüße\n"
    place = f"pop{'s' if how == 'tls' else ''}://{USER}@localhost:{host.pop3[how]}"
    assert mutt_terminal(tmp_path, config, place, tmp_path / "out").strip() == "Guten Tag,\n.\nschöne Grüße"


# Its GNU SASL offers itself for channel binding, cannot do that of TLS 1.3, and in POP3 then loses count of the replies.


@needs("mutt")
@pytest.mark.parametrize("how", HOW)
def test_mutt_that_is_told_how_to_log_in(host, how, tmp_path):
    sends_and_reads(host, how, tmp_path, mutt_config(host, how, tmp_path, 'set pop_authenticators="scram-sha-256:apop:user" smtp_authenticators="plain"'))


@needs("mutt")
@pytest.mark.parametrize("how", HOW)
def test_mutt_as_it_is_where_no_binding_is_offered(how, tmp_path):
    host = Mailhost(tmp_path / "host", "--no-channel-binding")
    try:
        sends_and_reads(host, how, tmp_path, mutt_config(host, how, tmp_path, ""))
    finally:
        host.close()


# nodemailer


NODEMAILER = "/usr/share/nodejs/nodemailer"
SEND = """
const nodemailer = require('%s');
const wish = JSON.parse(process.argv[2]);
nodemailer.createTransport(wish.transport).sendMail(wish.mail, (error, info) => {
	if (error) { console.error(error); process.exit(1); }
	console.log(JSON.stringify(info.accepted));
});
"""


@needs("node")
@pytest.mark.skipif(not os.path.isdir(NODEMAILER), reason="node-nodemailer not installed")
@pytest.mark.parametrize("how", HOW)
def test_nodemailer(host, how, tmp_path):
    program = tmp_path / "send.js"
    program.write_text(SEND % NODEMAILER)
    transport = {
        "host": "localhost", "port": host.smtp[how], "secure": how == "tls", "requireTLS": how == "starttls", "ignoreTLS": how == "plain",
        "auth": {"user": USER, "pass": PASSWORD},
    }
    mail = {"from": ADDRESS, "to": ADDRESS, "subject": "Grüße", "text": ".\n..two\nend", "attachments": [{"filename": "all", "content": "x" * 5000}]}
    said = call("node", program, json.dumps({"transport": transport, "mail": mail}), env={"NODE_EXTRA_CA_CERTS": str(host.ca)})
    assert json.loads(said) == [ADDRESS]
    (octets,) = host.received()
    back = parsed(octets)
    assert back["Subject"] == "Grüße" and back.get_body().get_content().strip() == ".\n..two\nend"
    assert [part.get_content() for part in back.iter_attachments()][0].strip() in ("x" * 5000, b"x" * 5000)
    if how != "plain":
        ended = subprocess.run(["node", program, json.dumps({"transport": transport, "mail": mail})], capture_output=True, timeout=PATIENCE)
        assert ended.returncode == 1 and b"certificate" in ended.stderr


# gsasl, openssl


@needs("gsasl")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
@pytest.mark.parametrize("how", ["plain", "starttls"])
def test_gsasl(host, how, mechanism):
    """It knows no port where TLS comes first."""
    tls = ["--no-starttls"] if how == "plain" else ["--starttls", f"--x509-ca-file={host.ca}"]
    words = ["gsasl", "--smtp", f"--connect=localhost:{host.smtp[how]}", f"--mechanism={mechanism}", f"--authentication-id={USER}", *tls, "--no-cb"]
    said = call(*words, f"--password={PASSWORD}", input=b"")
    assert b"235 " in said
    wrong = subprocess.run([*words, "--password=wrong"], input=b"QUIT\r\n", capture_output=True, timeout=PATIENCE)
    assert b"235 " not in wrong.stdout


@needs("openssl")
@pytest.mark.parametrize("version, agreed", [("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False), ("-tls1", False)])
@pytest.mark.parametrize("protocol", ["smtp", "pop3"])
@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_openssl_agrees_on_versions(host, protocol, how, version, agreed):
    port = (host.smtp if protocol == "smtp" else host.pop3)[how]
    tls = ["-starttls", protocol] if how == "starttls" else []
    ended = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *tls, version, "-cipher", "DEFAULT@SECLEVEL=0", "-CAfile", host.ca, "-verify_return_error",
         "-verify_hostname", "localhost", "-ign_eof"],
        input=b"QUIT\r\n", capture_output=True, timeout=PATIENCE)
    assert (b"Verify return code: 0 (ok)" in ended.stdout and b"Cipher is (NONE)" not in ended.stdout) == agreed, ended


# Postfix as a client


@pytest.mark.skipif(bool(foreign_servers.missing()), reason=foreign_servers.missing())
@pytest.mark.parametrize("how", HOW)
def test_postfix_sends_on_to_smtpmail(host, how):
    """A relay host with a login, the certificate verified."""
    here = foreign_servers.make_directory()
    run("postroom", "cert", "--dir", here)  # Postfix's own
    relay = f"[localhost]:{host.smtp[how]}"
    (here / "ca-of-the-relay.pem").write_bytes(host.ca.read_bytes())
    secret_file(here / "secrets", f"{relay} {USER}:{PASSWORD}\n")
    (here / "mailboxes").write_text("")
    (here / "aliases").write_text("")
    postfix = foreign_servers.Postfix(here, f"""
virtual_mailbox_domains =
smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
mynetworks = 127.0.0.0/8
smtpd_sasl_auth_enable = no
relayhost = {relay}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:{here}/secrets
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = {"none" if how == "plain" else "secure"}
smtp_tls_wrappermode = {"yes" if how == "tls" else "no"}
smtp_tls_secure_cert_match = nexthop
smtp_tls_CAfile = {here}/ca-of-the-relay.pem
smtp_host_lookup = native
""")
    try:
        mail = letter()
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=PATIENCE) as sender:
            sender.send_message(mail, "bob@sender.example", [ADDRESS])
        wait_for(host.received)
        arrived(host, mail, how)
    finally:
        postfix.stop()
        foreign_servers.clear(here)
