"""A handle on one run on a server: what ``Run`` is in the process of the app."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, Never

import msgspec
from typing_extensions import TypeVar

from waystation.client import reading, wire
from waystation.client.bodies import answer, beginning, cancelling, name_of
from waystation.client.connection import Connection, part
from waystation.client.encoding import Json, json_of
from waystation.client.following import follow
from waystation.client.pausing import pause
from waystation.client.problems import unreadable
from waystation.core.entries import AnyEntry
from waystation.core.history import RunHistory
from waystation.core.refs import Seq
from waystation.define.executable import Executable
from waystation.define.workflow import Workflow
from waystation.engine.events import RESTING, AnyEvent
from waystation.errors import (
    InvalidEventData,
    InvalidInput,
    InvalidState,
    NotWaystation,
    TooManyWaiting,
)
from waystation.results import RunActive, RunCancelled, RunFailed, RunPaused, RunResult, RunSucceeded, RunSuspended
from waystation.store.records import RunRecord, RunStatus

if TYPE_CHECKING:
    from waystation.client.client import Client

In = TypeVar("In", default=object)
Out = TypeVar("Out", default=object)

WAIT = 30
"""For so many seconds the server is asked to wait for a run to rest; then it is asked again."""

_PAGE = 1000
_entry: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


class RemoteRun(Generic[In, Out]):
    """A run on a server. Made by a ``Client``; it holds nothing, and does what ``Run`` does.

    Attributes:
        run_id: its name, unique in the store.
        workflow: the workflow it is a run of, if that is at hand: then its output is of its type. Else None, and
            the output is plain data.
    """

    def __init__(self, client: Client, run_id: str, workflow: Workflow[In, Out] | None) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self._client = client
        self._path = f"/runs/{part(run_id)}"

    def __repr__(self) -> str:
        of = "" if self.workflow is None else f" of {self.workflow.id!r}"
        return f"<run {self.run_id!r}{of} on {self._client.url}>"

    @property
    def _connection(self) -> Connection:
        return self._client.connection()

    # ------------------------------------------------------------------ start

    async def start(
        self,
        input: In | object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> RunResult[Out]:
        """Start the run and wait until it rests. As ``Run.start``."""
        body = beginning(self.workflow, input, state, request_context, per_step=per_step)
        return await self.rested(await self._done("start", body, wait=True))

    async def start_async(
        self,
        input: In | object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> None:
        """Start the run and do not wait. When this returns, the start is durable."""
        await self._done("start", beginning(self.workflow, input, state, request_context, per_step=per_step))

    # ------------------------------------------------------------------ resume

    async def resume(
        self,
        *,
        data: object,
        step: Executable[Never, object] | str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
        request_context: Mapping[str, object] | None = None,
        idempotency_key: str = "",
    ) -> RunResult[Out]:
        """Answer a suspension and wait until the run rests again. As ``Run.resume``; the token tells who answers."""
        body = answer(data, step, label, item, suspension, request_context)
        return await self.rested(await self._done("resume", body, wait=True, key=idempotency_key or str(uuid.uuid4())))

    async def resume_async(
        self,
        *,
        data: object,
        step: Executable[Never, object] | str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
        request_context: Mapping[str, object] | None = None,
        idempotency_key: str = "",
    ) -> None:
        """Answer a suspension and do not wait. When this returns, the answer is durable."""
        body = answer(data, step, label, item, suspension, request_context)
        await self._done("resume", body, key=idempotency_key or str(uuid.uuid4()))

    # ------------------------------------------------------------------ cancel, restart, step by step

    async def cancel(self, *, reason: str = "", grace: timedelta | None = None) -> RunResult[Out]:
        """Cancel the run, and wait until it has ended; gives how. As ``Run.cancel``."""
        return await self.rested(await self._done("cancel", cancelling(reason, grace), wait=True))

    async def cancel_async(self, *, reason: str = "", grace: timedelta | None = None) -> None:
        """Cancel the run and do not wait. When this returns, the wish is durable."""
        await self._done("cancel", cancelling(reason, grace))

    async def proceed(self, *, per_step: bool = False) -> RunResult[Out]:
        """Have a paused run go on, and wait until it rests again. As ``Run.proceed``."""
        return await self.rested(await self._done("proceed", {"per_step": per_step}, wait=True))

    async def proceed_async(self, *, per_step: bool = False) -> None:
        """Have a paused run go on, and do not wait. When this returns, that is durable."""
        await self._done("proceed", {"per_step": per_step})

    async def restart(self) -> RunResult[Out]:
        """Have the server take over the run if the process that drove it is gone, and wait until it rests. As
        ``Run.restart``."""
        return await self.rested(await self._done("restart", {}, wait=True))

    async def restart_async(self) -> None:
        """Have the server take over the run, and do not wait."""
        await self._done("restart", {})

    async def fork(
        self,
        from_step: Executable[Never, object] | str,
        *,
        input: object = None,
        state: Mapping[str, object] | None = None,
        run_id: str | None = None,
        resource_id: str | None = None,
    ) -> RemoteRun[In, Out]:
        """Begin a new run that shares this one's past up to a step, and runs that step again. As ``Run.fork``."""
        body = {
            "from_step": name_of(from_step),
            "input": None if input is None else json_of(input, InvalidInput, address="input"),
            "state": None if state is None else json_of(state, InvalidState, address="state"),
            "run_id": run_id,
            "resource_id": resource_id,
        }
        detail = await self._connection.post(f"{self._path}/fork", wire.Detail, body)
        return RemoteRun(self._client, detail.run_id, self.workflow)

    # ------------------------------------------------------------------ events

    async def send_event(self, name: str, data: object = None, *, idempotency_key: str = "") -> None:
        """Send the run an event. It is durable when this returns. As ``Run.send_event``."""
        body = {"name": name, "data": json_of(data, InvalidEventData, address=name)}
        await self._connection.post(f"{self._path}/events", wire.Sent, body, key=idempotency_key or str(uuid.uuid4()))

    # ------------------------------------------------------------------ following it

    async def stream(
        self,
        input: In | object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> AsyncIterator[AnyEvent]:
        """Start the run and give its events until it rests. As ``Run.stream``."""
        await self.start_async(input, state=state, request_context=request_context, per_step=per_step)
        async with aclosing(self.events()) as events:
            async for event in events:
                yield event
                if isinstance(event, RESTING):
                    return

    async def events(self, *, after: Seq = 0, part: int | None = None, live: bool = True) -> AsyncGenerator[AnyEvent]:
        """The run's events after journal entry ``after``, past ones first, then live ones, until the run ends. As
        ``Run.events``: none is lost and none comes twice, also if the connection breaks or the server is started anew.
        """
        following = follow(self._connection, self.run_id, after=after, last_part=part, live=live)
        async with aclosing(following) as events:
            async for event in events:
                yield event

    # ------------------------------------------------------------------ results

    async def wait(self) -> RunResult[Out]:
        """Wait until the run rests, wherever it is driven, and give its result."""
        return await self.rested(await self._detail(wait=WAIT))

    async def result(self) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        """How the run stands now, without waiting."""
        return self._result(await self._detail())

    async def rested(self, detail: wire.Detail) -> RunResult[Out]:
        """The result of the run, when it rests; ``detail`` is how it stood last. For the library's own rooms."""
        tries = 0
        while isinstance(result := self._result(detail), RunActive):
            began = time.monotonic()
            detail = await self._detail(wait=WAIT)
            if time.monotonic() - began < 1.0:  # it has not waited, for whatever reason: it is not asked all the time
                tries += 1
                await asyncio.sleep(pause(tries))
        return result

    def _result(
        self, detail: wire.Detail
    ) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        if detail.problem is not None:
            raise unreadable(detail.problem)
        return reading.result_of(detail.standing, detail.version, self.workflow, self._client.known(self.workflow))

    # ------------------------------------------------------------------ looking

    async def status(self) -> RunStatus:
        """The run's status now."""
        return (await self.record()).status

    async def record(self) -> RunRecord:
        """What the store's list knows of the run; who drives it the server does not tell."""
        return reading.record_of(await self._detail())

    async def journal(self) -> Sequence[AnyEntry]:
        """Every entry of the run's journal, in order; the entry at index ``i`` has the seq ``i + 1``."""
        entries: list[AnyEntry] = []
        after: Seq | None = 0
        while after is not None:
            params = {"after": after, "limit": _PAGE}
            page = await self._connection.get(f"{self._path}/journal", wire.Journal, params)
            entries.extend(map(_read_entry, page.entries))
            after = page.next_after
        return entries

    async def history(self) -> RunHistory:
        """What happened at each step so far."""
        return reading.history_of(await self._connection.get(f"{self._path}/history", wire.History))

    async def export(self) -> AsyncIterator[bytes]:
        """The run with all that is kept of it, as JSON lines: what ``import_run`` takes in."""
        quiet = self._connection.settings.timeout
        path, media = f"{self._path}/export", "application/x-ndjson"
        async with self._connection.stream(path, media, params={}, headers={}, quiet=quiet) as pieces:
            async for piece in pieces:
                yield piece

    # ------------------------------------------------------------------ asking the server

    async def _detail(self, *, wait: int = 0) -> wire.Detail:
        if wait:
            try:
                return await self._connection.get(self._path, wire.Detail, {"wait_seconds": wait}, wait=wait)
            except TooManyWaiting:
                pass  # then it is asked now, and again
        return await self._connection.get(self._path, wire.Detail)

    async def _done(self, what: str, body: Json, *, wait: bool = False, key: str | None = None) -> wire.Detail:
        path = f"{self._path}/{what}"
        if not wait:
            return await self._connection.post(path, wire.Detail, body, key=key)
        try:
            return await self._connection.post(path, wire.Detail, {**body, "wait_seconds": WAIT}, key=key, wait=WAIT)
        except TooManyWaiting:  # then nothing was done
            return await self._connection.post(path, wire.Detail, body, key=key)

    # ------------------------------------------------------------------ for scripts

    def start_sync(self, input: In | object) -> RunResult[Out]:
        """``start`` for code that is not async."""
        return self._client.call(self.start(input))

    def resume_sync(
        self,
        *,
        data: object,
        step: Executable[Never, object] | str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
    ) -> RunResult[Out]:
        """``resume`` for code that is not async."""
        return self._client.call(self.resume(data=data, step=step, label=label, item=item, suspension=suspension))

    def cancel_sync(self, *, reason: str = "", grace: timedelta | None = None) -> RunResult[Out]:
        """``cancel`` for code that is not async."""
        return self._client.call(self.cancel(reason=reason, grace=grace))

    def result_sync(self) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        """``result`` for code that is not async."""
        return self._client.call(self.result())


def _read_entry(entry: msgspec.Raw) -> AnyEntry:
    try:
        return _entry.decode(entry)
    except msgspec.DecodeError as error:
        raise NotWaystation(
            f"the server sent an entry of a journal that this client does not know ({error}); it may be of a later "
            "version: install that here too"
        ) from None
