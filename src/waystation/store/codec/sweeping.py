"""The sweep: deletes blobs that nothing refers to, and none that something may still come to refer to.

A blob is written before the commit that refers to it, so one that nothing refers to may be an orphan (a process died
between the two, or the commit was refused), or its commit may be under way. The two are told apart so:

- A blob of a run that is ``running`` is left alone: its driver may be about to commit, even if it was paused for hours.
  If the run was taken over meanwhile, its epoch has changed, and what that driver commits is refused.
- What else writes (a start, an answer, a fork, an import) is over soon. A blob is an orphan only if it was written
  longer than ``older_than`` before the sweep began, by the clock of the folder itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from waystation.errors import CodecInvalid
from waystation.store.codec.blobs import owner_and_token, owner_of
from waystation.store.codec.deletion import refs_of
from waystation.store.codec.folders import BlobFolder
from waystation.store.codec.outside import Outside
from waystation.store.codec.store import CodecStore
from waystation.store.listing import each_run
from waystation.store.protocol import Store
from waystation.store.records import RunFilter

SHORTEST: Final = timedelta(hours=1)
"""Nothing younger is swept, whatever is asked for."""

_Found: TypeAlias = dict[str, list[tuple[bytes, str]]]
"""Of each owner the tokens and names of blobs."""


async def sweep_blobs(store: Store, *, older_than: timedelta = timedelta(days=1)) -> int:
    """Delete the blobs that nothing refers to; gives how many. Others may be at work meanwhile.

    It lists the whole folder, and reads the journals of all runs that have blobs: something for the night.

    Arguments:
        store: the store of an open app that has a codec with blobs: ``app.store``.
        older_than: only those written longer ago; at least an hour. No process may be at a standstill for longer in
            the middle of a start, an answer, a fork or an import, and then go on.

    Raises:
        CodecInvalid: the store has no blobs, or ``older_than`` is less than an hour.
        StoreError: of the kind that tells what the folder said.
    """
    if not isinstance(store, CodecStore) or store.outside is None:
        raise CodecInvalid("there are no blobs to sweep: give the store of an app with codec=Codec(blobs=...)")
    if older_than < SHORTEST:
        raise CodecInvalid(f"sweep_blobs(older_than={older_than}): a blob younger than {SHORTEST} may be needed yet")
    outside, inner = store.outside, store.inner
    began = await outside.ask("reading the clock", outside.folder.now)
    found = await outside.ask("listing the blobs", _found, outside.folder)
    orphans: list[str] = []
    async for run in each_run(inner, RunFilter()):
        if owned := found.pop(owner_of(run.run_id), None):
            orphans += await _orphans(inner, run.run_id, owned)
    for owned in found.values():  # of runs that are not there
        orphans += (name for _, name in owned)
    return await outside.ask("sweeping", _delete_older, outside, orphans, began - older_than.total_seconds())


def _found(folder: BlobFolder) -> _Found:
    found: _Found = defaultdict(list)
    for name in folder.names():
        if (parts := owner_and_token(name)) is not None:
            owner, token = parts
            found[owner].append((token, name))
    return found


async def _orphans(inner: Store, run_id: str, owned: Sequence[tuple[bytes, str]]) -> list[str]:
    record = await inner.get_run(run_id)
    if record is not None and record.status == "running":
        return []
    referred = {ref.token for ref in await refs_of(inner, run_id)}
    return [name for token, name in owned if token not in referred]


def _delete_older(outside: Outside, names: Sequence[str], before: float) -> int:
    deleted = 0
    for name in names:
        written_at = outside.folder.written_at(name)
        if written_at is not None and written_at < before:
            outside.folder.delete([name])
            deleted += 1
    return deleted
