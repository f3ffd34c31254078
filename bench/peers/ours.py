"""smtpmail and popserver, in the standard mode; sandbox and limits as they come."""

import mmap

from . import mailboxes
from .server import Server


class Ours(Server):
    program = ""
    tls = True

    def prepare(self):
        (self.lab / "users.txt").write_text("".join(f"u{i} secret\n" for i in range(self.users)))
        self.bench.certificate(self.lab)
        mailboxes.own(self.lab)

    def command(self):
        certificate = ["--tls-cert", self.lab / "cert.pem", "--tls-key", self.lab / "key.pem", "--tls-port", self.tls_port]
        return [self.bench.build / self.program, self.port, "--dir", self.lab, "--listen", "127.0.0.1", "--course", "standard",
                "--domain", "load.test", "--max-connections", "12000", *(certificate if self.tls else [])]

    def mails_of(self, user):
        with open(self.lab / user / "mailbox", "rb") as file:
            yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class Smtpmail(Ours):
    name, program = "smtpmail", "smtpmail"


class Popserver(Ours):
    name, program = "popserver", "popserver"
    mailbox_format = "ours"

    def mailbox(self, user):
        return self.lab / user / "mailbox"

    def forget_index(self):
        for index in self.lab.glob("u*/.*.index"):
            index.unlink()
