"""A way to the server that cuts a connection at a chosen message: before the server has it, or before its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Side = Literal["request", "answer"]


class Cutting:
    """Passes on what client and server say, until it is told to cut.

    Attributes:
        url: where a client connects, in place of the server's own address.
        cuts: how often it has cut.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._server = (parts.hostname, parts.port)
        self._parts = parts
        self._armed: tuple[Side, bytes] | None = None
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._noticed = True
        self._met = asyncio.Event()
        self._shut = False
        self.url = ""
        self.cuts = 0

    def cut(self, side: Side, at: bytes, *, noticed: bool = True) -> None:
        """Of the next message of a client that has ``at`` in it, cut the connection: ``request`` before the server
        gets it; ``answer`` when the server has done it, before the client knows.

        Arguments:
            noticed: by the server too; else it goes on waiting for what this client says next.
        """
        self._armed = (side, at)
        self._noticed = noticed
        self._met.clear()

    async def was_cut(self) -> None:
        """Wait until it has cut."""
        await self._met.wait()

    def cut_all(self) -> None:
        """Cut every connection there is."""
        for client, server in list(self._links):
            client.transport.abort()
            server.transport.abort()

    async def gone(self) -> None:
        """Wait until every connection has ended."""
        while self._links:
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # their sockets are closed by the loop's next pass

    def shut(self, *, shut: bool = True) -> None:
        """Let nobody in; those who are in are cut."""
        self._shut = shut
        if shut:
            self.cut_all()

    def listen_at(self, port: int) -> None:
        """Where it listens, once it does."""
        self.url = urlunsplit(self._parts._replace(netloc=f"{self._parts.username}@127.0.0.1:{port}"))

    async def serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Serve one client."""
        if self._shut:
            client.transport.abort()
            return
        try:
            from_server, server = await asyncio.open_connection(*self._server)
        except OSError:
            client.transport.abort()
            return
        link = (client, server)
        self._links.add(link)
        cut = asyncio.Event()  # its next answer is not passed on
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(reader, server, link, cut))
                both.create_task(self._answers(from_server, client, link, cut))
        finally:
            self._links.discard(link)
            for end in link:
                end.transport.abort()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        link: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        cut: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                if self._armed is not None and self._armed[1] in data:
                    side, self._armed = self._armed[0], None
                    if side == "request":
                        self._count(link)
                        return
                    cut.set()
                server.write(data)
                await server.drain()
        for end in link:
            end.transport.abort()

    async def _answers(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        link: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        cut: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                if cut.is_set():
                    self._count(link)
                    return
                client.write(data)
                await client.drain()
        for end in link:
            end.transport.abort()

    def _count(self, link: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self.cuts += 1
        for end in link if self._noticed else link[:1]:
            end.transport.abort()
        self._met.set()


@asynccontextmanager
async def cutting(url: str) -> AsyncGenerator[Cutting]:
    """A way to the server at ``url``."""
    way = Cutting(url)
    listening = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.listen_at(listening.sockets[0].getsockname()[1])
    try:
        yield way
    finally:
        listening.close()
        way.cut_all()
        await way.gone()
