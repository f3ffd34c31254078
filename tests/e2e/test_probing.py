"""Whether a name is a user's: told neither by what is answered, nor by how long that takes, whatever way is tried and however secrets are kept."""

import base64
import hashlib
import hmac
import statistics
import subprocess
import time

import pytest

from harness import SANITISED, Dialogue

PASSWORD = "wonderland"


def hashed(method):
    salts = {"yescrypt": "$y$j75$abcdefgh", "bcrypt": "$2b$05$abcdefghijklmnopqrstuu", "SHA-512": "$6$rounds=5000$saltsalt", "SHA-256": "$5$rounds=5000$saltsalt"}
    script = "print crypt($ARGV[0], $ARGV[1])"
    return "{CRYPT}" + subprocess.run(["perl", "-e", script, PASSWORD, salts[method]], check=True, capture_output=True, text=True).stdout


def scram_keys(iterations):
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return "{SCRAM-SHA-256}%d," % iterations + ",".join(base64.b64encode(key).decode() for key in (salt, stored, server))


SECRETS = {
    "plain": lambda: PASSWORD,
    "yescrypt": lambda: hashed("yescrypt"),
    "bcrypt": lambda: hashed("bcrypt"),
    "SHA-512": lambda: hashed("SHA-512"),
    "SCRAM": lambda: scram_keys(4096),
}


def base64_of(*parts):
    return base64.b64encode("\0".join(parts).encode()).decode()


def auth_plain(talk, name):
    yield talk.say("AUTH PLAIN " + base64_of("", name, "wrong"))


def auth_login(talk, name):
    yield talk.say("AUTH LOGIN")
    yield talk.say(base64_of(name))
    yield talk.say(base64_of("wrong"))


def auth_scram(talk, name):
    """With a proof that is none: what a name is told before and after."""
    answer = talk.say("AUTH SCRAM-SHA-256 " + base64.b64encode(f"n,,n={name},r=abcdefgh".encode()).decode())
    nonce, salt, iterations = base64.b64decode(answer.split(" ")[1]).decode().split(",")
    yield f"{len(nonce)} {len(salt)} {iterations}"
    yield talk.say(base64.b64encode(f"c=biws,{nonce},p={base64.b64encode(bytes(32)).decode()}".encode()).decode())


def user_and_pass(talk, name):
    yield talk.say(f"USER {name}").replace(name, "NAME")
    yield talk.say("PASS wrong")


def apop(talk, name):
    yield talk.say(f"APOP {name} 0123456789abcdef0123456789abcdef")


def vrfy(talk, name):
    yield talk.say(f"VRFY {name}")
    yield talk.say(f"VRFY <{name}@lab>")
    yield talk.say(f"EXPN {name}")


WAYS = {
    "AUTH PLAIN": ("smtpmail", auth_plain, SECRETS),
    "AUTH LOGIN": ("smtpmail", auth_login, SECRETS),
    "AUTH SCRAM-SHA-256": ("smtpmail", auth_scram, ("plain", "SCRAM")),
    "POP3 AUTH PLAIN": ("popserver", auth_plain, SECRETS),
    "POP3 AUTH SCRAM-SHA-256": ("popserver", auth_scram, ("plain", "SCRAM")),
    "PASS": ("popserver", user_and_pass, SECRETS),
    "APOP": ("popserver", apop, ("plain",)),
    "VRFY": ("smtpmail", vrfy, ("plain",)),
}


def probe(server, way, name):
    """What is said of a name, and how long that took."""
    with Dialogue(server) as talk:
        if talk.greeting.startswith("220"):
            talk.say("EHLO client.test", "250")
        begin = time.perf_counter()
        replies = list(way(talk, name))
        return replies, time.perf_counter() - begin


def apart(server, way, rounds):
    """The median of a user's times, how far a stranger's is from it, and how far the middle half of all times spreads."""
    times = {"alice": [], "malik": []}
    for turn in range(rounds):
        for name in ("alice", "malik") if turn % 2 else ("malik", "alice"):
            times[name].append(probe(server, way, name)[1])
    lower, _, upper = statistics.quantiles(times["alice"] + times["malik"], n=4)
    user = statistics.median(times["alice"])
    return user, abs(user - statistics.median(times["malik"])), upper - lower


@pytest.mark.parametrize("way, secret", [(way, secret) for way, (_, _, secrets) in WAYS.items() for secret in secrets])
def test_a_users_name_is_answered_like_any_other(lab, way, secret):
    program, ask, _ = WAYS[way]
    (lab.path / "users.txt").write_text(f"alice {SECRETS[secret]()}\nbob {SECRETS[secret]()}\n")
    server = lab.server(program, "--course", "standard", "--domain", "lab")
    user = probe(server, ask, "alice")[0]
    assert user[-1].startswith(("535 5.7.8 ", "-ERR [AUTH] ", "502 5.5.1 "))
    assert user == probe(server, ask, "malik")[0] == probe(server, ask, "x" * 60)[0]
    rounds = 20 if SANITISED else 60 if secret == "yescrypt" else 150
    # The medians of so many samples of one and the same distribution are hardly ever half its middle apart, and not three times.
    for attempt in range(3):
        user, difference, spread = apart(server, ask, rounds)
        print(f"{way}, {secret}: {user * 1e6:.0f} µs, a stranger's {difference * 1e6:.0f} µs apart, spread {spread * 1e6:.0f} µs")
        if difference < max(spread / 2, 3e-6):
            break
    else:
        pytest.fail(f"{difference * 1e6:.0f} µs apart, {spread * 1e6:.0f} µs spread")


def test_secrets_of_several_kinds_tell_no_more(lab):
    """A user's name takes what the user's secret takes, and a stranger's what some user's takes: the slow and the quick ones are both."""
    kinds = [hashed("yescrypt"), PASSWORD, hashed("SHA-256"), scram_keys(4096)]
    (lab.path / "users.txt").write_text("".join(f"user{n} {hashed('SHA-512').replace('5000', '200000') if n % 2 else kinds[n // 2 % 4]}\n" for n in range(16)))
    server = lab.popserver("--course", "standard", "--domain", "lab")

    def quickest(name):
        return min(probe(server, auth_plain, name)[1] for _ in range(2))

    slow = min(quickest(f"user{n}") for n in range(1, 16, 2))
    def is_slow(name):
        return not any(probe(server, auth_plain, name)[1] < slow / 2 for _ in range(8 if SANITISED else 4))

    strangers = [is_slow(f"malik{n}") for n in range(40)]
    are_slow = sum(strangers)
    print(f"slow ones take {slow * 1000:.0f} ms; of 40 strangers {are_slow} are slow")
    assert 4 <= are_slow <= 36
    assert [is_slow(f"malik{n}") for n in range(10)] == strangers[:10]  # and stay so
