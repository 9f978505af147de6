"""Stores that hold a call back until a test lets it go on: so that what is rare in the open happens here each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry
from waystation.store.passing import PassingStore
from waystation.store.protocol import Store, StoreTransaction
from waystation.store.records import Commit, NewRun, StoredRun


class GatedStore(PassingStore):
    """Passes everything on to ``store``; a commit that the test has asked for is held back before or after it.

    Attributes:
        commits: how many commits were asked for.
        loads: how many runs were loaded.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.commits = 0
        self.loads = 0
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()
        self._wanted: Callable[[AnyEntry], bool] | None = None
        self._before = False

    def hold(self, wanted: Callable[[AnyEntry], bool], *, before: bool = False) -> None:
        """Hold back the next commit with such an entry: ``before`` it is written, or before its end is told."""
        self.reached.clear()
        self.let_go.clear()
        self._wanted, self._before = wanted, before

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        self.commits += 1
        held = self._is_held(commit)
        if held and self._before:
            await self._wait()
        await self._store.commit(commit, within=within)
        if held and not self._before:
            await self._wait()

    async def create_run(self, run: NewRun) -> None:
        """See ``Store``."""
        held = self._is_held(run)
        await self._store.create_run(run)
        if held:
            await self._wait()

    async def load(self, run_id: str) -> StoredRun | None:
        """See ``Store``."""
        self.loads += 1
        return await self._store.load(run_id)

    def entries(self, write: Commit | NewRun) -> list[AnyEntry]:
        """The entries of a write."""
        return [decode_entry(entry) for entry in write.entries]

    def _is_held(self, write: Commit | NewRun) -> bool:
        held = self._wanted is not None and any(map(self._wanted, self.entries(write)))
        if held:
            self._wanted = None
        return held

    async def _wait(self) -> None:
        self.reached.set()
        await self.let_go.wait()
