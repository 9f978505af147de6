"""Random histories of the real engine, whose processes die at any write, keep every promise.

To see one again: ``asyncio.run(live(seed))`` of ``tests.simulation.engine_histories``.
"""

from __future__ import annotations

import pytest

from tests.simulation.engine_histories import live
from waystation.core.encoding import decode_entry
from waystation.core.entries import SuspensionAnswered
from waystation.store.memory import MemoryStore
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit

pytestmark = pytest.mark.anyio

_AT_ONCE = 100


@pytest.mark.parametrize("first", range(0, 400, _AT_ONCE))
async def test_hundreds_of_random_histories_of_the_engine_keep_every_promise(first: int) -> None:
    await _live_some(_AT_ONCE, first)


async def test_a_store_that_says_it_has_an_answer_and_has_not_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = MemoryStore.commit
    forgotten: list[Commit] = []

    async def forgetful(store: MemoryStore, given: Commit, *, within: StoreTransaction | None = None) -> None:
        if not forgotten and any(isinstance(decode_entry(entry), SuspensionAnswered) for entry in given.entries):
            forgotten.append(given)
        else:
            await commit(store, given, within=within)

    monkeypatch.setattr(MemoryStore, "commit", forgetful)
    with pytest.raises(AssertionError, match="answer"):
        await _live_some(20)
    assert forgotten


async def _live_some(count: int, first: int = 0) -> None:
    for seed in range(first, first + count):
        try:
            await live(seed)
        except Exception as error:
            raise AssertionError(f"a promise was broken in history {seed} of the engine: {error}") from error
