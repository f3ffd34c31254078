"""Labs in the other courses, and dialogues as the assignments print them."""

import socket
import time

from harness import PATIENCE, Lab


class CourseLab(Lab):
    """A directory with a course's users file: `lines` are its text, `mailbox` the name of each user's mailbox."""

    def __init__(self, path, users_file, lines, mailbox, words=None):
        super().__init__(path, words)
        (path / "user.txt").unlink()
        (path / users_file).write_text(lines)
        self.mailbox_name = mailbox

    def mailbox(self, user="alice"):
        return self.path / user / self.mailbox_name


def play(server, dialogue, line_end=b"\r\n"):
    """Says the lines that begin with C: and hears those that begin with S:, word for word; then the connection ends."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection, connection.makefile("rb") as answers:
        for line in dialogue.splitlines():
            side, text = line[:2], line[3:]
            if side == "C:":
                connection.sendall(text.encode() + line_end)
            else:
                assert answers.readline() == text.encode() + b"\r\n"
        assert answers.read() == b""


def minutes(function):
    """The Received dates that the function may have made the server write: of the minute before and after."""
    before = time.strftime("%Y-%m-%d : %H : %M")
    function()
    return {before, time.strftime("%Y-%m-%d : %H : %M")}
