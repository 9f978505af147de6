"""A run on a server is what it would be in one's own process: the same calls, results and records."""

from __future__ import annotations

import asyncio
import inspect
from datetime import datetime, timedelta, timezone

import pytest

from tests.client.conftest import (
    WORKFLOWS,
    Ask,
    Decision,
    Doc,
    Status,
    adding,
    an_app,
    approval,
    refusing,
    served,
    waiting,
)
from waystation import Run, RunnableWorkflow, Waystation, import_run, open_store
from waystation.background import BackgroundLoop
from waystation.client import Client, RemoteRun, RemoteWorkflow
from waystation.errors import RunNotFound
from waystation.shapes import history_data, record_data

pytestmark = pytest.mark.anyio


# --------------------------------------------------------------------------- types


async def test_with_its_definition_everything_of_a_run_is_of_its_type(client: Client) -> None:
    run = await client.get_workflow(approval).create_run(run_id="r1", resource_id="order-1")
    first = await run.start(Doc(document_id="DOC-1"))
    assert first.status == "suspended"
    (asked,) = first.suspensions
    assert asked.payload == Ask(reason="Approve DOC-1")
    assert (asked.address, asked.label, asked.workflow_id) == ("review", "gate", "approval")
    assert asked.answer_schema["required"] == ["approved"]
    done = await run.resume(data=Decision(approved=True), suspension=asked.id)
    assert done.status == "success"
    assert done.result == Status(status="approved")


async def test_by_id_alone_a_run_gives_plain_data(client: Client) -> None:
    first = await client.get_workflow("approval").start({"document_id": "DOC-1"}, run_id="r1")
    assert first.status == "suspended"
    assert first.suspensions[0].payload == {"reason": "Approve DOC-1"}
    done = await (await client.get_run("r1")).resume(data={"approved": False})
    assert done.status == "success"
    assert done.result == {"status": "rejected"}


async def test_definitions_that_the_client_was_given_hold_for_runs_that_it_finds(url: str) -> None:
    async with Client(url, workflows=WORKFLOWS) as client:
        await client.get_workflow("approval").start({"document_id": "DOC-1"}, run_id="r1")
        assert [each.payload for each in await client.pending()] == [Ask(reason="Approve DOC-1")]
        run = await client.get_run("r1")
        assert run.workflow is approval
        done = await run.resume(data={"approved": True})
        assert done.status == "success"
        assert done.result == Status(status="approved")


async def test_a_found_run_is_of_the_type_of_a_definition_that_is_given_with_its_id(client: Client) -> None:
    await client.get_workflow("adding").start(1, run_id="r1")
    found = await client.get_run("r1", adding)
    result = await found.result()
    assert result.status == "success"
    assert result.result == 3
    with pytest.raises(Exception, match="of workflow 'adding', not of 'approval'"):
        await client.get_run("r1", approval)


# --------------------------------------------------------------------------- the same as in process


async def test_what_is_told_of_a_run_is_what_the_app_tells(app: Waystation, client: Client) -> None:
    run = await client.get_workflow(approval).create_run(run_id="r1", resource_id="order-1")
    local = await app.get_run("r1")

    async def same() -> None:
        record = await run.record()
        assert record_data(record) == record_data(await local.record())
        assert history_data(record, await run.history()) == history_data(record, await local.history())
        assert await run.journal() == await local.journal()
        assert await run.result() == await local.result()
        assert [each async for each in run.events(live=False)] == [each async for each in local.events(live=False)]
        assert await run.status() == await local.status()

    await same()
    await run.start({"document_id": "DOC-1"})
    await same()
    await run.resume(data={"approved": True}, step="review")
    await same()
    (answered,) = (await run.history()).steps[1].suspensions
    assert (answered.actor, answered.channel) == ("local", "http")


async def test_a_failed_run_tells_why_and_where(client: Client) -> None:
    result = await client.get_workflow(refusing).start(7)
    assert result.status == "failed"
    assert (result.error.type, result.error.message, result.error.address) == ("ValueError", "not 7", "refuse")
    assert "raise ValueError" in result.error.traceback


