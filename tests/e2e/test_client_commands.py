"""mailclient send, list, show and delete: what a script gives and gets, and its exit status."""

import base64
import email
import email.policy
import email.utils
import random
import re
import subprocess
import time

import pytest
from harness import BUILD, PATIENCE, SANITISED, USERS, free_port, login, run, send_mail
from test_client_scripted import Pop3, Server, Smtp, mail

OK, USAGE, DATAERR, NOINPUT, NOUSER, NOHOST, UNAVAILABLE, CANTCREAT, TEMPFAIL, PROTOCOL, NOPERM = (
    0, 64, 65, 66, 67, 68, 69, 73, 75, 76, 77,
)


def client(*arguments, input=b"", **how):
    return subprocess.run(
        [BUILD / "mailclient", *(a if isinstance(a, bytes) else str(a) for a in arguments)], input=input, capture_output=True, timeout=3 * PATIENCE, **how
    )


def send(server, *arguments, input=b"hello\n", sender="bob@lab", to="alice@lab", **how):
    return client("send", "--server", f"127.0.0.1:{server.port}", "--from", sender, "--to", to, *arguments, input=input, **how)


def parsed(lab, user="alice"):
    """The user's mails as Python's email package reads them."""
    return [
        email.message_from_bytes(re.sub(rb"^\.\.", b".", m, flags=re.M), policy=email.policy.default) for m in lab.mails(user)
    ]


def lines_of(lab, user="alice"):
    return [line for m in lab.mails(user) for line in m.split(b"\n")]


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text(USERS["alice"] + "\n")
    return file


# ---- send


def test_a_text_arrives_with_one_date_one_from_and_an_id(lab, smtpmail):
    before = int(time.time())
    for _ in range(2):
        done = send(smtpmail, "--subject", "Hello", input=b"A text.\n.\n..\nFrom here\n")
        assert (done.returncode, done.stdout, done.stderr) == (OK, b"", b"")
    one, two = parsed(lab)
    assert [len(one.get_all(name)) for name in ("Date", "From", "To", "Subject", "Message-ID", "MIME-Version")] == [1] * 6
    assert before <= email.utils.parsedate_to_datetime(one["Date"]).timestamp() <= time.time()
    assert one["From"] == "bob@lab" and one["To"] == "alice@lab" and one["Subject"] == "Hello"
    assert re.fullmatch(r"<[0-9a-f]{32}@lab>", one["Message-ID"]) and one["Message-ID"] != two["Message-ID"]
    assert one.get_content_type() == "text/plain" and one.get_content_charset() == "us-ascii"
    assert one.get_content() == "A text.\n.\n..\nFrom here\n"


@pytest.mark.parametrize(
    "subject, text",
    [
        ("Grüße, €", "Grüße\n"),
        ("Привет " * 40, "Привет всем\n" * 20),
        ("x" * 3000, "y" * 5000 + "\n"),
        ("a " * 300 + "b", " trailing \n\ttabs\t\n=3D\n"),
        ("=?utf-8?Q?not_encoded?=", "日本\n" * 1000),
    ],
)
def test_any_utf8_arrives_within_78_octets_a_line(lab, smtpmail, subject, text):
    """RFC 5322 section 2.1.1, RFC 2047, RFC 2045."""
    (lab.path / "user.txt").write_text("alice wonderland\n")
    done = send(smtpmail, "--subject", subject, input=text.encode())
    if len(subject) > 100:
        assert done.returncode == UNAVAILABLE and b"554" in done.stderr  # the course's limit
        return
    assert done.returncode == OK, done.stderr
    (one,) = parsed(lab)
    assert one["Subject"] == subject.strip()
    assert one.get_content().replace("\r\n", "\n") == text
    assert all(len(line) <= 78 and line.isascii() for line in lines_of(lab))


