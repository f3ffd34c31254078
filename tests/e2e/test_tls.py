"""TLS as peers meet it: implicit, STARTTLS and STLS, what is refused, injected, renewed, broken off.

RFC 3207, RFC 2595, RFC 8314 section 3.3, RFC 8996, RFC 9325.
"""

import os
import pathlib
import poplib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from harness import BUILD, PATIENCE, SANITISED, Dialogue, Lab, run, send_mail, wait_for

BOTH = pytest.mark.parametrize("program", ["smtpmail", "popserver"])
ASK = {"smtpmail": b"STARTTLS", "popserver": b"STLS"}
STARTTLS = {"smtpmail": "smtp", "popserver": "pop3"}
GREETING = {"smtpmail": b"220 ", "popserver": b"+OK"}


# Certificates


def openssl(*arguments, **how):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **how)


class Authority:
    """A CA of one's own, and what it signs."""

    def __init__(self, path):
        self.path = path
        self.cert, self.key = path / "ca.pem", path / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=Test CA", "-keyout", self.key, "-out", self.cert)

    def issue(self, where, kind="ec"):
        """cert.pem and key.pem in `where`, each replaced at once, the key first."""
        where.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path) as beside:
            new = pathlib.Path(beside)
            how = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
            openssl("req", "-newkey", *how, "-nodes", "-subj", "/CN=localhost", "-keyout", new / "key.pem", "-out", new / "csr")
            (new / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            openssl("x509", "-req", "-in", new / "csr", "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "20",
                    "-extfile", new / "names", "-out", new / "cert.pem")
            os.chmod(new / "key.pem", 0o600)
            for name in ("key.pem", "cert.pem"):
                shutil.copy2(new / name, where / (name + ".new"))
                os.replace(where / (name + ".new"), where / name)
        return where / "cert.pem", where / "key.pem"

    def context(self):
        """A client that trusts this CA and nobody else, and checks the name."""
        return ssl.create_default_context(cafile=str(self.cert))


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def files(authority, tmp_path):
    return authority.issue(tmp_path / "tls")


def tls_port(server):
    def said():
        return next((int(m[1]) for line in server.errors if (m := re.match(r".*listening on \S+ port (\d+) \(TLS\)$", line))), 0)

    return wait_for(said)


def serve(lab, program, files, *options, **how):
    """A server with TLS on both its ports; .tls is the number of the other."""
    cert, key = files
    server = lab.server(program, "--tls-port", 0, "--tls-cert", cert, "--tls-key", key, "--verbose", *options, **how)
    server.tls = tls_port(server)
    return server


def dial(port):
    raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def shake(raw, context, name="localhost"):
    return context.wrap_socket(raw, server_hostname=name)


def ask(program, port):
    """A connection on which TLS was asked for and is due; what the server said to that."""
    raw = dial(port)
    heard = raw.makefile("rb", buffering=0)
    assert heard.readline().startswith(GREETING[program])
    if program == "smtpmail":
        raw.sendall(b"EHLO a.test\r\n")
        while heard.readline()[3:4] == b"-":
            pass
    raw.sendall(ASK[program] + b"\r\n")
    assert heard.readline().startswith(GREETING[program])
    return raw


def serial(tls):
    return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))


def served(server, authority):
    """The certificate that a new session gets."""
    with shake(dial(server.tls), authority.context()) as tls:
        return serial(tls)


def text_of(path):
    """The first certificate of a file, as serial() gives it."""
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(path.read_text()))


def ended(sock):
    """Whether the server hung up; what it said before in clear is no matter."""
    try:
        while sock.recv(4096):
            pass
    except (ConnectionResetError, ssl.SSLError):
        pass
    return True


def logged(server, part):
    return wait_for(lambda: any(part in line for line in server.errors))


# Programs that people use


