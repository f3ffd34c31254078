"""The servers that are measured side by side."""

from .dovecot import DovecotLmtp, DovecotMaildir, DovecotMbox, DovecotMdbox, DovecotReused, DovecotSdbox
from .opensmtpd import OpenSmtpd
from .ours import Popserver, Smtpmail
from .popa3d import Popa3d
from .postfix import Postfix, PostfixFreeFlow
from .sink import Sink

RECEIVERS = {server.name: server for server in (Smtpmail, Sink, Postfix, PostfixFreeFlow, OpenSmtpd, DovecotLmtp)}
READERS = {server.name: server for server in (Popserver, DovecotMaildir, DovecotMbox, DovecotReused, DovecotSdbox, DovecotMdbox, Popa3d)}
__all__ = ["READERS", "RECEIVERS"]
