"""mailclient and MIME: what a mail looks like, where its attachments go, and that nothing in it drives the terminal."""

import base64
import email.message
import os
import re
import stat

import pytest
from conftest import locale
from courses import CourseLab
from harness import USERS
from test_client_commands import DATAERR, client, parsed
from test_client_scripted import Pop3, Server
from test_client_terminal import Terminal, terminal  # noqa: F401, a fixture

ESCAPES = "\x1b]0;x\x07\x1b[2J\x9b1m\u202e"


def pop3(*mails):
    return Server(Pop3([m.encode("utf-8", "surrogateescape") if isinstance(m, str) else m for m in mails]))


def ask(server, command, *arguments, **how):
    return client(
        command, "--server", f"127.0.0.1:{server.port}", "--user", "alice", "--password-file", "-", *arguments, input=b"secret\n", **how
    )


def attachment(name, octets, parameter=None):
    name = parameter or f'filename="{name}"'
    return (
        "--X\nContent-Type: application/x\nContent-Transfer-Encoding: base64\n"
        f"Content-Disposition: attachment; {name}\n\n{base64.b64encode(octets).decode()}\n"
    )


def mixed(*parts, subject="s"):
    return (
        f"From: eve@lab\nTo: alice@lab\nSubject: {subject}\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=X\n\n--X\n\nthe text\n" + "".join(parts) + "--X--\n"
    )


def test_a_mail_in_the_courses_form_is_shown_octet_for_octet():
    text = "From: bob@lab\nTo: alice@lab\nSubject: =?utf-8?Q?stays?=\nReceived: 2026-11-20 : 12 : 44\n=41 <b>\n"
    done = ask(pop3(text), "show", 1)
    assert (done.returncode, done.stdout.decode()) == (0, text)


def test_a_mime_mail_is_read():
    done = ask(pop3(mixed(attachment("a.bin", b"abc"))), "show", 1)
    assert done.stdout.decode() == (
        "From: eve@lab\nTo: alice@lab\nSubject: s\n\nthe text\n\n[Attachment 1: a.bin, application/x, 3 octets]\n"
    )


def test_no_escape_ever_reaches_the_terminal():
    """RFC 5322 section 5: in headers, encoded words, texts, HTML, names, types, character sets and replies."""
    word = "=?utf-8?B?" + base64.b64encode(ESCAPES.encode()).decode() + "?="
    html = "<p>" + ESCAPES + "&#27;[2J&#x9b;<a href='http://" + ESCAPES + "'>x</a>"
    hostile = [
        mixed(attachment(ESCAPES, b"x"), attachment("", b"", f'filename="{word}"'), subject=word),
        mixed(f"--X\nContent-Type: text/html; charset=utf-8\n\n{html}\n", f"--X\nContent-Type: x{ESCAPES}/y; name=a\n\nz\n"),
        f"From: {word} <a@b>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=\"{ESCAPES}\"\n\n{ESCAPES}\n",
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-7\n\n+ABsAWwAy-J\n",
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=1B=9B\n",
        mixed("--X\nContent-Type: message/rfc822\n\nSubject: " + word + "\n\n" + ESCAPES + "\n"),
    ]
    server = pop3(*hostile)
    seen = ask(server, "list").stdout
    for number in range(1, len(hostile) + 1):
        done = ask(server, "show", number)
        assert done.returncode == 0, done.stderr
        seen += done.stdout + done.stderr
    text = seen.decode()
    assert not [c for c in text if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E]
    assert "^[[2J" in text


def test_attachments_are_saved_under_safe_names(tmp_path):
    names = ["../../escape.txt", "/etc/passwd", ".hidden", "-rf", "C:\\x\\y.exe", "a.txt", "a.txt", "", "|sh;$(id)"]
    octets = [bytes([i]) * (i + 1) for i in range(len(names))]
    place = tmp_path / "in"
    place.mkdir()
    (place / "a.txt").symlink_to(tmp_path / "target")
    quoted = [n.replace("\\", "\\\\") for n in names]
    done = ask(pop3(mixed(*map(attachment, quoted, octets))), "show", "--save", place, 1)
    assert done.returncode == 0, done.stderr
    expected = ["escape.txt", "passwd", "hidden", "rf", "y.exe", "a-2.txt", "a-3.txt", "attachment-8", "_sh__(id)"]
    assert done.stdout.decode().splitlines() == [f"{place}/{name}" for name in expected]
    assert [(place / name).read_bytes() for name in expected] == octets
    assert {stat.S_IMODE((place / name).stat().st_mode) for name in expected} == {0o600}
    assert sorted(os.listdir(tmp_path)) == ["in"] and len(os.listdir(place)) == len(names) + 1


