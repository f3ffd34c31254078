#!/usr/bin/env python3
"""Makes seeds for the fuzz targets out of what the tests have already: the dialogs of tests/dialogs (what clients say, what servers say, both in turn,
mails), and the texts in the C tests.

Usage: fuzz-seeds.py DIRECTORY    writes DIRECTORY/ROOM/NAME/* for src/ROOM/NAME_fuzz.c. Only what has changed is written.
"""

import ast
import hashlib
import pathlib
import re
import sys

SEED_MAX = 8 * 1024  # octets: longer ones slow a fuzzer down more than they show it
ROOT = pathlib.Path(__file__).resolve().parent.parent

# As src/server/dialog_test.c has them.
WORDS = [
    ("DOMAIN", "example.org"), ("DoMaIn", "EXAMPLE.ORG"), ("ALICE64", "YWxpY2U="), ("SECRET64", "c2VjcmV0"),
    ("PLAIN64", "AGFsaWNlAHNlY3JldA=="), ("BOBS-SECRET", "d@t@comm"), ("SECRET", "secret"), ("ALICE", "alice"), ("BOB", "bob"),
]
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


def unescape(text):
    """A text of a dialog in octets: \\r \\n \\t \\\\ \\xNN \\(998*x)."""
    out, at = b"", 0
    for m in re.finditer(r"\\(?:\((\d+)\*(.)\)|x([0-9A-Fa-f]{2})|(.))", text):
        out += text[at : m.start()].encode()
        if m[1]:
            out += m[2].encode() * int(m[1])
        elif m[3]:
            out += bytes([int(m[3], 16)])
        else:
            out += ESCAPES.get(m[4], m[4].encode())
        at = m.end()
    return out + text[at:].encode()


class Dialog:
    """client, server: what each says; turns: both, line by line, marked C and S; mails: as they stand in a mailbox."""

    def __init__(self, path):
        general = path.parent.name.startswith("rfc-")
        self.client, self.server, self.turns, self.mails = b"", b"", b"", b""
        for line in path.read_text().splitlines():
            mark, _, text = line.partition(" ")
            if general and mark != "#":
                for word, means in WORDS:
                    text = text.replace(word, means)
            if mark in (">", ">>"):
                said = unescape(text) + (b"\r\n" if mark == ">" else b"")
                self.client += said
                self.turns += b"".join(b"C" + s + b"\n" for s in said.splitlines())
            elif mark in ("<", "<~", "<="):
                said = unescape(text).replace(b".*", b"x").replace(b"\\", b"")
                self.server += said + b"\r\n"
                self.turns += b"S" + said + b"\n"
            elif mark in ("|", "|~"):
                self.mails += unescape(text) + b"\n"


def dialogs(protocol):
    return [Dialog(p) for p in sorted(ROOT.glob(f"tests/dialogs/*{protocol}/*.dialog"))]


def literals(*names):
    """The string literals of C tests, those that stand side by side as one."""
    one = r'"(?:[^"\\\n]|\\.)*"'
    for name in names:
        source = (ROOT / "src" / f"{name}_test.c").read_text()
        source = re.sub(r"^\s*#.*$", "", source, flags=re.M)
        for run in re.findall(rf"{one}(?:\s+{one})*", source):
            text = b""
            for part in re.findall(one, run):
                text += c_octets(part)
            if text:
                yield text


def c_octets(literal):
    octal = re.sub(r"\\([0-7]{1,3})", lambda m: f"\\x{int(m[1], 8) & 255:02x}", literal)
    short = re.sub(r"\\x([0-9A-Fa-f])(?![0-9A-Fa-f])", r"\\x0\1", octal)
    text = ast.literal_eval(short.replace("\\?", "?"))
    return b"".join(bytes([ord(c)]) if re.match(r"[\x80-\xff]", c) and "\\x" in short else c.encode() for c in text)


def before(prefixes, texts):
    """Each text behind each prefix: the octets with which a target chooses its manner."""
    return [p + t for t in texts for p in prefixes]


def client_says(protocol, prefixes):
    return before(prefixes, [d.client for d in dialogs(protocol)])


def server_says(protocol, prefixes):
    return before(prefixes, [d.server for d in dialogs(protocol)])


def mails(*tests):
    stored = [d.mails for p in ("smtp", "pop3") for d in dialogs(p) if d.mails]
    return stored + [t for t in literals(*tests) if b"\n" in t]


def split_lines(text):
    return [line for line in text.splitlines() if line]


def lines_of(protocol):
    return sorted({line for d in dialogs(protocol) for line in split_lines(d.client)})


def members():
    """Three who register, write to one another (the first connection's number is 4) and fetch it."""
    mail = b"MAIL FROM:<%d@example.org>\r\nRCPT TO:<%d@example.org>\r\nDATA\r\nSubject: s\r\n\r\n..x\r\n.\r\n"
    hello = b"HELO x\r\n\xfeREGISTER\r\n\xfeEHLO y\r\n\xfe"
    fetch = b"\xfeRETRIEVE\r\n\xfeRETRIEVE\r\nQUIT\r\n\xff"
    return [hello + mail % (4, 5) + mail % (4, 6) + fetch, hello + mail % (4, 6) + b"\xfe\xfe\xff\xfe" + fetch, b"\xfe".join([hello] + [d.client for d in dialogs("smtp")[:6]])]