def test_names_and_copies(lab, smtpmail):
    """RFC 5322 section 3.6.3: a hidden recipient gets the mail, and stands nowhere in it."""
    done = send(
        smtpmail, "--cc", "Jörg <bob@lab>, alice@lab", "--bcc", "stallings@lab", sender='"Roe, Jane" <jane@lab>', to="Älice <alice@lab>"
    )
    assert done.returncode == OK, done.stderr
    for user in ("alice", "bob", "stallings"):
        (one,) = parsed(lab, user)
        assert one["From"].addresses[0].display_name == "Roe, Jane"
        assert one["To"].addresses[0].display_name == "Älice"
        assert [str(a) for a in one["Cc"].addresses] == ["Jörg <bob@lab>", "alice@lab"]
        assert b"stallings" not in lab.mails(user)[0] and "Bcc" not in one


def test_attachments_arrive_octet_for_octet(lab, smtpmail, tmp_path):
    names = ["noise.bin", "Bücher & mehr.pdf", "empty.txt", "zeilen.txt"]
    contents = [random.Random(4).randbytes(100_001), b"%PDF \r\n\n\r" * 50, b"", b"no line end"]
    for name, octets in zip(names, contents):
        (tmp_path / name).write_bytes(octets)
    done = send(smtpmail, *[a for n in names for a in ("--attach", tmp_path / n)], input="Grüße\n".encode())
    assert done.returncode == OK, done.stderr
    (one,) = parsed(lab)
    assert one.get_body().get_content().splitlines() == ["Grüße"]
    attached = list(one.iter_attachments())
    assert [a.get_filename() for a in attached] == ["noise.bin", "Bücher _ mehr.pdf", "empty.txt", "zeilen.txt"]
    assert [a.get_payload(decode=True) for a in attached] == contents
    assert [a.get_content_type() for a in attached] == ["application/octet-stream", "application/pdf", "text/plain", "text/plain"]
    assert all(len(line) <= 78 for line in lines_of(lab))


def test_each_kind_of_line_end_is_one(lab, smtpmail):
    """A CR that ends no line is text, which is then encoded."""
    for text, expected in [(b"a\r\nb\nc\r\n\r\nd", "a\nb\nc\n\nd\n"), (b"a\r\r\nb\rc\r\n", "a\r\nb\rc\n"), (b"\r\n\n\r", "\n\n\r")]:
        assert send(smtpmail, input=text).returncode == OK
        one = parsed(lab)[-1]
        assert one.get_payload(decode=True).decode().replace("\r\n", "\n") == expected.replace("\r\n", "\n"), text


def test_a_file_that_changes_while_it_is_sent_sends_no_mail(tmp_path):
    """It grows once a part of it is on its way, which is more than the sockets hold."""
    file = tmp_path / "growing"
    with file.open("wb") as growing:
        growing.truncate(32 << 20)
    got = bytearray()

    def talk(peer):
        peer.send(b"220 hi\r\n")
        for answer in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            peer.line()
            peer.send(answer)
        peer.line()
        with file.open("ab") as growing:
            growing.write(b"y")
        while octets := peer.connection.recv(1 << 20):
            got.extend(octets)

    done = client("send", "--server", f"127.0.0.1:{Server(talk).port}", "--from", "a@b", "--to", "c@d", "--attach", file)
    assert done.returncode == TEMPFAIL and b"was changed while it was sent" in done.stderr
    assert len(got) > 16 << 20 and b"\r\n.\r\n" not in got and b"QUIT" not in got