def test_smtplib_over_starttls_and_implicit_tls(lab, files, authority):
    server = serve(lab, "smtpmail", files)
    with smtplib.SMTP("localhost", server.port, timeout=PATIENCE) as client:
        client.starttls(context=authority.context())
        client.sendmail("bob@lab", ["alice@lab"], "Subject: one\r\n\r\nover STARTTLS\r\n")
    with smtplib.SMTP_SSL("localhost", server.tls, timeout=PATIENCE, context=authority.context()) as client:
        client.sendmail("bob@lab", ["alice@lab"], "Subject: two\r\n\r\nover TLS\r\n")
    bodies = b"".join(lab.mails())
    assert b"over STARTTLS" in bodies and b"over TLS" in bodies


def test_poplib_over_stls_and_implicit_tls(lab, smtpmail, files, authority):
    server = serve(lab, "popserver", files)
    send_mail(smtpmail, b"Subject: hello\r\n\r\nto be read\r\n")
    client = poplib.POP3("localhost", server.port, timeout=PATIENCE)
    client.stls(context=authority.context())
    for client in (client, poplib.POP3_SSL("localhost", server.tls, timeout=PATIENCE, context=authority.context())):
        client.user("alice")
        client.pass_(lab.users["alice"])
        assert client.stat()[0] == 1
        assert b"to be read" in client.retr(1)[1]
        client.quit()


@BOTH
def test_a_client_that_does_not_know_the_ca_goes_away_and_the_server_lives(lab, files, authority, program):
    server = serve(lab, program, files)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(dial(server.tls), ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(dial(server.tls), authority.context(), name="mail.example.org")
    served(server, authority)


@BOTH
def test_a_large_mail_passes_both_ways(lab, files, authority, program):
    mail = serve(lab, "smtpmail", files)
    body = b"Subject: large\r\n\r\n" + b"".join(b"%060d\r\n" % i for i in range(40000))
    with smtplib.SMTP_SSL("localhost", mail.tls, timeout=PATIENCE, context=authority.context()) as client:
        client.sendmail("bob@lab", ["alice@lab"], body)
    if program == "popserver":
        server = serve(lab, "popserver", files)
        client = poplib.POP3_SSL("localhost", server.tls, timeout=PATIENCE, context=authority.context())
        client.user("alice")
        client.pass_(lab.users["alice"])
        assert b"\r\n".join(client.retr(1)[1]).endswith(body.rstrip(b"\r\n"))
        client.quit()
    else:
        assert lab.mails()[0].endswith(body.replace(b"\r\n", b"\n"))


# What is agreed on, and what is not (RFC 8996, RFC 9325)


def s_client(port, *options, input="", name="localhost"):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *map(str, options)], input=input,
                          capture_output=True, text=True, errors="replace", timeout=PATIENCE)


def agreed(ended):
    """The cipher of the session, or None."""
    m = re.search(r"Cipher is (\S+)", ended.stdout)
    return m[1] if m and m[1] != "(NONE)" else None


WEAKEST = ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]


@BOTH
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(lab, files, program, version):
    server = serve(lab, program, files)
    for how in ([], ["-starttls", STARTTLS[program]]):
        port = server.port if how else server.tls
        refused = s_client(port, version, *WEAKEST, *how)
        assert agreed(refused) is None
        assert "alert protocol version" in refused.stderr, refused.stderr


@BOTH
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_new_versions_are_taken(lab, authority, tmp_path, program, version, kind):
    server = serve(lab, program, authority.issue(tmp_path / "tls", kind))
    for how in ([], ["-starttls", STARTTLS[program]]):
        port = server.port if how else server.tls
        taken = s_client(port, version, "-CAfile", authority.cert, "-verify_return_error", "-verify_hostname", "localhost", *how)
        assert agreed(taken), taken.stderr
        assert "Verify return code: 0 (ok)" in taken.stdout
        assert "Compression: NONE" in taken.stdout
        assert "X25519" in taken.stdout


