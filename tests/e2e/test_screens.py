"""The client on a real terminal (tmux), with the real servers: every menu of every course, as a person sees it.

What the terminal shows is compared with screens/NAME.txt, where dates and the numbers of registered clients are masked. After a
change that is meant, POSTROOM_SCREENS=write writes the files anew; look at them before they are committed:

    POSTROOM_SCREENS=write python3 -m pytest tests/e2e/test_screens.py && git diff tests/e2e/screens
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time

import pytest

from harness import BUILD, PATIENCE, Server

SCREENS = pathlib.Path(__file__).parent / "screens"
WRITE = os.environ.get("POSTROOM_SCREENS") == "write"
DATE = re.compile(r"\d{4}-\d\d-\d\d : \d\d : \d\d")

# Ctrl-C goes to the shell, too, which has to live on and tell how the client ended and whether the terminal is as it was.
WRAPPER = 'trap : INT QUIT; before=$(stty -g); "$@"; echo "[status $?]"; test "$before" = "$(stty -g)" && echo "[terminal as it was]"; exec sleep 600'


class Terminal:
    """A command in a tmux of its own; a terminal of fixed size."""

    def __init__(self, *command, columns=80, rows=24):
        self.home = tempfile.mkdtemp(prefix="postroom-tmux-")
        self.masks = {}
        self.seen = -1
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TMUX")}
        self.environment = {**environment, "TMUX_TMPDIR": self.home, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        wrapped = shlex.join(["sh", "-c", WRAPPER, "client", *map(str, command)])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, wrapped)

    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-u", "-L", "screens", *map(str, arguments)],
            env=self.environment, capture_output=True, text=True, timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self):
        subprocess.run(["tmux", "-L", "screens", "kill-server"], env=self.environment, capture_output=True, timeout=PATIENCE)
        shutil.rmtree(self.home, ignore_errors=True)

    def lines(self):
        """What is on the screen, without the empty lines below."""
        return self.tmux("capture-pane", "-p").rstrip("\n").split("\n")

    def line_number(self):
        """Of the cursor's line, counted from the first that ever was on the screen."""
        above, line = self.tmux("display-message", "-p", "#{history_size} #{cursor_y}").split()
        return int(above) + int(line)

    def wait(self, end):
        """Until a new line, the last one, ends so. Returns all that are on the screen."""
        limit = time.monotonic() + PATIENCE
        while True:
            number, lines = self.line_number(), self.lines()
            if number > self.seen and lines[-1].endswith(end.rstrip()) and number == self.line_number():
                self.seen = number
                return lines
            assert time.monotonic() < limit, f"{end!r} never came:\n" + "\n".join(lines)
            time.sleep(0.01)

    def type(self, *lines):
        """Lines, each with Enter."""
        for line in lines:
            if line:
                self.tmux("send-keys", "-l", "--", line)
            self.tmux("send-keys", "Enter")

    def key(self, *keys):
        """Single keys, by tmux's names for them."""
        self.tmux("send-keys", "--", *keys)

    def resize(self, columns, rows=24):
        """The lines on the screen are broken anew, and so are counted from here on."""
        self.tmux("resize-window", "-x", columns, "-y", rows)
        self.seen = -1
        while self.seen != (number := self.line_number()):
            self.seen = number
            time.sleep(0.3)

    def shows(self, name, end):
        """The screen, once it ends so, is the one that is kept under this name."""
        text = self.masked("\n".join(self.wait(end)) + "\n")
        assert not any(password in text for password in PASSWORDS)
        path = SCREENS / f"{name}.txt"
        if WRITE:
            SCREENS.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"not screens/{path.name}; where it is meant, POSTROOM_SCREENS=write keeps it"

    def masked(self, text):
        text = DATE.sub("YYYY-MM-DD : HH : MM", text)
        for number, letter in self.masks.items():
            text = re.sub(rf"\b{number}@mymailserver\b", f"{letter}@mymailserver", text)
        return text

    def ended(self, status):
        """The client has ended so, and the terminal is as it was."""
        lines = self.wait("[terminal as it was]")
        assert lines[-2].endswith(f"[status {status}]"), lines


PASSWORDS = ("wonderland", "builder")
MENU = "Enter your choice: "
COMMAND = "Command (STAT, LIST, RETR, DELE, RSET, QUIT): "


