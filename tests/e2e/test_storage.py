"""The place where mail rests, when it is full, odd, or edited by hand; and memory, when a mail is huge."""

import os
import re
import shutil
import subprocess
import time

import pytest

from harness import SANITISED, USERS, Dialogue, Lab, login, retrieve, send_mail, smtp, stuffed
import letters

RECEIVED = re.compile(rb"^Received: .*\n", re.M)


# A full disk


@pytest.fixture
def small_lab(tmp_path):
    """A lab on a file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.getuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small file system here: {mounted.stderr.strip()}")
    lab = Lab(place)
    try:
        yield lab
        lab.close()
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(lab, spare):
    """Leaves about `spare` octets free."""
    (lab.path / "filler").unlink(missing_ok=True)
    free = os.statvfs(lab.path)
    room = free.f_bavail * free.f_frsize - spare
    (lab.path / "filler").write_bytes(b"x" * room)


def test_a_full_disk_is_452_and_leaves_nothing_half_written(small_lab):
    smtpmail, popserver = small_lab.smtpmail(), small_lab.popserver()
    assert send_mail(smtpmail, letters.text(1)).startswith("250 ")
    before = small_lab.mailbox().read_bytes()
    big = b"From: a@b\r\nTo: alice@lab\r\nSubject: big\r\n" + b"x" * 70 + b"\r\n"
    for _ in range(3):
        fill(small_lab, 16 * 1024)
        reply = send_mail(smtpmail, big + (b"y" * 70 + b"\r\n") * 1000)
        assert reply.startswith("452 "), reply
        assert small_lab.mailbox().read_bytes() == before
    (small_lab.path / "filler").unlink()
    assert send_mail(smtpmail, letters.text(2)).startswith("250 ")
    with login(popserver) as talk:
        assert [letters.number_of(retrieve(talk, n)) for n in (1, 2)] == [1, 2]


def test_a_new_users_mailbox_on_a_full_disk_is_452(small_lab):
    smtpmail = small_lab.smtpmail()
    fill(small_lab, 0)
    with smtp(smtpmail) as talk:
        talk.say("MAIL FROM:<bob@lab>", "250 ")
        reply = talk.say("RCPT TO:<alice@lab>")
        if reply.startswith("250 "):
            talk.say("DATA", "354 ")
            talk.send(stuffed(letters.text(1)) + b".\r\n")
            reply = talk.reply()
    assert reply.startswith("452 "), reply
    assert small_lab.mails() == []
    (small_lab.path / "filler").unlink()
    assert send_mail(smtpmail, letters.text(1)).startswith("250 ")


def test_a_removal_without_room_removes_nothing_and_says_so(small_lab):
    smtpmail, popserver = small_lab.smtpmail(), small_lab.popserver()
    for number in (100, 200, 3):  # the first two of 20 KiB
        assert send_mail(smtpmail, letters.text(number)).startswith("250 ")
    before = small_lab.mailbox().read_bytes()
    fill(small_lab, 0)
    with login(popserver) as talk:
        talk.say("DELE 1", "+OK")
        talk.say("QUIT", "-ERR [SYS/TEMP]")
    assert small_lab.mailbox().read_bytes() == before
    (small_lab.path / "filler").unlink()
    with login(popserver) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 3 ")
        talk.say("DELE 1", "+OK")
        talk.say("QUIT", "+OK")
    assert len(small_lab.mails()) == 2


# A mailbox that cannot be had


def assert_refused(lab):
    """Both servers say that it is they who cannot, for now; the other users go on."""
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    reply = ""
    with smtp(smtpmail) as talk:
        talk.say("MAIL FROM:<bob@lab>", "250 ")
        reply = talk.say("RCPT TO:<alice@lab>")
        if reply[0] == "2":
            talk.say("DATA", "354 ")
            talk.send(stuffed(letters.text(1)) + b".\r\n")
            reply = talk.reply()
        assert reply[0] == "4", reply
    assert send_mail(smtpmail, letters.text(1), to=["bob@lab"]).startswith("250 ")
    with Dialogue(popserver, "+OK") as talk:
        talk.say("USER alice", "+OK")
        talk.say("PASS wonderland", "-ERR [SYS/")
        assert talk.ended()
    with login(popserver, "bob") as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 1 ")


def test_a_mailbox_that_is_a_link_is_not_followed(lab, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not mail\n")
    (lab.path / "alice").mkdir(mode=0o700)
    lab.mailbox().symlink_to(elsewhere)
    assert_refused(lab)
    assert elsewhere.read_text() == "not mail\n"


def test_a_mailbox_with_a_second_name_is_not_touched(lab, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not mail\n")
    (lab.path / "alice").mkdir(mode=0o700)
    os.link(elsewhere, lab.mailbox())
    assert_refused(lab)
    assert elsewhere.read_text() == "not mail\n"


def test_a_directory_that_is_a_link_is_not_followed(lab, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (lab.path / "alice").symlink_to(elsewhere)
    assert_refused(lab)
    assert list(elsewhere.iterdir()) == []


def test_a_mailbox_that_is_a_directory_is_refused(lab):
    lab.mailbox().mkdir(parents=True)
    assert_refused(lab)


@pytest.mark.skipif(os.getuid() != 0, reason="giving a file to another user needs root")
def test_a_mailbox_of_somebody_else_is_refused(lab):
    (lab.path / "alice").mkdir(mode=0o700)
    lab.mailbox().write_text("Subject: theirs\n\n.\n")
    os.chown(lab.mailbox(), 12345, 12345)
    assert_refused(lab)
    assert lab.mailbox().read_text() == "Subject: theirs\n\n.\n"


# Hand edits


def edited(lab, octets):
    lab.mailbox().parent.mkdir(mode=0o700, exist_ok=True)
    lab.mailbox().write_bytes(octets)


def test_a_last_message_without_its_full_stop_counts_and_is_closed_by_the_next(lab, smtpmail, popserver):
    edited(lab, b"Subject: typed\n\nby hand\n.\nSubject: second\n\nno full stop")
    with login(popserver) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 2 ")
        assert retrieve(talk, 2) == b"Subject: second\r\n\r\nno full stop\r\n"
    assert send_mail(smtpmail, letters.text(1)).startswith("250 ")
    with login(popserver) as talk:
        assert retrieve(talk, 2) == b"Subject: second\r\n\r\nno full stop\r\n"
        assert letters.number_of(retrieve(talk, 3)) == 1


def test_a_file_with_crlf_lines_is_read(lab, smtpmail, popserver):
    edited(lab, b"Subject: dos\r\n\r\nfirst\r\n.\r\nSubject: two\r\n\r\n..dots\r\n.\r\n")
    with login(popserver) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 2 ")
        assert retrieve(talk, 1) == b"Subject: dos\r\n\r\nfirst\r\n"
        assert retrieve(talk, 2) == b"Subject: two\r\n\r\n.dots\r\n"
        sizes = talk.say("LIST", "+OK") and talk.body()
        assert sizes == b"1 %d\r\n2 %d\r\n" % (len(b"Subject: dos\r\n\r\nfirst\r\n"), len(b"Subject: two\r\n\r\n.dots\r\n"))
    assert send_mail(smtpmail, letters.text(1)).startswith("250 ")
    with login(popserver) as talk:
        assert letters.number_of(retrieve(talk, 3)) == 1


def test_somebody_elses_line_with_a_single_full_stop_arrives_whole(lab, popserver):
    edited(lab, b"Subject: profile\n\n.bashrc\n..two\nend\n.\n")
    with login(popserver) as talk:
        assert retrieve(talk, 1) == b"Subject: profile\r\n\r\n.bashrc\r\n.two\r\nend\r\n"


def test_text_appended_by_another_program_is_mail(lab, smtpmail, popserver):
    assert send_mail(smtpmail, letters.text(1)).startswith("250 ")
    with open(lab.mailbox(), "ab") as mailbox:
        mailbox.write(b"Subject: from a script\n\nhello\n.\n")
    assert send_mail(smtpmail, letters.text(2)).startswith("250 ")
    with login(popserver) as talk:
        assert letters.number_of(retrieve(talk, 1)) == 1
        assert retrieve(talk, 2) == b"Subject: from a script\r\n\r\nhello\r\n"
        assert letters.number_of(retrieve(talk, 3)) == 2


def test_an_editor_that_saves_a_new_file_is_noticed(lab, smtpmail, popserver):
    for number in range(3):
        assert send_mail(smtpmail, letters.text(number)).startswith("250 ")
    with login(popserver) as talk:
        talk.say("QUIT", "+OK")
    mails = lab.mails()
    new = lab.mailbox().with_name("mymailbox~")
    new.write_bytes(b"".join(mail + b".\n" for mail in (mails[2], b"Subject: edited\n\nin between\n", mails[0])))
    os.replace(new, lab.mailbox())
    with login(popserver) as talk:
        assert letters.number_of(retrieve(talk, 1)) == 2
        assert retrieve(talk, 2) == b"Subject: edited\r\n\r\nin between\r\n"
        assert letters.number_of(retrieve(talk, 3)) == 0
        talk.say("DELE 2", "+OK")
        talk.say("QUIT", "+OK")
    assert lab.mails() == [mails[2], mails[0]]


def test_an_editor_that_saves_in_place_is_noticed(lab, smtpmail, popserver):
    for number in range(3):
        assert send_mail(smtpmail, letters.text(number)).startswith("250 ")
    octets = lab.mailbox().read_bytes()
    lab.mailbox().write_bytes(octets.replace(b"Line 0 of letter 1", b"Line 0 OF LETTER 1"))
    with login(popserver) as talk:
        assert b"OF LETTER" in retrieve(talk, 2)
        assert letters.number_of(retrieve(talk, 3)) == 2


def test_an_edit_within_a_session_removes_nothing_wrong(lab, smtpmail, popserver):
    for number in range(3):
        assert send_mail(smtpmail, letters.text(number)).startswith("250 ")
    with login(popserver) as talk:
        talk.say("DELE 1", "+OK")
        octets = lab.mailbox().read_bytes()
        lab.mailbox().write_bytes(b"Subject: new first\n\nmine\n.\n" + octets)
        assert talk.say("QUIT").startswith("-ERR [SYS/TEMP]")
    assert lab.mailbox().read_bytes() == b"Subject: new first\n\nmine\n.\n" + octets
    with login(popserver) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 4 ")


def test_whatever_a_mail_holds_is_kept_byte_for_byte(lab, smtpmail, popserver):
    text = b"Subject: octets\r\n\r\n" + bytes(n for n in range(256) if n not in b"\r\n") + b"\r\n\r\n  trailing \t\r\n.\r\n..\r\n\r\n"
    assert send_mail(smtpmail, text).startswith("250 ")
    with login(popserver) as talk:
        octets = retrieve(talk, 1)
    assert re.sub(rb"^Received: .*\r\n", b"", octets, count=1) == text
    assert RECEIVED.sub(b"", lab.mails()[0]) == stuffed(text).replace(b"\r\n", b"\n")


def test_the_users_file_is_read_again_when_it_changes(lab, smtpmail, popserver):
    with smtp(smtpmail) as talk:
        talk.say("MAIL FROM:<bob@lab>", "250 ")
        talk.say("RCPT TO:<carol@lab>", "550 ")
    with open(lab.path / "user.txt", "a") as users:
        users.write("carol   chocolate\n")
    assert send_mail(smtpmail, letters.text(1, "carol@lab"), to=["carol@lab"]).startswith("250 ")
    with login(popserver, "carol", "chocolate") as talk:
        assert letters.number_of(retrieve(talk, 1), "carol@lab") == 1


def test_names_find_their_user_in_any_case(lab):
    (lab.path / "user.txt").write_text("# the class\n\nStallings \t network$ecurity\n")
    smtpmail, popserver = lab.smtpmail(), lab.popserver()
    assert send_mail(smtpmail, letters.text(1), to=["stallings@localhost"]).startswith("250 ")
    assert (lab.path / "Stallings" / "mymailbox").exists() and not (lab.path / "stallings").exists()
    assert (lab.path / "Stallings").stat().st_mode & 0o777 == 0o700
    assert (lab.path / "Stallings" / "mymailbox").stat().st_mode & 0o777 == 0o600
    with login(popserver, "STALLINGS", USERS["stallings"]) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 1 ")


# Memory


GIB = 1024 * 1024 * 1024
STILL_SMALL = 32 * 1024 * 1024


@pytest.mark.skipif(SANITISED, reason="a sanitiser has memory of its own")
def test_a_mail_of_a_gibibyte_passes_through_small_servers(lab):
    if shutil.disk_usage(lab.path).free < 4 * GIB:
        pytest.skip("4 GiB of disk are not free here")
    smtpmail, popserver = lab.smtpmail("--max-size", "2G"), lab.popserver()
    line = b"0123456789" * 7 + b"12345678\r\n"
    block = line * (1024 * 1024 // len(line))
    blocks = GIB // len(block) + 1
    begin = time.monotonic()
    with smtp(smtpmail) as talk:
        for text, expected in ("MAIL FROM:<bob@lab>", "250"), ("RCPT TO:<alice@lab>", "250"), ("DATA", "354"):
            talk.say(text, expected)
        head = b"From: bob@lab\r\nTo: alice@lab\r\nSubject: huge\r\n\r\n"
        talk.send(head)
        for _ in range(blocks):
            talk.send(block)
        talk.send(b".\r\n")
        talk.socket.settimeout(120)
        assert talk.reply().startswith("250 ")
    sent = time.monotonic()
    with login(popserver) as talk:
        size = int(talk.say("STAT", "+OK").split()[2])
        assert size == len(head) + blocks * len(block) + len(b"Received: 2026-11-21 : 12 : 44\r\n")
        talk.say("RETR 1", "+OK")
        left = size
        last = b""
        while left:
            last = talk.file.read(min(left, 1 << 20))
            left -= len(last)
        assert last.endswith(line) and talk.hear() == "."
    print(f"in {sent - begin:.1f} s, out {time.monotonic() - sent:.1f} s,"
          f" smtpmail {smtpmail.peak_memory() >> 20} MiB, popserver {popserver.peak_memory() >> 20} MiB")
    assert smtpmail.peak_memory() < STILL_SMALL
    assert popserver.peak_memory() < STILL_SMALL


@pytest.mark.skipif(SANITISED, reason="a sanitiser has memory of its own")
def test_many_big_mails_at_once_share_a_bounded_memory(lab):
    smtpmail = lab.smtpmail()
    talks = [smtp(smtpmail) for _ in range(60)]
    for talk in talks:
        for text, expected in ("MAIL FROM:<bob@lab>", "250"), ("RCPT TO:<alice@lab>", "250"), ("DATA", "354"):
            talk.say(text, expected)
    for talk in talks:
        talk.send(b"Subject: big\r\n\r\n" + (b"z" * 78 + b"\r\n") * 13_000)
    for talk in talks:
        talk.send(b".\r\n")
    for talk in talks:
        assert talk.reply().startswith("250 ")
        talk.close()
    assert smtpmail.peak_memory() < 48 * 1024 * 1024, "16 MiB of mail may rest in memory, and sessions have their buffers"
    assert len(lab.mails()) == len(talks)
