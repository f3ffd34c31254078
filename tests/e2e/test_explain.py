"""--explain: the dialogue with a sentence under each line, in the servers and in the client, on a pipe and on a terminal."""

import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import sys
import termios
import textwrap

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PATIENCE, ROOT, USERS, Dialogue, Lab, login, run, wait_for
from test_client_terminal import Terminal

MAIL = ["From: bob@lab", "To: alice@lab", "Subject: Hi", "", "hello", "..dotted", "."]
SMTP = ["MAIL FROM:<bob@lab>", "HELO kgp", "EHLO kgp", "MAIL FROM bob", "MAIL FROM:<bob@lab>", "RCPT TO:<nobody@lab>", "DATA",
        "RCPT TO:<alice@lab>", "DATA", "\r\n".join(MAIL), "VRFY alice", "HELP", "NOOP", "RSET", "FOO", "QUIT"]
POP3 = ["CAPA", "STAT", "USER alice", "PASS wrong", "USER alice", "PASS wonderland", "STAT", "LIST", "LIST 1", "UIDL", "TOP 1 0",
        "RETR", "RETR 9", "DELE 1", "RSET", "NOOP", "DELE 1", "QUIT"]


def play(server, dialogue):
    """Says it line by line, each after the reply to the one before, up to QUIT."""
    with Dialogue(server) as talk:
        pop3 = talk.greeting.startswith("+OK")
        for lines in dialogue:
            talk.send(lines.encode() + b"\r\n")
            heard = talk.hear() if pop3 else talk.reply()
            verb = lines.split()[0]
            if heard.startswith("+OK") and (verb in ("CAPA", "RETR", "TOP") or lines in ("LIST", "UIDL")):
                talk.body()
        assert talk.ended()


def explained(lab, program, dialogue, option="--explain", **how):
    """What a server prints about a dialogue on one connection."""
    with open(lab.path / f"{program}{option}", "w+") as out:
        server = lab.server(program, option, stdout=out, **how)
        play(server, dialogue)
        wait_for(lambda: "hangs up" in pathlib.Path(out.name).read_text())
        server.stop()
        return pathlib.Path(out.name).read_text()


def pairs(text):
    """Each line with what is said about it, "" where nothing is."""
    return re.findall(r"^([CS]: .*)\n(?:     (.*)\n)?", text, re.M)


def said_of(text, line):
    return [said for shown, said in pairs(text) if shown.startswith(line)]


def without_explanations(text):
    return re.sub(r"^     .*\n", "", text, flags=re.M)


def test_every_line_of_an_smtp_session_has_its_sentence(lab):
    text = explained(lab, "smtpmail", SMTP)
    amid_mail = [f"C: {line}" for line in MAIL[:5]]
    for line, said in pairs(text):
        if line in amid_mail:
            assert said == ""
        else:
            assert re.search(r"[a-z].* \((RFC \d+|no RFC)", said), line
        if line.startswith("S: ") and line[6] == " ":
            assert "State stays: " in said or "State before: " in said, line
        if re.match(r"S: [45]", line):
            assert "line" in said.split(". ")[-1], line
    (taken,) = said_of(text, "S: 250 2.1.5 <alice@lab>")
    assert "State before: sender given, no recipient yet; now: sender given, recipients taken: 1" in taken
    assert "A line that fits here: HELO client.example" in said_of(text, "S: 503")[0]
    assert "A right line: MAIL FROM:<bob@lab>" in said_of(text, "S: 501")[0]
    assert "RCPT TO:<alice@lab>" in said_of(text, "S: 550")[0]
    assert "travels doubled" in said_of(text, "C: ..dotted")[0]


def test_every_line_of_a_pop3_session_has_its_sentence(lab):
    explained(lab, "smtpmail", SMTP)
    text = explained(lab, "popserver", POP3)
    for line, said in pairs(text):
        if re.match(r"S: (\d|From|To|Subject|Received|$)", line):
            assert said == "", line
        else:
            assert re.search(r"[a-z].* \(RFC \d+", said), line
        if re.match(r"S: (\+OK|-ERR)", line):
            assert "State stays: " in said or "State before: " in said, line
    assert "now: TRANSACTION, mails marked for deletion: 0" in said_of(text, "S: +OK 1 messages")[0]
    assert "UPDATE" in said_of(text, "S: +OK goodbye")[0]
    assert "A line that fits here: USER alice" in said_of(text, "S: -ERR log in first")[0]
    assert "wonderland" not in text and "C: PASS …\n     gives" in text


@pytest.mark.parametrize(("program", "dialogue"), [("smtpmail", SMTP), ("popserver", POP3[:5] + ["QUIT"])])
def test_what_explain_adds_is_all_that_it_changes(lab, program, dialogue):
    text = explained(lab, program, dialogue)
    assert without_explanations(text) == explained(lab, program, dialogue, "--transcript")
    assert "\033" not in text


