"""Runs with blobs are deleted: first the rows, then the blobs that those rows referred to, and no others.

A run of the same id may be created meanwhile; its blobs have other names. What is missed here (the process dies between
the two) is found by ``sweep_blobs``.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

from waystation.core.refs import Millis, Seq
from waystation.store.codec.blobs import BlobRef
from waystation.store.codec.outside import Outside, ref_of
from waystation.store.listing import each_run
from waystation.store.protocol import Store
from waystation.store.records import ENDED, RunFilter

_ENTRIES_AT_ONCE = 500

MOST_KNOWN: Final = 10_000
"""So many runs that are to be pruned are known at most at a time."""


class Deletion:
    """Deletes runs of a store, and their blobs.

    Arguments:
        store: the store, which gives entries as they are kept.
        outside: its blobs.
    """

    def __init__(self, store: Store, outside: Outside) -> None:
        self._store = store
        self._outside = outside
        self._due: list[tuple[Millis, str]] = []
        self._all_known = True
        self._due_before: Millis | None = None

    async def delete_run(self, run_id: str) -> bool:
        """Delete a run; whether there was one."""
        refs = await refs_of(self._store, run_id)
        deleted = await self._store.delete_run(run_id)
        if deleted:
            await self._outside.remove(run_id, refs)
        return deleted

    async def prune(self, ended_before: Millis, limit: int) -> int:
        """Delete at most ``limit`` runs that ended before then, the oldest first; gives how many."""
        if limit <= 0:
            return 0
        due = await self._next_due(ended_before, limit)
        refs = {run_id: await refs_of(self._store, run_id) for _, run_id in due}
        deleted = await self._store.prune(ended_before, limit=limit)
        gone = refs.keys() - (await self._store.last_seqs(list(refs))).keys()
        for run_id in gone:
            await self._outside.remove(run_id, refs[run_id])
        self._due = [each for each in self._due if each[1] not in gone]
        return deleted

    async def _next_due(self, ended_before: Millis, limit: int) -> Sequence[tuple[Millis, str]]:
        """Those that the store will prune next, and those that ended together with the last of them.

        The store does not tell which it deletes, so what it will be is known before. All that is due is looked through
        once for many batches.
        """
        at_hand = len(self._due) > limit or (self._due and self._all_known)
        if self._due_before != ended_before or not at_hand:
            await self._look(ended_before, max(MOST_KNOWN, 2 * limit))
        end = min(limit, len(self._due))
        while 0 < end < len(self._due) and self._due[end][0] == self._due[end - 1][0]:
            end += 1
        return self._due[:end]

    async def _look(self, ended_before: Millis, most: int) -> None:
        self._due, self._due_before, self._all_known = [], ended_before, True
        # What ended before then was created before then.
        async for run in each_run(self._store, RunFilter(statuses=sorted(ENDED), until=ended_before)):
            if run.updated_at < ended_before:
                self._due.append((run.updated_at, run.run_id))
            if len(self._due) >= 2 * most:
                self._due, self._all_known = heapq.nsmallest(most, self._due), False
        self._due.sort()


async def refs_of(store: Store, run_id: str) -> list[BlobRef]:
    """The blobs that a run's entries refer to."""
    refs: list[BlobRef] = []
    after: Seq = 0
    while entries := await store.read(run_id, after=after, limit=_ENTRIES_AT_ONCE):
        refs += (ref for entry in entries if (ref := ref_of(entry)) is not None)
        after += len(entries)
    return refs