@pytest.mark.skipif(SANITISED, reason="a sanitiser's memory is not the program's")
def test_a_hundred_mebibytes_need_no_such_memory(lab, tmp_path):
    server = lab.smtpmail("--max-size", 200 * 1024 * 1024)
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    # The file is read while it is sent.
    done = subprocess.run(
        ["prlimit", "--data=20000000", BUILD / "mailclient", "send", "--server", f"127.0.0.1:{server.port}", "--from", "bob@lab",
         "--to", "alice@lab", "--attach", big], input=b"big\n", capture_output=True, timeout=300,
    )
    assert done.returncode == OK, done.stderr
    assert lab.mailbox().stat().st_size > 135 * 1024 * 1024


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--subject", "a\nBcc: eve@lab"], "line end"),
        (["--subject", "a\rb"], "line end"),
        (["--to", "alice@lab\r\nRCPT TO:<eve@lab>"], "line end"),
        (["--from", "bob@lab>\nX: y"], "line end"),
        (["--cc", "x\n <a@b>"], "line end"),
        (["--to", "nobody"], "X@Y"),
        (["--to", "ö@lab"], "ASCII"),
        (["--bcc", ""], "X@Y"),
        (["--server", "localhost:0"], "65535"),
        (["--server", "localhost:x"], "65535"),
        (["--server", ""], "HOST"),
        (["--user", "alice"], "belong together"),
        (["--user", "alice", "--password-file", "-"], "standard input"),
        (["--nonsense"], "--nonsense"),
        (["--save", "x"], "no option"),
        (["operand"], "operand"),
        (["--raw", "--subject", "x"], "--raw"),
        (["--from", "second@lab"], "once"),
    ],
)
def test_wrong_usage_is_told_in_a_line(arguments, word):
    done = client("send", "--server", f"127.0.0.1:{free_port()}", "--from", "bob@lab", "--to", "alice@lab", *arguments)
    assert done.returncode == USAGE and done.stdout == b""
    assert word in done.stderr.decode() and done.stderr.count(b"\n") == 1 and b"\r" not in done.stderr


def test_a_text_that_is_not_utf8_is_refused_with_its_place(lab, smtpmail):
    done = send(smtpmail, input=b"abc\xffdef\n")
    assert done.returncode == DATAERR and b"octet 4" in done.stderr
    assert lab.mails() == []


def test_a_file_that_is_not_there(smtpmail, tmp_path):
    for path in (tmp_path / "none", tmp_path):
        assert send(smtpmail, "--attach", path).returncode == NOINPUT


def test_refused_recipients_are_named(lab, smtpmail):
    done = send(smtpmail, to="nobody@lab,alice@lab,noone@lab")
    assert done.returncode == NOUSER
    assert [line.split(": ")[1] for line in done.stderr.decode().splitlines()] == ["nobody@lab", "noone@lab"]
    assert done.stderr.count(b": 550 ") == 2
    assert len(lab.mails()) == 1
    assert send(smtpmail, to="nobody@lab").returncode == NOUSER


@pytest.mark.parametrize(
    "talk, status",
    [
        (lambda p: p.send(b"421 too busy\r\n"), TEMPFAIL),
        (lambda p: p.send(b"554 go away\r\n"), UNAVAILABLE),
        (lambda p: p.send(b"220 hi\r\n"), TEMPFAIL),
        (lambda p: p.send(b"what?\r\n"), PROTOCOL),
        (lambda p: (p.send(b"220 hi\r\n"), p.line(), p.send(b"250 hi\r\n"), p.line(), p.send(b"451 later\r\n"), p.line()), TEMPFAIL),
        (lambda p: (p.send(b"220 hi\r\n"), p.line(), p.send(b"250 hi\r\n"), p.line(), p.send(b"530 who?\r\n"), p.line()), NOPERM),
    ],
)
def test_statuses_of_a_servers_moods(talk, status):
    done = send(Server(talk))
    assert done.returncode == status, done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_user_who_cannot_log_in_sends_nothing(tmp_path):
    word = tmp_path / "word"
    word.write_text("secret\n")
    smtp = Smtp()
    done = send(Server(smtp), "--user", "alice", "--password-file", word)
    assert done.returncode == NOPERM and b"offers no login" in done.stderr
    assert smtp.mails == []


def test_no_server_and_no_such_host():
    assert client("send", "--server", f"127.0.0.1:{free_port()}", "--from", "a@b", "--to", "c@d").returncode == TEMPFAIL
    assert client("send", "--server", "no.such.host.invalid", "--from", "a@b", "--to", "c@d").returncode in (NOHOST, TEMPFAIL)


RAW = b"From: bob@lab\r\nTo: alice@lab\r\nBcc: eve@lab,\r\n more@lab\r\nSubject: raw\r\n\r\n.\r\nBcc: stays\r\n\xff\r\n"


