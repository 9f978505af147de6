"""Items of a foreach that are spread over worker processes, of which some are killed."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fleet.crash.fleet import Fleet, fleet
from tests.fleet.life.places import until
from tests.fleet.spread.errands import ITEMS, WORKFLOWS, expected, gated, limited, wide
from tests.fleet.spread.seen import Seen
from tests.postgres_server import Databases
from tests.restate_server import RestateServer
from waystation import Run, Waystation
from waystation.core.entries import StepSucceeded

pytestmark = pytest.mark.anyio

POOL = "spread"
ERRANDS = "tests.fleet.spread.errands"
PLACES = ("a", "b", "c")
SEED = int(os.environ.get("WAYSTATION_TEST_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Fleet]:
    """A fleet for all tests here, whose workers ``app`` begins anew where they were killed."""
    folder = tmp_path_factory.mktemp("spread")
    with databases.lent() as store, fleet(folder, store, look_every=0.2, errands=ERRANDS) as found:
        yield found


@pytest.fixture
def dispatch(restate: RestateServer) -> str:
    return restate.dispatch(POOL)


@pytest.fixture
def three(workers: Fleet, dispatch: str) -> Fleet:
    """The same, with three workers that live."""
    begun = [workers.begin(place, dispatch) for place in PLACES if place not in workers.living]
    for worker in begun:
        worker.wait_until_ready()
    return workers


@asynccontextmanager
async def looking(workers: Fleet, dispatch: str) -> AsyncGenerator[Waystation]:
    """An app that starts runs and waits for them, and drives none."""
    async with Waystation(workflows=WORKFLOWS, store=workers.store, dispatch=dispatch, recover=False) as app:
        yield app


async def spread_well(app: Waystation) -> None:
    """Have Restate make connections, and hear how few calls each carries: before that it gives a burst to few of them,
    and so to few workers."""
    await app.get_workflow(wide).start(100)


def place_of(workers: Fleet, name: str) -> str:
    """The place of the worker of that name."""
    return next(place for place, worker in workers.living.items() if worker.name == name)


async def until_begun(workers: Fleet, run_id: str, count: int) -> Seen:
    """Until so many items have begun."""

    async def has() -> bool:
        return sum(map(len, Seen(workers.ledger.lines(), run_id).items().values())) >= count

    await until(has, f"{count} items of {run_id} have begun")
    return Seen(workers.ledger.lines(), run_id)


async def judged(workers: Fleet, run: Run[int, int], items: int) -> Seen:
    """Wait for the run; what it came to is right, no item that was recorded was begun again, and none was but because
    its worker was killed."""
    result = await run.wait()
    assert result.status == "success", result
    assert result.result == expected(items)
    seen = Seen(workers.ledger.lines(), run.run_id)
    assert seen.faults() == []
    assert len(seen.items()) == items
    for entry in await run.journal():
        if isinstance(entry, StepSucceeded) and "[" in entry.address:
            token = bytes(entry.output).decode().strip('"').partition(" ")[2]
            assert seen.begun[entry.address][-1].token == token, f"{entry.address} was begun after it was recorded"
    return seen


async def test_the_items_of_a_foreach_use_several_workers_and_no_more_at_once_than_its_limit(
    three: Fleet, dispatch: str
) -> None:
    async with looking(three, dispatch) as app:
        few, all_ = [await app.get_workflow(flow).start_async(100) for flow in (limited, wide)]
        seen = await judged(three, few, 100)
        assert 3 <= seen.most_at_once <= 6
        assert seen.again() == {}
        seen = await judged(three, all_, 100)
        assert 6 < seen.most_at_once <= 60
        assert seen.again() == {}
        # What is spread over workers behind one address is connections, of 8 calls each: not which, and how many.
        assert len(seen.workers()) > 1, seen.workers()


async def test_after_the_drivers_death_items_at_other_workers_are_not_begun_again(three: Fleet, dispatch: str) -> None:
    async with looking(three, dispatch) as app:
        await spread_well(app)
        run = await app.get_workflow(gated).start_async(20)
        before = await until_begun(three, run.run_id, 20)
        three.kill(place_of(three, before.driver))
        lost = {address for address, begun in before.items().items() if begun[0].worker == before.driver}
        assert len(lost) < 20
        await until_begun(three, run.run_id, 20 + len(lost))
        three.open_gate(run.run_id)
        seen = await judged(three, run, 20)
    assert seen.again().keys() == lost
    assert all(len(begun) == 2 for begun in seen.again().values())


async def test_items_of_a_killed_worker_are_begun_again_elsewhere_once(three: Fleet, dispatch: str) -> None:
    async with looking(three, dispatch) as app:
        await spread_well(app)
        run = await app.get_workflow(gated).start_async(20)
        before = await until_begun(three, run.run_id, 20)
        victim = next(name for name in before.workers() if name != before.driver)
        lost = {address for address, begun in before.items().items() if begun[0].worker == victim}
        three.kill(place_of(three, victim))
        await until_begun(three, run.run_id, 20 + len(lost))
        three.open_gate(run.run_id)
        seen = await judged(three, run, 20)
    assert seen.again().keys() == lost
    assert all(len(begun) == 2 for begun in seen.again().values())


async def test_no_item_that_was_recorded_is_begun_again_whoever_is_killed(three: Fleet, dispatch: str) -> None:
    print(f"WAYSTATION_TEST_SEED={SEED}")
    dice = random.Random(SEED)
    async with looking(three, dispatch) as app:
        run = await app.get_workflow(wide).start_async(ITEMS)
        begun = 0
        for _ in range(5):
            begun += dice.randrange(5, 35)
            await until_begun(three, run.run_id, begun)
            place = dice.choice(sorted(three.living))
            three.kill(place)
            three.begin(place, dispatch)
        await judged(three, run, ITEMS)
    for worker in three.living.values():
        worker.wait_until_ready()


@pytest.fixture
def own_restate() -> Generator[RestateServer]:
    """A Restate that may be killed."""
    with RestateServer() as server:
        yield server


async def test_items_under_way_while_restate_is_killed_end_and_their_results_are_recorded(
    own_restate: RestateServer, postgres: str, tmp_path: Path
) -> None:
    dispatch = own_restate.dispatch(POOL)
    with fleet(tmp_path, postgres, look_every=0.2, errands=ERRANDS) as workers:
        for worker in [workers.begin(place, dispatch) for place in ("a", "b")]:
            worker.wait_until_ready()
        async with looking(workers, dispatch) as app:
            ends_away = await app.get_workflow(gated).start_async(20)
            ends_later = await app.get_workflow(gated).start_async(20)
            for run in (ends_away, ends_later):
                await until_begun(workers, run.run_id, 20)
            own_restate.kill()
            workers.open_gate(ends_away.run_id)

            async def all_ended() -> bool:
                return len(Seen(workers.ledger.lines(), ends_away.run_id).ended) >= 21

            await until(all_ended, "the items end while Restate is away")
            own_restate.start()
            workers.open_gate(ends_later.run_id)
            for run in (ends_away, ends_later):
                seen = await judged(workers, run, 20)
                assert seen.again() == {}
