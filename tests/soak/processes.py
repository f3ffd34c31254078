"""mailclient as a client of a soak: a process for every mail, killed now and then."""

import asyncio
import signal
import subprocess
import tempfile
import time

import letters
from ledger import Broken

PATIENCE = 120


class Mailer:
    """Sends by `mailclient send`; status 0 says that the mail was accepted."""

    def __init__(self, place, rng):
        self.place, self.rng = place, rng

    async def session(self):
        rng, place = self.rng, self.place
        users = rng.sample(place.busy, rng.choice([1, 2]))
        letter = letters.Letter(next(place.ledger.numbers), place.ocean.piece(rng, letters.size(rng, False)))
        server = rng.choice(place.receivers)
        place.ledger.offered(letter, users)
        with tempfile.TemporaryFile() as text, tempfile.TemporaryFile() as errors:
            text.write(letter.octets.replace(b"\r\n", b"\n"))
            text.seek(0)
            status = await self.run(self.command(server, users), stdin=text, stderr=errors)
            errors.seek(0)
            if status == 0:
                place.ledger.took(letter, users)
                place.count("accepted", len(users))
            elif status != -signal.SIGKILL and not server.mortal:
                raise Broken(f"mailclient send ended with {status}: {errors.read().decode(errors='replace')}")

    def command(self, server, users):
        trust = ["--ca", self.place.path / "ca.pem"] if self.place.tls else []
        to = [word for user in users for word in ("--to", f"{user}@{self.place.domain}")]
        sender = ["--from", "soak@elsewhere.test"]
        return [self.place.build / "mailclient", "send", "--raw", *trust, "--server", f"localhost:{server.port}", *sender, *to]

    async def run(self, command, **how):
        """Its status; one in three is killed early."""
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **how)
        begin = time.monotonic()
        life = self.rng.expovariate(20) if self.rng.random() < 0.3 else PATIENCE
        while process.poll() is None and time.monotonic() < begin + life:
            await asyncio.sleep(0.005)
        if process.poll() is not None:
            return process.returncode
        process.kill()
        if life == PATIENCE:
            raise Broken(f"mailclient send was not done within {PATIENCE} s")
        self.place.count("mailclients killed")
        return process.wait()
