"""The shells' completions offer what the programs' --help says: asked of bash, zsh and fish themselves."""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from harness import BUILD, PATIENCE, ROOT, run

COMPLETIONS = ROOT / "completions"
SHELLS = ["bash", "zsh", "fish"]
ENVIRONMENT = {"PATH": f"{BUILD}:{os.environ['PATH']}", "TERM": "dumb", "LC_ALL": "C.UTF-8", "COLUMNS": "400", "LINES": "200"}


class Terminal:
    """A shell with the completion loaded, and what it shows when a line and a tab are typed."""

    START = {
        "bash": (["bash", "--norc", "--noprofile", "-i"],
                 f"bind 'set show-all-if-ambiguous on' 'set bell-style none'; bind 'set page-completions off'; source {COMPLETIONS}/postroom.bash"),
        "zsh": (["zsh", "-f", "-i"],
                f"fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; unsetopt beep list_ambiguous; zstyle ':completion:*' verbose no"),
    }

    def __init__(self, shell, cwd):
        command, prepare = self.START[shell]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, {**ENVIRONMENT, "HOME": str(cwd)})
        self.type(prepare + "; stty cols 400 rows 200; PS1='ready> '\n")
        self.read_until(lambda text: text.endswith("ready> "))

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, done):
        """What comes, without colours and cursor movements, until it is as it should be."""
        text, end = "", time.monotonic() + PATIENCE
        while not done(text):
            if not select.select([self.fd], [], [], 0.1)[0]:
                assert time.monotonic() < end, text
                continue
            text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r", "", os.read(self.fd, 65536).decode())
        return text

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def offered_by_fish(line, cwd):
    script = f"source {COMPLETIONS}/postroom.fish; complete -C {shlex.quote(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=cwd, timeout=PATIENCE,
                          env={**ENVIRONMENT, "HOME": str(cwd)})
    assert done.stderr == "", done.stderr
    return {offer.split("\t")[0] for offer in done.stdout.splitlines()}


def expect(shell, cwd, line, words):
    """That just these are offered behind the line."""
    if shell == "fish":
        assert offered_by_fish(line, cwd) == set(words), line
        return
    terminal = Terminal(shell, cwd)
    try:
        terminal.type(line + "\t")
        text = terminal.read_until(lambda text: set(words) <= set(re.findall(r"[\w./-]+", text.replace("ready>", ""))))
        if line.endswith(" --"):
            offered = set(re.findall(r"(?:^|\s)(--[\w-]+)", text.partition("\n")[2]))
            assert offered <= set(words), (line, offered)
    finally:
        terminal.close()


def options_of(*command):
    return set(re.findall(r"^ +(--[\w-]+)", run(*command, "--help").stdout, re.M))


shells = pytest.mark.parametrize("shell", [
    pytest.param(shell, marks=pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} not installed")) for shell in SHELLS])
COMMANDS = re.findall(r"^  postroom (\S+)", run("postroom", "--help").stdout, re.M)


@shells
@pytest.mark.parametrize("command", [["smtpmail"], ["popserver"], ["mailclient"], ["postroom-web"], *(["postroom", name] for name in COMMANDS)], ids=" ".join)
def test_all_options_are_offered_and_no_other(shell, command, tmp_path):
    options = options_of(*command)
    assert "--help" in options
    expect(shell, tmp_path, " ".join(command) + " --", options)


@shells
@pytest.mark.parametrize("command", ["send", "list", "show", "delete"])
def test_the_client_s_commands_have_their_own_options(shell, command, tmp_path):
    of_all, *headed = re.split(r"^(\w+):\n", run("mailclient", command, "--help").stdout, flags=re.M)
    own = dict(zip(headed[::2], headed[1::2])).get(command, "")
    expect(shell, tmp_path, f"mailclient {command} --", set(re.findall(r"^ +(--[\w-]+)", of_all + own, re.M)))


@shells
@pytest.mark.parametrize(("line", "words"), [
    ("postroom ", [*COMMANDS, "help"]),
    ("postroom st", ["status"]),
    ("postroom help ce", ["cert"]),
    ("mailclient ", ["send", "list", "show", "delete"]),
    ("postroom user ", ["add", "passwd", "remove", "list"]),
    ("postroom user --dir . ", ["add", "passwd", "remove", "list"]),
    ("postroom config ", ["check", "sample", "man"]),
    ("postroom mail ", ["list", "show", "delete", "undelete", "export", "import", "expire"]),
    ("postroom user --scheme ", ["yescrypt", "scram-sha-256", "plain"]),
    ("postroom mail import --format ", ["mboxrd", "mbox", "maildir", "mail"]),
    ("postroom user remove ", ["alice", "alwin"]),
    ("postroom mail --dir . show al", ["alice", "alwin"]),
    ("postroom serve --config post", ["postroom.conf"]),
    ("smtpmail 2525 --dir sub", ["subdirectory/"]),
])
def test_commands_values_users_and_files_are_offered(shell, line, words, tmp_path):
    (tmp_path / "users.txt").write_text("alice wonderland\nalwin builder\n")
    (tmp_path / "postroom.conf").touch()
    (tmp_path / "subdirectory").mkdir()
    expect(shell, tmp_path, line, words)
