"""A client's connection: lines said and heard over plain TCP or TLS, and an end that may come at any moment."""

import asyncio
import contextlib
import socket
import ssl
import struct

from ledger import Broken

PATIENCE = 60  # seconds after which a server has forgotten its client
ROOM = 16 << 20  # octets of a whole answer of several lines
ENDS = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError)


class Gone(Exception):
    """The connection is over, or could not be had."""


class Talk:
    def __init__(self, reader, writer, server):
        self.reader, self.writer, self.server = reader, writer, server
        self.socket = writer.get_extra_info("socket")
        self.cut = False  # by ourselves
        self.fuse = None

    @classmethod
    async def open(cls, server, tls=None):
        """With tls (a context) its handshake comes first."""
        try:
            how = {"ssl": tls, "server_hostname": "localhost"} if tls else {}
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.tls_port if tls else server.port, limit=ROOM, **how)
        except TimeoutError:
            raise Broken(f"{server.name} took no connection for {PATIENCE} s") from None
        except ENDS as why:
            raise Gone(f"no connection to {server.name}: {why}") from why
        return cls(reader, writer, server)

    async def start_tls(self, tls):
        await self.wait(self.writer.start_tls(tls, server_hostname="localhost"))

    def light_fuse(self, seconds):
        """The connection ends then, wherever the dialogue is."""
        self.fuse = asyncio.get_running_loop().call_later(seconds, self.abort)

    def abort(self):
        """As a client ends that is killed. Below asyncio, whose TLS loses its head where its own abort() comes amid a handshake."""
        self.cut = True
        with contextlib.suppress(OSError):  # it may have ended already
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RDWR)

    async def close(self):
        if self.fuse:
            self.fuse.cancel()
        self.writer.close()
        try:
            async with asyncio.timeout(5):
                await self.writer.wait_closed()
        except TimeoutError:
            with contextlib.suppress(AttributeError):  # asyncio's TLS may be done with just now
                self.writer.transport.abort()
        except ENDS:
            pass

    async def wait(self, what):
        """For an answer, or for room to say more."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await what
        except TimeoutError:
            if self.cut:
                raise Gone("by ourselves") from None
            raise Broken(f"{self.server.name} said nothing for {PATIENCE} s") from None
        except asyncio.LimitOverrunError:
            raise Broken(f"{self.server.name} gave an answer without an end") from None
        except ENDS as why:
            raise Gone(f"{self.server.name} has ended the connection: {why!r}") from why

    async def send(self, octets):
        self.writer.write(octets)
        await self.wait(self.writer.drain())

    async def line(self):
        return (await self.wait(self.reader.readuntil(b"\r\n")))[:-2].decode("latin-1")

    async def reply(self):
        """A whole SMTP reply. 421 is a server's farewell."""
        lines = [await self.line()]
        while lines[-1][3:4] == "-":
            lines.append(await self.line())
        if lines[0].startswith("421"):
            raise Gone(f"{self.server.name}: {lines[0]}")
        return "\n".join(lines)

    async def answer(self):
        """POP3's first line of an answer."""
        line = await self.line()
        if "shutting down" in line:
            raise Gone(f"{self.server.name}: {line}")
        return line

    async def body(self):
        """What follows such a line, up to its full stop, as it came."""
        first = await self.wait(self.reader.readexactly(3))
        if first == b".\r\n":
            return b""
        return (first + await self.wait(self.reader.readuntil(b"\r\n.\r\n")))[:-3]

    def need(self, line, expected):
        if not line.startswith(expected):
            if self.server.ending and line.startswith(("-ERR [SYS/TEMP]", "454")):  # it hashes no more
                raise Gone(f"{self.server.name}: {line}")
            raise Broken(f"{self.server.name} said {line!r} where {expected!r} was due")
        return line

    async def say(self, line, expected):
        """An SMTP command and its reply."""
        await self.send(line.encode() + b"\r\n")
        return self.need(await self.reply(), expected)

    async def ask(self, line, expected="+OK"):
        """A POP3 command and its first line."""
        await self.send(line.encode() + b"\r\n")
        return self.need(await self.answer(), expected)
