"""The runs of the crash tests: what each workflow is given, and a client that brings its run to the end.

The client knows nothing of crashes: it does whatever is still to be done, as one would that was started again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from tests.crash import nodes
from waystation import RunResult, Waystation, Workflow, open_store
from waystation.core.entries import SuspensionAnswered
from waystation.core.refs import Seq
from waystation.errors import NotSuspended, RunEnded, RunNotFound
from waystation.run import Run
from waystation.store.protocol import JournalMoved, StoreTransaction
from waystation.store.records import Commit, MakeCommit
from waystation.testing.crashing import CrashingStore

RUN_ID = "run-1"


@dataclass(frozen=True)
class Play:
    """One workflow and what is done to its run.

    Attributes:
        input, state: what the run is started with.
        early: events that are sent before it is started, by key.
        late: events that are sent once something was answered, by key.
        cancelled: whether it is cancelled when it is suspended, and not answered.
    """

    workflow: Workflow[Any, Any]
    input: object
    state: object = None
    early: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    late: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    cancelled: bool = False


PLAYS: Mapping[str, Play] = {
    play.workflow.id: play
    for play in (
        Play(nodes.nested, "me", state={"seen": 5}),
        Play(nodes.blocks, "text"),
        Play(nodes.each, ["a", "b", "c", "d", "e"]),
        Play(nodes.loops, "."),
        Play(
            nodes.events,
            "text",
            early={"a": ("early", "bad"), "b": ("early", "good")},
            late={"c": ("two", "second"), "d": ("one", "first")},
        ),
        Play(nodes.money, "abc"),
        Play(nodes.trip, "t"),
        Play(nodes.halted, "h", cancelled=True),
    )
}


class Counting(CrashingStore):
    """Tells, too, how many writes were refused because someone else wrote first: of one run, its driver and its client.

    They are written anew, as other writes.
    """

    refused = 0

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        try:
            await super().commit(commit, within=within)
        except JournalMoved:
            self.refused += 1
            raise

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        try:
            await super().commit_on_top(run_id, after, make)
        except JournalMoved:
            self.refused += 1
            raise


async def perform(play: Play, url: str, crash_at: int, when: Literal["before", "after"]) -> dict[str, object]:
    """Bring the play's run to its end from wherever it stands; what it came to, and how many journal writes it took."""
    store = Counting(open_store(url), at=crash_at, when=when)
    async with Waystation(
        workflows=[play.workflow],
        store=store,
        recover_every=timedelta(milliseconds=20),
        look_every=timedelta(milliseconds=5),
    ) as app:
        result = await finish(play, app)
    return {"result": summary(result), "writes": store.writes, "refused": store.refused}


async def finish(play: Play, app: Waystation) -> RunResult[object]:
    # It looks before it writes, so that each write of the process is one that gets the run on.
    run: Run[Any, Any] = Run(app, play.workflow, RUN_ID)
    try:
        status = await run.status()
    except RunNotFound:
        await app.get_workflow(play.workflow).create_run(run_id=RUN_ID)
        status = "pending"
    if status == "pending":
        await send(run, play.early)
        await run.start_async(play.input, state=play.state)
    if any(isinstance(entry, SuspensionAnswered) for entry in await run.journal()):
        await send(run, play.late)
    while (result := await run.wait()).status == "suspended":
        if play.cancelled:
            await run.cancel_async(reason="enough")
            continue
        for suspension in result.suspensions:
            with suppress(NotSuspended):
                await run.resume_async(suspension=suspension.id, data=f"+{suspension.payload}")
        await send(run, play.late)
    return result


async def send(run: Run[Any, Any], events: Mapping[str, tuple[str, str]]) -> None:
    for key, (name, data) in events.items():
        with suppress(RunEnded):  # it may have ended without this client, by what was there before
            await run.send_event(name, data, idempotency_key=key)


def summary(result: RunResult[object]) -> Sequence[object]:
    """What must be the same with and without a crash."""
    match result.status:
        case "success":
            return ["success", result.result]
        case "failed":
            return ["failed", result.error.message, [error.message for error in result.undo_errors]]
        case "cancelled":
            return ["cancelled", result.reason, [error.message for error in result.undo_errors]]
        case status:
            raise AssertionError(f"the run rests as {status}")
