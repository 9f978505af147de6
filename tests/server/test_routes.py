"""Each route does what it says, and tells it in the form it says."""

from __future__ import annotations

import json

import pytest

from tests.server.stock import DOC, WORKFLOWS, app_in, asked, code, started
from waystation import Waystation
from waystation.store import open_store

pytestmark = pytest.mark.anyio


async def test_workflows_are_listed_and_described() -> None:
    async with asked() as client:
        listed = (await client.get("/api/v1/workflows")).json()["workflows"]
        assert [each["workflow_id"] for each in listed] == [each.id for each in WORKFLOWS]
        assert (listed[0]["steps"], listed[0]["schedule"], listed[0]["current"]) == (2, False, True)
        assert listed[0]["input_schema"]["required"] == ["document_id"]
        assert listed[5]["schedule"] is True
        described = (await client.get("/api/v1/workflows/approval")).json()
        assert [node["id"] for node in described["nodes"]] == ["review", "file-away"]
        assert "flowchart" in described["mermaid"]
        assert code(await client.get("/api/v1/workflows/approval?version=9")) == (404, "unknown_workflow")
        assert code(await client.get("/api/v1/workflows/nothing")) == (404, "unknown_workflow")


async def test_an_approval_from_start_to_end() -> None:
    async with asked() as client:
        reply = await client.post(
            "/api/v1/workflows/approval/start",
            json={"input": DOC, "run_id": "a b", "resource_id": "DOC-1", "wait_seconds": 10},
        )
        assert (reply.status_code, reply.headers["location"]) == (201, "/api/v1/runs/a%20b")
        run = reply.json()
        assert (run["status"], run["resource_id"], run["input"]) == ("suspended", "DOC-1", DOC)
        assert (run["ended_at"], run["forked_from"], run["problem"]) == (None, None, None)
        (asking,) = run["standing"]["suspensions"]
        assert (asking["payload"], asking["answer_schema"]["required"]) == ({"text": "approve DOC-1?"}, ["approved"])
        assert (await client.get("/api/v1/suspensions")).json()["suspensions"] == [asking]
        assert (await client.get("/api/v1/suspensions?workflow=paid")).json()["suspensions"] == []
        assert (await client.get("/api/v1/suspensions?run_id=a b")).json()["suspensions"] == [asking]

        reply = await client.post(
            "/api/v1/runs/a b/resume",
            json={"data": {"approved": True}, "suspension": asking["id"], "wait_seconds": 10},
            headers={"X-Waystation-Channel": "studio"},
        )
        assert reply.status_code == 200
        ended = reply.json()
        assert ended["standing"]["result"] == {"document_id": "DOC-1", "approved": True}
        assert ended["ended_at"] is not None
        assert (await client.get(reply.request.url.path.removesuffix("/resume"))).json() == ended

        history = (await client.get("/api/v1/runs/a b/history")).json()
        assert [each["address"] for each in history["steps"]] == ["review", "file-away"]
        (answered,) = history["steps"][0]["suspensions"]
        assert (answered["actor"], answered["channel"], answered["answer"]) == ("local", "studio", {"approved": True})


async def test_the_journal_is_given_page_by_page_as_it_was_recorded() -> None:
    async with asked() as client:
        await started(client)
        first = (await client.get("/api/v1/runs/r1/journal?limit=2")).json()
        assert [(each["seq"], each["kind"]) for each in first["entries"]] == [(1, "run-created"), (2, "run-started")]
        assert first["next_after"] == 2
        rest = (await client.get("/api/v1/runs/r1/journal?after=2")).json()
        assert [(each["seq"], each["kind"]) for each in rest["entries"]] == [(3, "step-suspended")]
        assert rest["next_after"] is None
        assert rest["entries"][0]["payload"] == {"text": "approve DOC-1?"}
        assert code(await client.get("/api/v1/runs/none/journal")) == (404, "run_not_found")


async def test_a_run_is_created_and_then_started() -> None:
    async with asked() as client:
        reply = await client.post("/api/v1/workflows/counting/runs", json={"run_id": "c1"})
        assert (reply.status_code, reply.json()["status"]) == (201, "pending")
        assert code(await client.post("/api/v1/workflows/counting/runs", json={"run_id": "c1"})) == (
            409,
            "run_already_exists",
        )
        assert (await client.get("/api/v1/runs/c1")).json()["started_at"] is None
        assert code(await client.post("/api/v1/runs/c1/start", json={"input": "x"})) == (422, "invalid_input")
        run = (await client.post("/api/v1/runs/c1/start", json={"input": 2, "wait_seconds": 10})).json()
        assert run["standing"] == {"run_id": "c1", "workflow_id": "counting", "status": "success", "result": 2}
        assert code(await client.post("/api/v1/runs/c1/start", json={"input": 2})) == (409, "run_already_started")
        assert (await client.post("/api/v1/workflows/counting/runs")).status_code == 201, "a body is not needed"


