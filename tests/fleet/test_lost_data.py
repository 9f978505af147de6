"""Restate loses its data: the store has all that is needed, and one command has every run go on."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fleet.life.places import Place, place
from tests.fleet.life.shop import WORKFLOWS
from tests.restate_server import RestateServer
from waystation import Waystation

pytestmark = pytest.mark.anyio


@pytest.fixture
def there(tmp_path: Path, postgres: str) -> Generator[Place]:
    """A place on a Restate of its own."""
    with RestateServer() as restate, place(tmp_path, postgres, restate, "lost") as found:
        yield found


async def test_after_restate_lost_its_data_one_command_has_every_run_go_on_and_nothing_is_done_twice(
    there: Place,
) -> None:
    # Nobody looks for runs that were left here: what goes on does so by the command.
    one = await there.worker("one", app="calls_nothing_again").ready()
    async with Waystation(workflows=WORKFLOWS, store=there.store, dispatch=there.dispatch, recover=False) as app:
        running = [await app.get_workflow("holding").start_async("gate") for _ in range(5)]
        parked = [await app.get_workflow("reviewing").start_async("doc") for _ in range(5)]
        for run in parked:
            assert (await run.wait()).status == "suspended"
        await there.until_lines(5, "held began")
        asleep = [await app.get_workflow("sleeping").start_async("dream") for _ in range(5)]
        await there.until_lines(15, "first ended")

    one.tell(signal.SIGTERM)
    there.restate.kill()
    there.restate.forget()
    assert await one.ended() == 0, one.logged()
    assert "Error" not in one.logged(), "it has ended cleanly, though nobody heard what became of the calls"
    there.restate.start()

    early = await there.command("resubmit", "--json")
    assert early.returncode == 1, "no worker is there yet, and it says so"
    assert json.loads(early.stdout) == {"now": 0, "later": 0, "driven": 0, "parked": 5, "no_worker": 10}
    assert [await there.invocations(), there.lines("two")] == [[], []]

    await there.worker("two", app="calls_nothing_again").ready()
    called = await there.command("resubmit", "--json")
    assert called.returncode == 0, called.stderr
    counts = json.loads(called.stdout)
    assert counts["now"] + counts["later"] == 10
    assert counts["parked"] == 5
    again = await there.command("resubmit")
    assert again.returncode == 0, again.stderr

    there.open_gate("gate")
    async with Waystation(workflows=WORKFLOWS, store=there.store, dispatch=there.dispatch, recover=False) as app:
        runs = [await app.get_run(run.run_id) for run in [*running, *asleep, *parked]]
        for run in runs[10:]:
            await run.resume_async(data="approved")
        assert {(await run.wait()).status for run in runs} == {"success"}

    ended = Counter(line.split(" ", 1)[1] for line in there.lines("ended"))
    steps = {"holding": ("first", "held", "last"), "sleeping": ("first", "last"), "reviewing": ("first",)}
    assert ended == {f"{run.run_id} {step} ended": 1 for run in runs for step in steps[run.workflow.id]}
