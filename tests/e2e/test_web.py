"""The web inbox: its API, what guards it, the dialogues, and that mail goes on whatever becomes of it."""

import base64
import email.message
import http.client
import json
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from harness import BUILD, PATIENCE, Dialogue, wait_for
from serving import Serve

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC")
LISTENERS = {"smtp": "protocol = smtp port = 0", "pop3": "protocol = pop3 port = 0", "web": "protocol = web port = 0"}


class Web:
    """The page of a server, as a program sees it."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, headers=None):
        """Status, headers, and the body: JSON as Python has it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            octets = answer.read()
        finally:
            connection.close()
        is_json = "json" in (answer.headers["Content-Type"] or "")
        return answer.status, answer.headers, json.loads(octets) if is_json and octets else octets

    def get(self, path, **filters):
        query = "?" + urllib.parse.urlencode(filters) if filters else ""
        status, _, body = self.ask("GET", path + query)
        assert status == 200, (status, body)
        return body

    def wait(self, **filters):
        return self.get("/api/wait", timeout=f"{PATIENCE}s", **filters)


class Running(Serve):
    """`postroom serve` for tests of mail programs, with a page."""

    def __init__(self, path, settings="catch_all = true\n", **how):
        path.mkdir(exist_ok=True)
        super().__init__(path, settings + f'directory = "{path}/mail"\n', LISTENERS, **how)
        self.web = Web(self.port_of["web"])

    def send(self, to="ann@example.org", subject="Hello", text="It works.\n", sender="bob@example.org", html=None, **headers):
        mail = email.message.EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        if html:
            mail.add_alternative(html, subtype="html")
            mail.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>")
        self.hand_in(mail, to)

    def hand_in(self, mail, to):
        with smtplib.SMTP("127.0.0.1", self.port_of["smtp"], timeout=PATIENCE) as talk:
            talk.send_message(mail, to_addrs=[to])

    def worker(self):
        """The process that serves the page."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"/postroom-web") and f"{self.directory}/mail".encode() in words:
                return int(process.name)
        return None


@pytest.fixture
def server(tmp_path):
    with Running(tmp_path / "served") as running:
        yield running


def wait_until(true, what="it"):
    end = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < end, f"{what} does not come"
        time.sleep(0.02)
    return value


# ---- mails ----


def test_a_mail_is_listed_and_taken_apart(server):
    server.send(subject="Grüße", text="Hallo, der Code ist 482913.\nhttps://example.org/a?b=1&c=2.\n",
                html='<p>Hallo</p><img src="cid:logo"><a href="https://example.org/h?x=1&amp;y=2">x</a>')
    mail = server.web.wait(to="ann@example.org")
    assert (mail["subject"], mail["inbox"], mail["from"]) == ("Grüße", "ann@example.org", "bob@example.org")
    assert mail["envelope"] == {"sender": "bob@example.org", "recipients": ["ann@example.org"], "login": ""}
    assert mail["codes"] == ["482913"]
    assert mail["links"] == ["https://example.org/h?x=1&y=2", "https://example.org/a?b=1&c=2"]
    assert mail["text"] == "Hallo, der Code ist 482913.\nhttps://example.org/a?b=1&c=2.\n"
    assert [part["cid"] for part in mail["attachment_list"]] == ["logo"]
    assert {"name": "To", "value": "ann@example.org"} in mail["headers"]
    listed = server.web.get("/api/messages")
    assert [m["id"] for m in listed["messages"]] == [mail["id"]] and listed["total"] == 1
    assert server.web.get("/api/inboxes")["inboxes"] == [{"name": "ann@example.org", "messages": 1}]


def test_html_runs_nothing_loads_nothing_and_has_its_images_in_it(server):
    server.send(html='<script>alert(1)</script><img src="cid:logo"><img src="https://tracker.example/x.gif">')
    mail = server.web.wait(to="ann@example.org")
    status, headers, html = server.web.ask("GET", f"/api/messages/{mail['id']}/html")
    policy = headers["Content-Security-Policy"]
    assert status == 200 and policy.startswith("sandbox allow-popups") and "default-src 'none'; img-src data:" in policy
    assert "allow-scripts" not in policy and "allow-same-origin" not in policy
    assert b'src="data:image/png;base64,' + base64.b64encode(PNG) in html


def test_source_and_attachments_come_as_they_were(server):
    mail = email.message.EmailMessage()
    mail["Subject"], mail["To"] = "files", "ann@example.org"
    mail.set_content(".one\n..two\n")
    mail.add_attachment(bytes(range(256)) * 300, "application", "pdf", filename="Übersicht 1.pdf")
    server.hand_in(mail, "ann@example.org")
    found = server.web.wait(subject="files")
    _, headers, octets = server.web.ask("GET", f"/api/messages/{found['id']}/attachments/0")
    assert octets == bytes(range(256)) * 300
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%9Cbersicht%201.pdf"
    _, headers, source = server.web.ask("GET", f"/api/messages/{found['id']}/source")
    assert headers["Content-Type"].startswith("text/plain") and b"\n.one\n..two\n" in source
    assert server.web.ask("GET", f"/api/messages/{found['id']}/attachments/1")[0] == 404
    assert server.web.ask("GET", "/api/messages/nothing")[0] == 404


def test_mails_are_found_by_words_and_by_filters(server):
    server.send(to="ann+news@example.org", subject="Harvest festival", text="apples and pears\n", sender="Tom <tom@farm.example>")
    server.send(to="bob@example.org", subject="Invoice", text="pay for the apples\n")
    server.web.wait(subject="invoice")
    server.web.wait(subject="harvest")

    def subjects(**filters):
        return [m["subject"] for m in server.web.get("/api/messages", **filters)["messages"]]

    assert sorted(subjects(q="apple")) == ["Harvest festival", "Invoice"]
    assert subjects(q="apples -pay") == ["Harvest festival"]
    assert subjects(q='"for the apples"') == ["Invoice"]
    assert subjects(q="from:tom") == ["Harvest festival"]
    assert subjects(q="subject:inv") == ["Invoice"]
    assert subjects(q='" OR * NEAR(') == subjects(q="body:zzz") == []
    assert len(subjects(q='"" - * ^ :')) == 2
    assert subjects(tag="news") == subjects(to="ann@example.org") == subjects(to="ANN+news@example.org") == ["Harvest festival"]
    assert subjects(to="ann+other@example.org") == []
    assert subjects(inbox="bob@example.org") == subjects(subject="VOICE") == ["Invoice"]
    assert subjects(since="2100-01-01T00:00:00Z") == []


def test_pages_follow_one_another(server):
    for i in range(7):
        server.send(subject=f"number {i}")
    wait_until(lambda: server.web.get("/api/messages")["total"] == 7)
    seen, cursor = [], {}
    while True:
        page = server.web.get("/api/messages", limit=3, **cursor)
        seen += [m["subject"] for m in page["messages"]]
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [f"number {i}" for i in reversed(range(7))]


def test_what_another_process_puts_into_a_mailbox_is_seen(server):
    server.send()
    server.web.wait(to="ann@example.org")
    with open(server.directory / "mail" / "ann@example.org" / "mailbox", "a", encoding="utf-8") as mailbox:
        mailbox.write("From: hand@example.org\nSubject: by hand\n\ntyped\n.\n")
    mail = server.web.wait(subject="by hand")
    assert mail["from"] == "hand@example.org" and mail["text"] == "typed\n" and "session" not in mail


# ---- waiting, and live updates ----


def test_waiting_ends_when_the_mail_comes(server):
    found = []
    thread = threading.Thread(target=lambda: found.append(server.web.wait(to="late@example.org", subject="welcome")))
    thread.start()
    time.sleep(0.2)
    server.send(to="other@example.org", subject="Welcome")
    server.send(to="late@example.org", subject="Nothing")
    assert not found
    server.send(to="late@example.org", subject="You are Welcome here")
    thread.join(PATIENCE)
    assert found[0]["subject"] == "You are Welcome here"


def test_waiting_ends_with_408_when_it_does_not_come(server):
    begun = time.monotonic()
    status, _, answer = server.web.ask("GET", "/api/wait?to=nobody@example.org&timeout=300ms")
    assert status == 408 and "error" in answer
    assert 0.29 < time.monotonic() - begun < PATIENCE
    assert server.web.ask("GET", "/api/wait?timeout=soon")[0] == 400


@pytest.mark.parametrize("method, path, name", [
    ("GET", "/api/wait?subjct=other&timeout=1s", "subjct"), ("GET", "/api/messages?too=x", "too"), ("DELETE", "/api/messages?all=1&form=x", "form"),
])
def test_a_misspelled_filter_finds_and_deletes_nothing(server, method, path, name):
    server.send(subject="stays")
    server.web.wait(subject="stays")
    status, _, answer = server.web.ask(method, path)
    assert status == 400 and f"there is no parameter '{name}'" in answer["error"]
    assert server.web.ask("GET", "/api/wait?since=yesterday")[0] == 400
    assert [mail["subject"] for mail in server.web.get("/api/messages")["messages"]] == ["stays"]


def test_an_open_page_hears_of_new_mail(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.web.port, timeout=PATIENCE)
    connection.request("GET", "/api/events")
    stream = connection.getresponse()
    assert stream.headers["Content-Type"] == "text/event-stream"
    server.send(subject="news")
    lines = []
    while not (lines and lines[-1].startswith(b"data:") and lines[-2] == b"event: message"):
        lines.append(stream.readline().rstrip(b"\n"))
    assert json.loads(lines[-1][5:])["subject"] == "news"
    connection.close()


# ---- dialogues ----


def test_the_dialogue_of_a_mail_is_explained_and_holds_neither_text_nor_password(server):
    with smtplib.SMTP("127.0.0.1", server.port_of["smtp"]) as talk:
        talk.ehlo("client.test")
        talk.sendmail("bob@example.org", ["ann@example.org"], "Subject: x\n\nvery private words\n")
    mail = server.web.wait(to="ann@example.org")
    session = wait_until(lambda: (s := server.web.get(f"/api/messages/{mail['id']}/dialogue")) and not s["live"] and s, "the end")
    lines = {line["text"]: line for line in session["lines"]}
    assert lines["ehlo client.test"]["side"] == "client" and lines["ehlo client.test"]["octets"] == 18
    assert "says hello" in lines["ehlo client.test"]["explanation"]
    assert [(line["lines"], line["octets"]) for line in session["lines"] if line.get("mail")] == [(3, 34)]
    assert "private" not in json.dumps(session) and session["mails"] == 1
    assert [m["id"] for m in session["messages"]] == [mail["id"]]
    assert all(line["after"] >= 0 for line in session["lines"])


def test_sessions_that_failed_are_shown_and_passwords_are_not(server):
    with Dialogue(server.port_of["smtp"], "220") as talk:
        talk.say("MAIL FROM:<a@b>", "503")
        talk.say("NONSENSE", "500")
    with Dialogue(server.port_of["pop3"], "+OK") as talk:
        for line in (b"USER ann@example.org\r\n", b"PASS s3cret-word\r\n", b"QUIT\r\n"):
            talk.send(line)
            talk.hear()
    sessions = wait_until(lambda: (s := server.web.get("/api/sessions")["sessions"]) and len(s) == 2 and not any(x["live"] for x in s) and s)
    pop3, smtp = sessions
    assert (smtp["protocol"], smtp["errors"], smtp["mails"]) == ("smtp", 2, 0)
    assert (pop3["protocol"], pop3["users"]) == ("pop3", ["ann@example.org"])
    whole = server.web.get(f"/api/sessions/{pop3['id']}")
    assert [line["text"] for line in whole["lines"] if line.get("secret")] == ["PASS "]
    assert "s3cret" not in json.dumps(whole)
    assert server.web.ask("GET", "/api/sessions/999")[0] == 404


def test_a_mail_that_pop3_fetches_is_counted_and_not_kept(server):
    server.send(text="very private words\n")
    server.web.wait(to="ann@example.org")
    with Dialogue(server.port_of["pop3"], "+OK") as talk:
        for line in (b"USER ann@example.org\r\n", b"PASS x\r\n", b"RETR 1\r\n"):
            talk.send(line)
            talk.hear()
        assert b"private" in talk.body()
    session = wait_until(lambda: [s for s in server.web.get("/api/sessions")["sessions"] if s["protocol"] == "pop3" and not s["live"]])[0]
    whole = server.web.get(f"/api/sessions/{session['id']}")
    assert "private" not in json.dumps(whole)
    assert [line["side"] for line in whole["lines"] if line.get("mail")] == ["server"]


# ---- deleting ----


def test_deleting_removes_the_mail_from_the_mailbox(server):
    for name in ("one", "two", "three"):
        server.send(subject=name)
    wait_until(lambda: server.web.get("/api/messages")["total"] == 3)
    ids = {m["subject"]: m["id"] for m in server.web.get("/api/messages")["messages"]}
    assert server.web.ask("DELETE", f"/api/messages/{ids['two']}")[::2] == (200, {"deleted": 1})
    mailbox = server.directory / "mail" / "ann@example.org" / "mailbox"
    assert mailbox.read_bytes().count(b"\n.\n") == 2 and b"Subject: two" not in mailbox.read_bytes()
    assert server.web.ask("GET", "/api/messages/" + ids["two"])[0] in (200, 404)  # until the index has seen it
    wait_until(lambda: server.web.get("/api/messages")["total"] == 2)
    assert server.web.ask("DELETE", "/api/messages")[0] == 400
    assert server.web.ask("DELETE", "/api/messages?q=three")[::2] == (200, {"deleted": 1})
    assert server.web.ask("DELETE", "/api/messages", {"ids": [ids["one"], "unknown"]})[::2] == (200, {"deleted": 1})
    wait_until(lambda: server.web.get("/api/messages")["total"] == 0)
    assert mailbox.read_bytes() == b""


def test_a_mailbox_that_somebody_reads_is_not_deleted_from(server):
    server.send()
    mail = server.web.wait(to="ann@example.org")
    with Dialogue(server.port_of["pop3"], "+OK") as talk:
        for line in (b"USER ann@example.org\r\n", b"PASS x\r\n"):
            talk.send(line)
            assert talk.hear().startswith("+OK")
        status, _, answer = server.web.ask("DELETE", f"/api/messages/{mail['id']}")
        assert status == 409 and "POP3 session" in answer["error"]
    assert server.web.get("/api/messages")["total"] == 1


# ---- who may ask ----


@pytest.mark.parametrize("headers", [
    {"Host": "rebound.example"},
    {"Host": "rebound.example:80"},
    {"Host": "127.0.0.1"},
    {"Host": "localhost:1"},
])
def test_other_names_are_not_answered(server, headers):
    for path in ("/", "/api/messages", "/api/v1/messages", "/metrics"):
        status, _, body = server.web.ask("GET", path, headers=headers)
        assert status == 421 and "web_hosts" in body["error"]


def test_other_sites_may_not_ask(server):
    own = f"http://localhost:{server.web.port}"
    host = {"Host": f"localhost:{server.web.port}"}

    def status(method, path, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.web.ask(method, path, headers={**host, **headers})[0]

    assert status("GET", "/api/messages", Sec_Fetch_Site="cross-site") == 403
    assert status("GET", "/api/messages", Sec_Fetch_Site="same-site") == 403
    assert status("GET", "/api/messages", Origin="http://evil.example") == 403
    assert status("DELETE", "/api/messages?all=1", Origin="http://evil.example") == 403
    assert status("DELETE", "/api/messages?all=1", Origin="null") == 403
    assert status("GET", "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") == 200
    assert status("GET", "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors") == 403
    assert status("GET", "/api/messages", Sec_Fetch_Site="same-origin", Origin=own) == 200
    assert status("POST", "/api/logout", Content_Type="text/plain", Origin=own) == 415
    assert status("POST", "/api/logout", X_Postroom="1", Origin=own) == 204
    assert status("POST", "/api/messages", X_Postroom="1") == 405
    assert status("OPTIONS", "/api/messages", Origin="http://evil.example") == 403


def test_the_page_carries_a_strict_policy(server):
    status, headers, page = server.web.ask("GET", "/")
    assert status == 200 and b"<title>Postroom</title>" in page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and headers["X-Content-Type-Options"] == "nosniff"
    for asset in ("page.css", "page.js", "icon.svg", "api.js", "api.css"):
        assert server.web.ask("GET", f"/assets/{asset}")[0] == 200
    assert server.web.ask("GET", "/assets/nothing")[0] == 404


def test_what_is_no_request_harms_nobody(server):
    assert server.web.ask("POST", "/api/login", {"name": 1})[0] == 400
    assert server.web.ask("PUT", "/api/faults/x", {"kind": "no such kind"})[0] == 400
    assert server.web.ask("DELETE", "/api/messages", {"ids": [1, None, {"a": []}]})[::2] == (200, {"deleted": 0})
    assert server.web.ask("DELETE", "/api/v1/messages", "x" * 300000)[0] == 413
    for path in ("/api/messages?cursor=zzz&limit=-1", "/api/messages?limit=99999999999999999999", "/api/sessions?cursor=-"):
        assert server.web.ask("GET", path)[0] == 200
    for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5000, b"GET /" + b"a" * 100000, b"POST /api/login HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
        with Raw(server.web.port) as talk:
            talk.send(octets)
    assert server.web.get("/healthz") == {"status": "ok"}


class Raw(Dialogue):
    """A connection on which nobody greets."""

    def hear(self):
        return ""


USERS = {"ann": "wonderland", "bob": "builder"}


def test_users_log_in_and_see_their_own_mail_alone(tmp_path):
    (tmp_path / "served" / "mail").mkdir(parents=True)
    for name, word in USERS.items():
        subprocess.run([BUILD / "postroom", "user", "add", name, "--dir", f"{tmp_path}/served/mail/"], input=word + "\n", text=True, check=True, capture_output=True)
    with Running(tmp_path / "served", "", options=["--verbose"]) as server:
        web = server.web
        server.send(to="ann@localhost", subject="for ann")
        server.send(to="bob@localhost", subject="for bob")
        for path in ("/api/messages", "/api/sessions", "/api/inboxes", "/api/events", "/metrics", "/api/v1/messages"):
            assert web.ask("GET", path)[0] == 401
        assert web.get("/api/status")["known"] is False and "messages" not in web.get("/api/status")
        assert web.ask("POST", "/api/login", {"name": "ann", "password": "wrong"})[0] == 401
        status, headers, who = web.ask("POST", "/api/login", {"name": "ann", "password": "wonderland"})
        assert (status, who) == (200, {"user": "ann"})
        assert "HttpOnly; SameSite=Strict" in headers["Set-Cookie"]
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        mine = wait_until(lambda: web.ask("GET", "/api/messages", headers=cookie)[2]["messages"])
        assert [m["subject"] for m in mine] == ["for ann"]
        assert web.ask("GET", "/api/messages?inbox=bob", headers=cookie)[2]["messages"] == []
        assert [i["name"] for i in web.ask("GET", "/api/inboxes", headers=cookie)[2]["inboxes"]] == ["ann"]
        _, headers, _ = web.ask("POST", "/api/login", {"name": "bob", "password": "builder"})
        other = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        wait_until(lambda: web.ask("GET", "/api/messages", headers=other)[2]["messages"])
        for path in (f"/api/messages/{mine[0]['id']}", f"/api/messages/{mine[0]['id']}/source", f"/api/messages/{mine[0]['id']}/dialogue",
                     f"/api/v1/message/{mine[0]['id']}", f"/api/sessions/{mine[0]['session']}"):
            assert web.ask("GET", path, headers=other)[0] == 404
            assert web.ask("GET", path, headers=cookie)[0] == 200
        assert web.ask("DELETE", f"/api/messages/{mine[0]['id']}", headers=other)[0] == 404
        assert web.ask("DELETE", "/api/messages?all=1", headers=other)[2] == {"deleted": 1}
        assert len(web.ask("GET", "/api/messages", headers=cookie)[2]["messages"]) == 1
        assert web.ask("POST", "/api/logout", {}, headers=cookie)[0] == 204
        assert web.ask("GET", "/api/messages", headers=cookie)[0] == 401
        assert not any("wonderland" in line or "wrong" in line.split("outcome")[0] for line in server.errors)


# ---- mail goes on ----


def test_a_page_that_dies_comes_back_and_mail_goes_on(server):
    server.send(subject="before")
    server.web.wait(subject="before")
    first = server.worker()
    os.kill(first, signal.SIGKILL)
    server.send(subject="meanwhile")
    wait_until(lambda: server.worker() not in (None, first), "another process")
    wait_until(lambda: any("the web inbox ended by signal 9" in line for line in server.errors))
    server.send(subject="after")
    assert server.web.wait(subject="after")["session"]
    assert sorted(m["subject"] for m in server.web.get("/api/messages")["messages"]) == ["after", "before", "meanwhile"]
    assert server.process.poll() is None


def test_a_page_that_hangs_stops_no_mail(server):
    server.send(subject="before")
    server.web.wait(subject="before")
    os.kill(server.worker(), signal.SIGSTOP)
    try:
        with smtplib.SMTP("127.0.0.1", server.port_of["smtp"], timeout=PATIENCE) as talk:
            for i in range(300):
                talk.sendmail("bob@example.org", ["ann@example.org"], f"Subject: {i}\n\nx\n")
    finally:
        os.kill(server.worker(), signal.SIGCONT)
    wait_until(lambda: server.web.get("/api/messages")["total"] == 301)


def test_the_page_ends_with_the_server(tmp_path):
    for end in (signal.SIGTERM, signal.SIGKILL):
        with Running(tmp_path / end.name) as server:
            worker = server.worker()
            server.process.send_signal(end)
            server.process.wait(PATIENCE)
            wait_until(lambda: not pathlib.Path(f"/proc/{worker}").exists(), "its end")
            if end == signal.SIGKILL:
                server.stop = lambda: None


def test_an_index_that_is_broken_or_gone_is_made_again(server):
    server.send(subject="kept")
    server.web.wait(subject="kept")
    os.kill(worker := server.worker(), signal.SIGKILL)
    (server.directory / "mail" / ".web" / "index.db").write_bytes(b"this is no database" * 100)
    wait_until(lambda: server.worker() not in (None, worker))
    assert server.web.wait(subject="kept")["text"] == "It works.\n"


def test_the_page_alone_reads_and_changes_nothing(tmp_path):
    with Running(tmp_path / "served") as server:
        server.send(subject="kept")
        server.web.wait(subject="kept")
    command = [BUILD / "postroom-web", "--dir", f"{tmp_path}/served/mail", "--listen", "127.0.0.1:0"]
    alone = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    try:
        line = alone.stderr.readline()
        assert line.endswith("(web)\n"), line
        web = Web(int(line.split()[4]))
        mail = web.wait(subject="kept")
        assert web.ask("DELETE", f"/api/messages/{mail['id']}")[0] == 503
        assert web.get("/api/status")["writable"] is False
    finally:
        alone.terminate()
        alone.communicate()
    assert alone.returncode == 0


# ---- what goes wrong on purpose ----


def fault(server, inbox, **what):
    return server.web.ask("PUT", f"/api/faults/{inbox}", what)[0]


def test_a_recipient_is_refused_on_purpose(server):
    assert fault(server, "ann@example.org", kind="rcpt", code=450, text="not today") == 200
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        server.send(to="Ann@Example.org")
    assert refused.value.recipients == {"Ann@Example.org": (450, b"not today")}
    server.send(to="bob@example.org")
    assert server.web.get("/api/faults")["faults"][0]["code"] == 450
    assert server.web.ask("DELETE", "/api/faults/ann@example.org")[0] == 200
    server.send(to="ann@example.org")
    assert server.web.wait(to="ann@example.org")["subject"] == "Hello"
    assert server.web.get("/api/faults")["faults"] == []


def test_a_mail_is_refused_late_or_cut_off_and_not_stored(server):
    assert fault(server, "ann@example.org", kind="data", code=552, delay_ms=300) == 200
    begun = time.monotonic()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        server.send()
    assert refused.value.smtp_code == 552 and time.monotonic() - begun >= 0.3
    for kind in ("cut-end", "cut"):
        assert fault(server, "ann@example.org", kind=kind) == 200
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            server.send()
    assert server.web.get("/api/messages")["total"] == 0


def test_a_pop3_login_is_refused_or_cut_off_on_purpose(server):
    def answer():
        with Dialogue(server.port_of["pop3"], "+OK") as talk:
            talk.send(b"USER ann@example.org\r\n")
            talk.hear()
            talk.send(b"PASS x\r\n")
            return talk.hear()

    assert fault(server, "ann@example.org", kind="login") == 200
    assert answer().startswith("-ERR [SYS/TEMP]")
    assert fault(server, "ann@example.org", kind="cut-login", delay_ms=50) == 200
    assert answer() == ""


def test_the_same_seed_brings_the_same_course_of_events(server):
    def course():
        assert fault(server, "ann@example.org", kind="rcpt", code=451, probability=0.5, seed=7) == 200
        with Dialogue(server.port_of["smtp"], "220") as talk:
            talk.say("HELO x", "250")
            talk.say("MAIL FROM:<>", "250")
            return [talk.say("RCPT TO:<ann@example.org>")[:3] for _ in range(12)]

    first = course()
    assert set(first) == {"250", "451"} and course() == first


def test_users_mail_never_goes_wrong_on_purpose(tmp_path):
    (tmp_path / "served" / "mail").mkdir(parents=True)
    subprocess.run([BUILD / "postroom", "user", "add", "ann", "--dir", f"{tmp_path}/served/mail/"], input="wonderland\n", text=True, check=True, capture_output=True)
    with Running(tmp_path / "served", "") as server:
        _, headers, _ = server.web.ask("POST", "/api/login", {"name": "ann", "password": "wonderland"})
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        assert server.web.ask("PUT", "/api/faults/ann", {"kind": "rcpt"}, cookie)[0] == 403
        server.send(to="ann@localhost")


# ---- others' ways ----


def test_mailpit_helpers_work(server):
    server.send(subject="one", text="first\n")
    server.send(subject="two", html="<p>second</p>")
    wait_until(lambda: server.web.get("/api/v1/messages")["total"] == 2)
    listed = server.web.get("/api/v1/messages", limit=1)
    assert (listed["total"], listed["count"], listed["messages"][0]["Subject"]) == (2, 1, "two")
    assert listed["messages"][0]["To"] == [{"Name": "", "Address": "ann@example.org"}]
    found = server.web.get("/api/v1/search", query="first")
    assert [m["Subject"] for m in found["messages"]] == ["one"] and found["messages_count"] == 1
    one = server.web.get("/api/v1/message/" + found["messages"][0]["ID"])
    assert one["Text"] == "first\n" and one["HTML"] == ""
    assert "<p>second</p>" in server.web.get("/api/v1/message/latest")["HTML"]
    assert b"Subject: one" in server.web.ask("GET", f"/api/v1/message/{one['ID']}/raw")[2]
    assert server.web.ask("DELETE", "/api/v1/messages", {"IDs": [one["ID"]]})[0] == 200
    wait_until(lambda: server.web.get("/api/v1/messages")["total"] == 1)
    assert server.web.ask("DELETE", "/api/v1/messages")[0] == 200
    wait_until(lambda: server.web.get("/api/v1/messages")["total"] == 0)


def test_metrics_are_prometheus_text(server):
    server.send()
    server.web.wait(to="ann@example.org")
    text = server.web.get("/metrics").decode()
    assert "postroom_web_messages 1\n" in text and "# TYPE postroom_web_delivered_total counter\n" in text
    wait_until(lambda: "postroom_mails_stored_total 1\n" in server.web.get("/metrics").decode(), "the mail process's numbers")


def test_every_path_of_the_description_is_there(server):
    description = server.web.get("/api/openapi.json")
    assert description["openapi"] == "3.1.0"
    for path, methods in description["paths"].items():
        for method in methods:
            if method != "get" or path in ("/api/events", "/api/wait"):
                continue
            status, _, body = server.web.ask("GET", path.replace("{id}", "1").replace("{index}", "0"))
            assert status in (200, 404), (path, status)
            assert status == 200 or body["error"] not in ("there is nothing here",), path
    assert b"<h1>The API</h1>" in server.web.ask("GET", "/api")[2]


def own_address():
    """One of this machine's that is not loopback; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def with_users(tmp_path, more=""):
    (tmp_path / "mail").mkdir(parents=True)
    (tmp_path / "mail/users.txt").write_text("ann wonderland\n")
    text = f'hostname = "lab"\nweb_hosts = {{"inbox.example.org"}}\ndirectory = "{tmp_path}/mail"\n{more}'
    return Serve(tmp_path, text, LISTENERS | {"web": 'protocol = web port = 0 address = "*"'})


