"""A process of the simulation: an app of the library's, on its own way to the store, and what people ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from tests.simulation.faulty.faulty_store import FaultyStore
from tests.simulation.faulty.truth import Truth
from tests.simulation.faulty.virtual_loop import Household, LoopClock
from tests.simulation.faulty.weather import Weather
from tests.simulation.ledger import RUN
from waystation import Run, Waystation, Workflow

LEASE = timedelta(seconds=15)


class Process:
    """One process, from its beginning to its end.

    Attributes:
        name: who it is.
        store: its way to the store.
        app: what it runs.
        dying: set when its end has come.
        is_closing: whether it is being closed, as it should be.
    """

    def __init__(
        self,
        name: str,
        workflow: Workflow[object, object],
        truth: Truth,
        weather: Weather,
        clock: LoopClock,
        *,
        elsewhere: Callable[[Awaitable[None]], None],
    ) -> None:
        self.name = name
        self.dying = asyncio.Event()
        self.is_closing = False
        self.store = FaultyStore(name, truth, weather, elsewhere=elsewhere, dies=self.dying.set)
        self._tasks = Household()
        self._workflow = workflow
        self.app = Waystation(
            workflows=[workflow],
            store=self.store,  # type: ignore[arg-type]  # what it lacks is not asked of it, and fails if it is
            clock=clock,
            lease=LEASE,
            grace=timedelta(seconds=1),
            recover_every=timedelta(seconds=2),
            look_every=timedelta(seconds=2),
        )

    @property
    def run(self) -> Run[object, object]:
        """The run, as it is reached from here."""
        return Run(self.app, self._workflow, RUN)

    @property
    def is_alive(self) -> bool:
        """Whether it is there, be it that it is paused."""
        return not self.dying.is_set()

    def do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done in it, for as long as it lives."""
        return self._tasks.begin(work)

    async def close(self) -> None:
        """It ends as it should."""
        self.is_closing = True
        await self.app.close()
        self.dying.set()

    def pause(self) -> None:
        """It goes on with nothing that needs the store."""
        self.store.awake.clear()

    def go_on(self) -> None:
        """It was paused, or cut off, and is no more."""
        self.store.awake.set()
        self.store.is_away = False

    async def end(self) -> None:
        """It is gone, at once."""
        self.dying.set()
        self.store.is_dead = True
        await self._tasks.end()
