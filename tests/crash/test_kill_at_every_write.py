"""The process is killed with SIGKILL at each journal write; another goes on, and nothing done is done again.

On PostgreSQL each write of each node is the work of ``test_kill_in_every_node``, with workflows that hold these.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.crash.homes import EVERYWHERE, Home
from tests.crash.processes import Place
from waystation import open_store
from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry, StepSucceeded

WRITES = {"approval": 8, "side-by-side": 6}
"""How many journal writes each workload makes when nothing goes wrong; the first test holds this to be true."""

RESULTS = {"approval": "finally approved", "side-by-side": "left DOC-1, right DOC-1"}

POINTS = [
    pytest.param(which, at, when, id=f"{which}-{when}-{at}")
    for which, writes in WRITES.items()
    for at in range(1, writes + 1)
    for when in ("before", "after")
]


def journal(place: Place) -> list[AnyEntry]:
    async def read() -> list[AnyEntry]:
        store = open_store(place.url)
        await store.open()
        try:
            return [decode_entry(data) for data in await store.read("run-1")]
        finally:
            await store.close()

    return asyncio.run(read())


def completed(entries: list[AnyEntry]) -> list[str]:
    return [entry.address for entry in entries if isinstance(entry, StepSucceeded)]


@pytest.mark.parametrize("which", WRITES)
def test_the_list_of_crash_points_is_complete(which: str, home: Home) -> None:
    assert Place(home).run(which) == {"result": RESULTS[which], "writes": WRITES[which]}


@pytest.mark.parametrize("home", ["sqlite", "postgres"] if EVERYWHERE else ["sqlite"], indirect=True)
@pytest.mark.parametrize(("which", "at", "when"), POINTS)
def test_killed_at_a_journal_write_the_run_ends_the_same_and_no_completed_step_runs_again(
    which: str, at: int, when: str, home: Home
) -> None:
    place = Place(home)
    assert place.killed(which, at=at, when=when), "the workload ended before it came to the crash"
    done_before, calls_before = completed(journal(place)), place.calls()

    assert place.run(which)["result"] == RESULTS[which]

    calls = place.calls()
    for name in done_before:
        for called in (name, f"{name}-asked", f"{name}-answered"):
            assert calls.get(called) == calls_before.get(called), f"{called} ran again after its step had completed"
    done = completed(journal(place))
    assert sorted(done) == sorted(set(done)), "a step completed twice"
    for name, times in calls.items():
        assert times <= 2, f"{name} ran {times} times for one crash"


@pytest.mark.parametrize("which", WRITES)
def test_a_run_whose_every_process_is_killed_after_one_write_still_ends(which: str, home: Home) -> None:
    place = Place(home)
    deaths = 0
    while place.killed(which, at=1, when="after"):
        deaths += 1
        assert deaths <= 3 * WRITES[which], "the run does not get on"
    assert place.run(which)["result"] == RESULTS[which]
    done = completed(journal(place))
    assert sorted(done) == sorted(set(done)), "a step completed twice"


def test_an_answer_that_was_accepted_before_a_crash_is_there_after_it(home: Home) -> None:
    place = Place(home)
    assert place.run("suspend")["status"] == "suspended"
    assert place.killed("answer", at=1, when="after"), "the process dies before the step goes on"
    assert "review-answered" not in place.calls()
    # The next process is told that the suspension is answered, answers nothing itself, and the run ends by that answer.
    assert place.run("approval")["result"] == "finally approved"
    kinds = [type(entry).__name__ for entry in journal(place)]
    assert kinds.count("SuspensionAnswered") == 1


def test_an_answer_whose_process_was_killed_before_the_write_was_never_given(home: Home) -> None:
    place = Place(home)
    assert place.run("suspend")["status"] == "suspended"
    assert place.killed("answer", at=1, when="before")
    assert [type(entry).__name__ for entry in journal(place)].count("SuspensionAnswered") == 0
    assert place.run("answer")["status"] == "success", "the suspension is still open"
