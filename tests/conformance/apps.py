"""Apps for behaviour tests: on each store, and started anew on the same store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from waystation import Codec, Store, Waystation, Workflow, open_store
from waystation.engine.clock import Clock
from waystation.store.passing import PassingStore
from waystation.testing import VirtualClock

OwnTime = VirtualClock
"""What tests here call the clock that they move."""


class _Kept(PassingStore):
    """Keeps a store open when an app that used it is closed: the memory of a process that does not end."""

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """It stays open."""


@dataclass
class Place:
    """Where runs are kept: ``kind`` is memory, sqlite or postgres; ``database`` is the address of the last.

    Who drives them is no matter of the place: on a fleet all apps of a test are made other ones (``fleet_apps``).
    """

    kind: str
    folder: Path
    database: str = ""
    _memory: Store | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The address of the store; of one in memory it is a new one each time."""
        return {"sqlite": f"sqlite:///{self.file}", "postgres": self.database, "memory": "memory://"}[self.kind]

    @property
    def file(self) -> Path:
        """The file of a SQLite store."""
        return self.folder / "runs.db"

    async def store(self) -> Store:
        """A store over the place's runs, as a new process would open it."""
        if self.kind != "memory":
            return open_store(self.url)
        if self._memory is None:
            self._memory = open_store("memory://")
            await self._memory.open()
        return _Kept(self._memory)

    @asynccontextmanager
    async def app(
        self,
        *workflows: Workflow[Any, Any],
        codec: Codec | None = None,
        clock: Clock | None = None,
        agents: dict[str, object] | None = None,
        lease: timedelta = timedelta(seconds=15),
        grace: timedelta = timedelta(seconds=1),
        recover_every: timedelta = timedelta(milliseconds=20),
    ) -> AsyncGenerator[Waystation]:
        """An app with these workflows, closed at the end."""
        store = await self.store()
        async with Waystation(
            workflows=workflows,
            store=store,
            codec=codec,
            clock=clock,
            agents=agents,
            lease=lease,
            recover_every=recover_every,
            grace=grace,
        ) as app:
            yield app

    async def journal(self, run_id: str) -> list[bytes]:
        """The run's journal, byte for byte."""
        store = await self.store()
        await store.open()
        try:
            return list(await store.read(run_id))
        finally:
            await store.close()
