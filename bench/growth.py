"""What a mail and a session cost as mailboxes and users grow; drawn into plots/."""

import measure as figures
import svg
from peers import READERS, RECEIVERS, mailboxes

MAILS = [10, 100, 1_000, 10_000, 100_000, 1_000_000]
USERS = [1, 10, 100, 1_000, 10_000]
OCTETS = 300  # of the mails that are there already: many small ones make a large mailbox soon


def into_a_mailbox(bench, mails):
    """Milliseconds of CPU and of time that a further mail costs in a mailbox of so many. The first mail, before, brings the index."""

    def fill(server):
        mailboxes.fill("ours", server.lab / "u0/mailbox", mails, OCTETS)

    with bench.server(RECEIVERS["smtpmail"], 1, fill) as server:
        bench.load("smtpload", server, {"mails": 1})
        before = server.cpu()
        told = bench.load("smtpload", server, {"connections": 50, "per-connection": 20, "mails": max(2_000, int(bench.seconds * 1000))})
        return (server.cpu() - before) / told["mails"] * 1e3, 1e3 / told["rate"]


def to_users(bench, users):
    """Milliseconds of CPU and of time that a mail to one of so many costs. Each has one before: the first one makes the mailbox."""
    with bench.server(RECEIVERS["smtpmail"], users) as server:
        bench.load("smtpload", server, {"connections": 50, "per-connection": 20, "users": users, "mails": users})
        before = server.cpu()
        told = bench.load("smtpload", server, {"connections": 50, "per-connection": 20, "users": users, "seconds": bench.seconds})
        return (server.cpu() - before) / told["mails"] * 1e3, 1e3 / told["rate"]


def session(bench, mails):
    """Milliseconds of a login, and of LIST and UIDL."""
    with bench.server(READERS["popserver"], 1, figures.filler(mails, OCTETS, 1)) as server:
        script = {"script": "login,stat,list,uidl,quit"}
        bench.load("popload", server, {**script, "sessions": 1})
        told = bench.load("popload", server, {**script, "sessions": 7})
        return told["login_ms"]["p50"], told["list_ms"]["p50"] + told["uidl_ms"]["p50"]


def logins(bench, users):
    """Milliseconds of a session among so many users, of which 10 come at once."""
    with bench.server(READERS["popserver"], users, figures.filler(1, OCTETS, 1)) as server:
        told = bench.load("popload", server, {"connections": min(users, 10), "users": users, "seconds": min(bench.seconds, 5)})
        return 1e3 / told["rate"]


def draw(plots, by_mails, by_users):
    svg.plot(plots / "mails-in-a-mailbox.svg", "A further mail of 1 KiB, by the mails that are in the mailbox", ("mails in the mailbox", "ms a mail"),
             {"CPU of smtpmail": [(n, v["cpu"]) for n, v in by_mails.items()], "time, 50 × 20": [(n, v["time"]) for n, v in by_mails.items()]})
    svg.plot(plots / "session.svg", "A POP3 session, warm, by the mails in the mailbox", ("mails in the mailbox", "ms"),
             {"login": [(n, v["login"]) for n, v in by_mails.items()], "LIST and UIDL": [(n, v["listing"]) for n, v in by_mails.items()],
              "… of a mail": [(n, v["listing"] / n) for n, v in by_mails.items()]})
    svg.plot(plots / "users.svg", "Mail and sessions, by the number of users", ("users", "ms each"),
             {"CPU a mail": [(n, v["cpu"]) for n, v in by_users.items()], "time a mail, 50 × 20": [(n, v["time"]) for n, v in by_users.items()],
              "time a login": [(n, v["login"]) for n, v in by_users.items()]})


def measure(bench, options):
    by_mails, by_users = {}, {}
    for mails in MAILS:
        cpu, time = into_a_mailbox(bench, mails)
        login, listing = session(bench, mails)
        by_mails[mails] = {"cpu": cpu, "time": time, "login": login, "listing": listing}
        print(f"growth, {mails} mails:", by_mails[mails], flush=True)
    for users in USERS:
        cpu, time = to_users(bench, users)
        by_users[users] = {"cpu": cpu, "time": time, "login": logins(bench, users)}
        print(f"growth, {users} users:", by_users[users], flush=True)
    draw(options.out / "plots", by_mails, by_users)
    rows = {"growth-mails": by_mails, "growth-users": by_users}
    return {row: {str(n): figures.summary({name: [value] for name, value in found.items()}) for n, found in by.items()} for row, by in rows.items()}
