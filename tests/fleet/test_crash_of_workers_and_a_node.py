"""Workers, and a node of a Restate of three, are killed while half of the runs are in flight and half are parked: all
end, nothing is done again that was recorded, and no answer is lost.

``make fleet-crash`` has 200 of each, and tells what it saw; the suite has fewer.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.fleet.crash.errands import WORKFLOWS, parked
from tests.fleet.crash.fleet import fleet
from tests.fleet.crash.storm import Storm, until
from tests.restate_server import RestateCluster
from waystation import Waystation
from waystation.core.entries import SleepBegun
from waystation.errors import DispatchUnreachable, RunNotFound

pytestmark = pytest.mark.anyio

EACH = 40 if os.environ.get("WAYSTATION_FLEET_CRASH") == "full" else 12
"""How many runs there are of each of five workflows, in flight, and a fifth of those parked."""


async def test_workers_and_a_node_are_killed_and_every_run_ends_with_nothing_done_again(
    postgres: str, tmp_path: Path
) -> None:
    with RestateCluster() as cluster, fleet(tmp_path, postgres) as workers:
        dying, *living = [node.dispatch() for node in cluster.nodes]
        for worker in [workers.begin(place, dispatch) for place, dispatch in zip("abc", (dying, *living), strict=True)]:
            worker.wait_until_ready()
        async with (
            Waystation(workflows=WORKFLOWS, store=postgres, dispatch=living[0], recover=False) as here,
            Waystation(workflows=WORKFLOWS, store=postgres, dispatch=dying, recover=False) as there,
        ):
            storm = Storm(here, there, workers, cluster, each=EACH)
            await storm.start_all()
            most, middle, fewest = sorted(workers.living, key=storm.held_at, reverse=True)
            await kill_a_worker_whose_runs_are_held(storm, most, living[0])
            died = await kill_a_node_while_runs_sleep(storm)
            await kill_a_worker_while_the_node_is_away(storm, middle, living[1])
            await kill_workers_while_the_node_has_come_back(storm, fewest, most, dying)
            await storm.answer_all(storm.take(len(storm.unanswered)), here, there)
            verdict, ledger, journals = await storm.judge()
    assert not verdict.wrong, "\n".join(verdict.wrong)
    assert len(ledger.stops.gone) == 4
    assert ledger.again >= EACH, "those that the first held, at least"
    sleeps = [entry for entries in journals.values() for entry in entries if isinstance(entry, SleepBegun)]
    asleep = sum(entry.at <= died <= entry.until for entry in sleeps)
    assert asleep >= EACH // 2
    print(f"{len(storm.lines())} lines; {ledger.again} attempts begun again; {asleep} asleep when the node died")


async def kill_a_worker_whose_runs_are_held(storm: Storm, place: str, dispatch: str) -> None:
    """All of them begin the step in flight again, at the others."""
    workers, begun = storm.workers, storm.times_held()
    victim = workers.living[place].name
    had = storm.holders()[victim]
    began = time.monotonic()
    workers.kill(place)

    async def has_begun_elsewhere() -> bool:
        return not storm.holders()[victim]

    await storm.grown_by(1)
    first = time.monotonic() - began
    await until(has_begun_elsewhere, f"the runs of {victim} are driven by others")
    assert storm.times_held() == begun + had, "each once"
    last = time.monotonic() - began
    print(f"{had} runs of a killed worker went on elsewhere: the first after {first:.2f} s, all after {last:.2f} s")
    workers.begin(place, dispatch)


async def kill_a_node_while_runs_sleep(storm: Storm) -> float:
    """What is asked of an app of that node is refused, and leaves the runs as they were. Gives when the node died."""
    storm.workers.open_gate("asleep")
    await storm.stand("waiting", storm.each // 2)
    died = time.time() * 1000
    storm.nodes[0].kill()
    storm.workers.open_gate("chain")
    some = storm.take(storm.each // 4)
    refused = await storm.answer_by_a_dead_node(some)
    # One may have been taken: what was known of the node a moment ago is believed for a second.
    assert len(refused) >= len(some) - 1
    storm.unanswered += refused
    with pytest.raises(DispatchUnreachable):
        await storm.there.get_workflow(parked).start_async(1, run_id="never")
    with pytest.raises(RunNotFound):
        await storm.here.get_run("never")
    return died


async def kill_a_worker_while_the_node_is_away(storm: Storm, place: str, dispatch: str) -> None:
    """Answers come through the other nodes meanwhile."""
    moment = storm.grown_by(3 * storm.each)
    answering = asyncio.create_task(storm.answer_all(storm.take(storm.each), storm.here))
    await moment
    storm.workers.kill(place)
    storm.workers.begin(place, dispatch)
    storm.nodes[0].begin()
    storm.workers.open_gate("stubborn")
    await answering


async def kill_workers_while_the_node_has_come_back(storm: Storm, oldest: str, newer: str, dispatch: str) -> None:
    """First the only one that has been there from the beginning, to be started anew by way of that node."""
    workers = storm.workers
    await asyncio.to_thread(storm.nodes[0].wait)
    for worker in workers.living.values():
        await asyncio.to_thread(worker.wait_until_ready)
    workers.kill(oldest)
    workers.begin(oldest, dispatch)
    moment = storm.grown_by(3 * storm.each)
    workers.open_gate("each")
    await moment
    workers.kill(newer)
    workers.open_gate("aside")
