"""A server in the test's own process, clients of it, and a wire between them that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from waystation import Cron, StepContext, Waystation, Workflow, step, workflow
from waystation.client import Client
from waystation.server import Limits
from waystation.server.access import Authenticator
from waystation.server.application import make_site
from waystation.server.serving import Server, listening


class Doc(BaseModel):
    document_id: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool
    comment: str | None = None


class Status(BaseModel):
    status: str


@step
def submit(doc: Doc) -> Doc:
    return doc


@step(suspend=Ask, resume=Decision)
async def review(doc: Doc, ctx: StepContext[Ask, Decision]) -> Status:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=f"Approve {doc.document_id}"), label="gate")
    return Status(status="approved" if ctx.resume_data.approved else "rejected")


@step
async def writes(number: int, ctx: StepContext) -> int:
    for chunk in range(number):
        await ctx.write({"chunk": chunk, "text": "lines\u2028that are\x85none\r\n"})
    return number


@step
def add_one(number: int) -> int:
    return number + 1


@step
def refuse(number: int) -> int:
    raise ValueError(f"not {number}")


approval = workflow("approval", input=Doc, output=Status).then(submit).then(review).commit()
counting = workflow("counting", input=list[int], output=list[int]).foreach(writes, concurrency=3, id="each").commit()
adding = workflow("adding", input=int, output=int).then(add_one).then(add_one.clone(id="again")).commit()
refusing = workflow("refusing", input=int, output=int).then(refuse).commit()
waiting = (
    workflow("waiting", input=int, output=Decision).wait_for("decided", Decision, timeout=timedelta(days=1)).commit()
)
nightly = (
    workflow("nightly", input=int, output=int, schedule=Cron("0 3 * * *", tz="UTC", input=3)).then(add_one).commit()
)

twice_a_day = (
    workflow(
        "twice",
        input=int,
        output=int,
        schedule=[Cron("0 3 * * *", tz="UTC", input=3, id="early"), Cron("0 15 * * *", tz="UTC", input=15, id="late")],
    )
    .then(add_one)
    .commit()
)

WORKFLOWS: list[Workflow[Any, Any]] = [approval, counting, adding, refusing, waiting, nightly, twice_a_day]


def an_app(store: str = "memory://") -> Waystation:
    return Waystation(workflows=WORKFLOWS, store=store, tools={"lookup": an_app})


@asynccontextmanager
async def served(
    app: Waystation, *, port: int = 0, auth: Authenticator | None = None, limits: Limits | None = None
) -> AsyncGenerator[str]:
    """An app as a server; gives its address. It ends as a server does that is told to."""
    site = make_site(app, auth=auth, hosts=(), origins=(), limits=limits)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with listening("127.0.0.1", port) as listener:
        server = Server(site, studio=False, on_ready=ready.set_result)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait((ready, running), return_when=asyncio.FIRST_COMPLETED)
            yield await ready
        finally:
            server.should_exit = True
            await running


class Wire:
    """Passes on what a client and a server say, until it is told to break.

    Attributes:
        url: where clients connect to.
        connections: how many there were.
    """

    def __init__(self, server_url: str) -> None:
        self._port = int(server_url.rsplit(":", 1)[1])
        self.url = ""
        self.connections = 0
        self._cut: Callable[[int], int | None] = lambda _: None
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self, after: Callable[[int], int | None]) -> None:
        """Break each connection once the server has sent so many bytes, by the number of the connection from 1: 0 to
        break it when the server has begun to answer, None to leave it whole."""
        self._cut, self.connections = after, 0

    async def disconnect(self) -> None:
        """Break all connections there are."""
        for each in list(self._open):
            each.transport.abort()
            with suppress(OSError):
                await each.wait_closed()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        budget = self._cut(self.connections)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, up_writer}
        asking = asyncio.create_task(self._pass(reader, up_writer, None))
        try:
            await self._pass(up_reader, writer, budget)
        finally:
            asking.cancel()
            for each in (writer, up_writer):
                self._open.discard(each)
                each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None) -> None:
        try:
            while data := await reader.read(512):
                if budget is not None:
                    data, budget = data[:budget], budget - len(data)
                writer.write(data)
                await writer.drain()
                if budget is not None and budget <= 0:
                    return
        except OSError:
            return


@asynccontextmanager
async def wired(server_url: str) -> AsyncGenerator[Wire]:
    """A wire to a server."""
    wire = Wire(server_url)
    server = await asyncio.start_server(wire.connected, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await wire.disconnect()
        await server.wait_closed()


@pytest.fixture
async def app() -> AsyncGenerator[Waystation]:
    async with an_app() as opened:
        yield opened


@pytest.fixture
async def url(app: Waystation) -> AsyncGenerator[str]:
    async with served(app) as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncGenerator[Client]:
    async with Client(url) as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'runs.db'}"
