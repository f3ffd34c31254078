"""The servers with mail programs that nobody here wrote."""

import email
import email.policy
import os
import poplib
import pty
import re
import select
import shutil
import smtplib
import subprocess
import time
from email.message import EmailMessage

import pytest

from harness import PATIENCE, login, retrieve, send_mail

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"  # smtp-source


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program, path=PATH)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def call(*command, input=None, env=None):
    done = subprocess.run(
        [str(word) for word in command], input=input, capture_output=True, timeout=PATIENCE,
        env={**os.environ, "PATH": PATH, **(env or {})},
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout


def letter(subject="Grüße", body="Guten Tag,\n\n.ein Punkt\n..zwei\n\nßchluß\n"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Bob <bob@lab>", "alice@lab", subject
    mail.set_content(body)
    mail.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="octet-stream", filename="all-octets")
    return mail


def same(octets, mail):
    back = email.message_from_bytes(octets.replace(b"\r\n", b"\n"), policy=email.policy.default)
    assert back["Subject"] == mail["Subject"]
    assert back.get_body().get_content() == mail.get_body().get_content()
    assert [a.get_content() for a in back.iter_attachments()] == [a.get_content() for a in mail.iter_attachments()]


def pop3_lines(lines):
    return b"".join(line + b"\r\n" for line in lines)


# Python's own


def open_box(popserver):
    box = poplib.POP3("127.0.0.1", popserver.port, timeout=PATIENCE)
    box.user("alice")
    box.pass_("wonderland")
    return box


def test_smtplib_and_poplib(smtpmail, popserver):
    mail = letter()
    with smtplib.SMTP("127.0.0.1", smtpmail.port, timeout=PATIENCE) as sender:
        assert sender.ehlo()[0] == 250
        assert {"pipelining", "size", "8bitmime", "enhancedstatuscodes"} <= set(sender.esmtp_features)
        assert sender.send_message(mail) == {}
        assert sender.send_message(mail, to_addrs=["alice@lab", "nobody@lab"]).keys() == {"nobody@lab"}
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            sender.send_message(mail, to_addrs=["nobody@lab"])
        assert sender.noop()[0] == 250 and sender.verify("alice")[0] in (250, 252) and sender.rset()[0] == 250
    box = open_box(popserver)
    count, octets = box.stat()
    assert count == 2 and "TOP" in box.capa() and "UIDL" in box.capa()
    sizes = [int(line.split()[1]) for line in box.list()[1]]
    assert sum(sizes) == octets
    for number in 1, 2:
        text = pop3_lines(box.retr(number)[1])
        assert len(text) == sizes[number - 1]
        same(text, mail)
        head = pop3_lines(box.top(number, 0)[1])
        assert text.startswith(head) and head.endswith(b"\r\n\r\n")
    ids = [line.split()[1] for line in box.uidl()[1]]
    assert len(set(ids)) == 2
    box.dele(1)
    assert box.stat()[0] == 1
    box.rset()
    box.dele(1)
    box.quit()
    box = open_box(popserver)
    assert [line.split()[1] for line in box.uidl()[1]] == ids[1:]
    box.quit()


# curl


@needs("curl")
def test_curl_sends_and_reads(lab, smtpmail, popserver, tmp_path):
    mail = letter()
    (tmp_path / "mail").write_bytes(mail.as_bytes(policy=email.policy.SMTP))
    at = f"pop3://127.0.0.1:{popserver.port}"
    call("curl", "-sS", f"smtp://127.0.0.1:{smtpmail.port}", "--mail-from", "bob@lab",
         "--mail-rcpt", "alice@lab", "--mail-rcpt", "bob@lab", "-T", tmp_path / "mail")
    assert re.fullmatch(rb"1 \d+\r\n", call("curl", "-sS", "-u", "alice:wonderland", at + "/"))
    same(call("curl", "-sS", "-u", "alice:wonderland", at + "/1"), mail)
    same(call("curl", "-sS", "-u", "bob:builder", at + "/1"), mail)
    assert re.fullmatch(rb"1 \S+\r\n", call("curl", "-sS", "-u", "alice:wonderland", at, "-X", "UIDL"))
    call("curl", "-sS", "-u", "alice:wonderland", at + "/1", "-X", "DELE", "--head")
    assert lab.mails("alice") == [] and len(lab.mails("bob")) == 1


# swaks, msmtp


@needs("swaks")
def test_swaks(lab, smtpmail):
    out = call("swaks", "--server", f"127.0.0.1:{smtpmail.port}", "--from", "bob@lab", "--to", "alice@lab,bob@lab",
               "--header", "Subject: from swaks", "--body", "one\n.\n.two\n")
    assert b"250" in out
    for user in "alice", "bob":
        (mail,) = lab.mails(user)
        assert b"Subject: from swaks\n" in mail and mail.rstrip().endswith(b"one\n..\n..two")
    out = call("swaks", "--server", f"127.0.0.1:{smtpmail.port}", "--from", "bob@lab", "--to", "alice@lab", "--pipeline")
    assert len(lab.mails("alice")) == 2


@needs("msmtp")
def test_msmtp(lab, smtpmail, popserver):
    mail = letter()
    call("msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={smtpmail.port}", "--from=bob@lab", "--tls=off", "alice@lab",
         input=mail.as_bytes())
    with login(popserver) as talk:
        same(retrieve(talk, 1), mail)


# mpop, fetchmail


def fill(smtpmail, number):
    mails = [letter(f"Letter {n}", f"Body of {n}\n.\nend\n") for n in range(number)]
    for mail in mails:
        assert send_mail(smtpmail, mail.as_bytes(policy=email.policy.SMTP)).startswith("250 ")
    return mails


def secret_file(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def maildir_mails(path):
    return [p.read_bytes() for p in sorted(path.glob("new/*"))]


def in_order(octets, mails):
    assert len(octets) == len(mails)
    by_subject = {email.message_from_bytes(o, policy=email.policy.default)["Subject"]: o for o in octets}
    for mail in mails:
        same(by_subject[mail["Subject"]], mail)


@needs("mpop")
@pytest.mark.parametrize("keep", [True, False])
def test_mpop(lab, smtpmail, popserver, tmp_path, keep):
    mails = fill(smtpmail, 5)
    for part in "cur", "new", "tmp":
        (tmp_path / "maildir" / part).mkdir(parents=True)
    config = secret_file(tmp_path / "mpoprc", f"""
account alice
host 127.0.0.1
port {popserver.port}
user alice
password wonderland
auth user
tls off
uidls_file {tmp_path}/uidls
keep {"on" if keep else "off"}
delivery maildir {tmp_path}/maildir
""")
    call("mpop", f"--file={config}", "--quiet", "alice")
    in_order(maildir_mails(tmp_path / "maildir"), mails)
    assert len(lab.mails()) == (5 if keep else 0)
    # It knows by their unique ids what it has.
    mails += fill(smtpmail, 1)
    call("mpop", f"--file={config}", "--quiet", "alice")
    assert len(maildir_mails(tmp_path / "maildir")) == 6
    assert len(lab.mails()) == (6 if keep else 0)


@needs("fetchmail")
def test_fetchmail_by_pop3_and_on_by_smtp(lab, smtpmail, popserver, tmp_path):
    mails = fill(smtpmail, 3)
    config = secret_file(tmp_path / "fetchmailrc", f"""
set no bouncemail
poll 127.0.0.1 service {popserver.port} protocol pop3 uidl
  user "alice" password "wonderland" is bob here
  smtphost 127.0.0.1/{smtpmail.port} smtpaddress lab
  sslproto ""
""")
    call("fetchmail", "-f", config, "--nodetach", "-v", env={"FETCHMAILHOME": str(tmp_path)})
    assert lab.mails("alice") == []
    with login(popserver, "bob") as talk:
        in_order([retrieve(talk, n + 1) for n in range(3)], mails)


# Postfix's load generator


@needs("smtp-source")
def test_smtp_source(lab, smtpmail, popserver):
    # -d: several mails a connection; by default a connection a mail.
    for options in ("-d",), ():
        call("smtp-source", *options, "-s", 10, "-m", 200, "-l", 4096, "-f", "bob@lab", "-t", "alice@lab", f"127.0.0.1:{smtpmail.port}")
    assert len(lab.mails()) == 400
    with login(popserver) as talk:
        assert talk.say("STAT", "+OK").startswith("+OK 400 ")


# mutt


SEED_MAIL = b"From: ag@iitkgp.edu\r\nTo: gb@iitkgp.edu\r\nSubject: Test mail\r\nThis is a test mail.\r\nHow are you doing?\r\n"


def mutt(tmp_path, folder, out, user="alice"):
    config = secret_file(tmp_path / "muttrc", f"""
set folder="{tmp_path}" spoolfile="{tmp_path}/none" record="" header_cache="" pop_delete=no pop_checkinterval=0
set pop_user="{user}" pop_pass="wonderland" ssl_starttls=no ssl_force_tls=no quit=yes wait_key=no pipe_decode=yes confirmappend=no pop_authenticators="user"
""")
    return mutt_terminal(tmp_path, config, folder, out)


def mutt_terminal(tmp_path, config, folder, out):
    """Opens the folder in mutt on a terminal and has it write the body of the first mail, decoded as it shows it, to a file."""
    with open(config, "a") as more:
        more.write(f"""
ignore *
macro index X "<pipe-message>cat >{out}.part; mv {out}.part {out}<enter><exit>"
push X
""")
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", HOME=str(tmp_path), LC_ALL="C.UTF-8")
        os.execvp("mutt", ["mutt", "-n", "-F", str(config), "-f", str(folder)])
    screen = b""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                screen += os.read(terminal, 65536)
            except OSError:
                break
    else:
        os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert out.exists(), screen.decode(errors="replace")
    head, _, body = out.read_text().partition("\n\n")
    return body


@needs("mutt")
def test_mutt_reads_a_mail_without_an_empty_line_over_pop3(smtpmail, popserver, tmp_path):
    assert send_mail(smtpmail, SEED_MAIL).startswith("250 ")
    shown = mutt(tmp_path, f"pop://alice@127.0.0.1:{popserver.port}", tmp_path / "out")
    assert shown.strip() == "This is a test mail.\nHow are you doing?"


@needs("mutt", "mpop")
def test_mutt_reads_it_from_an_mbox_that_mpop_fetched(smtpmail, popserver, tmp_path):
    assert send_mail(smtpmail, SEED_MAIL).startswith("250 ")
    call("mpop", "--file=/dev/null", "--host=127.0.0.1", f"--port={popserver.port}", "--user=alice", "--passwordeval=echo wonderland",
         "--auth=user", "--tls=off", f"--uidls-file={tmp_path}/uidls", f"--delivery=mbox,{tmp_path}/mbox", "--quiet")
    shown = mutt(tmp_path, tmp_path / "mbox", tmp_path / "out")
    assert shown.strip() == "This is a test mail.\nHow are you doing?"


@needs("mutt")
def test_mutt_reads_a_mime_mail(smtpmail, popserver, tmp_path):
    mail = letter()
    assert send_mail(smtpmail, mail.as_bytes(policy=email.policy.SMTP)).startswith("250 ")
    shown = mutt(tmp_path, f"pop://alice@127.0.0.1:{popserver.port}", tmp_path / "out")
    assert mail.get_body().get_content().strip() in shown
