"""A store that kills its process at a chosen journal write: for tests of what survives a crash."""

from __future__ import annotations

import os
import signal
from typing import Literal, Never

from waystation.core.refs import Seq
from waystation.store.passing import PassingStore
from waystation.store.protocol import Store, StoreTransaction
from waystation.store.records import Commit, MakeCommit, NewRun


class CrashingStore(PassingStore):
    """Passes everything on to ``store``, and kills this process with SIGKILL at one journal write.

    A journal write is a ``create_run`` or a ``commit``, in a step's transaction or not. Nothing is cleaned up, no
    handler runs, no buffer is flushed: the process is gone as if the machine had lost its power.

    Arguments:
        store: the store that does the work.
        at: at which journal write of this process, from 1; 0 for never (then ``writes`` tells how many there were).
        when: ``"before"`` the write is asked of the store, or ``"after"`` it is durable and before anyone is told.

    Attributes:
        writes: how many journal writes were begun.

    Example:
        ``Waystation(workflows=[...], store=CrashingStore(open_store(url), at=3, when="after"))``
    """

    def __init__(self, store: Store, *, at: int, when: Literal["before", "after"] = "after") -> None:
        super().__init__(store)
        self.writes = 0
        self._at = at
        self._when = when

    def _begin(self) -> bool:
        """Count a write; whether to die after it."""
        self.writes += 1
        if self.writes != self._at:
            return False
        if self._when == "before":
            die()
        return True

    async def create_run(self, run: NewRun) -> None:
        """See ``Store``."""
        last = self._begin()
        await self._store.create_run(run)
        if last:
            die()

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        last = self._begin()
        await self._store.commit(commit, within=within)
        if last:
            die()

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """See ``Store``."""
        last = self._begin()
        await self._store.commit_on_top(run_id, after, make)
        if last:
            die()


def die() -> Never:
    """End this process by SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process does not outlive SIGKILL")