@pytest.mark.parametrize("weak", ["aNULL", "eNULL", "kRSA", "kDHE", "SHA1", "SHA256:SHA384", "3DES", "RC4", "EXPORT", "CAMELLIA", "ARIA", "AESCCM", "PSK"])
def test_weak_ciphers_are_refused(lab, authority, tmp_path, weak):
    server = serve(lab, "smtpmail", authority.issue(tmp_path / "tls", "rsa"))
    tried = s_client(server.tls, "-tls1_2", "-cipher", weak + ":!AESGCM:!CHACHA20:@SECLEVEL=0" if weak != "kRSA" and weak != "kDHE" else weak + ":@SECLEVEL=0")
    assert agreed(tried) is None
    assert "handshake failure" in tried.stderr or "no cipher match" in tried.stderr or "no ciphers available" in tried.stderr, tried.stderr


def test_the_groups_are_those_named(lab, files):
    server = serve(lab, "smtpmail", files)
    assert agreed(s_client(server.tls, "-groups", "P-256"))
    for weak in ("P-521", "ffdhe2048"):
        assert agreed(s_client(server.tls, "-tls1_3", "-groups", weak)) is None


def test_renegotiation_is_refused(lab, files):
    server = serve(lab, "smtpmail", files)
    client = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{server.tls}"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(0.3)
    client.stdin.write("R\n")
    client.stdin.flush()
    time.sleep(0.3)
    said = client.communicate(timeout=PATIENCE)[0]
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said, said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_also_after_a_reload(lab, files, authority, tmp_path, version):
    server = serve(lab, "popserver", files)
    kept = tmp_path / "session"
    first = s_client(server.tls, version, "-sess_out", kept, "-ign_eof", input="QUIT\n")
    assert "New, TLS" in first.stdout and kept.exists()
    assert "Reused, TLS" in s_client(server.tls, version, "-sess_in", kept).stdout
    authority.issue(files[0].parent)
    server.process.send_signal(signal.SIGHUP)
    logged(server, "was read again")
    assert "Reused, TLS" in s_client(server.tls, version, "-sess_in", kept).stdout


# What came before the handshake (CVE-2011-0411, RFC 3207 section 4.2, RFC 2595 section 4)


@BOTH
@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"NOOP\r\nNOOP\r\n", b"NO", b"QUIT\r\n"], ids=["one", "two", "a part", "QUIT"])
def test_nothing_slipped_in_is_answered_within_tls(lab, files, authority, program, behind):
    server = serve(lab, program, files)
    raw = dial(server.port)
    heard = raw.makefile("rb", buffering=0)
    heard.readline()
    if program == "smtpmail":
        raw.sendall(b"EHLO a.test\r\n")
        while heard.readline()[3:4] == b"-":
            pass
    raw.sendall(ASK[program] + b"\r\n" + behind)
    assert heard.readline().startswith(GREETING[program])
    with shake(raw, authority.context()) as tls:
        tls.settimeout(0.3)
        with pytest.raises(TimeoutError):
            tls.recv(1)
        tls.settimeout(PATIENCE)
        tls.sendall(b"QUIT\r\n")
        said = tls.recv(4096)
        assert said.startswith(b"221 " if program == "smtpmail" else b"+OK"), said


def test_a_mail_begun_in_clear_is_forgotten(lab, files, authority):
    server = serve(lab, "smtpmail", files)
    talk = Dialogue(server, "220 ")
    talk.say("EHLO a.test", "250")
    talk.say("MAIL FROM:<evil@lab>", "250 ")
    if talk.say("STARTTLS").startswith("220 "):
        tls = shake(talk.socket, authority.context())
        heard = tls.makefile("rb")
        tls.sendall(b"RCPT TO:<alice@lab>\r\n")
        assert heard.readline().startswith(b"503 ")
    talk.close()


def test_starttls_is_offered_once(lab, files, authority):
    server = serve(lab, "smtpmail", files)
    with smtplib.SMTP("localhost", server.port, timeout=PATIENCE) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert client.docmd("STARTTLS now")[0] == 501
        client.starttls(context=authority.context())
        assert client.docmd("MAIL FROM:<a@b>")[0] == 503  # EHLO comes first again
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] in (502, 503)
    with smtplib.SMTP_SSL("localhost", server.tls, timeout=PATIENCE, context=authority.context()) as client:
        client.ehlo()
        assert not client.has_extn("starttls")