async def test_a_run_that_failed_tells_why_and_where() -> None:
    async with asked() as client:
        reply = await client.post("/api/v1/workflows/failing/start", json={"input": 7, "wait_seconds": 10})
        assert reply.status_code == 201, "that a step failed is a result, not a problem of the request"
        error = reply.json()["standing"]["error"]
        assert (error["type"], error["address"]) == ("ValueError", "fails")
        assert error["message"] == "7 is not a number I like"


async def test_runs_are_listed_by_what_is_asked_for() -> None:
    async with asked() as client:
        for number in range(5):
            await client.post(
                "/api/v1/workflows/counting/start",
                json={"input": number, "run_id": f"c{number}", "resource_id": f"R{number % 2}", "wait_seconds": 10},
            )
        await started(client)

        async def ids(query: str) -> list[str]:
            return [each["run_id"] for each in (await client.get(f"/api/v1/runs?{query}")).json()["runs"]]

        assert await ids("") == ["r1", "c4", "c3", "c2", "c1", "c0"]
        assert await ids("status=suspended&status=failed") == ["r1"]
        assert await ids("workflow=counting&resource_id=R1") == ["c3", "c1"]
        assert await ids("since=2001-01-01T00:00:00Z&until=2002-01-01T00:00:00Z") == []
        page = (await client.get("/api/v1/runs?limit=4")).json()
        assert await ids(f"limit=4&cursor={page['cursor']}") == ["c1", "c0"]
        assert code(await client.get("/api/v1/runs?cursor=x")) == (400, "invalid_data")
        assert code(await client.get("/api/v1/runs?status=nothing")) == (422, "invalid_request")
        for time in ("yesterday", "10", "10.5", "2026-01-01", "2026-01-01T00:00:00"):
            assert code(await client.get(f"/api/v1/runs?since={time}")) == (422, "invalid_request"), time


async def test_a_run_is_cancelled_deleted_and_gone() -> None:
    async with asked() as client:
        await started(client)
        run = (await client.post("/api/v1/runs/r1/cancel", json={"reason": "twice", "wait_seconds": 10})).json()
        assert (run["status"], run["standing"]["reason"]) == ("cancelled", "twice")
        assert (await client.get("/api/v1/runs/r1/history")).json()["cancel"]["actor"] == "local"
        assert (await client.post("/api/v1/runs/r1/cancel")).status_code == 200, "it changes nothing"
        assert (await client.delete("/api/v1/runs/r1")).status_code == 204
        assert code(await client.get("/api/v1/runs/r1")) == (404, "run_not_found")
        assert code(await client.delete("/api/v1/runs/r1")) == (404, "run_not_found")


async def test_a_run_goes_step_by_step() -> None:
    async with asked() as client:
        run = (
            await client.post(
                "/api/v1/workflows/approval/start",
                json={"input": DOC, "run_id": "r1", "per_step": True, "wait_seconds": 10},
            )
        ).json()
        assert run["status"] == "suspended"
        run = (
            await client.post("/api/v1/runs/r1/resume", json={"data": {"approved": False}, "wait_seconds": 10})
        ).json()
        assert run["standing"]["next_steps"] == ["review"]
        assert code(await client.post("/api/v1/runs/r1/restart")) == (409, "run_not_active")
        run = (await client.post("/api/v1/runs/r1/proceed", json={"per_step": True, "wait_seconds": 10})).json()
        assert run["standing"]["next_steps"] == ["file-away"]
        run = (await client.post("/api/v1/runs/r1/proceed", json={"wait_seconds": 10})).json()
        assert run["status"] == "success"
        assert code(await client.post("/api/v1/runs/r1/proceed")) == (409, "run_not_paused")
        assert (await client.post("/api/v1/runs/r1/restart")).json()["status"] == "success"


async def test_a_run_is_forked_from_a_step() -> None:
    async with asked() as client:
        await started(client)
        await client.post("/api/v1/runs/r1/resume", json={"data": {"approved": False}, "wait_seconds": 10})
        reply = await client.post(
            "/api/v1/runs/r1/fork", json={"from_step": "review", "run_id": "r2", "wait_seconds": 10}
        )
        assert (reply.status_code, reply.headers["location"]) == (201, "/api/v1/runs/r2")
        run = reply.json()
        assert (run["status"], run["forked_from"], run["input"]) == ("suspended", "r1", DOC)
        assert code(await client.post("/api/v1/runs/r1/fork", json={"from_step": "nothing"})) == (404, "unknown_step")