def test_rfc_2231_names(tmp_path):
    parameter = "filename*0*=utf-8''%E2%82%AC%2F..%2F; filename*1*=B%C3%BC; filename*2=\"cher.txt\""
    done = ask(pop3(mixed(attachment("", b"x", parameter))), "show", "--save", tmp_path, 1)
    assert done.stdout.decode() == f"{tmp_path}/Bücher.txt\n"


def test_a_mail_that_is_too_large_to_save_from_is_not_printed(tmp_path):
    def talk(peer):
        peer.send(b"+OK ready\r\n")
        while not (line := peer.line()).startswith("RETR"):
            peer.send({"CAPA": b"+OK\r\n.\r\n", "LIST": b"+OK\r\n1 1\r\n.\r\n"}.get(line, b"+OK 1 1\r\n"))
        peer.send(b"+OK\r\nMIME-Version: 1.0\r\n\r\n")
        for _ in range(270):
            peer.send((b"x" * 62 + b"\r\n") * (1 << 14))
        peer.send(b".\r\n")
        peer.line()

    done = ask(Server(talk), "show", "--save", tmp_path, 1)
    assert (done.returncode, done.stdout) == (DATAERR, b"") and done.stderr.count(b"\n") == 1


def test_saving_where_nothing_can_be_saved(tmp_path):
    server = pop3(mixed(attachment("a", b"x")), "From: a@b\n\nno MIME\n")
    assert ask(server, "show", "--save", tmp_path / "none", 1).returncode == 73
    assert ask(server, "show", "--save", tmp_path, 2).returncode == 65


def test_python_wrote_it_and_the_client_reads_it():
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Jörg <bob@lab>", "alice@lab", "Grüße und 日本"
    mail.set_content("Grüße\nzweite Zeile\n", charset="iso-8859-1")
    mail.add_alternative("<p>html</p>", subtype="html")
    mail.add_attachment(b"\0\1\2", maintype="image", subtype="png", filename="Bücher.png")
    done = ask(pop3(mail.as_bytes()), "show", 1)
    text = done.stdout.decode()
    assert "From: Jörg <bob@lab>\n" in text and "Subject: Grüße und 日本\n" in text
    assert "\n\nGrüße\nzweite Zeile\n" in text and "html" not in text
    assert text.endswith("[Attachment 1: Bücher.png, image/png, 3 octets]\n")


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_terminal_shows_the_characters_of_any_set(terminal, locale):
    mail = "From: a@b\nSubject: =?utf-8?Q?=C3=BC?=\nMIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\n\n\udcc4\udcc1\n"
    t = terminal(pop3(mail).port, locale=locale)
    t.log_in()
    t.type("1")
    t.wait("to see: ")
    t.type("1\n")
    assert "Subject: ü\n\nда\n" in t.wait("list: ")


LETTER = (
    "From: =?utf-8?Q?J=C3=B6rg?= <a@b>\nSubject: =?utf-8?B?w7zigqzQtA==?=\nMIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=utf-8\n\nÄ д 📬 \u009b2J\n"
)


@pytest.mark.parametrize("charset, shown, listed", [
    ("ISO-8859-1", "Subject: ü<U+20AC><U+0434>\n\nÄ <U+0434> <U+1F4EC> <U+009B>2J\n", "ü<U+20AC><U+0434>"),
    ("KOI8-R", "Subject: <U+00FC><U+20AC>д\n\n<U+00C4> д <U+1F4EC> <U+009B>2J\n", "<U+00FC><U+20AC>д"),
])
def test_a_terminal_with_another_set_gets_it(terminal, tmp_path, charset, shown, listed):
    t = terminal(pop3(LETTER).port, env=locale(tmp_path, charset), charset=charset)
    t.log_in()
    t.type("1")
    assert listed in t.wait("to see: ")
    t.type("1\n")
    seen = t.wait("list: ")
    assert shown in seen and ("Jörg" in seen) == (charset == "ISO-8859-1")
    assert not set(seen.encode(charset)) & {*range(0x80, 0xA0), 0x1B}