def test_a_courses_own_verbs_are_followed(tmp_path):
    lab = Lab(tmp_path)
    (tmp_path / "user.txt").rename(tmp_path / "userinfo.txt")
    dialogue = ["HELO kuleuven.be", "MAIL_FROM: <cnlab@kuleuven.be>", "RCPT_TO:<alice@kuleuven.be>", "QUIT"]
    text = explained(lab, "smtpmail", dialogue)
    assert "recipients taken: 1" in said_of(text, "S: 250 <alice@kuleuven.be>")[0]
    assert "no RFC has this form" in said_of(text, "C: MAIL_FROM:")[0]
    lab.close()


def test_register_and_retrieve_are_explained_as_a_courses_own(tmp_path):
    with open(tmp_path / "out", "w+") as out:
        lab = Lab(tmp_path / "lab")
        server = lab.server("smtpmail", "--course", "mymailserver", "--explain", stdout=out)
        with Dialogue(server) as talk:
            address = talk.say("REGISTER", "250")[4:]
            talk.say(f"MAIL FROM: <{address}>", "250")
            talk.say(f"RCPT TO: <{address}>", "250")
            talk.say("DATA", "354")
            talk.send(b"hello\r\n.\r\n")
            talk.say("RETRIEVE", "250")
            talk.reply()
            talk.body()
            talk.say("QUIT", "221")
        lab.close()
    text = (tmp_path / "out").read_text()
    assert "has an address now" in said_of(text, "S: 250 " + address)[0]
    assert "no RFC: a course's own verb" in said_of(text, "C: RETRIEVE")[0]
    assert said_of(text, "S: *****") == ["", ""] and "ends the answer" in said_of(text, "S: .")[0]
    assert "goodbye" in said_of(text, "S: 221")[0]


def test_a_pipeline_is_explained_reply_by_reply(lab):
    with open(lab.path / "out", "w+") as out:
        server = lab.smtpmail("--explain", stdout=out)
        with Dialogue(server) as talk:
            talk.send(b"HELO kgp\r\nMAIL FROM:<bob@lab>\r\nRCPT TO:<nobody@lab>\r\nRCPT TO:<alice@lab>\r\nDATA\r\n")
            assert [talk.hear()[:3] for _ in range(5)] == ["250", "250", "550", "250", "354"]
        wait_for(lambda: "hangs up" in (lab.path / "out").read_text())
    text = (lab.path / "out").read_text()
    assert "nothing of it is stored" in said_of(text, "C: <client hangs up>")[0]
    assert "the text may come" in said_of(text, "S: 354")[0]


def test_a_second_login_is_explained(lab):
    with open(lab.path / "out", "w+") as out:
        server = lab.popserver("--explain", stdout=out)
        with login(server), Dialogue(server) as second:
            second.say("USER alice", "+OK")
            second.say("PASS wonderland", "-ERR [IN-USE]")
        wait_for(lambda: (lab.path / "out").read_text().count("hangs up") == 2)
    text = (lab.path / "out").read_text()
    assert "another session has this mailbox open and locked" in said_of(text, "S: -ERR [IN-USE]")[0]
    assert any("no mail is removed" in said for said in said_of(text, "C: <client hangs up>"))


# The client


def test_the_client_explains_the_same_dialogue(lab):
    smtp, pop3 = lab.smtpmail(), lab.popserver()
    typed = "alice\nwonderland\n2\nFrom: a@lab\nTo: bob@lab\nSubject: s\nhello\n.\n2\nFrom: a@lab\nTo: x@lab\nSubject: s\n.\n1\n-1\n3\n"
    out = run("mailclient", "--explain", "127.0.0.1", smtp.port, pop3.port, input=typed).stdout
    assert "now: sender given, recipients taken: 1" in said_of(out, "S: 250 <bob@lab>")[0]
    assert "no such mailbox here" in said_of(out, "S: 550")[0]
    assert "now: TRANSACTION" in said_of(out, "S: +OK 0 messages")[0]
    assert "wonderland" not in out
    # Each sentence stands under its line, and the client's own words behind the dialogue they belong to.
    assert re.search(r"C: <client hangs up>\n     the connection is closed.*\nMail sent successfully\n", out)
    assert re.search(r"C: <client hangs up>\n     .*\nError in sending mail: 550 No such user\n", out)


def test_the_client_explains_its_courses_verbs(tmp_path):
    lab = Lab(tmp_path)
    (tmp_path / "user.txt").rename(tmp_path / "userinfo.txt")
    smtp, pop3 = lab.smtpmail(), lab.popserver()
    typed = "alice\nwonderland\na\nFrom: a@lab\nTo: bob@lab\nSubject: s\nhello\n.\nc\n"
    out = run("mailclient", "--course", "leuven", "--explain", "127.0.0.1", smtp.port, pop3.port, input=typed).stdout
    lab.close()
    assert "no RFC has this form" in said_of(out, "C: MAIL_FROM:")[0]
    assert "the mail is taken" in said_of(out, "S: 250 OK Message accepted")[0]


