"""Stands between each process and the server, and cuts, stalls and refuses as it is told.

Each process has a port of its own. ``answer`` forwards only the first half of what the server says to the next write,
then resets the connection: the write is durable or not, and whoever asked for it cannot know. ``request`` does so with
the next write itself. The director tells what to do by lines of JSON on a pipe.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import struct
from asyncio.trsock import TransportSocket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from tests.crash.chaos.worker import told_to_end

Cut = Literal["reset", "close", "stall", "refuse", "answer", "request"]
CUTS: Sequence[Cut] = ("reset", "close", "stall", "refuse", "answer", "request")
A_WRITE = 250
"""What is so long, in bytes, and comes from a client, most likely is a write."""


@dataclass(eq=False)
class Link:
    """One connection, both its ends."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_writing: bool = False

    def reset(self) -> None:
        """End it without a word, as when a machine is gone: what is under way is lost."""
        for end in (self.client, self.server):
            found = end.get_extra_info("socket")
            if isinstance(found, TransportSocket):
                with suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()

    def close(self) -> None:
        for end in (self.client, self.server):
            end.close()


@dataclass
class Slot:
    """The port of one process, and what is done to its connections."""

    target: tuple[str, int]
    dice: random.Random
    links: set[Link] = field(default_factory=set[Link])
    may_pass: asyncio.Event = field(default_factory=asyncio.Event)
    refuses_until: float = 0.0
    armed: Cut | None = None

    def cut(self, how: Cut, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        match how:
            case "reset" | "close":
                for link in list(self.links):
                    link.reset() if how == "reset" else link.close()
            case "stall":
                self.may_pass.clear()
                loop.call_later(seconds, self.may_pass.set)
            case "refuse":
                self.refuses_until = loop.time() + seconds
                self.cut("close", seconds)
            case "answer" | "request":
                self.armed = how

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asyncio.get_running_loop().time() < self.refuses_until:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection(*self.target)
        except OSError:  # the server is away
            writer.transport.abort()
            return
        link = Link(writer, to_server)
        self.links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(link, reader, to_server, self._of_client))
                both.create_task(self._pump(link, from_server, writer, self._of_server))
        finally:
            self.links.discard(link)
            link.close()

    async def _pump(
        self,
        link: Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        judge: Callable[[Link, bytes], bool],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self.may_pass.wait()
                if judge(link, data):
                    writer.write(data[: self.dice.randrange(len(data))])
                    with suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await writer.drain()
                    await asyncio.sleep(0)  # what is left of it is on its way
                    link.reset()
                    return
                writer.write(data)
                await writer.drain()
        link.close()

    def _of_client(self, link: Link, data: bytes) -> bool:
        """Whether to cut here, half way through what the client says."""
        link.is_writing = len(data) >= A_WRITE
        return link.is_writing and self._is_armed("request")

    def _of_server(self, link: Link, data: bytes) -> bool:
        return link.is_writing and self._is_armed("answer")

    def _is_armed(self, how: Cut) -> bool:
        if self.armed != how:
            return False
        self.armed = None
        return True


def listen(count: int) -> Sequence[socket.socket]:
    """Free ports, bound before the proxy begins, so that whoever is to connect knows them."""
    return [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]


async def stand_between(sockets: Sequence[socket.socket], target: tuple[str, int], orders: int, seed: int) -> None:
    """Serve until told to end by SIGTERM.

    Arguments:
        sockets: one for each slot.
        target: where the server listens.
        orders: the end of the pipe that the director's orders come from.
    """
    ending = told_to_end()
    slots = [Slot(target, random.Random(f"proxy {seed} {index}")) for index in range(len(sockets))]
    servers: list[asyncio.Server] = []
    for slot, each in zip(slots, sockets, strict=True):
        slot.may_pass.set()
        servers.append(await asyncio.start_server(slot.connected, sock=each))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(orders, "rb")
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)

    async def obey() -> None:
        while line := await reader.readline():
            index, how, seconds = json.loads(line)
            slots[index].cut(how, seconds)

    obeying = asyncio.create_task(obey())
    await ending.wait()
    obeying.cancel()
    for server in servers:
        server.close()
    for slot in slots:
        slot.cut("reset", 0)  # so that what serves them comes to its end by itself
        slot.may_pass.set()
    while any(slot.links for slot in slots):
        await asyncio.sleep(0.01)