def test_a_whole_mail_goes_as_it_is_but_for_bcc(lab, smtpmail):
    assert send(smtpmail, "--raw", input=RAW).returncode == OK
    (one,) = lab.mails()
    assert b"eve@lab" not in one and b"more@lab" not in one
    assert one.endswith(b"\n\n..\nBcc: stays\n\xff\n") and b"From: bob@lab\nTo: alice@lab\nSubject: raw\n" in one


@pytest.mark.parametrize("field", [b"Bcc:", b"bcc :", b"BCC\t:", b"Resent-Bcc:", b"resent-bcc \t :"])
def test_a_hidden_copy_is_hidden_in_every_spelling(lab, smtpmail, field):
    """RFC 5322 sections 3.6.3, 3.6.6 and 4.5."""
    mail = b"From : bob@lab\nTo: alice@lab\n" + field + b" eve@lab,\n\tmore@lab\nbccx: kept\n folded\n" + field + b" eve@lab\n\ntext\n"
    assert send(smtpmail, "--raw", input=mail).returncode == OK
    (one,) = lab.mails()
    assert b"eve" not in one and b"more" not in one
    assert one.endswith(b"From : bob@lab\nTo: alice@lab\nbccx: kept\n folded\n\ntext\n")


@pytest.mark.parametrize(
    "text, word",
    [(b"From: a@b\n\n" + b"x" * 999 + b"\n", b"line 3"), (b"From: a@b\n\na\rb\n", b"CR"), (b"From: a@b\n\na\0b\n", b"NUL"),
     (b"Subject: x\n\n", b"From"), (b"", b"From"), (b"From: a@b\nno field\nBcc: eve@lab\n\n", b"line 2"),
     (b" \nFrom: a@b\nBcc: eve@lab\n\n", b"line 1"), (b"From: a@b\n: x\n\n", b"line 2"), (b"From: a@b\nB cc: x\n\n", b"line 2")],
)
def test_a_whole_mail_that_breaks_the_rules_is_refused(lab, smtpmail, text, word):
    done = send(smtpmail, "--raw", input=text)
    assert done.returncode == DATAERR and word in done.stderr
    assert lab.mails() == []


# ---- list, show, delete


def box(server, command, *arguments, password, user="alice", **how):
    return client(command, "--server", f"127.0.0.1:{server.port}", "--user", user, "--password-file", password, *arguments, **how)


def fill(lab, smtpmail, *texts):
    for text in texts:
        subject = "=?UTF-8?B?" + base64.b64encode(text.encode()).decode() + "?="  # by hand: --subject takes no escapes
        head = f"From: bob@lab\nTo: alice@lab\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        assert send(smtpmail, "--raw", input=(head + text + " body\n").encode()).returncode == OK
    assert len(lab.mails()) == len(texts)


def test_the_list_has_a_line_a_mail(lab, smtpmail, popserver, password):
    fill(lab, smtpmail, "First")
    send_mail(smtpmail, "From: bob@lab\r\nSubject: =?utf-8?q?Zw=C3=B6lf=09M=C3=A4nner_=1B[2J?=\r\n\r\nHello\r\n".encode())
    done = box(popserver, "list", password=password)
    assert (done.returncode, done.stderr) == (OK, b"")
    one, two = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert one[0] == "1" and one[1].isdigit() and re.fullmatch(r"\d{4}-\d\d-\d\d : \d\d : \d\d", one[2])
    assert one[3:] == ["bob@lab", "First"] and two[3:] == ["bob@lab", "Zwölf Männer ^[[2J"]


def test_an_empty_mailbox_has_an_empty_list(popserver, password):
    done = box(popserver, "list", password=password)
    assert (done.returncode, done.stdout, done.stderr) == (OK, b"", b"")


def test_a_password_from_standard_input(popserver):
    assert box(popserver, "list", password="-", input=b"wonderland\nand more\n").returncode == OK