def test_stls_is_offered_once(lab, files, authority):
    server = serve(lab, "popserver", files)
    client = poplib.POP3("localhost", server.port, timeout=PATIENCE)
    assert "STLS" in client.capa()
    client.stls(context=authority.context())
    assert "STLS" not in client.capa()
    with pytest.raises(poplib.error_proto):
        client._shortcmd("STLS")
    client.quit()


@BOTH
def test_without_a_certificate_nothing_is_offered(lab, program):
    server = lab.server(program)
    with Dialogue(server) as talk:
        if program == "smtpmail":
            assert "STARTTLS" not in talk.say("EHLO a.test", "250")
            assert talk.say("STARTTLS")[0] == "5"
        else:
            assert talk.say("STLS").startswith("-ERR")


# Peers that do it badly


@BOTH
@pytest.mark.parametrize("octets", [b"GET / HTTP/1.0\r\n\r\n", b"EHLO a\r\n", b"\0" * 1000, bytes(range(256)) * 300, b"\x16\x03\x01\xff\xff" + b"\1" * 70000],
                         ids=["http", "smtp", "zeros", "every octet", "long record"])
def test_garbage_for_a_clienthello_is_hung_up_on(lab, files, authority, program, octets):
    server = serve(lab, program, files)
    for raw in (dial(server.tls), ask(program, server.port)):
        with raw:
            try:
                raw.sendall(octets)
                raw.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            assert ended(raw)
    served(server, authority)
    logged(server, "no TLS handshake")


@BOTH
def test_a_slow_handshake_holds_nobody_and_has_its_limit(lab, files, authority, program):
    server = serve(lab, program, files, "--workers", 1)
    slow = [dial(server.tls) for _ in range(20)] + [ask(program, server.port) for _ in range(5)]
    for raw in slow:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01")
    begin = time.monotonic()
    for _ in range(5):
        served(server, authority)
    assert time.monotonic() - begin < (20 if SANITISED else 3)
    if program == "popserver":  # half a minute is waited once
        slow[0].settimeout(40)
        assert ended(slow[0])
        assert 25 < time.monotonic() - begin < 40
    for raw in slow:
        raw.close()


@BOTH
def test_a_peer_gone_amid_the_handshake_is_forgotten(lab, files, authority, program):
    server = serve(lab, program, files)
    fds = pathlib.Path(f"/proc/{server.pid}/fd")
    served(server, authority)
    before = wait_for(lambda: len(list(fds.iterdir())))
    for abort in (True, False):
        for raw in [dial(server.tls) for _ in range(10)] + [ask(program, server.port) for _ in range(10)]:
            raw.sendall(b"\x16\x03\x01\x02\x00\x01")
            if abort:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
    wait_for(lambda: len(list(fds.iterdir())) <= before)
    served(server, authority)


@BOTH
def test_two_hundred_sessions_at_once(lab, files, authority, program):
    server = serve(lab, program, files)
    context = authority.context()
    open_ones, failures = [], []

    def one(n):
        try:
            tls = shake(dial(server.tls) if n % 2 else ask(program, server.port), context)
            open_ones.append(tls)
        except Exception as error:  # counted below
            failures.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(open_ones) == 200
    for tls in open_ones:
        tls.sendall(b"QUIT\r\n")
    for tls in open_ones:
        assert b"\r\n" in tls.recv(4096)
        tls.close()


def pss(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1])


@pytest.mark.skipif(SANITISED, reason="a sanitizer's memory says nothing")
@BOTH
def test_an_idle_session_takes_little_memory(lab, files, authority, program):
    server = serve(lab, program, files)
    context = authority.context()
    held = [shake(dial(server.tls), context) for _ in range(20)]
    before = pss(server.pid)
    held += [shake(dial(server.tls), context) for _ in range(200)]
    for tls in held:
        tls.recv(200)
    each = (pss(server.pid) - before) / 200
    print(f"{program}: {each:.1f} KiB for each idle TLS session")
    assert each < 22
    for tls in held:
        tls.close()


