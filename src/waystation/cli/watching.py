"""A run, drawn as it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from waystation.cli import printing
from waystation.cli.exits import Exit
from waystation.cli.plan import PlanNode, plan_of
from waystation.cli.tree import run_tree
from waystation.core.history import RunHistory
from waystation.core.refs import Millis
from waystation.engine.events import RESTING, AnyEvent, StepStartedEvent, StepSuspendedEvent
from waystation.errors import ServerUnreachable, StoreUnavailable
from waystation.shapes import result_data
from waystation.store.records import RunRecord

if TYPE_CHECKING:
    from rich.tree import Tree

    from waystation.cli.placed import At
    from waystation.cli.places import AnyRun

_SOONEST = 0.2
"""Between two looks at a run pass so many seconds at least, however much happens in it."""

_TICK = 1.0
"""So often the times of what is under way go on."""


async def watched(at: At, run: AnyRun) -> Exit:
    """Draw the run until it has ended, and leave the last picture; gives the exit code that tells how it ended.

    Where there is no terminal to draw over what was drawn, it is drawn when it has come to rest, each time anew.

    Raises:
        RunNotFound, DefinitionChanged, RemoteError.
    """
    from rich.live import Live  # which no other command needs

    picture = _Picture(run, await plan_of(at.place, await run.record()))
    if not printing.out.is_terminal:
        await picture.print()
        async for event in picture.events():
            if isinstance(event, RESTING):
                await picture.print()
        return picture.exit
    with Live(await picture.drawn(), console=printing.out, auto_refresh=False, transient=False) as live:
        following = asyncio.create_task(picture.follow())
        try:
            while not following.done():
                await picture.wait_for_change(following)
                live.update(await picture.drawn(), refresh=True)
            await following
            live.vertical_overflow = "visible"  # what stays is the whole of it
            live.update(await picture.drawn(), refresh=True)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
    return picture.exit


class _Picture:
    """What is known of a run, drawn."""

    def __init__(self, run: AnyRun, plan: Sequence[PlanNode]) -> None:
        self._run = run
        self._plan = plan
        self._changed = asyncio.Event()
        self._since: dict[str, Millis] = {}
        self._seen: tuple[RunRecord, RunHistory, object] | None = None
        self._printed: tuple[str, RunHistory] | None = None
        self.status = ""

    @property
    def exit(self) -> Exit:
        """The exit code that tells how the run ended."""
        return Exit.OK if self.status == "success" else Exit.FAILED

    async def follow(self) -> None:
        """Take in what happens in the run, until it has ended."""
        async for _ in self.events():
            pass

    async def events(self) -> AsyncIterator[AnyEvent]:
        """What happens in the run, each once it is taken in, until it has ended."""
        async for event in self._run.events():
            self._note(event)
            self._changed.set()
            yield event

    def _note(self, event: AnyEvent) -> None:
        if isinstance(event, (StepStartedEvent, StepSuspendedEvent)):
            self._since[event.address] = event.at

    async def wait_for_change(self, following: asyncio.Task[None]) -> None:
        """Wait until there is something else to draw."""
        await asyncio.sleep(_SOONEST)
        changing = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait((changing, following), timeout=_TICK, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changing.cancel()

    async def print(self) -> None:
        """Print the run as it stands, below what was printed of it, unless that is how it stood."""
        drawn = await self.drawn()
        assert self._seen is not None, "it is what was drawn"
        record, history, _ = self._seen
        if self._printed == (record.status, history):
            return
        if self._printed is not None:
            printing.out.print()
        self._printed = (record.status, history)
        printing.whole().print(drawn)

    async def drawn(self) -> Tree:
        """The run as it stands."""
        if self._seen is None or self._changed.is_set():
            self._changed.clear()
            try:
                self._seen = await self._look()
            except (ServerUnreachable, StoreUnavailable):
                if self._seen is None:
                    raise
                self._changed.set()  # the server may come back: whoever follows the run knows for how long to wait
        record, history, result = self._seen
        now = round(time.time() * 1000)
        so_far = {address: max(0, now - since) for address, since in self._since.items()}
        return run_tree(record, history, self._plan, result, under_way=so_far, brief=True)

    async def _look(self) -> tuple[RunRecord, RunHistory, object]:
        record, history = await self._run.record(), await self._run.history()
        self.status = record.status
        result = None
        if record.status == "success":
            result = result_data(self._run.workflow, await self._run.result())["result"]
        return record, history, result
