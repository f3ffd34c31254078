"""The dialogs for any server, played against Postfix and Dovecot: where those do something else is noted in docs/peers.md, and nowhere else."""

import re

import pytest

from dialog_player import CAST, Skipped, Target, Player
from foreign_servers import Peers, missing
from harness import ROOT

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

DIALOGS = ROOT / "tests" / "dialogs"
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| ([^|]+) \|$", re.M)


@pytest.fixture(scope="module")
def peers():
    both = Peers(CAST)
    yield both
    both.stop()


def noted(name):
    """The rows of a server's table."""
    page = (ROOT / "docs" / "peers.md").read_text()
    section = page.split(f"## {name}")[1].split("\n## ")[0]
    rows = ROW.findall(section)
    assert len({dialog for dialog, _, _ in rows}) == len(rows)
    return {dialog for dialog, _, _ in rows}


def observed(directory, target):
    """The dialogs that do not end well, and how."""
    differing = {}
    for path in sorted((DIALOGS / directory).glob("*.dialog")):
        try:
            Player(path, target).play()
        except (AssertionError, Skipped, OSError, EOFError) as difference:
            differing[path.stem] = f"{type(difference).__name__}: {difference}"
    return differing


@pytest.mark.parametrize("name, directory", [("Postfix", "rfc-smtp"), ("Dovecot", "rfc-pop3")])
def test_the_differences_are_those_that_are_noted(peers, name, directory):
    port = peers.postfix.port if name == "Postfix" else peers.dovecot.port
    target = Target("localhost", port, domain="example.org", smtp=peers.postfix.port, pop3=peers.dovecot.port, tls_ca=peers.ca)
    differing = observed(directory, target)
    surplus, absent = differing.keys() - noted(name), noted(name) - differing.keys()
    assert not surplus and not absent, "\n".join([f"noted, but not so: {absent}", *(differing[dialog] for dialog in sorted(surplus))])
