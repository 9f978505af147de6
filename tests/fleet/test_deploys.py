"""A new version of an app is deployed, and the old one's address is given up."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

import httpx
import pytest

from tests.conformance.stock import add_one
from tests.fleet.life.places import Place, until
from tests.fleet.life.shop import RELEASES
from waystation import Waystation, workflow
from waystation.errors import DefinitionChanged

pytestmark = pytest.mark.anyio


async def test_runs_parked_under_one_version_hold_nothing_and_end_under_the_next(here: Place) -> None:
    old = await here.worker("old").ready()
    async with Waystation(workflows=RELEASES["1"], store=here.store, dispatch=here.dispatch) as app:
        runs = [await app.get_workflow("reviewing").start_async(f"doc {number}") for number in range(10)]
        assert {(await run.wait()).status for run in runs} == {"suspended"}

        async def idle() -> bool:
            return not await here.invocations()

        await until(idle, "no run that is parked has an invocation")

    new = await here.worker("new", release="2", port=0).ready()
    async with httpx.AsyncClient(base_url=here.restate.admin) as admin:
        removed = await admin.delete(f"/deployments/{old.said['deployment_id']}", params={"force": "true"})
        assert removed.is_success, removed.text

        async def alone() -> bool:
            listed = [each["uri"].rstrip("/") for each in (await admin.get("/deployments")).json()["deployments"]]
            return new.said["url"] in listed and old.said["url"] not in listed

        await until(alone, "Restate knows the new version alone")
    old.tell(signal.SIGTERM)
    assert await old.ended() == 0, old.logged()
    assert await here.invocations() == []

    async with Waystation(workflows=RELEASES["2"], store=here.store, dispatch=here.dispatch) as app:
        again = [await app.get_run(run.run_id) for run in runs]
        for run in again:
            await run.resume_async(data="approved")
        for number, run in enumerate(again):
            result = await run.wait()
            assert result.status == "success"
            assert result.result == f"doc {number} approved, stamped"
            assert here.lines(run.run_id) == [
                f"{worker} {run.run_id} {step} {what}"
                for worker, step in (("old", "first"), ("new", "stamp"))
                for what in ("began", "ended")
            ]


async def test_who_waits_for_a_run_is_told_when_the_worker_it_comes_to_has_other_code(here: Place) -> None:
    dozing = workflow("dozing", input=int, output=int)
    old, new = dozing.sleep(timedelta(seconds=1)).then(add_one).commit(), dozing.then(add_one).commit()
    async with Waystation(workflows=[old], store=here.store, dispatch=here.dispatch) as app, app.worker(port=0):
        run = await app.get_workflow(old).start_async(1)

        async def is_parked() -> bool:
            return await run.status() == "waiting"

        await until(is_parked, "the run sleeps")
    # It does not look for what others wrote, which would have it look at the run too.
    app = Waystation(workflows=[new], store=here.store, dispatch=here.dispatch, look_every=timedelta(hours=1))
    async with app, app.worker(port=0), asyncio.timeout(60):
        with pytest.raises(DefinitionChanged):
            await (await app.get_run(run.run_id)).wait()