async def test_runs_are_listed_filtered_and_paged(client: Client) -> None:
    for number in range(5):
        await client.get_workflow(adding).start(number, run_id=f"r{number}", resource_id=f"about {number % 2}")
    await client.get_workflow(approval).start({"document_id": "D"}, run_id="a1")
    first = await client.list_runs(workflow="adding", limit=3)
    rest = await client.list_runs(workflow="adding", limit=3, cursor=first.cursor)
    assert [run.run_id for run in [*first.runs, *rest.runs]] == ["r4", "r3", "r2", "r1", "r0"]
    assert rest.cursor is None
    assert [run.run_id for run in (await client.list_runs(status="suspended")).runs] == ["a1"]
    both = await client.list_runs(status=["suspended", "success"], resource_id="about 1")
    assert [run.run_id for run in both.runs] == ["r3", "r1"]
    now = datetime.now(timezone.utc)
    assert (await client.list_runs(until=now - timedelta(hours=1))).runs == []
    assert len((await client.list_runs(since=now - timedelta(hours=1))).runs) == 6


# --------------------------------------------------------------------------- every verb


async def test_a_run_is_created_then_started_and_goes_step_by_step(client: Client) -> None:
    run = await client.get_workflow(adding).create_run()
    assert await run.status() == "pending"
    paused = await run.start(1, per_step=True)
    assert paused.status == "paused"
    assert paused.next_steps == ("again",)
    done = await run.proceed()
    assert done.status == "success"
    assert done.result == 3


async def test_what_is_not_waited_for_goes_on_by_itself(client: Client) -> None:
    run = await client.get_workflow(approval).start_async({"document_id": "D"})
    assert (await run.wait()).status == "suspended"
    await run.resume_async(data={"approved": True})
    assert (await run.wait()).status == "success"


async def test_a_run_is_cancelled_with_a_reason(client: Client) -> None:
    run = await client.get_workflow(approval).start_async({"document_id": "D"})
    await run.wait()
    cancelled = await run.cancel(reason="ordered twice", grace=timedelta(seconds=1))
    assert cancelled.status == "cancelled"
    assert cancelled.reason == "ordered twice"
    assert (await run.cancel()).status == "cancelled", "one that has ended is not changed"
    history = await run.history()
    assert history.cancel is not None
    assert (history.cancel.actor, history.cancel.reason) == ("local", "ordered twice")


async def test_a_run_is_forked_from_a_step(client: Client) -> None:
    run = await client.get_workflow(adding).start_async(1)
    await run.wait()
    forked = await run.fork("again", input=40, run_id="f1")
    assert isinstance(forked, RemoteRun)
    done = await forked.wait()
    assert done.status == "success"
    assert (forked.run_id, done.result) == ("f1", 41)
    assert (await forked.history()).forked_from == run.run_id


async def test_an_event_reaches_one_run_or_all_that_wait_for_it(client: Client) -> None:
    runs = [await client.get_workflow(waiting).start_async(1, run_id=f"w{number}") for number in range(3)]
    await runs[0].send_event("decided", Decision(approved=True), idempotency_key="once")
    await runs[0].send_event("decided", Decision(approved=False), idempotency_key="once")
    first = await runs[0].wait()
    assert first.status == "success"
    assert first.result == Decision(approved=True)
    assert sorted(await client.send_event("decided", {"approved": False})) == ["w1", "w2"]
    assert [(await run.wait()).status for run in runs] == ["success"] * 3


async def test_schedules_are_listed_paused_resumed_and_run_at_once(client: Client) -> None:
    schedule, *_ = await client.list_schedules()
    assert (schedule.workflow_id, schedule.cron, schedule.paused) == ("nightly", "0 3 * * *", False)
    assert schedule.next_at is not None
    await client.pause_schedule(schedule.id)
    assert [each.paused for each in await client.list_schedules()] == [True, False, False]
    await client.resume_schedule(schedule.id)
    run = await client.run_schedule(schedule.id)
    done = await run.wait()
    assert done.status == "success"
    assert done.result == 4


