"""Postfix's smtp-sink: takes mail and stores nothing, the ceiling for a server in one process."""

import os
import pwd

from .server import Server


class Sink(Server):
    name, stores = "smtp-sink", False
    held_most = 200

    def command(self):
        # As root it wants to be told whom to become.
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        return [self.bench.tool("smtp-sink"), "-u", user, f"127.0.0.1:{self.port}", "1000"]

