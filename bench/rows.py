"""What is measured: the rows of the tables, and the targets."""

import dataclasses
import typing

KIB, MIB = 1024, 1024 * 1024


@dataclasses.dataclass
class Receiving:
    key: str
    title: str
    flags: dict
    quick: bool = False
    only: tuple = ()  # servers; none: all
    not_for: tuple = ()


@dataclasses.dataclass
class Fetching:
    key: str
    title: str
    metric: str  # that is the row's figure
    flags: dict
    users: int = 1
    mails: int = 10
    octets: int = 1000
    warm: bool = True
    cold: bool = False
    quick: bool = False
    not_for: tuple = ()
    only: tuple = ()


@dataclasses.dataclass
class Holding:
    key: str
    title: str
    protocol: str
    tls: bool
    connections: int = 10_000


RECEIVING = [
    Receiving("50x20", "1 KiB, 50 connections × 20 mails, again and again", {"connections": 50, "per-connection": 20}, quick=True),
    Receiving("10x100", "1 KiB, 10 connections × 100 mails", {"connections": 10, "per-connection": 100}),
    Receiving("single", "1 KiB, 10 connections, one mail each", {"connections": 10, "per-connection": 1}, quick=True),
    Receiving("recipients", "1 KiB to 10 recipients, 10 connections × 100", {"connections": 10, "per-connection": 100, "recipients": 10, "users": 10},
              quick=True),
    Receiving("1MiB", "1 MiB, 10 connections × 10", {"connections": 10, "per-connection": 10, "size": MIB}, quick=True),
    Receiving("100users", "1 KiB to 100 users in turn, 50 connections × 20", {"connections": 50, "per-connection": 20, "users": 100}, quick=True),
    Receiving("latency", "1 KiB, 100 connections × 100", {"connections": 100, "per-connection": 100}, quick=True),
    Receiving("pipelined", "1 KiB, 50 connections × 20, envelopes in one go", {"connections": 50, "per-connection": 20, "pipeline": True},
              not_for=("OpenSMTPD",)),  # it has no PIPELINING
    Receiving("tls", "1 KiB, 50 connections × 20, TLS resumed", {"connections": 50, "per-connection": 20, "tls": True, "resume": True},
              only=("smtpmail",)),
    Receiving("tls-single", "1 KiB, 10 connections, one mail each, TLS resumed", {"connections": 10, "per-connection": 1, "tls": True, "resume": True},
              only=("smtpmail",)),
    Receiving("tls-full", "1 KiB, 10 connections, one mail each, TLS anew each time", {"connections": 10, "per-connection": 1, "tls": True},
              only=("smtpmail",)),
]

WHOLE = "login,stat,list,uidl,quit"
MANY = {"mails": 100_000, "octets": 1000}

FETCHING = [
    Fetching("logins", "logins/s (STAT, QUIT), 10 connections", "rate", {"connections": 10, "script": "login,stat,quit"}, users=10, quick=True,
             not_for=("popa3d",)),  # it refuses more than some from one address in ten seconds
    Fetching("logins-tls", "… TLS resumed", "rate", {"connections": 10, "script": "login,stat,quit", "tls": True, "resume": True}, users=10,
             not_for=("popa3d", "Dovecot, mbox", "Dovecot, sdbox, processes reused", "Dovecot, mdbox, processes reused")),
    Fetching("logins-tls-full", "… TLS anew each time", "rate", {"connections": 10, "script": "login,stat,quit", "tls": True}, users=10, only=("popserver",)),
    Fetching("retr", "RETR of 1,000 mails of 4 KiB, window of 200, 4 connections, mails/s", "mails",
             {"connections": 4, "window": 200, "script": "login,stat,retr,quit"}, users=4, mails=1000, octets=4 * KIB, quick=True, not_for=("popa3d",)),
    Fetching("session-warm", "whole session, 100,000 mails, warm, ms", "p50", {"script": WHOLE, "sessions": 20}, **MANY),
    Fetching("session-cold", "… index thrown away, ms", "p50", {"script": WHOLE, "sessions": 1}, cold=True, **MANY,
             not_for=("Dovecot, sdbox, processes reused", "Dovecot, mdbox, processes reused", "Dovecot, Maildir, processes reused")),
    Fetching("delete-one", "delete one of 100,000 and QUIT, ms", "p50", {"script": "login,dele-one,quit", "sessions": 1}, **MANY),
    Fetching("delete-all", "delete all of 100,000 and QUIT, ms", "p50", {"script": "login,stat,dele-all,quit", "window": 200, "sessions": 1}, **MANY),
    Fetching("million", "login with 1,000,000 mails, 10 GB, warm, ms", "login_ms", {"script": "login,stat,quit", "connections": 1}, mails=1_000_000, octets=10_000,
             only=("popserver",)),
]

HOLDING = [
    Holding("idle-smtp", "10,000 idle SMTP connections", "smtp", False),
    Holding("idle-smtp-tls", "… with TLS", "smtp", True),
    Holding("idle-pop3", "10,000 idle POP3 connections", "pop3", False),
    Holding("idle-pop3-tls", "… with TLS", "pop3", True),
]

