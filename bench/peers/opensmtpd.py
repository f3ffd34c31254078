"""OpenSMTPD from its Debian package, unpacked: it conflicts with Postfix. Delivers into Maildirs."""

import os
import shutil

from . import mailboxes
from .packages import unpacked
from .server import Server

CONFIG = """
listen on 127.0.0.1 port {port} hostname mail.load.test
action "local" maildir "{lab}/mail/%{{user.username}}"
match from any for domain "load.test" action "local"
"""


class OpenSmtpd(Server):
    name, queues, held_most = "OpenSMTPD", True, 0  # its queue of five lets no crowd in within minutes

    def prepare(self):
        package = unpacked(self.bench.build, "opensmtpd")
        self.program = package / "usr/sbin/smtpd"
        for part in "spool/smtpd", "lib/opensmtpd/empty", "run", "mail":
            (self.lab / part).mkdir(parents=True)
        os.chmod(self.lab / "spool/smtpd", 0o711)
        mailboxes.own(self.lab / "mail")
        for i in range(self.users):
            (self.lab / f"mail/u{i}").mkdir()
            mailboxes.own(self.lab / f"mail/u{i}")
        passwd, group, shadow = mailboxes.accounts(self.lab, self.users, extra=("opensmtpd", "opensmtpq"))
        self.binds = {"/etc/passwd": passwd, "/etc/group": group, "/etc/shadow": shadow, "/var/spool": self.lab / "spool",
                      "/var/lib": self.lab / "lib", "/run": self.lab / "run", "/usr/libexec": package / "usr/libexec"}
        (self.lab / "smtpd.conf").write_text(CONFIG.format(port=self.port, lab=self.lab))
        (self.lab / "smtpd.conf").chmod(0o644)
        shutil.chown(self.lab / "spool/smtpd", "root")

    def command(self):
        return [self.program, "-d", "-f", self.lab / "smtpd.conf"]

    def mails_of(self, user):
        return mailboxes.maildir_texts(self.lab / "mail" / user)
