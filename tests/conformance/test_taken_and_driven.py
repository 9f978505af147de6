"""A run that is taken is driven, whatever becomes of who took it; who waits for a run is told in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.gates import GatedStore
from tests.conformance.stock import add_one, ask, waits, won
from tests.conformance.waiting import in_time, until_status
from waystation import HookEvent, Run, Waystation, Workflow, step, workflow
from waystation.core.addresses import Address
from waystation.core.entries import EventReceived, RunCreated, RunStarted, SuspensionAnswered
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Seq
from waystation.core.state import StepFrame, decode_state, encode_state
from waystation.errors import AppClosed, RunNotFound, StoreBusy, StoreCorrupt, StoreError
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit, MakeCommit, NewRun, OpenSuspension, RunRecord, StoredRun

pytestmark = pytest.mark.anyio

asking = workflow("asking", input=int, output=int).then(ask).commit()
adding = workflow("adding", input=int, output=int).then(add_one).commit()
sleeping = workflow("sleeping", input=int, output=int).sleep(timedelta(days=1)).commit()
listening = workflow("listening", input=int, output=str).wait_for("go", str).commit()


def app_on(store: GatedStore, *workflows: Workflow[Any, Any]) -> Waystation:
    return Waystation(workflows=workflows, store=store, recover_every=timedelta(milliseconds=20))


async def cut_off(calling: asyncio.Task[Any], store: GatedStore) -> None:
    """Cancel a call in the moment in which what it wrote is durable, and it has not been told."""
    await store.reached.wait()
    calling.cancel()
    await asyncio.wait([calling])
    assert calling.cancelled()
    store.let_go.set()


@behaviour("run", "A start is carried through, also when its caller is cancelled as it is written", verdict="new")
@pytest.mark.parametrize("created_before", [False, True])
async def test_a_run_whose_starter_is_cancelled_goes_on(created_before: bool, place: Place) -> None:
    store = GatedStore(await place.store())
    async with in_time(), app_on(store, adding) as app:
        runnable = app.get_workflow(adding)
        created = await runnable.create_run(run_id="r") if created_before else None
        store.hold(lambda entry: isinstance(entry, RunStarted))
        starting = runnable.start(1, run_id="r") if created is None else created.start(1)
        await cut_off(asyncio.create_task(starting), store)
        assert won(await (await app.get_run("r")).wait()) == 2


@behaviour("suspend", "An answer is carried through, also when its caller is cancelled as it is written", verdict="new")
async def test_a_run_whose_answerer_is_cancelled_goes_on(place: Place) -> None:
    store = GatedStore(await place.store())
    async with in_time(), app_on(store, asking) as app:
        run = await app.get_workflow(asking).create_run()
        waits(await run.start(1))
        store.hold(lambda entry: isinstance(entry, SuspensionAnswered))
        await cut_off(asyncio.create_task(run.resume(data=2)), store)
        assert won(await run.wait()) == 3


@behaviour("events", "An event is carried through, also when its sender is cancelled as it is written", verdict="new")
@pytest.mark.parametrize("to_all", [False, True])
async def test_a_run_whose_event_sender_is_cancelled_goes_on(to_all: bool, place: Place) -> None:
    store = GatedStore(await place.store())
    async with in_time(), app_on(store, listening) as app:
        run = await app.get_workflow(listening).create_run()
        await run.start_async(1)
        await until_status(run, "waiting")
        store.hold(lambda entry: isinstance(entry, EventReceived))
        sending: Any = app.send_event("go", "now") if to_all else run.send_event("go", "now")
        await cut_off(asyncio.create_task(sending), store)
        assert won(await run.wait()) == "now"


@behaviour("run", "A fork is carried through, also when its caller is cancelled as it is written", verdict="new")
async def test_a_fork_whose_maker_is_cancelled_goes_on(place: Place) -> None:
    store = GatedStore(await place.store())
    async with in_time(), app_on(store, adding) as app:
        run = await app.get_workflow(adding).create_run()
        assert won(await run.start(1)) == 2
        store.hold(lambda entry: isinstance(entry, RunCreated))
        await cut_off(asyncio.create_task(run.fork("add-one", input=5, run_id="fork")), store)
        assert won(await (await app.get_run("fork")).wait()) == 6


@behaviour("suspend", "Who answers while a hook is told of the suspension gets what comes of it", verdict="new")
async def test_who_answers_while_a_hook_is_told_of_the_suspension_is_not_given_that_suspension(place: Place) -> None:
    in_hook, hook_goes_on, answered, step_goes_on = (asyncio.Event() for _ in range(4))

    async def on_suspend(_: HookEvent) -> None:
        in_hook.set()
        await hook_goes_on.wait()

    @step
    async def slow(number: int) -> int:
        answered.set()
        await step_goes_on.wait()
        return number

    flow = workflow("flow", input=int, output=int, on_suspend=on_suspend).then(ask).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        starting = asyncio.create_task(run.start(1))
        await in_hook.wait()
        resuming = asyncio.create_task(run.resume(data=2))
        await answered.wait()
        hook_goes_on.set()
        waits(await starting)
        step_goes_on.set()
        assert won(await resuming) == 3


class Unreadable(GatedStore):
    """Cannot load the run of one id: as if its journal were damaged in a way that nobody thought of."""

    is_broken = True

    async def load(self, run_id: str) -> StoredRun | None:
        if run_id == "broken" and self.is_broken:
            raise KeyError(run_id)
        return await super().load(run_id)


async def left_alone(place: Place, *names: str) -> None:
    """Runs that are under way and that nobody drives: their process has gone."""
    blocked = asyncio.Event()

    @step(id="add-one")
    async def never(number: int) -> int:
        await blocked.wait()
        return number

    store = await place.store()
    flow = workflow("adding", input=int, output=int).then(never).commit()
    async with Waystation(workflows=[flow], store=store, grace=timedelta(0)) as app:
        for name in names:
            await app.get_workflow(flow).start_async(1, run_id=name)


@behaviour("run", "A run that cannot be read keeps no other from being recovered", verdict="new")
async def test_a_run_that_cannot_be_taken_over_does_not_keep_others_from_it(place: Place) -> None:
    await left_alone(place, "broken", "sound")
    store = Unreadable(await place.store())
    async with in_time(), app_on(store, adding) as app:
        assert won(await (await app.get_run("sound")).wait()) == 2
        with pytest.raises(KeyError):
            await (await app.get_run("broken")).wait()


class Refusing(GatedStore):
    """Refuses to load a run as often as it was told to."""

    refusals = 0
    claims = 0

    async def claim(self, run_id: str, worker_id: str, now: int) -> RunRecord | None:
        self.claims += 1
        claimed = await super().claim(run_id, worker_id, now)
        self.refusals = 1 if self.claims == 1 else 0
        return claimed

    async def load(self, run_id: str) -> StoredRun | None:
        if self.refusals:
            self.refusals -= 1
            raise StoreBusy("busy")
        return await super().load(run_id)


@behaviour("run", "A run that was claimed just before the store failed is driven once it works again", verdict="new")
async def test_a_run_that_was_claimed_before_the_store_failed_is_come_back_to(place: Place) -> None:
    await left_alone(place, "r")
    store = Refusing(await place.store())
    async with in_time(), app_on(store, adding) as app:
        run = await app.get_run("r")
        await until_status(run, "success")
        assert store.claims > 1


@behaviour("events", "Who follows a run that is deleted, or was, is told that it is gone", verdict="new")
async def test_who_follows_a_deleted_run_is_told(place: Place) -> None:
    async with in_time(), place.app(asking) as app:
        run = await app.get_workflow(asking).create_run()
        waits(await run.start(1))
        seen = asyncio.Event()

        async def follow() -> None:
            async for event in run.events():
                if event.type == "run-suspended":
                    seen.set()

        following = asyncio.create_task(follow())
        await seen.wait()
        await app.delete_run(run.run_id)
        with pytest.raises(RunNotFound):
            await following
        with pytest.raises(RunNotFound):
            await follow()


@behaviour("run", "Who waits for a run that is deleted is told that it is gone", verdict="new")
async def test_who_waits_for_a_deleted_run_is_told(place: Place) -> None:
    async with in_time(), place.app(sleeping) as app:
        run = await app.get_workflow(sleeping).create_run()
        await run.start_async(1)
        await until_status(run, "waiting")
        waiting = asyncio.create_task(run.wait())
        await asyncio.sleep(0)  # it waits by now
        await app.delete_run(run.run_id)
        with pytest.raises(RunNotFound):
            await waiting


@behaviour("version", "A start by a used key gives the run of that key, of whichever version", verdict="new")
async def test_a_start_by_the_key_of_a_run_of_another_version_goes_on_with_that_version(place: Place) -> None:
    old = workflow("flow", input=int, output=int, version="1").then(ask).commit()
    new = workflow("flow", input=int, output=int, version="2").then(add_one).then(ask).commit()
    async with in_time(), place.app(old, new) as app:
        before = await app.get_workflow(old).create_run(idempotency_key="key")
        same: Run[int, int] = await app.get_workflow(new).start_async(1, idempotency_key="key")
        assert same.run_id == before.run_id
        waits(await same.wait())
        assert won(await same.resume(data=5)) == 6  # and not 7


class Broken(GatedStore):
    """Fails to tell what is open."""

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        raise StoreError("not now")


async def test_a_hook_that_cannot_be_told_does_not_keep_anyone_waiting(place: Place) -> None:
    flow = workflow("flow", input=int, output=int, on_suspend=lambda _: None).then(ask).commit()
    async with in_time(), app_on(Broken(await place.store()), flow) as app:
        waits(await app.get_workflow(flow).start(1))


@behaviour("run", "Who waits for a run is told so if the app is closed while a hook is being told", verdict="new")
async def test_who_waits_is_told_if_the_app_is_closed_while_a_hook_is_told(place: Place) -> None:
    in_hook = asyncio.Event()

    async def on_suspend(_: HookEvent) -> None:
        in_hook.set()
        await asyncio.Event().wait()

    flow = workflow("flow", input=int, output=int, on_suspend=on_suspend).then(ask).commit()
    async with in_time():
        async with place.app(flow, grace=timedelta(0)) as app:
            starting = asyncio.create_task(app.get_workflow(flow).start(1))
            await in_hook.wait()
        with pytest.raises(AppClosed):
            await starting


class Doubtful(GatedStore):
    """Fails once after it has written: as where the answer of a server is lost."""

    fails = False

    def _fail_once(self) -> None:
        if self.fails:
            self.fails = False
            raise StoreBusy("written, but who knows")

    async def create_run(self, run: NewRun) -> None:
        await super().create_run(run)
        self._fail_once()

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        await super().commit_on_top(run_id, after, make)
        self._fail_once()

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        await super().commit(commit, within=within)
        if any(isinstance(entry, SuspensionAnswered) for entry in self.entries(commit)):
            self._fail_once()


@behaviour("run", "A run that was written, though its writer was told otherwise, is driven", verdict="new")
async def test_a_start_that_was_written_is_driven_though_who_started_was_told_otherwise(place: Place) -> None:
    store = Doubtful(await place.store())
    async with in_time(), app_on(store, adding) as app:
        store.fails = True
        with pytest.raises(StoreBusy):
            await app.get_workflow(adding).start(1, run_id="r")
        await until_status(await app.get_run("r"), "success")


async def test_an_answer_that_was_written_is_gone_on_with_though_who_answered_was_told_otherwise(place: Place) -> None:
    store = Doubtful(await place.store())
    async with in_time(), app_on(store, asking) as app:
        run = await app.get_workflow(asking).create_run()
        waits(await run.start(1))
        store.fails = True
        with pytest.raises(StoreBusy):
            await run.resume(data=2)
        assert not store.fails
        await until_status(run, "success")


class Incoherent(GatedStore):
    """Loads a run that stands where it cannot: in a block that was not entered."""

    async def load(self, run_id: str) -> StoredRun | None:
        stored = await super().load(run_id)
        if stored is None or stored.frontier is None:
            return stored
        state = decode_state(stored.frontier)
        assert state is not None
        state.frames = {address: frame for address, frame in state.frames.items() if isinstance(frame, StepFrame)}
        return structs.replace(stored, frontier=encode_state(state))


@behaviour("run", "A frontier that cannot be is told as a damaged store, to all who wait", verdict="new")
async def test_a_run_whose_frontier_cannot_be_is_told_as_corrupt(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([ask, add_one]).commit()
    async with in_time(), app_on(Incoherent(await place.store()), flow) as app:
        run = await app.get_workflow(flow).create_run()
        waits(await run.start(1))
        with pytest.raises(StoreCorrupt):
            await run.resume(data=2)
        with pytest.raises(StoreCorrupt):
            await run.wait()
    assert "a fault in the engine" not in caplog.text


async def test_what_does_not_fit_as_a_run_is_taken_is_told_as_corrupt(place: Place) -> None:
    async def take() -> None:
        raise JournalMisfit("a has run, but the run has ended", Address("a"))

    async with in_time(), app_on(GatedStore(await place.store()), adding) as app:
        _, dispatcher = await app.opened()
        with pytest.raises(StoreCorrupt):
            await dispatcher.take("r", "adding", take())