HIGHER_IS_BETTER = {"rate", "mails", "octets"}


@dataclasses.dataclass
class Target:
    """`ours` at least (or at most) `factor` × `other`; other None: a figure in itself."""

    text: str
    ours: tuple  # row, server, metric
    factor: float
    other: typing.Any = None  # row, server, metric; or "best": the best of the others in the row
    at_most: bool = False


def receiving(text, row, factor, server, metric="rate", at_most=False):
    return Target(text, (row, "smtpmail", metric), factor, (row, server, metric), at_most)


def fetching(text, row, metric, factor, other, at_most=False):
    return Target(text, (row, "popserver", metric), factor, other, at_most)


TARGETS = [
    receiving("0.6 × smtp-sink at 50 × 20", "50x20", 0.6, "smtp-sink"),
    receiving("20 × Postfix as shipped", "50x20", 20, "Postfix"),
    receiving("15 × Dovecot, LMTP", "50x20", 15, "Dovecot, LMTP"),
    receiving("0.5 × smtp-sink, one mail a connection", "single", 0.5, "smtp-sink"),
    receiving("0.25 × smtp-sink, 10 recipients", "recipients", 0.25, "smtp-sink"),
    receiving("0.6 × smtp-sink at 1 MiB", "1MiB", 0.6, "smtp-sink"),
    Target("100 users as one, at least 0.7 ×", ("100users", "smtpmail", "rate"), 0.7, ("50x20", "smtpmail", "rate")),
    receiving("CPU a mail at most 3 × smtp-sink's", "50x20", 3, "smtp-sink", "cpu", at_most=True),
    Target("p99 under 20 ms at 100 connections", ("latency", "smtpmail", "p99"), 20, at_most=True),
    fetching("logins: 4 × the best", "logins", "rate", 4, "best"),
    fetching("logins: 40 × Dovecot as shipped", "logins", "rate", 40, ("logins", "Dovecot, Maildir", "rate")),
    fetching("RETR: 4 × the best, mails/s", "retr", "mails", 4, "best"),
    fetching("RETR: 4 × the best, MB/s", "retr", "octets", 4, "best"),
    fetching("deleting one: a tenth of the best", "delete-one", "p50", 0.1, "best", at_most=True),
    fetching("deleting all: 0.4 × the best", "delete-all", "p50", 0.4, "best", at_most=True),
    fetching("100,000 mails, warm: login under 5 ms", "session-warm", "login_ms", 5, None, at_most=True),
    fetching("1,000,000 mails, 10 GB: login under 20 ms", "million", "login_ms", 20, None, at_most=True),
    Target("smtpmail at rest under 8 MiB", ("idle-smtp", "smtpmail", "base"), 8192, at_most=True),
    Target("popserver at rest under 8 MiB", ("idle-pop3", "popserver", "base"), 8192, at_most=True),
    Target("an idle SMTP connection under 4 KiB", ("idle-smtp", "smtpmail", "each"), 4, at_most=True),
    Target("an idle POP3 connection under 4 KiB", ("idle-pop3", "popserver", "each"), 4, at_most=True),
    Target("an idle SMTP connection with TLS under 40 KiB", ("idle-smtp-tls", "smtpmail", "each"), 40, at_most=True),
    Target("an idle POP3 connection with TLS under 40 KiB", ("idle-pop3-tls", "popserver", "each"), 40, at_most=True),
    Target("a new SMTP session beside 10,000 under 50 ms", ("idle-smtp", "smtpmail", "worst"), 50, at_most=True),
    Target("a new POP3 session beside 10,000 under 50 ms", ("idle-pop3", "popserver", "worst"), 50, at_most=True),
    Target("1,000,000 mails in the mailbox as 10, CPU within 1.3 ×", ("growth-mails", "1000000", "cpu"), 1.3, ("growth-mails", "10", "cpu"), at_most=True),
    Target("10,000 users as one, CPU within 1.3 ×", ("growth-users", "10000", "cpu"), 1.3, ("growth-users", "1", "cpu"), at_most=True),
    Target("TLS resumed: half the plain rate at 50 × 20", ("tls", "smtpmail", "rate"), 0.5, ("50x20", "smtpmail", "rate")),
    Target("TLS resumed: half the plain rate, one mail a connection", ("tls-single", "smtpmail", "rate"), 0.5, ("single", "smtpmail", "rate")),
    Target("TLS resumed: half the plain logins", ("logins-tls", "popserver", "rate"), 0.5, ("logins", "popserver", "rate")),
    Target("list of 10,000 mails under 0.3 s", ("client-list", "mailclient", "seconds"), 0.3, at_most=True),
    Target("sending 100 MiB at 0.5 × the loopback's rate, where nobody keeps it", ("client-send", "… to a reader that keeps nothing", "octets"), 0.5,
           ("client-send", "loopback", "octets")),
]
