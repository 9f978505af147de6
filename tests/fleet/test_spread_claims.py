"""An attempt that goes on at a worker whose connection is gone is not begun at another beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.fleet.life.places import Place
from tests.kept import free_port
from waystation import Waystation, step, workflow
from waystation.core.entries import OnceRecorded
from waystation.core.refs import Millis
from waystation.core.signals import RunStep
from waystation.core.state import StepFrame
from waystation.dispatch.restate.apart import StepsApart
from waystation.dispatch.restate.claims import is_claimed
from waystation.dispatch.restate.hanging_up import Connection
from waystation.store.protocol import Store

pytestmark = pytest.mark.anyio


class Held:
    """A spread step that waits for a gate.

    Attributes:
        times: how often it was begun.
        flow: a workflow of it alone.
    """

    def __init__(self) -> None:
        self.begun, self.gate = asyncio.Event(), asyncio.Event()
        self.times = 0

        @step(placement="spread")
        async def apart_from_its_run(number: int) -> int:
            self.times += 1
            self.begun.set()
            await self.gate.wait()
            return number + 1

        self.flow = workflow("flow", input=int, output=int).then(apart_from_its_run).commit()


class Way:
    """The address of several workers, of which one is behind it at a time, or none."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    def leads_to(self, port: int | None) -> None:
        """Cut those who are on it, and lead there from now on."""
        self.port = port
        for each in list(self._writers):
            each.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes."""
        ends = {writer}
        self._writers.add(writer)
        try:
            if self.port is None:
                return
            with suppress(OSError):
                answers, worker = await asyncio.open_connection("127.0.0.1", self.port)
                ends.add(worker)
                self._writers.add(worker)
                await asyncio.gather(_pass_on(reader, worker), _pass_on(answers, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def a_way() -> AsyncGenerator[Way]:
    way = Way()
    async with await asyncio.start_server(way.serve, "127.0.0.1", 0) as server:
        way.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield way
        finally:
            way.leads_to(None)


async def test_an_attempt_of_which_nobody_hears_is_waited_for_by_the_worker_it_is_called_at_again(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()
    found_claimed = asyncio.Event()

    async def asking(frame: StepFrame, action: RunStep, worker_id: str, store: Store, now: Millis) -> bool:
        claimed = await is_claimed(frame, action, worker_id, store, now)
        if claimed or held.times > 1:
            found_claimed.set()
        return claimed

    monkeypatch.setattr("waystation.dispatch.restate.apart.is_claimed", asking)
    ports = free_port(), free_port()
    first, second = (Waystation(workflows=[held.flow], store=here.store, dispatch=here.dispatch) for _ in ports)
    async with a_way() as way, asyncio.timeout(60):
        way.leads_to(ports[0])
        async with first, first.worker(port=ports[0], advertise=way.url), second:
            way.leads_to(ports[1])
            async with second.worker(port=ports[1], advertise=way.url):
                way.leads_to(ports[0])
                run = await first.get_workflow(held.flow).start_async(1)
                await held.begun.wait()
                way.leads_to(None)
                while not any(isinstance(entry, OnceRecorded) for entry in await run.journal()):
                    await asyncio.sleep(0.01)  # until its worker has said that it goes on
                way.leads_to(ports[1])
                await found_claimed.wait()
                held.gate.set()
                result = await run.wait()
    assert result.status == "success"
    assert (result.result, held.times) == (2, 1)


async def test_an_attempt_that_is_called_again_at_the_worker_where_it_goes_on_is_not_begun_again(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, called_again, calls = Held(), asyncio.Event(), 0
    run_apart = StepsApart.run

    async def counted(steps: StepsApart, workflow_id: str, data: bytes, connection: Connection) -> bytes:
        nonlocal calls
        calls += 1
        if calls > 1:
            called_again.set()
        return await run_apart(steps, workflow_id, data, connection)

    monkeypatch.setattr(StepsApart, "run", counted)
    port = free_port()
    app = Waystation(workflows=[held.flow], store=here.store, dispatch=here.dispatch)
    async with a_way() as way, asyncio.timeout(60):
        way.leads_to(port)
        async with app, app.worker(port=port, advertise=way.url):
            run = await app.get_workflow(held.flow).start_async(1)
            await held.begun.wait()
            way.leads_to(port)
            await called_again.wait()
            for _ in range(20):
                await run.journal()  # were it begun again, that would be after a look or two into the store
            held.gate.set()
            result = await run.wait()
    assert result.status == "success"
    assert (result.result, held.times) == (2, 1)