class Place:
    """A directory with a course's users file, and the servers in it."""

    def __init__(self, path, course):
        self.path, self.course, self.servers, self.terminals = path, course, [], []
        users_file, separator, self.mailbox = COURSES[course]
        if users_file:
            (path / users_file).write_text(f"alice{separator}wonderland\nbob{separator}builder\n")
        where = ["--dir", path] if users_file else []
        domain = [] if course == "mymailserver" else ["--domain", "lab"]
        self.smtp = self.server("smtpmail", "--course", course, *where, *domain)
        self.pop3 = self.server("popserver", "--course", course, *where) if users_file else None

    def server(self, program, *options):
        self.servers.append(Server(program, *options))
        return self.servers[-1]

    def put(self, user, *mails):
        """Mails in the user's mailbox, as the servers would have stored them."""
        (self.path / user).mkdir(mode=0o700, exist_ok=True)
        (self.path / user / self.mailbox).write_bytes(b"".join(mail + b".\n" for mail in mails))

    def terminal(self, **size):
        ports = [self.smtp.port] + ([self.pop3.port] if self.pop3 else [])
        self.terminals.append(Terminal(BUILD / "mailclient", "--course", self.course, "127.0.0.1", *ports, **size))
        return self.terminals[-1]

    def logged_in(self, **size):
        """At the menu."""
        t = self.terminal(**size)
        if self.pop3:
            t.wait("Username: ")
            t.type("alice")
            t.wait("Password: ")
            t.type("wonderland")
        t.wait(MENU)
        return t

    def close(self):
        for terminal in self.terminals:
            terminal.close()
        for server in self.servers:
            server.stop()


COURSES = {
    "kharagpur": ("user.txt", " ", "mymailbox"),
    "calicut": ("logincred.txt", ",", "mymailbox.mail"),
    "leuven": ("userinfo.txt", "  ", "my_mailbox"),
    "mymailserver": (None, None, None),
}


@pytest.fixture
def place(tmp_path):
    places = []

    def open_place(course):
        places.append(Place(tmp_path, course))
        return places[-1]

    yield open_place
    for p in places:
        p.close()


def mail(sender, subject, *body):
    lines = [f"From: {sender}", "To: alice@lab", f"Subject: {subject}", "Received: 2026-11-20 : 12 : 44", *body]
    return "\n".join(lines).encode() + b"\n"


LETTERS = (
    mail("bob@lab", "Next evaluation", "The evaluation will be on 22 March.", "Please be ready."),
    mail("a.rather.long.name@mail.department.example.org", "A subject that is a good deal longer than the line of a terminal is wide", "x"),
    mail("li@example.cn", "会议时间：星期五下午三点，地点：图书馆二楼会议室，请准时参加", "大家好", "请准时参加。"),
    mail("emoji@lab", "📬📬 You have mail 🎉 e\u0301te\u0301", "👩‍💻 ✉️"),
    mail("evil@lab", "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\x9b5n", "\x1b[31mred\x1b[H\x1b[2J gone?", "tab\there, CR\rhere, NUL\0here"),
)


# ---- a menu with a list ----


def test_kharagpur_the_list_and_a_mail(place):
    p = place("kharagpur")
    p.put("alice", *LETTERS)
    t = p.terminal()
    t.shows("kharagpur-1-start", "Username: ")
    t.type("alice")
    t.wait("Password: ")
    t.type("wonderland")
    t.shows("kharagpur-2-menu", MENU)
    t.key("1")
    t.shows("kharagpur-3-list", "Enter mail no. to see: ")
    t.type("9")
    t.wait("Enter mail no. to see: ")
    t.type("none")
    t.shows("kharagpur-4-out-of-range", "Enter mail no. to see: ")
    t.type("5")
    t.shows("kharagpur-5-hostile", "goes back to the list: ")
    t.key("x")
    t.wait("Enter mail no. to see: ")
    t.type("3")
    t.shows("kharagpur-6-wide", "goes back to the list: ")
    t.key("d")
    t.shows("kharagpur-7-deleted", "Enter mail no. to see: ")
    t.type("-1")
    t.wait(MENU)
    t.key("3")
    t.ended(0)


