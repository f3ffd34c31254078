"""Dovecot: LMTP, and POP3 on its mailbox formats, as shipped and with every process used again and again."""

import os
import shutil
import subprocess

from . import mailboxes
from .packages import unpacked
from .server import PATH, Server

CONFIG = """
base_dir = {lab}/run
state_dir = {lab}/state
log_path = {lab}/dovecot.log
protocols = pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{lab}/cert.pem
ssl_key = <{lab}/key.pem
disable_plaintext_auth = no
auth_username_format = %Ln
first_valid_uid = 1
mail_location = {location}
passdb {{
  driver = passwd-file
  args = {lab}/passwords
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={lab}/mail/%n
}}
service lmtp {{
  executable = {lmtp}
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop_port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
{login}
}}
service pop3 {{
{pop3}
}}
{more}
"""

REUSED = {
    "login": "  service_count = 0\n  process_min_avail = 2\n  client_limit = 12000",
    "pop3": "  service_count = 100000\n  process_min_avail = 8",
}


class Dovecot(Server):
    location = "maildir:{lab}/mail/%n/Maildir"
    login = pop3 = more = ""
    tls = True

    def prepare(self):
        self.other_port = self.bench.free_port()
        ports = (self.port, self.other_port) if self.lmtp else (self.other_port, self.port)
        self.bench.certificate(self.lab)
        (self.lab / "mail").mkdir()
        mailboxes.own(self.lab / "mail")
        (self.lab / "passwords").write_text("".join(f"u{i}:{{PLAIN}}secret\n" for i in range(self.users)))
        lmtp = "/usr/lib/dovecot/lmtp"
        if not os.path.exists(lmtp):
            lmtp = unpacked(self.bench.build, "dovecot-lmtpd") / "usr/lib/dovecot/lmtp"
        uid, gid = mailboxes.owner()
        self.config = self.lab / "dovecot.conf"
        self.config.write_text(CONFIG.format(lab=self.lab, location=self.location.format(lab=self.lab), uid=uid, gid=gid, lmtp=lmtp,
                                             lmtp_port=ports[0], pop_port=ports[1], tls_port=self.tls_port, login=self.login, pop3=self.pop3,
                                             more=self.more))

    def command(self):
        return ["/usr/sbin/dovecot", "-F", "-c", self.config]


class DovecotLmtp(Dovecot):
    name, lmtp, held_most, tls = "Dovecot, LMTP", True, 80, False

    def mails_of(self, user):
        return mailboxes.maildir_texts(self.lab / "mail" / user / "Maildir")


class DovecotMaildir(Dovecot):
    name, held_most, mailbox_format = "Dovecot, Maildir", 80, "maildir"

    def mailbox(self, user):
        return self.lab / "mail" / user / "Maildir"

    def forget_index(self):
        for pattern in "u*/Maildir/dovecot*", "u*/.imap", "u*/mail/.imap":
            for index in (self.lab / "mail").glob(pattern):
                shutil.rmtree(index) if index.is_dir() else index.unlink()


class DovecotMbox(DovecotMaildir):
    name, mailbox_format = "Dovecot, mbox", "mbox"
    location = "mbox:{lab}/mail/%n/mail:INBOX={lab}/mail/%n/inbox"
    more = "mbox_write_locks = fcntl"

    def mailbox(self, user):
        (self.lab / "mail" / user / "mail").mkdir(parents=True, exist_ok=True)
        return self.lab / "mail" / user / "inbox"


class DovecotReused(DovecotMaildir):
    name, held_most, held_most_tls = "Dovecot, Maildir, processes reused", 10_000, 2_000  # then its login processes are at their vsz_limit
    login, pop3 = REUSED["login"], REUSED["pop3"]


class DovecotSdbox(DovecotReused):
    """Its files are its own: they are imported from an mbox."""

    name, mailbox_format = "Dovecot, sdbox, processes reused", "mbox"
    location = "sdbox:{lab}/mail/%n/dbox"

    def mailbox(self, user):
        return self.lab / "mail" / user / "imported"

    def after_filling(self, user):
        kept = self.bench.place / f"kept-{type(self).__name__}-{self.mailbox(user).stat().st_size}"
        if kept.exists():
            subprocess.run(["cp", "-a", kept, self.lab / "mail" / user / "dbox"], check=True)
        else:
            self.import_mail(user)
            subprocess.run(["cp", "-a", self.lab / "mail" / user / "dbox", kept], check=True)
        self.mailbox(user).unlink()

    def import_mail(self, user):
        home, location = self.lab / "mail" / user, self.location.format(lab=self.lab).replace("%n", user)
        source = f"mbox:{home}/source:INBOX={self.mailbox(user)}"
        uid, gid = mailboxes.owner()
        # Without -u: there is no server yet that knows users.
        command = ["doveadm", "-c", self.config, "-o", f"mail_location={location}", "-o", f"mail_uid={uid}", "-o", f"mail_gid={gid}",
                   "-o", "mail_fsync=never", "import", source, "", "all"]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": PATH, "HOME": str(home), "USER": user})
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        for path in [home, *home.rglob("*")]:
            mailboxes.own(path)

    def forget_index(self):
        raise NotImplementedError("its index is data")


class DovecotMdbox(DovecotSdbox):
    name = "Dovecot, mdbox, processes reused"
    location = "mdbox:{lab}/mail/%n/dbox"
