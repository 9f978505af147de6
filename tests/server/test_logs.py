"""What steps log is there for those who look at the run, for a while."""

from __future__ import annotations

import logging

import pytest

from tests.server.stock import asked
from waystation import StepContext, Waystation, step, workflow
from waystation.server.logs import LOGGER, Logs

pytestmark = pytest.mark.anyio


@step
async def talks(number: int, ctx: StepContext) -> int:
    for each in range(number):
        ctx.logger.info("number %s", each)
    try:
        raise ValueError("too many")
    except ValueError:
        ctx.logger.exception("cannot go on counting")
    return number


talking = workflow("talking", input=int, output=int).then(talks).commit()


@pytest.fixture(autouse=True)
def levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER)


async def test_what_a_step_logs_is_told_of_its_run_line_by_line() -> None:
    async with asked(Waystation(workflows=[talking], store="memory://")) as client:
        for run_id, number in (("r1", 3), ("r2", 1)):
            body = {"input": number, "run_id": run_id, "wait_seconds": 10}
            await client.post("/api/v1/workflows/talking/start", json=body)
        page = (await client.get("/api/v1/runs/r1/logs?limit=2")).json()
        assert [(each["level"], each["address"], each["attempt"], each["message"]) for each in page["lines"]] == [
            ("INFO", "talks", 1, "number 0"),
            ("INFO", "talks", 1, "number 1"),
        ]
        rest = (await client.get(f"/api/v1/runs/r1/logs?after={page['last']}")).json()
        assert [each["level"] for each in rest["lines"]] == ["INFO", "ERROR"]
        assert "ValueError: too many" in rest["lines"][1]["message"], "with the traceback"
        none = (await client.get(f"/api/v1/runs/r1/logs?after={rest['last']}")).json()
        assert none == {"lines": [], "last": rest["last"]}


async def test_what_is_logged_when_no_server_is_there_is_not_kept() -> None:
    before = list(logging.getLogger(LOGGER).handlers)
    async with asked() as client:
        assert len(logging.getLogger(LOGGER).handlers) == len(before) + 1
        await client.get("/health/live")
    assert logging.getLogger(LOGGER).handlers == before


def lines_of(logs: Logs, run_id: str) -> list[str]:
    return [line.message for line in logs.read(run_id)]


def test_the_last_lines_of_the_last_runs_are_kept_and_no_more() -> None:
    logs = Logs(lines=2, runs=2)
    logger = logging.getLogger(LOGGER)
    with logs.kept():
        for run_id, text in (("a", "1"), ("a", "2"), ("b", "3"), ("a", "4"), ("c", "5")):
            logger.info(text, extra={"run_id": run_id, "address": "s", "attempt": 1})
        logger.info("of no run")
    assert [lines_of(logs, run_id) for run_id in "abc"] == [["2", "4"], [], ["5"]]


def test_a_line_of_a_later_server_has_a_greater_number() -> None:
    logger = logging.getLogger(LOGGER)
    numbers: list[int] = []
    for _ in range(2):
        logs = Logs()
        with logs.kept():
            logger.info("x", extra={"run_id": "a"})
        numbers += [line.n for line in logs.read("a")]
    assert numbers == sorted(set(numbers)), "a reader goes on after the last line that it has"


def test_a_line_whose_arguments_do_not_fit_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logs = Logs()
    record = logging.makeLogRecord({"msg": "%d", "args": ("x",), "run_id": "a", "levelname": "INFO"})
    logs.handle(record)
    logs.handle(logging.makeLogRecord({"msg": "y" * 20_000, "run_id": "a", "levelname": "INFO"}))
    assert [len(line.message) for line in logs.read("a")] == [10_003]