def test_a_crowded_tls_port_hangs_up_without_a_word(lab, files, authority):
    server = serve(lab, "smtpmail", files, "--max-connections", 2)
    held = [shake(dial(server.tls), authority.context()) for _ in range(2)]
    with dial(server.tls) as raw:
        assert raw.recv(1) == b""
    with Dialogue(server) as talk:
        assert talk.greeting.startswith("421 ")
    for tls in held:
        tls.close()
    wait_for(lambda: (server.tls and takes(server, authority)))


def takes(server, authority):
    try:
        return served(server, authority)
    except OSError:
        return None


def test_the_end_is_said_within_tls(lab, files, authority):
    server = serve(lab, "smtpmail", files)
    tls = shake(dial(server.tls), authority.context())
    assert tls.recv(200).startswith(b"220 ")
    half = dial(server.tls)
    half.sendall(b"\x16\x03\x01")
    begin = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert tls.recv(200).startswith(b"421 ")
    assert tls.recv(1) == b""
    assert ended(half)
    tls.close()
    server.stop()
    assert time.monotonic() - begin < 3


# New certificates


@BOTH
@pytest.mark.parametrize("how", ["file", "SIGHUP"])
def test_a_new_certificate_is_served_and_old_sessions_go_on(lab, files, authority, program, how):
    server = serve(lab, program, files)
    old = text_of(files[0])
    tls = shake(dial(server.tls), authority.context())
    assert serial(tls) == old
    heard = tls.makefile("rb")
    heard.readline()
    assert served(server, authority) == old
    authority.issue(files[0].parent)
    new = text_of(files[0])
    assert new != old
    if how == "SIGHUP":
        server.process.send_signal(signal.SIGHUP)
        logged(server, "was read again")
        assert served(server, authority) == new
    else:
        wait_for(lambda: served(server, authority) == new)
    tls.sendall(b"NOOP\r\nQUIT\r\n")
    assert len([heard.readline(), heard.readline()]) == 2
    assert serial(tls) == old
    tls.close()


def test_one_file_that_a_link_names_anew(lab, files, authority, tmp_path):
    """As certbot does it: the name stays, what it points to is another."""
    live = tmp_path / "live"
    live.mkdir()
    for name, file in zip(("cert.pem", "key.pem"), files):
        (live / name).symlink_to(file)
    server = serve(lab, "smtpmail", (live / "cert.pem", live / "key.pem"))
    others = authority.issue(files[0].parent / "next")
    for name, file in zip(("key.pem", "cert.pem"), reversed(others)):
        (live / "new").symlink_to(file)
        os.replace(live / "new", live / name)
    wait_for(lambda: served(server, authority) == text_of(others[0]))


@pytest.mark.parametrize("bad", ["half", "mismatch", "gone", "empty"])
def test_bad_new_files_leave_the_old_in_use(lab, files, authority, tmp_path, bad):
    server = serve(lab, "smtpmail", files)
    cert, key = files
    old = text_of(cert)
    good = authority.issue(tmp_path / "new")
    if bad == "half":
        cert.write_text(cert.read_text()[:200])
    elif bad == "mismatch":
        shutil.copy(good[0], cert)
    elif bad == "gone":
        key.unlink()
    else:
        key.write_text("")
    server.process.send_signal(signal.SIGHUP)
    logged(server, "the certificate in use is kept: ")
    assert served(server, authority) == old
    for source, target in zip(good, files):
        shutil.copy(source, target)
    wait_for(lambda: served(server, authority) == text_of(good[0]))


@BOTH
def test_many_sighups_do_not_end_a_server_with_a_certificate(lab, files, program):
    server = serve(lab, program, files)
    with Dialogue(server) as talk:
        for _ in range(20):
            server.process.send_signal(signal.SIGHUP)
        talk.say("NOOP")
    with Dialogue(server):
        pass
    assert server.process.poll() is None


@BOTH
def test_under_nohup_a_server_without_a_certificate_goes_on(lab, program):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = lab.server(program)
    finally:
        signal.signal(signal.SIGHUP, before)
    server.process.send_signal(signal.SIGHUP)
    with Dialogue(server):
        pass
    assert server.process.poll() is None