def test_a_cut_column_ends_in_what_the_set_has(terminal, latin1):
    t = terminal(pop3("From: a@b\nSubject: " + 30 * "Größe " + "\n\nx\n").port, env=latin1, charset="ISO-8859-1", columns=60)
    t.log_in()
    t.type("1")
    assert re.search(r"^1 .{55,58}~$", t.wait("to see: "), re.M)


def test_a_server_speaks_in_the_terminals_set(terminal, latin1):
    def refuse(peer):
        peer.send("-ERR zu spät \u20ac\r\n".encode())

    t = terminal(Server(refuse).port, env=latin1, charset="ISO-8859-1")
    t.log_in()
    t.type("1")
    assert "-ERR zu spät <U+20AC>\n" in t.wait("choice: ")


# ---- the menu in the RFCs' own mode


@pytest.fixture
def lab(tmp_path):
    lab = CourseLab(tmp_path / "lab", "users.txt", "".join(f"{n} {w}\n" for n, w in USERS.items()), "mailbox")
    yield lab
    lab.close()


def menu(server_smtp, server_pop3, typed, **how):
    return client("--course", "standard", "127.0.0.1", server_smtp, server_pop3, input=typed.encode(), **how)


def test_a_typed_mail_gets_its_header_and_utf8(lab):
    smtpmail = lab.smtpmail("--course", "standard", "--domain", "lab")
    typed = "alice\nwonderland\n2\nFrom: alice@lab\nTo: bob@lab\nSubject: Grüße\nÄpfel\n.und\n.\n3\n"
    done = menu(smtpmail.port, 1, typed)
    assert "Mail sent successfully" in done.stdout.decode(), done.stdout
    (one,) = parsed(lab, "bob")
    assert one["Subject"] == "Grüße" and one.get_content().splitlines() == ["Äpfel", ".und"]
    assert len(one.get_all("Date")) == len(one.get_all("Message-ID")) == len(one.get_all("From")) == 1


@pytest.mark.parametrize("course", ["standard", "kharagpur"])
def test_what_is_typed_in_another_set(lab, terminal, latin1, course):
    """The standard course makes it UTF-8; the others send what was typed."""
    smtpmail = lab.smtpmail("--course", "standard", "--domain", "lab")
    t = terminal(smtp=smtpmail.port, env=latin1, charset="ISO-8859-1", course=course)
    t.log_in(USERS["alice"])
    t.type("2")
    t.wait("full stop.\n")
    t.type("From: bob@lab\nTo: alice@lab\nSubject: Grüße\nÄpfel\n.\n")
    t.wait("Mail sent")
    (text,) = lab.mails("alice")
    if course == "standard":
        (one,) = parsed(lab)
        assert one["Subject"] == "Grüße" and one.get_content().splitlines() == ["Äpfel"]
    else:
        assert "Grüße".encode("latin-1") in text and "Äpfel".encode("latin-1") in text


def test_a_text_typed_for_a_script_command(lab, latin1):
    smtpmail = lab.smtpmail("--course", "standard", "--domain", "lab")
    t = Terminal("send", "--server", f"127.0.0.1:{smtpmail.port}", "--from", "bob@lab", "--to", "alice@lab", env=latin1, charset="ISO-8859-1")
    t.type("Äpfel\n\x04")
    assert t.end() == 0, t.seen
    os.close(t.master)
    assert parsed(lab)[0].get_content().splitlines() == ["Äpfel"]


def test_a_key_saves_the_attachments_and_asks_again(tmp_path):
    server = pop3(mixed(attachment("a.txt", b"abc")), mixed())
    done = menu(1, server.port, "alice\nsecret\n1\n1\ns\nd\n2\ns\nx\n-1\n3\n", cwd=tmp_path)
    text = done.stdout.decode()
    assert "s saves its attachments" in text and "Saved: a.txt\n" in text
    assert (tmp_path / "a.txt").read_bytes() == b"abc"
    assert "DELE 1" in server.lines