def test_login_errors(popserver, tmp_path, password):
    wrong, empty = tmp_path / "wrong", tmp_path / "empty"
    wrong.write_text("guess\n")
    empty.write_text("")
    done = box(popserver, "list", password=wrong)
    assert done.returncode == NOPERM and b"-ERR" in done.stderr and done.stdout == b""
    assert b"guess" not in done.stderr
    assert box(popserver, "list", password=empty).returncode == NOINPUT
    assert box(popserver, "list", password=tmp_path / "none").returncode == NOINPUT
    with login(popserver):
        done = box(popserver, "list", password=password)
        assert done.returncode == TEMPFAIL and b"-ERR [IN-USE]" in done.stderr


def test_a_password_with_a_nul_is_not_sent(popserver, tmp_path):
    (tmp_path / "word").write_bytes(b"wonder\0land\n")
    done = box(popserver, "list", password=tmp_path / "word")
    assert done.returncode == DATAERR and done.stderr.count(b"\n") == 1 and b"NUL" in done.stderr


def test_a_fault_of_ones_own_is_not_blamed_on_the_server():
    done = box(Server(Pop3([])), "list", password="-", input=b"a\rb\n")
    assert done.returncode == NOPERM and b"line end" in done.stderr


def test_an_offer_that_is_no_pop3_is_the_servers_fault():
    def talk(peer):
        peer.send(b"+OK ready\r\n")
        peer.line()
        peer.send(b"hello\r\n")

    assert box(Server(talk), "list", password="-", input=b"secret\n").returncode == PROTOCOL


class Refusing:
    """A POP3 server that says its -ERR to one verb and is gone; OK to all the others."""

    def __init__(self, verb, words):
        self.verb, self.words = verb, words

    def __call__(self, peer):
        peer.send(b"+OK ready\r\n")
        while True:
            line = peer.line()
            if line.split(" ")[0] == self.verb:
                peer.send(f"-ERR {self.words}\r\n".encode())
                return
            peer.send(b"+OK\r\n.\r\n" if line in ("CAPA", "LIST") else b"+OK 0 0\r\n")


@pytest.mark.parametrize("verb", ["PASS", "STAT"])
@pytest.mark.parametrize("words, status", [
    ("[IN-USE] locked", TEMPFAIL), ("[SYS/TEMP] later", TEMPFAIL), ("[AUTH] no", NOPERM), ("no", NOPERM),
])
def test_the_last_words_of_a_server_that_hangs_up(verb, words, status):
    server = Server(Refusing(verb, words))
    done = box(server, "list", password="-", input=b"secret\n")
    assert done.stderr == f"mailclient list: the server said -ERR {words}\n".encode() and done.returncode == status


@pytest.mark.parametrize("command", ["show", "delete"])
def test_a_number_is_enough(command):
    server = Server(Pop3([mail("bob@lab", "one"), mail("bob@lab", "two")]))
    done = box(server, command, 2, password="-", input=b"secret\n")
    assert done.returncode == OK and (b"two" in done.stdout) == (command == "show")
    assert not [line for line in server.lines if line.startswith("TOP")]
    assert [line for line in server.lines if line[:4] in ("RETR", "DELE")] == [("RETR" if command == "show" else "DELE") + " 2"]


def test_what_a_server_hangs_up_on_is_left_out_and_nothing_else():
    """CAPA before the login says whether there is TLS."""
    pop3 = Pop3([mail("bob@lab", "one")], capa=None, top=False)
    pop3.close_at = ("TOP",)
    server = Server(pop3)
    assert box(server, "list", password="-", input=b"secret\n").returncode == OK
    begins = ["CAPA", "USER alice", "PASS secret"]
    assert server.lines == begins + ["CAPA", "STAT", "LIST", "TOP 1 0"] + begins + ["STAT", "LIST", "RETR 1", "QUIT"]


def test_the_transcript_goes_to_standard_error(lab, smtpmail, popserver, password):
    sent = send(smtpmail, "--transcript")
    assert (sent.returncode, sent.stdout) == (OK, b"")
    assert b"C: RCPT TO:<alice@lab>\n" in sent.stderr and sent.stderr.endswith(b"C: <client hangs up>\n")
    plain = box(popserver, "list", password=password)
    told = box(popserver, "list", "--transcript", password=password)
    assert told.stdout == plain.stdout and (told.returncode, plain.stderr) == (OK, b"")
    assert b"S: +OK" in told.stderr and USERS["alice"].encode() not in told.stderr


