"""Postfix as Debian ships it, delivering into Maildirs by virtual(8)."""

import shutil
import subprocess

from . import mailboxes
from .server import PATH, Server

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {lab}/queue
data_directory = {lab}/data
mail_owner = postfix
inet_interfaces = 127.0.0.1
myhostname = mail.load.test
mydestination =
myorigin = load.test
mynetworks = 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = load.test
virtual_mailbox_base = {lab}/mail
virtual_mailbox_maps = texthash:{lab}/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
maillog_file =
{more}
"""


class Postfix(Server):
    name, queues, held_most = "Postfix", True, 90
    more = ""

    def prepare(self):
        for part in "queue", "data", "mail", "config":
            (self.lab / part).mkdir()
        shutil.chown(self.lab / "data", "postfix")
        mailboxes.own(self.lab / "mail")
        (self.lab / "mailboxes").write_text("".join(f"u{i}@load.test u{i}/\n" for i in range(self.users)))
        uid, gid = mailboxes.owner()
        (self.lab / "config/main.cf").write_text(MAIN_CF.format(lab=self.lab, uid=uid, gid=gid, more=self.more))
        with open("/usr/share/postfix/master.cf.dist", encoding="ascii") as shipped:
            services = shipped.read()
        # In no chroot: its files would have to be copied there first.
        lines = [line for line in services.splitlines() if line and not line.startswith("#")]
        lines = [line.replace("smtp      inet", f"127.0.0.1:{self.port} inet", 1).replace("       y       ", "       n       ", 1) for line in lines]
        (self.lab / "config/master.cf").write_text("\n".join(lines) + "\n")
        subprocess.run(["postfix", "-c", self.lab / "config", "check"], check=True, capture_output=True, stdin=subprocess.DEVNULL,
                       env={"PATH": PATH})

    def command(self):
        return ["/usr/lib/postfix/sbin/master", "-c", self.lab / "config", "-d"]

    def mails_of(self, user):
        return mailboxes.maildir_texts(self.lab / "mail" / user)


class PostfixFreeFlow(Postfix):
    """in_flow_delay makes senders wait for deliveries."""

    name, more = "Postfix, in_flow_delay=0", "in_flow_delay = 0"