def test_kharagpur_a_resized_window_has_its_list_cut_anew(place):
    p = place("kharagpur")
    p.put("alice", *LETTERS)
    t = p.logged_in(columns=60)
    t.key("1")
    t.shows("kharagpur-8-sixty-columns", "Enter mail no. to see: ")
    t.resize(100)
    t.type("1")
    t.wait("goes back to the list: ")
    t.key("Space")
    t.shows("kharagpur-9-a-hundred-columns", "Enter mail no. to see: ")
    t.resize(40)
    t.type("1")
    t.wait("back to the list: ")
    t.key("Space")
    t.shows("kharagpur-10-forty-columns", "Enter mail no. to see: ")


def test_kharagpur_sending(place):
    t = place("kharagpur").logged_in()
    t.key("2")
    t.wait("full stop.")
    t.type("From: alice@lab", "To: bob@lab", "Subject: Grüße 📬", "Hello Bob,", ".hidden", ".")
    t.shows("kharagpur-11-sent", MENU)
    t.key("2")
    t.wait("full stop.")
    t.type("From: alice@lab", "To: nobody@lab", "Subject: Hello", ".")
    t.shows("kharagpur-12-refused", MENU)
    t.key("2")
    t.wait("full stop.")
    t.type("To: bob@lab", "From: alice@lab", "Subject: Hello", ".")
    t.shows("kharagpur-13-wrong-format", MENU)


def test_kharagpur_a_wrong_password_and_no_server(place):
    p = place("kharagpur")
    t = p.terminal()
    t.wait("Username: ")
    t.type("alice")
    t.wait("Password: ")
    t.type("no idea")
    t.wait(MENU)
    t.key("1")
    t.shows("kharagpur-14-wrong-password", MENU)
    t.key("x")
    t.wait(MENU)
    p.pop3.stop()
    t.key("1")
    t.wait(MENU)
    assert any(re.match(r"Error in reading mailbox: .*127\.0\.0\.1", line) for line in t.lines())


# ---- a menu of two ----


def test_calicut(place):
    p = place("calicut")
    t = p.terminal()
    t.wait("Username: ")
    t.type("Alice")
    t.wait("Password: ")
    t.type("wonderland")
    t.shows("calicut-1-menu", MENU)
    t.key("1")
    t.wait("full stop.")
    t.type("From: alice@lab", "To: bob@lab", "Subject: SMTP Experiment", "Next evaluation will be on 22 March 2021.", "Please be ready.", ".")
    t.shows("calicut-2-sent", MENU)
    t.key("2")
    t.shows("calicut-3-quit", "[terminal as it was]")
    assert (p.path / "bob" / "mymailbox.mail").exists()


# ---- a command prompt ----


def test_leuven_the_prompt(place):
    p = place("leuven")
    p.put("alice", *LETTERS)
    t = p.terminal()
    t.wait("Username: ")
    t.type("alice")
    t.wait("Password: ")
    t.type("no idea")
    t.shows("leuven-1-menu", MENU)
    t.key("b")
    t.wait("Username: ")
    t.type("alice")
    t.shows("leuven-2-asked-again", "Password: ")
    t.type("wonderland")
    t.shows("leuven-3-list", COMMAND)
    t.type("stat")
    t.wait(COMMAND)
    t.type("retr 4")
    t.wait(COMMAND)
    t.type("dele")
    t.wait("Serial number: ")
    t.type("4")
    t.shows("leuven-4-commands", COMMAND)
    t.type("list")
    t.shows("leuven-5-deleted", COMMAND)
    t.type("rset")
    t.wait(COMMAND)
    t.type("retr 9")
    t.wait(COMMAND)
    t.type("help")
    t.wait(COMMAND)
    t.type("DELE 1")
    t.wait(COMMAND)
    t.type("quit")
    t.shows("leuven-6-quit", "[terminal as it was]")
    assert b"Next evaluation" not in (p.path / "alice" / "my_mailbox").read_bytes()


def test_leuven_sending_and_exit(place):
    t = place("leuven").logged_in()
    t.key("A")
    t.wait("full stop.")
    t.type("From: alice@lab", "To: bob@lab", "Subject: Test", "This is a test mail.", ".")
    t.shows("leuven-7-sent", MENU)
    t.key("1")
    t.wait("full stop.")
    t.type("From: alice", ".")
    t.shows("leuven-8-wrong-format", MENU)
    t.key("C")
    t.ended(0)