def test_values_of_another_locale_become_utf8(lab, smtpmail, latin1):
    done = send(smtpmail, "--subject", b"Gr\xfc\xdfe", sender=b"J\xf6rg <bob@lab>", env=latin1)
    assert done.returncode == OK, done.stderr
    (one,) = parsed(lab)
    assert one["Subject"] == "Grüße" and one["From"] == "Jörg <bob@lab>"


def test_show_reads_mime_and_raw_does_not(lab, smtpmail, popserver, password):
    fill(lab, smtpmail, "Grüße")
    shown = box(popserver, "show", 1, password=password)
    assert shown.returncode == OK
    assert "Subject: Grüße\n" in shown.stdout.decode() and shown.stdout.decode().endswith("\n\nGrüße body\n")
    raw = box(popserver, "show", "--raw", 1, password=password)
    assert raw.stdout == lab.mails()[0] and b"=?UTF-8?B?" in raw.stdout


def test_numbers_that_are_none(lab, smtpmail, popserver, password):
    fill(lab, smtpmail, "one")
    for number, status in (("2", NOINPUT), ("0", USAGE), ("-1", USAGE), ("x", USAGE), ("4294967297", USAGE), ("1x", USAGE)):
        assert box(popserver, "show", "--", number, password=password).returncode == status, number
        assert box(popserver, "delete", "--", "1", number, password=password).returncode == status, number
    assert box(popserver, "show", password=password).returncode == USAGE
    assert box(popserver, "delete", password=password).returncode == USAGE
    assert len(lab.mails()) == 1


def test_delete_removes_just_those(lab, smtpmail, popserver, password):
    fill(lab, smtpmail, "one", "two", "three", "four")
    assert box(popserver, "delete", 1, 3, 1, password=password).returncode == OK
    assert [m["Subject"] for m in parsed(lab)] == ["two", "four"]


def test_a_delete_that_is_refused_deletes_nothing():
    server = Server(Pop3([mail("bob@lab", "one"), mail("bob@lab", "two")]))
    done = client("delete", "--server", f"127.0.0.1:{server.port}", "--user", "alice", "--password-file", "-", "7", input=b"secret\n")
    assert done.returncode == NOINPUT
    assert not [line for line in server.lines if line.startswith("DELE")]


@pytest.mark.parametrize("rset", [True, False])
def test_where_one_mail_stays_all_stay(rset):
    """QUIT would delete what was marked before (RFC 1939 section 6), and RSET may be refused."""
    pop3 = Pop3([mail("bob@lab", "one"), mail("bob@lab", "two")])
    pop3.kept, pop3.rset = (2,), rset
    server = Server(pop3)
    assert box(server, "delete", 1, 2, password="-", input=b"secret\n").returncode == UNAVAILABLE
    assert server.lines[-1] == ("QUIT" if rset else "RSET") and len(pop3.mails) == 2


def test_a_closed_pipe_is_told(lab, smtpmail, popserver, password):
    fill(lab, smtpmail, "one")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [BUILD / "mailclient", "list", "--server", f"127.0.0.1:{popserver.port}", "--user", "alice", "--password-file", password],
            stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE,
        )
    assert done.returncode == 74


def test_help_names_every_option():
    done = run("mailclient", "send", "--help")
    assert done.returncode == 0
    for option in ("--server", "--user", "--password-file", "--ca", "--tls", "--plaintext", "--transcript", "--from", "--to", "--cc", "--bcc",
                   "--subject", "--attach", "--raw", "--save"):
        assert option in done.stdout


@pytest.mark.parametrize("program", [["mailclient"], ["mailclient", "send"], ["smtpmail"], ["popserver"]])
def test_h_is_short_for_help(program):
    short, long = run(*program, "-h"), run(*program, "--help")
    assert short.returncode == 0 and short.stdout == long.stdout != ""


def test_the_servers_have_no_gmime():
    for program in ("smtpmail", "popserver"):
        assert b"gmime" not in subprocess.run(["ldd", BUILD / program], capture_output=True).stdout
