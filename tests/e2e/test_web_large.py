"""The web inbox where much is in it."""

import os
import pathlib
import time

import pytest

from harness import PATIENCE, SANITISED, wait_for
from test_web import Running


def many_mails(count):
    """As a mailbox holds them; one of them has a word that no other has."""
    for n in range(count):
        word = "needle" if n == count // 2 else f"hay{n}"
        text = f"Of what there is much, number {n}: {word}.\n" * 20
        yield f"From: Sender {n % 100} <s{n % 100}@example.org>\nTo: ann@example.org\nSubject: Mail number {n}\n\n{text}.\n"


def seconds_of(process):
    """What it has had of the processor."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quickest(server, path, **filters):
    """Of nine requests, in seconds: what a busy machine does besides is not what is asked for, so that the processor's time counts where it is less."""
    took, had = [], seconds_of(server.worker())
    for _ in range(9):
        begun = time.monotonic()
        server.web.get(path, **filters)
        took.append(time.monotonic() - begun)
    return min(*took, (seconds_of(server.worker()) - had) / 9 + 0.01)


@pytest.mark.skipif(SANITISED, reason="slow on purpose")
def test_a_hundred_thousand_mails_are_shown_and_searched_quickly(tmp_path):
    count = 100_000
    with Running(tmp_path / "served") as server:
        server.send()
        (mailbox,) = (tmp_path / "served" / "mail").glob("*/mailbox")
        with mailbox.open("a") as box:
            box.writelines(many_mails(count - 1))
        begun = time.monotonic()
        wait_for(lambda: server.web.get("/api/messages", limit=1)["total"] == count or time.sleep(0.5), 10 * PATIENCE)
        took = {"taken in": time.monotonic() - begun}
        took["first page"] = quickest(server, "/api/messages")
        took["one found"] = quickest(server, "/api/messages", q="needle")
        took["all found"] = quickest(server, "/api/messages", q="number much")
        print({name: round(seconds, 3) for name, seconds in took.items()})
        assert server.web.get("/api/messages", q="needle")["total"] == 1
        assert server.web.get("/api/messages", q="number much")["total"] == count - 1
        assert took["first page"] < 0.1
        assert max(took["one found"], took["all found"]) < 1
