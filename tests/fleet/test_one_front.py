"""The command and the HTTP API do the same on a fleet as on one machine: who drives the runs makes no difference."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.fleet.life.places import Place
from waystation.client import Client
from waystation.errors import DispatchError, NoWorker

pytestmark = pytest.mark.anyio


async def test_the_command_starts_answers_and_cancels_runs_that_a_worker_drives(here: Place) -> None:
    await here.worker("one").ready()
    started = await here.command("run", "reviewing", "--run-id", "r1", "--input", '"doc"', "--json")
    assert (started.returncode, json.loads(started.stdout)["status"]) == (3, "suspended"), started.stderr
    answered = await here.command("resume", "r1", "--data", '"approved"')
    assert answered.returncode == 0, answered.stderr
    assert '"doc approved"' in answered.stdout
    await here.command("run", "reviewing", "--run-id", "r2", "--input", '"doc"', "--no-wait")
    cancelled = await here.command("cancel", "r2", "--json")
    assert (cancelled.returncode, json.loads(cancelled.stdout)["status"]) == (1, "cancelled"), cancelled.stderr
    assert here.lines("r1") == ["one r1 first began", "one r1 first ended"]


async def test_a_server_on_a_fleet_has_runs_driven_by_workers_and_tells_what_keeps_it_from_that(here: Place) -> None:
    named = ["--app", "tests.fleet.life.shop:app", "--store", here.store, "--dispatch", here.dispatch]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "waystation", "serve", "--port", "0", "--json", *named),
        env=here.environment(WORKER="server"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        url = json.loads(await server.stdout.readuntil(b"}\n"))["url"]
        async with Client(url, retry_for=timedelta(0)) as client:
            with pytest.raises(DispatchError) as told:
                await client.get_workflow("reviewing").start_async("doc")
            assert told.value.code == NoWorker.code
            assert (await client.list_runs()).runs == []

            await here.worker("one").ready()
            run = await client.get_workflow("reviewing").start_async("doc", run_id="r1")
            assert (await run.wait()).status == "suspended"
            (suspension,) = await client.pending()
            assert suspension.payload == "what of doc?"
            assert (await run.resume(data="approved")).status == "success"
        assert here.lines() == ["one r1 first began", "one r1 first ended"]
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()
