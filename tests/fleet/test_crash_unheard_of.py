"""What Restate does not hear of, or cannot see to because it is away, the other workers do by themselves.

The runs go on of a worker that is frozen past its lease, as of one whose machine has lost its network, and of one that
is killed while there is no Restate; and so does a run that was answered just as Restate went away. The frozen worker
can write nothing of its runs when it comes back.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fleet.crash.errands import WORKFLOWS, ask, chain, expected, expected_of_answer, parked
from tests.fleet.crash.fleet import Fleet, fleet
from tests.fleet.crash.judge import Verdict, judge_steps, seen
from tests.fleet.crash.storm import until
from tests.restate_server import RestateServer
from waystation import Waystation
from waystation.core.encoding import decode_entry
from waystation.dispatch.restate import client as client_module
from waystation.run import Run

pytestmark = pytest.mark.anyio

RUNS = {f"run-{number}": number for number in range(12)}


def held_by(workers: Fleet) -> dict[str, str]:
    """Which worker was the last to begin the step that each run is held in."""
    return dict(workers.beginnings_to_hold())


async def hold_all(app: Waystation, workers: Fleet) -> None:
    """Start all runs, and wait until each is held in its first step."""
    starts = (app.get_workflow(chain).start_async(number, run_id=run_id) for run_id, number in RUNS.items())
    await asyncio.gather(*starts)

    async def are_held() -> bool:
        return held_by(workers).keys() == RUNS.keys()

    await until(are_held, "all runs are held")


async def all_end(app: Waystation) -> None:
    """Wait for all runs, and see to it that they came to what they must."""
    for run_id, number in RUNS.items():
        result = await Run(app, chain, run_id).wait()
        assert result.status == "success"
        assert result.result.value == expected("chain", number)


async def judge(app: Waystation, workers: Fleet) -> None:
    verdict = Verdict()
    journals = {run_id: [decode_entry(entry) for entry in await app.store.read(run_id)] for run_id in RUNS}
    lines = [line for line in workers.ledger.lines() if " later " not in line]
    judge_steps(journals, seen(lines), verdict)
    assert not verdict.wrong, "\n".join(verdict.wrong)


async def test_a_frozen_worker_loses_its_runs_to_others_and_what_it_gives_late_is_not_recorded(
    postgres: str, tmp_path: Path, restate: RestateServer
) -> None:
    dispatch = restate.dispatch("frozen")
    with fleet(tmp_path, postgres, lease=3, look_every=0.2) as workers:
        for worker in [workers.begin("a", dispatch), workers.begin("b", dispatch)]:
            worker.wait_until_ready()
        async with Waystation(workflows=WORKFLOWS, store=postgres, dispatch=dispatch, recover=False) as app:
            await hold_all(app, workers)
            victim = workers.freeze(max(workers.living, key=lambda place: count(workers, place)))
            lost = [run_id for run_id, worker in held_by(workers).items() if worker == victim.name]
            assert lost

            async def are_held_elsewhere() -> bool:
                return victim.name not in held_by(workers).values()

            await until(are_held_elsewhere, f"{lost} are driven by the other")
            workers.open_gate()
            await all_end(app)
            victim.process.send_signal(signal.SIGCONT)

            async def is_fenced() -> bool:
                said = victim.log.read_text()
                return all(f"run {run_id} was taken over by another process" in said for run_id in lost)

            await until(is_fenced, f"{victim.name} finds that {lost} are not its own")
            assert victim.process.poll() is None
            ended = [words[1] for words in map(str.split, workers.ledger.lines()) if words[0] == "ended"]
            assert all(ended.count(run_id) == 6 for run_id in lost), "both have ended the step, and one has gone on"
            await judge(app, workers)
            await serves_again(app, workers, victim.name)


def count(workers: Fleet, place: str) -> int:
    """How many runs the worker there holds."""
    return list(held_by(workers).values()).count(workers.living[place].name)


async def serves_again(app: Waystation, workers: Fleet, name: str) -> None:
    """The worker that was frozen drives what comes, now that it is the only one."""
    (other,) = (place for place, worker in workers.living.items() if worker.name != name)
    workers.kill(other)
    result = await app.get_workflow(chain).start(1, run_id="later")
    assert result.status == "success"
    assert result.result.by.startswith(f"{name}:")


async def test_runs_of_a_killed_worker_go_on_at_another_while_restate_is_away(postgres: str, tmp_path: Path) -> None:
    with RestateServer() as restate, fleet(tmp_path, postgres, look_every=0.2) as workers:
        for worker in [workers.begin("a", restate.dispatch()), workers.begin("b", restate.dispatch())]:
            worker.wait_until_ready()
        async with Waystation(workflows=WORKFLOWS, store=postgres, dispatch=restate.dispatch(), recover=False) as app:
            await hold_all(app, workers)
            restate.kill()
            dead = workers.living["a"].name
            workers.kill("a")

            async def are_held_elsewhere() -> bool:
                return dead not in held_by(workers).values()

            await until(are_held_elsewhere, f"what {dead} held is held by the other")
            workers.open_gate()
            await all_end(app)
            await judge(app, workers)
            restate.start()
            # Its calls were not answered, and are made again: there is nothing to do any more.
            assert (await app.get_workflow(chain).start(1, run_id="later")).status == "success"
            await judge(app, workers)


async def test_who_is_called_for_the_run_of_a_dead_worker_finds_that_it_is_dead(
    postgres: str, tmp_path: Path, restate: RestateServer
) -> None:
    dispatch = restate.dispatch("found-dead")
    with fleet(tmp_path, postgres, lease=3600, look_every=3600) as workers:  # nobody else finds it
        workers.begin("a", dispatch).wait_until_ready()
        never = timedelta(hours=1)
        async with Waystation(
            workflows=WORKFLOWS, store=postgres, dispatch=dispatch, recover=False, recover_every=never
        ) as app:
            await hold_all(app, workers)
            other = workers.begin("b", dispatch)
            other.wait_until_ready()
            workers.kill("a")

            async def are_held_elsewhere() -> bool:
                return set(held_by(workers).values()) == {other.name}

            await until(are_held_elsewhere, "all runs are held by the other")
            workers.open_gate()
            await all_end(app)
            await judge(app, workers)


async def test_an_answer_that_was_taken_as_restate_went_away_is_seen_to_by_a_worker(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_KNOWN_FOR", 600.0)  # the app believes that Restate is there
    with RestateServer() as restate, fleet(tmp_path, postgres, look_every=0.2) as workers:
        workers.begin("a", restate.dispatch()).wait_until_ready()
        async with Waystation(workflows=WORKFLOWS, store=postgres, dispatch=restate.dispatch(), recover=False) as app:
            run = await app.get_workflow(parked).create_run()
            assert (await run.start(5)).status == "suspended"
            restate.kill()
            result = await run.resume(step=ask, data=7)
            assert result.status == "success"
            assert result.result.value == expected_of_answer(5, 7)