async def test_events_reach_the_runs_that_wait_for_them() -> None:
    async with asked() as client:
        for run_id in ("p1", "p2", "p3"):
            await client.post(
                "/api/v1/workflows/paid/start", json={"input": 1, "run_id": run_id, "resource_id": run_id}
            )
        reply = await client.post("/api/v1/runs/p1/events", json={"name": "paid", "data": 5})
        assert (reply.status_code, reply.json()) == (202, {"run_ids": ["p1"]})
        assert (await client.get("/api/v1/runs/p1?wait_seconds=10")).json()["standing"]["result"] == 5
        reply = await client.post("/api/v1/events", json={"name": "paid", "data": 6, "resource_id": "p3"})
        assert (reply.status_code, reply.json()) == (202, {"run_ids": ["p3"]})
        assert (await client.get("/api/v1/runs/p2")).json()["status"] == "waiting"
        assert code(await client.post("/api/v1/events", json={"name": "nothing"})) == (404, "unknown_event")
        bad = await client.post("/api/v1/runs/p2/events", json={"name": "paid", "data": "much"})
        assert code(bad) == (422, "invalid_event_data")
        assert code(await client.post("/api/v1/runs/p1/events", json={"name": "paid", "data": 1})) == (409, "run_ended")


async def test_schedules_are_listed_paused_resumed_and_run() -> None:
    async with asked() as client:
        (schedule,) = (await client.get("/api/v1/schedules")).json()["schedules"]
        assert (schedule["id"], schedule["workflow_id"], schedule["cron"]) == ("monthly/first", "monthly", "0 9 1 * *")
        assert schedule["next_at"].endswith(".000+00:00")
        paused = (await client.post("/api/v1/schedules/monthly%2Ffirst/pause")).json()
        assert (paused["paused"], paused["next_at"]) == (True, None)
        assert (await client.post("/api/v1/schedules/monthly%2Ffirst/resume")).json() == schedule
        reply = await client.post("/api/v1/schedules/monthly%2Ffirst/run")
        assert reply.status_code == 201
        assert (await client.get(reply.headers["location"] + "?wait_seconds=10")).json()["standing"]["result"] == 3
        for deed in ("pause", "resume", "run"):
            assert code(await client.post(f"/api/v1/schedules/none/{deed}")) == (404, "unknown_schedule")


async def test_what_steps_reach_is_listed() -> None:
    async with asked() as client:
        assert (await client.get("/api/v1/agents")).json() == {
            "agents": [{"name": "clerk", "kind": "object", "description": None}]
        }
        (tool,) = (await client.get("/api/v1/tools")).json()["tools"]
        assert (tool["name"], tool["kind"]) == ("len", "function")


async def test_an_export_is_what_can_be_imported() -> None:
    async with asked() as client:
        await started(client)
        reply = await client.get("/api/v1/runs/r1/export")
        assert reply.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) for line in reply.text.splitlines()]
        assert lines[0]["format"] == "waystation-run"

        async def given() -> object:
            for line in reply.content.splitlines(keepends=True):
                yield line

        from waystation import import_run

        other = open_store("memory://")
        await other.open()
        await import_run(other, given())  # type: ignore[arg-type]  # an async generator of bytes is one of lines
        record = await other.get_run("r1")
        assert record is not None
        assert record.status == "suspended"


async def test_a_run_whose_workflow_is_gone_is_shown_as_far_as_it_can_be(tmp_path: object) -> None:
    store = f"sqlite:///{tmp_path}/runs.db"
    async with asked(app_in(store)) as client:
        await started(client)
    async with asked(Waystation(workflows=[], store=store)) as client:
        run = (await client.get("/api/v1/runs/r1")).json()
        assert (run["status"], run["input"], run["standing"]["status"]) == ("suspended", DOC, "suspended")
        assert run["problem"]["code"] == "unknown_workflow"
        assert len((await client.get("/api/v1/runs/r1/journal")).json()["entries"]) == 3
        assert (await client.get("/api/v1/runs/r1/export")).status_code == 200
        assert code(await client.get("/api/v1/runs/r1/history")) == (404, "unknown_workflow")
        assert code(await client.post("/api/v1/runs/r1/resume", json={"data": 1})) == (404, "unknown_workflow")
        assert (await client.delete("/api/v1/runs/r1")).status_code == 204


async def test_what_is_not_there_is_told_as_a_problem() -> None:
    async with asked() as client:
        assert code(await client.get("/api/v1/nothing")) == (404, "not_found")
        reply = await client.put("/api/v1/runs")
        assert code(reply) == (405, "method_not_allowed")
        assert reply.headers["allow"] == "GET"
        for path in ("history", "stream", "export", "journal", "logs"):
            assert code(await client.get(f"/api/v1/runs/none/{path}")) == (404, "run_not_found")


async def test_who_asks_without_an_authenticator_is_local_and_may_do_everything() -> None:
    async with asked() as client:
        me = (await client.get("/api/v1/me")).json()
        assert (me["actor"], me["auth"], me["scopes"]) == ("local", "none", ["read", "run", "answer", "admin"])