@BOTH
def test_without_a_certificate_sighup_ends_a_server_cleanly(lab, program):
    """The terminal that it ran in is gone."""
    server = lab.server(program)
    server.process.send_signal(signal.SIGHUP)
    assert server.process.wait(PATIENCE) == 0


def unprivileged():
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@BOTH
def test_without_privileges_the_key_is_read_by_the_group(authority, program):
    """The server was root's never: the key is root's, readable by its group, and stays so when it is replaced."""
    group = 65534
    with tempfile.TemporaryDirectory() as place:
        home = pathlib.Path(place)
        os.chmod(home, 0o755)
        lab = Lab(home / "lab")
        for path in (lab.path, lab.path / "user.txt"):
            os.chown(path, group, group)
        tls = home / "tls"
        tls.mkdir()

        def hand_over():
            authority.issue(tls)
            os.chown(tls, 0, group)
            os.chmod(tls, 0o750)
            for name in ("key.pem", "cert.pem"):
                os.chown(tls / name, 0, group)
                os.chmod(tls / name, 0o640)

        hand_over()
        shutil.copy(BUILD / program, home / program)
        command = [*unprivileged(), home / program, "0", "--listen", "127.0.0.1", "--dir", lab.path, "--tls-port", "0",
                   "--tls-cert", tls / "cert.pem", "--tls-key", tls / "key.pem", "--verbose"]
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        try:
            line = next(line for line in process.stderr if "(TLS)" in line)
            assert pathlib.Path(f"/proc/{process.pid}").stat().st_uid == group
            port = int(re.search(r"port (\d+)", line)[1])

            def now():
                with shake(dial(port), authority.context()) as s:
                    return serial(s)

            assert now() == text_of(tls / "cert.pem")
            hand_over()
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: now() == text_of(tls / "cert.pem"))
            os.chmod(tls / "key.pem", 0o600)  # no longer the group's: the old one goes on
            before = text_of(tls / "cert.pem")
            process.send_signal(signal.SIGHUP)
            said = []
            while not any("Permission denied" in line for line in said):
                said.append(process.stderr.readline())
                assert said[-1], said
            assert "in use is kept" in said[-1]
            assert now() == before
        finally:
            process.terminate()
            process.wait(PATIENCE)


# The operator's mistakes


@BOTH
def test_a_tls_port_needs_a_certificate(lab, program):
    ended = run(program, "0", "--dir", lab.path, "--tls-port", "0")
    assert ended.returncode == 64
    assert "--tls-cert FILE" in ended.stderr and "postroom cert" in ended.stderr
    ended = run(program, "0", "--dir", lab.path, "--tls-key", "key.pem")
    assert ended.returncode == 64 and "--tls-cert FILE" in ended.stderr


@BOTH
def test_what_is_wrong_with_the_files_is_said(lab, files, tmp_path, program):
    cert, key = files

    def refused(*options):
        ended = run(program, "0", "--dir", lab.path, *options)
        assert ended.stderr.count("\n") == 1
        return ended.returncode, ended.stderr

    status, text = refused("--tls-cert", tmp_path / "none.pem")
    assert status == 66 and "none.pem" in text and "No such file" in text
    status, text = refused("--tls-cert", cert)  # without a key in it
    assert status == 78 and "has no key with it: add --tls-key FILE" in text
    locked = tmp_path / "locked.pem"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked)
    status, text = refused("--tls-cert", cert, "--tls-key", locked)
    assert status == 78 and "under a password" in text


def test_a_key_that_everybody_can_read_is_warned_of(lab, files):
    os.chmod(files[1], 0o644)
    server = serve(lab, "smtpmail", files)
    assert any("every user of this machine" in line for line in server.errors)


def test_the_plain_line_comes_first_and_is_as_it_was(lab, files):
    server = serve(lab, "smtpmail", files)
    lines = [line for line in server.errors if "listening" in line]
    assert re.fullmatch(r"listening on 127\.0\.0\.1 port \d+", lines[0])
    assert re.fullmatch(r"listening on 127\.0\.0\.1 port \d+ \(TLS\)", lines[1])