def letters(texts, typed):
    """Recipients, subject and text, with NULs between; and what is typed into the courses' client."""
    return list(typed) + [b"a@b.test\0" + t + b"\0" + t + b"\n" for t in texts] + [t + b"\0s\0x\n" for t in texts if b"@" in t]


def reply_texts():
    return sorted({t.encode() for c in course_files() for t in re.findall(r'= "\d* ?(.*)"', c.decode())})


def course_files():
    return [p.read_bytes() for d in ("courses", "examples") for p in sorted((ROOT / d).glob("*.conf"))]


def recipes():
    """Seeds for each target that has any; the prefixes are explained at the head of each."""
    everything = ("mail/header", "mail/header_decode", "mail/summary", "client/mime_view")
    paths = [p for line in lines_of("smtp") for p in re.findall(rb"(?::\s*)(<.*)$", line)]
    return {
        "auth/aliases": literals("auth/aliases"),
        "auth/password": literals("auth/password"),
        "auth/sasl": before([b"\0", b"\1", b"\2", b"\3", b"\4", b"\x0a", b"\x0f"], literals("auth/sasl")),
        "auth/users_table": before([b"\0", b"\1", b"\2"], literals("auth/users_table", "auth/users", "auth/users_edit")),
        "auth/users_edit": before([b"\0alice\0", b"\1alice\0", b"\2bob\0", b"\x0adave\0", b"\4a,b\0"], literals("auth/users_edit", "auth/users")),
        "mime/html_text": literals("mime/html_text"),
        "terminal/local_set": before([b"\0", b"\3", b"\7"], literals("terminal/local_set")),
        "client/mime_compose": letters(list(literals("client/mime_compose", "client/people")), literals("client/compose")),
        "client/mime_header": before([b"\0"], mails(*everything)) + before([b"\1iso-8859-1\0", b"\1utf-8\0", b"\1iso-2022-jp\0"], literals("terminal/local_set")),
        "client/mime_view": mails(*everything),
        "client/sasl": before([b"\0", b"\1", b"\2", b"\7"], literals("client/sasl")),
        "terminal/visible": before([b"\0\x10", b"\1\x03", b"\3\x20"], literals("terminal/visible")),
        "course/course_file": course_files() + list(literals("course/course_file")),
        "mail/address": paths + list(literals("mail/address")),
        "mail/header": before([b"\x05"], mails(*everything)),
        "mail/trace": before([b"\x03"], mails("mail/trace")),
        "mail/trace_head": before([b"\0", b"\5"], literals("mail/trace_head")),
        "mail/utf8": literals("mail/utf8", "mail/header_decode"),
        "net/proxy": literals("net/proxy"),
        "server/config": literals("server/config"),
        "net/pump": before([b"\0", b"\1\2"], literals("net/pump")),
        "protocol/command": before([b"\7"], lines_of("smtp") + lines_of("pop3")),
        "protocol/dot": before([b"\x20", b"\x01", b"\x42", b"\x24"], literals("protocol/dot")),
        "protocol/explain": [d.turns for p in ("smtp", "pop3") for d in dialogs(p)],
        "protocol/pop3_client": server_says("pop3", [b"\0", b"\7"]) + before([b"\0", b"\7"], literals("protocol/pop3_client")),
        "protocol/pop3_origin": before([b"\x10"], list(literals("protocol/pop3_origin")) + mails("mail/trace_head")),
        "protocol/pop3_server": client_says("pop3", [b"\0\0", b"\3\x10", b"\x39\x0a"]),
        "protocol/pop3_top": before([b"\0\0", b"\3\2"], mails("protocol/pop3_top")),
        "protocol/reply": before([b"\x07you\0a@b\0c@d\0", b"\x00\0\0\0"], reply_texts()),
        "protocol/smtp_client": server_says("smtp", [b"\0", b"\7"]) + before([b"\0", b"\7"], literals("protocol/smtp_client")),
        "protocol/smtp_server": client_says("smtp", [b"\0\2", b"\3\x0b", b"\x15\0"]),
        "protocol/talk": server_says("smtp", [b"\x11"]) + server_says("pop3", [b"\x20"]),
        "protocol/transcript": [d.turns for p in ("smtp", "pop3") for d in dialogs(p)],
        "server/maildrop": client_says("pop3", [b"\4\0", b"\5\x07", b"\0\0"]),
        "server/member": before([b"\0", b"\x11"], members() + list(literals("server/member"))),
        "server/receive": client_says("smtp", [b"\4\0", b"\x0c\0", b"\5\x05"]),
        "store/file_store": before([b"\0\0", b"\1\x80", b"\3\xc0", b"\5\xc0", b"\7\xc0"], mails("store/file_store", "store/scan")),
    }


def write(directory, texts):
    directory.mkdir(parents=True, exist_ok=True)
    names = set()
    for text in texts:
        name = hashlib.sha1(text).hexdigest()[:12]
        if len(text) > SEED_MAX or name in names:
            continue
        names.add(name)
        if not (directory / name).exists():
            (directory / name).write_bytes(text)
    for old in directory.iterdir():
        if old.name not in names:
            old.unlink()
    return len(names)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, texts in recipes().items():
        write(pathlib.Path(sys.argv[1]) / target, texts)


if __name__ == "__main__":
    main()
