"""The Debian package: what is in it, and its life on a machine: installed, used, upgraded, removed, purged. `make deb` builds it."""

import os
import re
import shutil
import subprocess

import pytest

import machine
from harness import BUILD, ROOT, SANITISED

VERSION = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
PACKAGES = sorted((ROOT / "build/deb").glob(f"postroom_{VERSION}_*.deb"))

pytestmark = [
    pytest.mark.skipif(SANITISED, reason="the package is built without sanitizers"),
    pytest.mark.skipif(not PACKAGES, reason="no package in build/deb: make deb"),
]


def dpkg_deb(*words):
    return subprocess.run(["dpkg-deb", *words], check=True, capture_output=True, text=True).stdout


# what is in it


def test_the_version_is_the_programs_one():
    assert dpkg_deb("--field", PACKAGES[0], "Version").strip() == VERSION
    assert (ROOT / "debian/changelog").read_text().startswith(f"postroom ({VERSION}) ")


def test_what_make_install_installs_is_in_it(tmp_path):
    done = subprocess.run(["make", "-C", ROOT, f"B={os.path.relpath(BUILD, ROOT)}", "install", "-o", "all", f"DESTDIR={tmp_path}", "PREFIX=/usr",
                           "zshdir=/usr/share/zsh/vendor-completions"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    installed = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    packed = {line.split()[5].removeprefix("./").removesuffix(".gz") for line in dpkg_deb("--contents", PACKAGES[0]).splitlines()}
    assert installed - packed == {"usr/share/doc/postroom/LICENSE"}  # Debian's place for it is the file copyright
    assert {"etc/postroom/postroom.conf", "lib/systemd/system/postroom.service", "lib/systemd/system/postroom-smtp.socket",
            "usr/lib/sysusers.d/postroom.conf", "usr/share/doc/postroom/copyright"} <= packed


@pytest.mark.skipif(not shutil.which("lintian"), reason="lintian not installed")
def test_lintian_has_nothing_to_say_but_that_the_maintainer_has_no_address():
    """Whoever publishes it puts his own there."""
    root = ["--allow-root"] if os.geteuid() == 0 else []
    said = subprocess.run(["lintian", *root, PACKAGES[0]], capture_output=True, text=True).stdout
    assert [line for line in said.splitlines() if "bogus-mail-host" not in line] == []


# its life


@pytest.fixture
def host(tmp_path):
    if why := machine.why_not():
        pytest.skip(why)
    shutil.copy(PACKAGES[0], tmp_path)
    host = machine.Machine(tmp_path)
    yield host
    host.stop()


def active(host):
    return host.run("systemctl", "is-active", "postroom.service", "postroom-smtp.socket", check=False).split()


def install(host):
    return host.run("dpkg", "--install", f"/mnt/{PACKAGES[0].name}")


def begin(host):
    """With the configuration that the package brings."""
    install(host)
    host.run("postroom", "user", "add", "--dir", "/var/lib/postroom", "alice", input="wonderland\n")
    host.run("systemctl", "enable", "--now", "postroom-smtp.socket", "postroom.service")


def send(host, text, to="alice@localhost"):
    host.sh(f"printf 'Subject: {text}\\n\\n{text}\\n' | curl -sS --crlf smtp://127.0.0.1 --mail-from bob@example.net --mail-rcpt {to} -T -")


def octets(text):
    """A mail has the machine's name in it."""
    return re.sub(r"\d+ octets", "N octets", text)


def play(host, page):
    """The files of a page, each with its name in the first line, and its commands, with what they print."""
    for kind, block in re.findall(r"^```(console|conf)\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.M | re.S):
        if kind == "conf":
            host.run("tee", re.match("# (/.*)", block)[1], input=block)
            continue
        for command, printed in re.findall(r"^# (.*)\n((?:(?!# ).*\n)*)", block, re.M):
            said = host.sh("cd /mnt && " + re.sub(r"postroom_\S+\.deb", PACKAGES[0].name, command), input="wonderland\n")
            assert not printed or octets(said.replace("\r", "")) == octets(printed), (command, said)


def test_the_page_from_package_to_first_mail(host):
    play(host, "install.md")
    assert active(host) == ["active", "active"]


@pytest.mark.skipif(not os.path.exists("/usr/lib/dovecot/imap"), reason="dovecot-imapd not installed")
def test_the_page_on_imap_and_dovecot_serves_what_was_exported(host):
    play(host, "install.md")
    play(host, "why-no-imap.md")
    fetch = "curl -sSk -u alice:wonderland 'imaps://localhost/INBOX;MAILINDEX=%d'"
    send(host, "second", "alice@example.org")
    host.run("sh", "/usr/local/sbin/mail-to-dovecot")
    assert "second" in host.sh(fetch % 2)
    assert host.run("postroom", "mail", "list", "--dir", "/var/lib/postroom", "alice") == ""
    host.sh("curl -sSk -u alice:wonderland imaps://localhost/INBOX -X 'STORE 1 +FLAGS (\\Answered)'")
    flags = host.sh("curl -sSk -u alice:wonderland imaps://localhost/INBOX -X 'FETCH 1:* FLAGS'")
    assert len(flags.splitlines()) == 2 and "\\Answered" in flags.splitlines()[0], flags


def test_nothing_begins_by_itself_and_the_first_start_needs_a_user(host):
    install(host)
    assert active(host) == ["inactive", "inactive"]
    assert host.run("stat", "-c", "%U %a", "/var/lib/postroom") == "postroom 700\n"
    host.run("systemctl", "start", "postroom-smtp.socket", "postroom.service", check=False)
    assert "users" in host.run("journalctl", "--unit=postroom", "--output=cat")
    assert host.run("systemctl", "show", "--property=ExecMainStatus", "--value", "postroom") == "66\n"
    assert active(host)[0] == "failed"  # once: it is not begun again and again


def test_systemd_finds_nothing_wrong_with_the_units(host):
    install(host)
    assert host.sh("systemd-analyze verify /lib/systemd/system/postroom*") == ""
    exposure = re.search(r"exposure level for postroom.service: ([\d.]+)", host.run("systemd-analyze", "security", "--no-pager", "postroom.service"))
    assert float(exposure[1]) <= 1.2


def test_in_the_units_sandbox_mail_comes_and_is_read_and_the_page_answers(host):
    begin(host)
    send(host, "confined")
    got = host.run("curl", "-sS", "--fail", "http://127.0.0.1:8025/healthz")
    assert '"ok"' in got
    login = host.sh("curl -sS -c /tmp/jar -H 'Content-Type: application/json' -d '{\"name\":\"alice\",\"password\":\"wonderland\"}' http://127.0.0.1:8025/api/login")
    assert "confined" in host.sh("curl -sS -b /tmp/jar http://127.0.0.1:8025/api/messages"), login
    processes = host.sh("cat /sys/fs/cgroup/system.slice/postroom.service/cgroup.procs").split()
    assert len(processes) == 3  # the server, the web inbox and its keeper
    for process in processes:
        status = dict(re.findall(r"^(\w+):\s+(\S+)", host.run("cat", f"/proc/{process}/status"), re.M))
        assert status["CapBnd"] == status["CapEff"] == "0000000000000000" and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    assert "1 " in re.search(r"^mails.*$", host.run("postroom", "status"), re.M)[0]
    journal = host.run("journalctl", "--unit=postroom")
    assert re.search(r"postroom\[\d+\]: mail from=<bob@example.net>", journal) and "postroom: " not in journal, journal
    host.run("systemctl", "reload", "postroom")
    assert active(host) == ["active", "active"]


def test_a_mail_server_beside_it_delivers_at_the_lmtp_socket(host):
    """One whose user is of the group, and no other."""
    begin(host)
    host.sh("sed -i 's/^# listener \"lmtp\"/listener \"lmtp\"/' /etc/postroom/postroom.conf")
    host.run("systemctl", "stop", "postroom.service")  # systemd opens no socket for a service that runs
    host.run("systemctl", "enable", "--now", "postroom-lmtp.socket")
    host.run("systemctl", "start", "postroom.service")
    deliver = "import smtplib; print(smtplib.LMTP('/run/postroom/lmtp').sendmail('bob@example.net', ['alice@localhost'], 'Subject: handed over\\n\\nhi\\n'))"
    as_mail = ["setpriv", "--reuid=mail", "--clear-groups"]
    assert "PermissionError" in host.run(*as_mail, "--regid=mail", "/usr/bin/python3", "-c", deliver, check=False)
    assert host.run(*as_mail, "--regid=postroom", "/usr/bin/python3", "-c", deliver) == "{}\n"
    assert "handed over" in host.run("postroom", "mail", "list", "--dir", "/var/lib/postroom", "alice")


def test_an_upgrade_keeps_configuration_and_mail_and_the_server_runs_again(host):
    begin(host)
    send(host, "before")
    host.sh("echo '# mine' >>/etc/postroom/postroom.conf")
    before = host.run("systemctl", "show", "--property=MainPID", "postroom")
    install(host)
    assert active(host) == ["active", "active"]
    assert host.run("systemctl", "show", "--property=MainPID", "postroom") != before
    send(host, "behind")
    listed = host.run("postroom", "mail", "list", "--dir", "/var/lib/postroom", "alice")
    assert "before" in listed and "behind" in listed
    assert "# mine" in host.run("cat", "/etc/postroom/postroom.conf")


def test_removal_keeps_configuration_and_mail_and_purge_the_mail_alone(host):
    begin(host)
    send(host, "kept")
    host.run("dpkg", "--remove", "postroom")
    assert active(host) == ["inactive", "inactive"]
    assert "kept" in host.run("cat", "/var/lib/postroom/alice/mailbox") and host.run("ls", "/etc/postroom") == "postroom.conf\n"
    install(host)
    assert active(host) == ["active", "active"]  # as it was
    said = host.run("dpkg", "--purge", "postroom")
    assert active(host) == ["inactive", "inactive"]
    assert "mail are still in /var/lib/postroom" in said
    assert "kept" in host.run("cat", "/var/lib/postroom/alice/mailbox")
    assert host.sh("ls -d /etc/postroom /etc/systemd/system/*.wants/postroom* /var/lib/postroom/.web 2>/dev/null", check=False) == ""
    assert host.run("getent", "passwd", "postroom")  # whose files these are


def test_purge_leaves_nothing_where_there_was_no_mail(host):
    install(host)
    assert "still" not in host.run("dpkg", "--purge", "postroom")
    assert host.sh("ls -d /etc/postroom /var/lib/postroom 2>/dev/null", check=False) == ""
