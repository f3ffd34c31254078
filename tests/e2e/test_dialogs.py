"""The dialog files once more, over TCP against the real programs. In `make check` the same files run within one process."""

import re
import subprocess
import sys

import pytest

from dialog_player import Skipped, play
from harness import PATIENCE, ROOT, Lab, run
from serving import Serve

DIALOGS = ROOT / "tests" / "dialogs"
FILES = sorted(DIALOGS.rglob("*.dialog"))
SETS = {"smtp", "pop3", "standard-smtp", "standard-pop3", "standard-lmtp", "rfc-smtp", "rfc-pop3"}


def kind(path):
    return path.relative_to(DIALOGS).parts[0]


def test_there_are_dialogs_of_every_kind():
    assert {kind(path) for path in FILES} == SETS


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(DIALOGS)) for path in FILES])
def test_a_dialog_opens_with_a_sentence_and_says_its_sections(path):
    first, second = path.read_text(errors="replace").splitlines()[:2]
    assert re.fullmatch(r"# [A-Z\"].*[.!?]", first), first
    if kind(path).startswith("rfc-"):
        assert re.match(r"# RFC \d+ section", second), second
        assert not re.search(r"^< ", path.read_text(errors="replace"), re.M), "our own texts are not everybody's"


class Standard(Lab):
    """A lab in the standard mode."""

    def __init__(self, path):
        super().__init__(path)
        (path / "user.txt").unlink()
        (path / "users.txt").write_text("alice secret\n")


def make_certificate(path):
    ended = run("postroom", "cert", "--dir", path)
    assert ended.returncode == 0, ended
    return path / "ca.pem", ["--tls-cert", path / "cert.pem", "--tls-key", path / "key.pem"]


@pytest.fixture
def standard(tmp_path):
    lab = Standard(tmp_path / "standard")
    yield lab
    lab.close()


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(DIALOGS)) for path in FILES])
def test_dialog(path, lab, request):
    program = "popserver" if kind(path).endswith("pop3") else "smtpmail"
    options, how = [], {}
    if kind(path) not in ("smtp", "pop3"):
        lab = request.getfixturevalue("standard")
        options, how = ["--course", "standard", "--domain", "example.org"], {"domain": "example.org"}
        if b"\n= tls\n" in path.read_bytes():
            how["tls_ca"], certificate = make_certificate(lab.path)
            options += certificate
    if kind(path).endswith("lmtp"):
        settings = f'hostname = "mail.example.org"\ndomains = {{"example.org"}}\ndirectory = "{lab.path}"\n'
        with Serve(lab.path, settings, {"lmtp": "protocol = lmtp port = 0"}) as server:
            play(path, "localhost", server.port_of["lmtp"], lab.path, **how)
        return
    server = lab.server(program, *options)
    play(path, "localhost", server.port, lab.path, **how)


# the player as a program of its own


def player(server, *words):
    return subprocess.run(
        [sys.executable, ROOT / "tests/e2e/dialog_player.py", "127.0.0.1", str(server.port), *map(str, words)],
        capture_output=True, text=True, timeout=PATIENCE)


def dialog(tmp_path, text, name="one"):
    place = tmp_path / "rfc-smtp"
    place.mkdir(exist_ok=True)
    path = place / f"{name}.dialog"
    path.write_text("# A sentence.\n# RFC 5321 section 4\n" + text)
    return path


def test_the_player_prints_a_line_a_dialog(lab, smtpmail, tmp_path):
    right = dialog(tmp_path, "<= 220\n> NOOP\n<= 250\n", "right")
    wrong = dialog(tmp_path, "<= 220\n> NOOP\n<= 221\n", "wrong")
    tls = dialog(tmp_path, "<= 220\n= tls\n", "tls")
    needs = dialog(tmp_path, "<= 220\n> EHLO x\n<= 250\n= needs TELEPATHY\n", "needs")
    ended = player(smtpmail, right, tls, needs)
    assert ended.returncode == 0 and ended.stdout.splitlines() == [
        f"ok       {right}: A sentence. (RFC 5321 section 4)",
        f"skipped  {tls}: A sentence. (RFC 5321 section 4): begins TLS: name the server's --tls-ca",
        f"skipped  {needs}: A sentence. (RFC 5321 section 4): the server does not offer TELEPATHY",
    ]
    ended = player(smtpmail, wrong, right)
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"differs  {wrong}: A sentence. (RFC 5321 section 4)\n  {wrong}:5: expected b'221', the server said b'250 ")
    assert f"\nok       {right}: " in ended.stdout


@pytest.mark.parametrize("text", [
    "<= 250\n", "<= 220\n> NOOP\n", "<= 220\n<= 250\n= closed\n", "<= 220\n? .*nothing.*\n", "<= 220\n! 220.*\n", "<= 220\n?^ 250.*\n",
    "<= 220\n> EHLO x\n<= 250\n?1 250.*\n", "<= 220\n= arrived ALICE 1\n", "<= 220\n= closed\n",
], ids=["code", "more", "less", "some line", "no line", "first line", "one line", "arrived", "closed"])
def test_the_player_sees_a_difference(lab, smtpmail, tmp_path, text, monkeypatch):
    import dialog_player

    monkeypatch.setattr(dialog_player, "PATIENCE", 0.5)
    with pytest.raises(AssertionError):
        play(dialog(tmp_path, text), "127.0.0.1", smtpmail.port, lab.path)


def test_the_player_names_other_users(lab, smtpmail, tmp_path):
    path = dialog(tmp_path, "<= 220\n> HELO x\n<= 250\n> MAIL FROM:<a@b>\n<= 250\n> RCPT TO:<ALICE@DOMAIN>\n<= 250\n? .*stallings@lab.example.*\n")
    ended = player(smtpmail, "--user", "stallings:x", "--domain", "lab.example", path)
    assert ended.returncode == 0, ended
    assert player(smtpmail, "--user", "ritchie:x", path).returncode == 1


def test_what_needs_a_mailbox_is_skipped_where_none_can_be_seen(smtpmail, tmp_path):
    with pytest.raises(Skipped):
        play(dialog(tmp_path, "<= 220\n= arrived ALICE 0\n"), "127.0.0.1", smtpmail.port)