def test_leuven_an_empty_name_goes_back_to_the_menu(place):
    t = place("leuven").terminal()
    t.wait("Username: ")
    t.type("alice")
    t.wait("Password: ")
    t.type("no idea")
    t.wait(MENU)
    t.key("2")
    t.wait("Username: ")
    time.sleep(1.1)  # an Enter sooner than this belongs to the key
    t.type("")
    t.shows("leuven-9-back", MENU)


# ---- clients that register ----


def registered(p, letter, known, **size):
    """A terminal at its menu, and its address."""
    t = p.terminal(**size)
    lines = t.wait(MENU)
    number = re.fullmatch(r"Your address: (\d+)@mymailserver", lines[0])[1]
    known[number] = letter
    t.masks = known
    return t, f"{number}@mymailserver"


def test_mymailserver(place):
    p = place("mymailserver")
    known = {"999": "N"}
    (a, address_a), (b, address_b), (c, address_c) = (registered(p, letter, known, columns=100) for letter in "ABC")
    a.key("1")
    a.wait("full stop.")
    a.type(f"From: {address_a}", f"To: {address_b}, 999@mymailserver,{address_c}", "Subject: Lunch 🍜", "At noon?", ".dots", ".")
    a.shows("mymailserver-1-sent", MENU)
    a.key("1")
    a.wait("full stop.")
    a.type(f"From: {address_b}", f"To: {address_c}", "Subject: Forged", ".")
    a.shows("mymailserver-2-forged", MENU)
    b.key("2")
    b.shows("mymailserver-3-retrieved", MENU)
    b.key("2")
    b.shows("mymailserver-4-nothing-more", MENU)
    c.key("2")
    assert "At noon?" in c.wait(MENU)
    c.key("3")
    c.ended(0)
    p.smtp.stop()
    b.key("2")
    b.wait(MENU)
    assert "The server has ended the connection, and the address with it" in b.lines()
    b.key("3")
    b.ended(0)


# ---- Ctrl-C and Ctrl-D, everywhere ----


def at_name(p):
    t = p.terminal()
    t.wait("Username: ")
    return t


def at_password(p):
    t = at_name(p)
    t.type("alice")
    t.wait("Password: ")
    return t


def at_menu(p):
    return p.logged_in()


def at_mail(p):
    t = p.logged_in()
    t.key({"kharagpur": "2", "leuven": "a"}.get(p.course, "1"))
    t.wait("full stop.")
    t.type("From: alice@lab")
    time.sleep(0.1)
    return t


def at_list(p):
    p.put("alice", *LETTERS)
    t = p.logged_in()
    t.key({"kharagpur": "1", "leuven": "b"}[p.course])
    t.wait({"kharagpur": "Enter mail no. to see: ", "leuven": COMMAND}[p.course])
    return t


def at_letter(p):
    t = at_list(p)
    t.type("1")
    t.wait("goes back to the list: ")
    return t


def at_number(p):
    t = at_list(p)
    t.type("dele")
    t.wait("Serial number: ")
    return t


def at_name_again(p):
    t = p.terminal()
    t.wait("Username: ")
    t.type("alice")
    t.wait("Password: ")
    t.type("no idea")
    t.wait(MENU)
    t.key("b")
    t.wait("Username: ")
    return t


def at_password_again(p):
    t = at_name_again(p)
    t.type("alice")
    t.wait("Password: ")
    return t


PROMPTS = [
    ("kharagpur", at_name), ("kharagpur", at_password), ("kharagpur", at_menu), ("kharagpur", at_mail), ("kharagpur", at_list),
    ("kharagpur", at_letter), ("calicut", at_name), ("calicut", at_password), ("calicut", at_menu), ("calicut", at_mail),
    ("leuven", at_name), ("leuven", at_password), ("leuven", at_menu), ("leuven", at_mail), ("leuven", at_list), ("leuven", at_number),
    ("leuven", at_name_again), ("leuven", at_password_again), ("mymailserver", at_menu), ("mymailserver", at_mail),
]


@pytest.mark.parametrize("course, prompt", PROMPTS, ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.parametrize("key, status", [("C-c", 130), ("C-d", 0)])
def test_ctrl_c_and_ctrl_d_end_the_program_and_leave_the_terminal_as_it_was(place, course, prompt, key, status):
    t = prompt(place(course))
    t.key(key)
    t.ended(status)
