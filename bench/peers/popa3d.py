"""popa3d from its Debian package, unpacked: it conflicts with Dovecot. Mailboxes, users and port 110 are compiled in."""

import shutil

from . import mailboxes
from .packages import unpacked
from .server import Server


class Popa3d(Server):
    name, port_fixed, held_most, mailbox_format = "popa3d", 110, 0, "mbox"

    def prepare(self):
        package = unpacked(self.bench.build, "popa3d")
        self.program = package / "usr/sbin/popa3d"
        for part in "mail", "lib/popa3d":
            (self.lab / part).mkdir(parents=True)
        (self.lab / "mail").chmod(0o1777)
        (self.lab / "lib/popa3d").chmod(0o755)
        shutil.copytree("/etc/pam.d", self.lab / "pam.d")
        shutil.copy(package / "etc/pam.d/popa3d", self.lab / "pam.d")
        passwd, group, shadow = mailboxes.accounts(self.lab, self.users, extra=("popa3d",))
        self.binds = {"/etc/passwd": passwd, "/etc/group": group, "/etc/shadow": shadow, "/etc/pam.d": self.lab / "pam.d",
                      "/var/mail": self.lab / "mail", "/var/lib": self.lab / "lib"}

    def command(self):
        return [self.program, "-D"]

    def mailbox(self, user):
        return self.lab / "mail" / user

    def forget_index(self):
        pass
