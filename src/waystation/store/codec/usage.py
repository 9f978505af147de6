"""Which keys are needed yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from waystation.core.refs import Seq
from waystation.errors import CodecInvalid
from waystation.store.codec.encryption import key_id_of
from waystation.store.codec.payloads import ENCRYPTED
from waystation.store.codec.protocol import PayloadPlace
from waystation.store.codec.store import CodecStore
from waystation.store.listing import each_run
from waystation.store.protocol import Store
from waystation.store.records import RunFilter

NO_KEY: Final = ""
"""Stands for what is not encrypted."""

_ENTRIES_AT_ONCE = 500


async def keys_in_use(store: Store) -> Mapping[str, int]:
    """How many entries and frontiers of runs are encrypted with which key, by the keys' ids; "" for those that are not.

    A key that is not among them, and is no app's primary key any more, can be given up. All of the store is read for
    it, but no key is needed.

    Arguments:
        store: the store of an open app that has a codec: ``app.store``.

    Raises:
        CodecInvalid: the store has no codec.
    """
    if not isinstance(store, CodecStore):
        raise CodecInvalid("a store without a codec has no keys: give the store of an app with codec=Codec(...)")
    used: Counter[str] = Counter()
    async for run in each_run(store.inner, RunFilter()):
        used += await _of_run(store, run.run_id)
    return dict(used)


async def _of_run(store: CodecStore, run_id: str) -> Counter[str]:
    used: Counter[str] = Counter()
    after: Seq = 0
    while entries := await store.inner.read(run_id, after=after, limit=_ENTRIES_AT_ONCE):
        places = [PayloadPlace("entry", run_id, seq) for seq in range(after + 1, after + 1 + len(entries))]
        kept = await store.payloads.fetched(list(zip(places, entries, strict=True)))
        used.update(_key_of(data) for data in kept)
        after += len(entries)
    snapshot = await store.inner.snapshot(run_id)
    if snapshot is not None and snapshot.frontier is not None:
        used[_key_of(snapshot.frontier)] += 1
    return used


def _key_of(kept: bytes) -> str:
    if not kept.startswith(ENCRYPTED):
        return NO_KEY
    return key_id_of(kept.removeprefix(ENCRYPTED)) or "?"  # an encryption of another's making
