"""Postfix and Dovecot as Debian ships them, on free ports of this machine, with all their files in a directory of their own. They need root.

Neither of the system's own configurations is looked at or changed.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import BUILD, PATIENCE, free_port, wait_for

MASTER = "/usr/lib/postfix/sbin/master"
MAIL_UID = 10777  # whose the mailboxes are; need not be anybody's


def missing():
    """Why they cannot be started here, or ''."""
    if os.geteuid() != 0:
        return "Postfix and Dovecot need root"
    if not os.path.exists(MASTER) or not shutil.which("postconf", path="/usr/sbin:/usr/bin"):
        return "postfix not installed"
    if not shutil.which("dovecot", path="/usr/sbin:/usr/bin") or not os.path.exists("/usr/lib/dovecot/pop3"):
        return "dovecot-pop3d not installed"
    return ""


MAIN_CF = """
compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
mail_owner = postfix
inet_interfaces = 127.0.0.1
myhostname = mail.example.org
mydestination =
myorigin = example.org
mynetworks = 192.0.2.0/24
alias_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {here}/mail
virtual_mailbox_maps = texthash:{here}/mailboxes
virtual_alias_maps = texthash:{here}/aliases
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
smtpd_relay_restrictions = permit_sasl_authenticated reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = {here}/key.pem {here}/cert.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {here}/login
smtpd_error_sleep_time = 0
default_destination_rate_delay = 0
biff = no
{more}
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""

DOVECOT_CONF = """
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{here}/cert.pem
ssl_key = <{here}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256
auth_failure_delay = 0
first_valid_uid = {uid}
mail_location = maildir:{here}/mail/%n
passdb {{
  driver = passwd-file
  args = {here}/passwords
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={here}/mail/%n
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service auth {{
  unix_listener {here}/login {{
    mode = 0666
  }}
}}
"""


def make_directory():
    """One that the servers' own users can look into, unlike pytest's."""
    here = pathlib.Path(tempfile.mkdtemp(prefix="postroom-peers-", dir="/tmp"))
    here.chmod(0o755)
    return here


def clear(here):
    time.sleep(0.2)  # a server's children still write
    shutil.rmtree(here, ignore_errors=True)


class Postfix:
    """`more`: further lines of main.cf."""

    def __init__(self, here, more=""):
        self.here, self.port = here, free_port()
        self.config = here / "postfix"
        for part in self.config, here / "queue", here / "data":
            part.mkdir()
        shutil.chown(here / "data", "postfix")
        (self.config / "main.cf").write_text(MAIN_CF.format(here=here, uid=MAIL_UID, more=more))
        (self.config / "master.cf").write_text(MASTER_CF.format(port=self.port))
        call("postfix", "-c", self.config, "check")
        self.process = subprocess.Popen([MASTER, "-c", self.config, "-d"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until_it_answers(self)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


class Dovecot:
    def __init__(self, here):
        self.here, self.port = here, free_port()
        self.config = here / "dovecot.conf"
        self.config.write_text(DOVECOT_CONF.format(here=here, uid=MAIL_UID, port=self.port))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=os.environ | {"PATH": PATH}, start_new_session=True)
        wait_until_it_answers(self)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


class Peers:
    """Both, with the same users and mailboxes, for the domain example.org."""

    def __init__(self, users, more=""):
        self.here = make_directory()
        call(BUILD / "postroom", "cert", "--dir", self.here)
        names = [name for name, _ in users]
        (self.here / "passwords").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in users))
        (self.here / "mailboxes").write_text("".join(f"{name}@example.org {name}/\n" for name in names))
        (self.here / "aliases").write_text(f"postmaster@example.org {names[0]}@example.org\n")
        (self.here / "mail").mkdir()
        shutil.chown(self.here / "mail", MAIL_UID, MAIL_UID)
        self.servers = []
        try:
            self.dovecot = self.add(Dovecot(self.here))
            self.postfix = self.add(Postfix(self.here, more))
        except BaseException:
            self.stop()
            raise

    def add(self, server):
        self.servers.append(server)
        return server

    @property
    def ca(self):
        return self.here / "ca.pem"

    def stop(self):
        for server in reversed(self.servers):
            server.stop()
        clear(self.here)


PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def call(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=PATIENCE, text=True, stdin=subprocess.DEVNULL,
                          env=os.environ | {"PATH": PATH})
    assert done.returncode == 0, done
    return done.stdout


def wait_until_it_answers(server):
    try:
        wait_for(lambda: answers(server.port), 60)
    except BaseException:
        server.stop()
        raise


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(5)
            return connection.recv(1) != b""
    except OSError:
        return False
