"""The dialog files once more, over TCP against the real programs. In `make check` the same files run within one process."""

import pytest

from dialog_player import play
from harness import ROOT

DIALOGS = ROOT / "tests" / "dialogs"
FILES = sorted(DIALOGS.rglob("*.dialog"))


def test_there_are_dialogs_for_both_protocols():
    assert {path.relative_to(DIALOGS).parts[0] for path in FILES} >= {"smtp", "pop3"}


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(DIALOGS)) for path in FILES])
def test_dialog(path, lab):
    server = lab.smtpmail() if path.relative_to(DIALOGS).parts[0] == "smtp" else lab.popserver()
    play(path, "127.0.0.1", server.port, lab.path)