def log_in_at(address, port, context=None, **headers):
    maker = (lambda: http.client.HTTPSConnection(address, port, timeout=PATIENCE, context=context)) if context else \
        (lambda: http.client.HTTPConnection(address, port, timeout=PATIENCE))
    connection = maker()
    headers = {"Host": "inbox.example.org", "Content-Type": "application/json"} | headers
    connection.request("POST", "/api/login", json.dumps({"name": "ann", "password": "wonderland"}), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers["Set-Cookie"], body


def test_a_password_from_another_machine_is_refused_without_tls(tmp_path):
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but loopback")
    with with_users(tmp_path) as server:
        wait_for(lambda: any("the web inbox has no TLS" in line for line in server.errors))
        status, cookie, body = log_in_at(address, server.port_of["web"])
        assert (status, cookie) == (403, None) and b"over HTTPS alone" in body
        assert log_in_at("127.0.0.1", server.port_of["web"])[0] == 200
    with with_users(tmp_path / "plaintext", "plaintext = true\n") as server:
        assert log_in_at(address, server.port_of["web"])[0] == 200
        assert not [line for line in server.errors if "has no TLS" in line]


def forward(listener, context, port):
    """What a web server with TLS in front does, without its headers."""
    def pump(source, sink):
        try:
            while octets := source.recv(65536):
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        outer = context.wrap_socket(plain, server_side=True)
        inner = socket.create_connection(("127.0.0.1", port))
        for ends in (outer, inner), (inner, outer):
            threading.Thread(target=pump, args=ends, daemon=True).start()


def test_behind_a_web_server_with_tls_users_log_in(tmp_path):
    subprocess.run([BUILD / "postroom", "cert", "--dir", tmp_path, "inbox.example.org", "127.0.0.1"], check=True, capture_output=True)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    trust = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with with_users(tmp_path) as server, socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=forward, args=(listener, own, server.port_of["web"]), daemon=True).start()
        port = listener.getsockname()[1]
        tls = {"X-Forwarded-Proto": "https", "Origin": "https://inbox.example.org"}
        status, cookie, _ = log_in_at("127.0.0.1", port, trust, **tls)
        assert status == 200 and cookie.endswith("; Secure") and "HttpOnly" in cookie
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=trust)
        connection.request("GET", "/api/inboxes", headers={"Host": "inbox.example.org", "Cookie": cookie.split(";")[0]})
        assert connection.getresponse().status == 200
        connection.close()
        assert log_in_at("127.0.0.1", port, trust, Origin="https://elsewhere.example")[0] == 403
        assert log_in_at("127.0.0.1", port, trust, Host="elsewhere.example")[0] == 421
