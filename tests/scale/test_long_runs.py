"""Runs of 100,000 items and turns end; what an item costs does not depend on how many there are.

Costs are counted here, not timed: entries, calls of the store, what is held in memory. ``benchmarks/flow.py`` times.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.scale.counting import CountingStore, the_machine
from waystation import Store, Waystation, Workflow, step, workflow
from waystation.store.memory import MemoryStore
from waystation.store.sqlite import SQLiteStore

pytestmark = pytest.mark.anyio

MANY = 100_000

BYTES_AN_ITEM = 48
"""What a foreach may keep for each item that is done: a reference to its output, which is one number (32 bytes, and 8
for its place in the list). A loop keeps nothing."""


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CountingStore:
    kind: str = request.param
    return CountingStore(MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "runs.db", synchronous="normal"))


class Meter:
    """Looks at a run from inside its steps: what it holds after a tenth of them, after nine tenths, and after the last;
    and, if it is asked to trace memory, how many bytes were taken in the last tenth and not given back.

    Attributes:
        sizes: frames and values that the machine held, each time.
        objects: how many objects the collector knew, each time.
    """

    def __init__(self, total: int, *, traces: bool = False) -> None:
        self.total = total
        self._traces = traces
        self.seen = 0
        self.sizes: list[tuple[int, int]] = []
        self.objects: list[int] = []
        self._traced: list[int] = []

    def count(self) -> None:
        self.seen += 1
        if self._traces and self.seen == self.total * 88 // 100:
            tracemalloc.start()  # early, so that what is made once is not counted
        if self.seen in (self.total // 10, self.total * 9 // 10, self.total):
            machine = the_machine()
            self.sizes.append((len(machine.state.frames), len(machine.values)))
            self.objects.append(len(gc.get_objects()))
            self._traced.append(tracemalloc.get_traced_memory()[0] if self._traces else 0)

    def bytes_an_item(self) -> float:
        """Of the last tenth."""
        tracemalloc.stop()
        return (self._traced[2] - self._traced[1]) / (self.total / 10)


def each(meter: Meter, concurrency: int) -> Workflow[list[int], int]:
    @step
    async def item(number: int) -> int:
        meter.count()
        return number + 1

    @step
    async def total(numbers: list[int]) -> int:
        return sum(numbers)

    return workflow("each", input=list[int], output=int).foreach(item, concurrency=concurrency).then(total).commit()


def turning(meter: Meter, turns: int) -> Workflow[int, int]:
    @step
    async def turn(number: int) -> int:
        meter.count()
        return number + 1

    return workflow("turning", input=int, output=int).do_until(turn, lambda number: number >= turns).commit()


async def perform(flow: Workflow[Any, Any], store: Store, meter: Meter, given: object) -> object:
    async with Waystation(workflows=[flow], store=store) as app:
        result = await app.get_workflow(flow).start(given, run_id="r1")
        assert result.status == "success", result
        return result.result


@pytest.mark.parametrize("concurrency", [1, 20])
async def test_a_foreach_of_100000_items_ends_and_holds_one_number_an_item(
    concurrency: int, store: CountingStore
) -> None:
    # The other store keeps the journal itself in memory.
    meter = Meter(MANY, traces=isinstance(store._store, SQLiteStore))
    assert await perform(each(meter, concurrency), store.as_store(), meter, list(range(MANY))) == MANY * (MANY + 1) // 2
    assert meter.seen == MANY
    # The frame of the foreach, those of the items under way, and the list: the same after 10,000 and after 100,000.
    for frames, values in meter.sizes:
        assert frames <= 1 + concurrency
        assert values <= 1 + concurrency
    assert store.entries == MANY + 3, "ForeachBegun, an entry an item, the next step, the end (and the start with it)"
    if isinstance(store._store, SQLiteStore):
        assert meter.objects[2] - meter.objects[0] < 1000, "nothing but numbers is kept of 90,000 items"
        assert meter.bytes_an_item() <= BYTES_AN_ITEM


async def test_a_loop_of_100000_turns_ends_and_holds_nothing_of_a_turn_that_is_over(store: CountingStore) -> None:
    # The other store keeps the journal itself in memory.
    meter = Meter(MANY, traces=isinstance(store._store, SQLiteStore))
    assert await perform(turning(meter, MANY), store.as_store(), meter, 0) == MANY
    assert meter.seen == MANY
    assert meter.sizes == [meter.sizes[0]] * 3
    assert store.entries == 2 * MANY + 1
    if isinstance(store._store, SQLiteStore):
        assert meter.objects[2] - meter.objects[0] < 1000
        assert meter.bytes_an_item() < 4, "not even a number a turn, which is 32"


@pytest.mark.parametrize("kind", ["each", "each of 20", "turning"])
async def test_what_an_item_asks_of_the_store_does_not_depend_on_how_many_there_are(kind: str) -> None:
    async def calls(size: int) -> Counter[str]:
        meter = Meter(size)
        flow = turning(meter, size) if kind == "turning" else each(meter, 20 if kind == "each of 20" else 1)
        store = CountingStore(MemoryStore())
        await perform(flow, store.as_store(), meter, 0 if kind == "turning" else list(range(size)))
        return store.of_runs()

    few, many = await calls(1_000), await calls(10_000)
    commits = few.pop("commit"), many.pop("commit")
    reads = few.pop("read_some", 0), many.pop("read_some", 0)
    assert few == many, "nothing else is called, however many there are"
    # An item is one commit, and a turn two; of items side by side as many as end together.
    bound = {"each": 1, "each of 20": 1, "turning": 2}[kind]
    assert commits[1] - commits[0] <= bound * 9_000
    # What comes after a foreach is given all outputs: they are read then, some thousands at a time.
    assert reads[1] - reads[0] <= 2