async def test_ids_may_hold_whatever_can_be_printed(app: Waystation, client: Client) -> None:
    run = await client.run_schedule("twice/late")
    assert run.run_id.startswith("twice/late@")
    done = await run.wait()
    assert done.status == "success"
    assert done.result == 16
    for name in ("a b", "a%2Fb", "50%", "é?#&=+", "a/b/c", "журнал"):
        await (await app.get_workflow(adding).create_run(run_id=name)).start(1)
        found = await client.get_run(name)
        assert [event.run_id for event in [each async for each in found.events()][:1]] == [name]
        assert (await found.history()).workflow_id == "adding"
        await client.delete_run(name)
        with pytest.raises(RunNotFound):
            await client.get_run(name)


async def test_a_run_is_deleted(client: Client) -> None:
    await client.get_workflow(adding).start(1, run_id="r1")
    await client.delete_run("r1")
    assert (await client.list_runs()).runs == []


async def test_an_exported_run_is_taken_in_elsewhere(client: Client) -> None:
    await client.get_workflow(adding).start(1, run_id="r1")
    lines = [piece async for piece in (await client.get_run("r1")).export()]
    elsewhere = open_store("memory://")
    await elsewhere.open()
    record = await import_run(elsewhere, lines)
    assert (record.run_id, record.status) == ("r1", "success")


async def test_what_there_is_is_listed(client: Client) -> None:
    listed = {str(each["workflow_id"]): each for each in await client.list_workflows()}
    assert sorted(listed) == sorted(each.id for each in WORKFLOWS)
    assert (listed["approval"]["steps"], listed["nightly"]["schedule"]) == (2, True)
    described = await client.describe("approval")
    assert str(described["mermaid"]).startswith("flowchart")
    assert [each["name"] for each in await client.list_tools()] == ["lookup"]
    assert list(await client.list_agents()) == []
    assert (await client.me())["actor"] == "local"


async def test_a_run_is_waited_for_as_long_as_it_takes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waystation.client.run.WAIT", 0.05)  # the server is asked again and again
    run = await client.get_workflow(waiting).start_async(1)
    result = asyncio.create_task(run.wait())
    async for event in run.events():
        if event.type == "run-started":
            break
    await run.send_event("decided", {"approved": True})
    assert (await result).status == "success"


# --------------------------------------------------------------------------- the calls


ASKERS = {"actor", "channel"}
"""Who does it and by which way is told by the token and the client."""


@pytest.mark.parametrize(
    ("here", "there"),
    [(Run, RemoteRun), (RunnableWorkflow, RemoteWorkflow), (Waystation, Client)],
    ids=["run", "workflow", "app"],
)
async def test_the_client_has_the_apps_calls_with_their_arguments(here: type, there: type) -> None:
    of_the_app_alone = {
        *("rested", "opened", "copy", "open", "prune", "check", "asgi", "router", "worker", "resubmit"),
        *("store", "workflows", "versions", "agents", "tools", "is_open", "settings"),
    }
    for name in dir(here):
        if name.startswith("_") or name in of_the_app_alone:
            continue
        ours, theirs = getattr(here, name), getattr(there, name)
        wanted = [each for each in inspect.signature(ours).parameters if each not in ASKERS]
        assert [each for each in inspect.signature(theirs).parameters if each in wanted] == wanted, name


def test_scripts_have_twins_that_are_not_async() -> None:
    loop = BackgroundLoop()  # the server's own, as it would be in another process
    app = an_app()
    serving = served(app)
    url = loop.call(serving.__aenter__())
    client = Client(url, workflows=WORKFLOWS)
    try:
        asked = client.run(approval, {"document_id": "D"})
        assert asked.status == "suspended"
        (pending,) = client.pending_sync()
        run = client.get_run_sync(pending.run_id)
        done = run.resume_sync(data={"approved": True})
        assert done.status == "success"
        assert run.result_sync() == done
        created = client.get_workflow(adding).create_run_sync()
        assert created.cancel_sync().status == "cancelled"
    finally:
        client.close_sync()
        loop.call(serving.__aexit__(None, None, None))
        loop.stop()