# On a terminal


def on_terminal(lab, columns, program="smtpmail", dialogue=("HELO kgp", "QUIT"), options=(), **environment):
    """What a server shows of a session on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.environ.update(environment)
    try:
        server = lab.server(program, "--explain", *options, stdout=slave)
    finally:
        for name in environment:
            del os.environ[name]
    os.close(slave)
    play(server, dialogue)
    shown = ""
    while not re.search(r"<client hangs up>.*\n.*\n", shown):
        assert select.select([master], [], [], PATIENCE)[0], shown
        shown += os.read(master, 65536).decode().replace("\r\n", "\n")
    server.stop()
    os.close(master)
    return shown


def test_on_a_terminal_explanations_are_dim_and_wrapped_to_its_width(lab):
    shown = on_terminal(lab, 70)
    dim = re.findall(r"^( +)\033\[2m(.*)\033\[0m$", shown, re.M)
    plain = re.findall(r"^\d\d:\d\d:\d\d #1 \033\[3[26]m[CS]: .*\033\[0m$", shown, re.M)
    assert len(dim) + len(plain) == shown.count("\n") and len(plain) == 7
    assert all(len(indent) == len("00:00:00 #1 C:   ") and len(indent + text) <= 70 for indent, text in dim)
    assert max(len(indent + text) for indent, text in dim) > 60


def test_no_color_leaves_the_layout(lab):
    shown = on_terminal(lab, 50, NO_COLOR="1")
    assert "\033" not in shown
    lines = shown.splitlines()
    sentence = [line for line in lines[lines.index(next(line for line in lines if "C: HELO kgp" in line)) + 1 :] if line.startswith("     ")]
    assert sentence[:3] == textwrap.wrap(
        "the client says hello and names its machine; a mail under way would be given up (RFC 5321 section 4.1.1.1)",
        50, initial_indent=" " * 5, subsequent_indent=" " * 5,
    )


def test_the_client_explains_in_colour_on_a_terminal(lab):
    smtp, pop3 = lab.smtpmail(), lab.popserver()
    t = Terminal("--explain", "127.0.0.1", str(smtp.port), str(pop3.port), columns=80)
    t.wait("Username: ")
    t.type("alice\n")
    t.wait("Password: ")
    t.type(USERS["alice"] + "\n")
    t.wait("Enter your choice: ")
    t.type("1")
    shown = t.wait("Enter mail no. to see: ")
    assert re.search(r"#1 \033\[36mC: PASS …\033\[0m\n {17}\033\[2mgives the user's password", shown)
    assert USERS["alice"] not in shown
    t.type("-1\n")
    t.wait("Enter your choice: ")
    t.type("3")
    assert t.end() == 0
    assert t.is_as_found()


# What docs/explain.md shows


def shown_in_the_document():
    """Its dialogues, as they were on a terminal of 100 columns."""
    text = (ROOT / "docs/explain.md").read_text()
    return re.findall(r"^```\n(\d\d:.*?)^```$", text, re.M | re.S)


def typed_in(block):
    """The client's lines, a mail's text with the full stop that ends it as one."""
    lines = [line for line in re.findall(r"^\S+ #1 C: (.*)$", block, re.M) if not line.startswith("<")]
    if "." in lines:
        begin, end = lines.index("DATA") + 1, lines.index(".") + 1
        lines[begin:end] = ["\r\n".join(lines[begin:end])]
    return [line.replace("PASS …", "PASS wonderland") for line in lines]


def without_times(text):
    return re.sub(r"^\d\d:\d\d:\d\d |\d{4}-\d\d-\d\d : \d\d : \d\d", "", text, flags=re.M)


def test_the_document_shows_what_the_servers_print(tmp_path):
    lab = Lab(tmp_path, users={"alice": "wonderland", "bob": "builder"})
    smtp, pop3 = shown_in_the_document()
    for program, block, options in ("smtpmail", smtp, ["--domain", "lab"]), ("popserver", pop3, []):
        shown = on_terminal(lab, 100, program, typed_in(block), options, NO_COLOR="1")
        assert without_times(shown) == without_times(block)
    lab.close()


@pytest.mark.parametrize("program", ["smtpmail", "popserver", "mailclient"])
def test_help_names_it(program):
    assert "--explain" in run(program, "--help").stdout


def test_explain_takes_no_value():
    for program in "smtpmail", "popserver":
        ended = run(program, "0", "--explain=yes")
        assert ended.returncode == 64 and "--explain takes no value" in ended.stderr
