"""Whether the server is well, what it tells Prometheus, and how errors of all kinds are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.stock import app_in, asked, code, served, started
from waystation import errors
from waystation.errors import (
    AppClosed,
    DataError,
    DispatchError,
    PayloadDamaged,
    RequestRefused,
    RunError,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    WaystationError,
)
from waystation.server.problems import problem_of, status_of

pytestmark = pytest.mark.anyio


async def test_a_server_whose_store_does_not_answer_is_alive_and_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_in()

    async def fails(run_ids: object) -> dict[str, int]:
        raise StoreUnavailable("postgresql://someone@10.0.0.7 does not answer")

    async with asked(app) as client:
        monkeypatch.setattr(app.store, "last_seqs", fails)
        assert (await client.get("/health/live")).status_code == 200
        reply = await client.get("/health/ready")
        assert code(reply) == (503, "store_unavailable")
        assert "10.0.0.7" not in reply.text, "who asks need not be known"
        assert reply.headers["retry-after"] == "1"


async def test_a_store_that_fails_is_told_as_a_problem_that_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_in()

    async def fails(*given: object, **named: object) -> None:
        raise StoreBusy

    async with asked(app) as client:
        monkeypatch.setattr(app.store, "list_runs", fails)
        reply = await client.get("/api/v1/runs")
        assert (code(reply), reply.headers["retry-after"]) == ((503, "store_busy"), "1")


async def test_a_fault_of_the_server_is_in_its_log_and_not_in_its_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_in()

    async def breaks(*given: object, **named: object) -> None:
        raise RuntimeError("the inside of the server")

    async with asked(app) as client:
        monkeypatch.setattr(app.store, "list_runs", breaks)
        reply = await client.get("/api/v1/runs")
        assert code(reply) == (500, "internal_error")
        assert "inside" not in reply.text
    assert "the inside of the server" in caplog.text


def every_error() -> list[type[WaystationError]]:
    return [found for name in errors.__all__ if issubclass(found := getattr(errors, name), WaystationError)]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_that_fits_its_branch(kind: type[WaystationError]) -> None:
    error = kind.__new__(kind)
    WaystationError.__init__(error, "what happened")
    status = status_of(error)
    if issubclass(kind, RequestRefused):
        assert status == kind.status
    elif issubclass(kind, DataError):
        assert status == (400 if kind is DataError else 422)
    elif issubclass(kind, RunError):
        assert status == (404 if kind.code == "run_not_found" or kind.code.startswith("unknown_") else 409) or (
            kind.code in ("unknown_label", "unknown_item") and status == 409
        )
    elif issubclass(kind, (StoreError, AppClosed, DispatchError)):
        assert status == 503
    else:
        assert status in (422, 500)


def test_what_does_not_pass_by_itself_is_not_to_be_tried_again() -> None:
    assert "retry-after" not in problem_of(PayloadDamaged("broken", run_id="r1")).headers
    assert problem_of(StoreBusy()).headers["retry-after"] == "1"


async def test_prometheus_is_told_how_the_runs_stand_and_how_the_api_is_used(tmp_path: Path) -> None:
    async with served(app_in(f"sqlite:///{tmp_path / 'runs.db'}")) as (client, _):
        await started(client)
        await client.post("/api/v1/workflows/failing/start", json={"input": 1, "wait_seconds": 10})
        await client.get("/api/v1/runs/none")
        async with client.stream("GET", "/api/v1/runs/r1/stream"):
            reply = await client.get("/metrics")
        assert reply.headers["content-type"].startswith("text/plain")
        found = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(reply.text)
            for sample in family.samples
        }
        assert found["waystation_runs", ("status", "suspended")] == 1
        assert found["waystation_runs", ("status", "failed")] == 1
        assert found["waystation_runs", ("status", "running")] == 0
        assert found["waystation_open_suspensions",] == 1
        assert found["waystation_open_streams",] == 1
        assert found["waystation_workers",] == 1
        assert found["waystation_store_bytes",] > 0
        assert found["waystation_oldest_unfinished_created_seconds",] > 1e9
        name = "waystation_http_requests_total"
        assert sum(value for key, value in found.items() if key[0] == name and ("status", "201") in key) == 2
        assert any(key[0] == name and ("status", "404") in key for key in found)
        assert not any("none" in str(key) for key in found), "ids are no labels"
