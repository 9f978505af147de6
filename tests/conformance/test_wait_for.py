"""``.wait_for``: a run waits for an event, which ``send_event`` sends."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, comes_to, fail, lost, recorded, won
from waystation import StepContext, step, workflow
from waystation.core.entries import EventMatched, EventReceived, EventsPassed
from waystation.errors import InvalidEventData, RunEnded, RunNotFound, UnknownEvent

pytestmark = pytest.mark.anyio


class Payment(BaseModel):
    order: int
    amount: int = 0


@step
async def amount(payment: Payment) -> int:
    return payment.amount


def mine(payment: Payment, order: int) -> bool:
    return payment.order == order


paid = workflow("paid", input=int, output=int).wait_for("paid", Payment, match=mine).then(amount).commit()
"""Takes the payment of the order that it is given."""


@step
async def note(number: int, ctx: StepContext) -> list[object]:
    return [await ctx.get_step_result("first"), number]


two_in_turn = (
    workflow("two-in-turn", input=int, output=list[object])
    .wait_for("number", int, id="first")
    .wait_for("number", int, id="second")
    .then(note)
    .commit()
)

inner = workflow("a", input=int, output=int).wait_for("number", int, id="w").commit()
two_at_once = workflow("two-at-once", input=int, output=dict[str, int]).parallel([inner, inner.clone(id="b")]).commit()


@behaviour("events", "An event ends the wait for it; the next node gets its data, in its type", verdict="new")
@pytest.mark.parametrize("data", [Payment(order=1, amount=9), {"order": 1, "amount": 9}], ids=["typed", "plain"])
async def test_an_event_ends_the_wait_and_gives_its_data(data: object, place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        await run.send_event("paid", data, actor="bank", channel="hook")
        assert won(await run.wait()) == 9
        (received,) = await recorded(run, EventReceived)
    assert (received.name, received.actor, received.channel) == ("paid", "bank", "hook")


async def test_a_wait_that_may_take_for_ever_is_seen_in_the_history(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run()
        await run.start_async(1)
        (node,) = (await run.history()).nodes
        assert (node.address, node.status, node.at, node.until) == ("wait-paid", "waiting", None, None)
        await run.send_event("paid", {"order": 1, "amount": 9})
        await run.wait()
        (node,) = (await run.history()).nodes
        assert node.status == "success"
        assert node.at is not None


@behaviour("events", "An event that comes before the run waits for it is kept", verdict="new")
async def test_an_early_event_is_kept(place: Place) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    @step
    async def slow(number: int) -> int:
        began.set()
        await may_end.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(slow).wait_for("number", int).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await began.wait()
        await run.send_event("number", 7)
        may_end.set()
        assert won(await run.wait()) == 7


@behaviour(
    "events", "An event may be sent to a run that was not started; it is kept, also over a restart", verdict="new"
)
async def test_an_event_before_the_start_is_kept(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run(run_id="r1")
        await run.send_event("paid", {"order": 1, "amount": 5})
        assert await run.status() == "pending"
    async with place.app(paid) as app:
        again = await app.get_run("r1")
        await again.start_async(1)
        assert won(await again.wait()) == 5


@behaviour("events", "An event that does not match is left alone, and the run goes on waiting", verdict="new")
async def test_an_event_that_does_not_match_is_left_alone(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run()
        await run.start_async(1)
        await run.send_event("paid", {"order": 2, "amount": 5})
        await comes_to(run, "waiting")
        assert await recorded(run, EventMatched) == []
        await run.send_event("paid", {"order": 1, "amount": 6})
        assert won(await run.wait()) == 6


@behaviour("events", "An event that one wait left alone is taken by a later one that it fits", verdict="new")
async def test_an_event_that_was_left_alone_is_there_for_a_later_wait(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=list[object])
        .wait_for("number", int, match=lambda n: n > 10, id="first")
        .wait_for("number", int, match=lambda n: n < 10, id="second")
        .then(note)
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.send_event("number", 3)
        await run.start_async(1)
        await comes_to(run, "waiting")
        await run.send_event("number", 30)
        assert won(await run.wait()) == [30, 3]


@behaviour("events", "A match may be async; one that raises fails the run at the wait", verdict="new")
async def test_a_match_may_be_async_and_may_raise(place: Place) -> None:
    async def picky(number: int) -> bool:
        await asyncio.sleep(0)
        if number == 13:
            raise LookupError("unlucky")
        return number > 10

    flow = workflow("flow", input=int, output=int).wait_for("number", int, match=picky, id="w").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await run.send_event("number", 3)
        await run.send_event("number", 30)
        assert won(await run.wait()) == 30
        other = await app.get_workflow(flow).create_run()
        await other.start_async(1)
        await other.send_event("number", 13)
        error = lost(await other.wait())
    assert (error.address, error.type) == ("w", "LookupError")


@behaviour("events", "A match is asked once about an event, also over a restart", verdict="new")
async def test_a_match_is_asked_once_about_each_event(place: Place) -> None:
    asked: list[int] = []

    def large(number: int) -> bool:
        asked.append(number)
        return number > 10

    flow = workflow("flow", input=int, output=int).wait_for("number", int, match=large, id="w").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await run.send_event("number", 1)
        await run.send_event("number", 2)
        await comes_to(run, "waiting")
    async with place.app(flow) as app:
        again = await app.get_run("r1")
        await again.send_event("number", 30)
        assert won(await again.wait()) == 30
        passed = [seq for entry in await recorded(again, EventsPassed) for seq in entry.events]
        received = [seq for seq, entry in enumerate(await again.journal(), 1) if isinstance(entry, EventReceived)]
    assert asked == [1, 2, 30]
    assert passed == received[:2]


@behaviour("events", "An event is taken by one wait only, in the order the events came", verdict="new")
async def test_each_event_is_taken_once_and_in_order(place: Place) -> None:
    async with place.app(two_in_turn) as app:
        run = await app.get_workflow(two_in_turn).create_run()
        await run.start_async(0)
        await run.send_event("number", 1)
        await comes_to(run, "waiting")
        assert [entry.address for entry in await recorded(run, EventMatched)] == ["first"]
        await run.send_event("number", 2)
        assert won(await run.wait()) == [1, 2]

        early = await app.get_workflow(two_in_turn).create_run()
        for number in (5, 6, 7):
            await early.send_event("number", number)
        await early.start_async(0)
        assert won(await early.wait()) == [5, 6]


@behaviour("events", "Of two waits at once one event ends one, and the next event the other", verdict="new")
@pytest.mark.parametrize("early", [False, True])
async def test_two_waits_at_once_share_no_event(early: bool, place: Place) -> None:
    async with place.app(two_at_once) as app:
        run = await app.get_workflow(two_at_once).create_run()
        if early:
            await run.send_event("number", 1)
        await run.start_async(0)
        if not early:
            await run.send_event("number", 1)
        await comes_to(run, "waiting")
        assert len(await recorded(run, EventMatched)) == 1
        await run.send_event("number", 2)
        assert sorted(won(await run.wait()).values()) == [1, 2]


@behaviour(
    "events",
    "Each of several waits at once takes the event that matches it, in whatever order they come",
    verdict="new",
)
async def test_waits_in_a_foreach_take_each_its_own_event(place: Place) -> None:
    flow = workflow("flow", input=list[int], output=list[int]).foreach(paid, concurrency=3).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async([1, 2, 3])
        for order in (3, 1, 2):
            await run.send_event("paid", {"order": order, "amount": order * 10})
        assert won(await run.wait()) == [10, 20, 30]


@behaviour(
    "events",
    "An event that no wait of the workflow is for is refused, and the error lists those there are",
    verdict="new",
)
async def test_an_unknown_event_is_refused(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run()
        with pytest.raises(UnknownEvent, match="'paid'") as caught:
            await run.send_event("payed", {"order": 1})
        assert caught.value.run_id == run.run_id
        with pytest.raises(UnknownEvent, match="payed"):
            await app.send_event("payed", {"order": 1})


@behaviour("events", "Event data that does not fit is refused, names the field, and changes nothing", verdict="new")
async def test_event_data_that_does_not_fit_changes_nothing(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run(run_id="r1")
        await run.start_async(1)
        await comes_to(run, "waiting")
        before = await place.journal("r1")
        for send in (run.send_event, app.send_event):
            with pytest.raises(InvalidEventData) as caught:
                await send("paid", {"order": "first"})
            assert (caught.value.workflow_id, caught.value.address, caught.value.field) == ("paid", "paid", "order")
        assert await place.journal("r1") == before


@behaviour("events", "A run that has ended takes no event; nor does one that is not there", verdict="new")
async def test_an_ended_and_an_unknown_run_refuse_events(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(fail).wait_for("number", int).commit()
    async with place.app(flow, paid) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        with pytest.raises(RunEnded, match="failed"):
            await run.send_event("number", 1)
        await app.delete_run(run.run_id)
        with pytest.raises(RunNotFound):
            await run.send_event("number", 1)


@behaviour("events", "Of several events with one idempotency key a run takes the first", verdict="new")
async def test_of_events_with_one_key_the_first_counts(place: Place) -> None:
    async with place.app(two_in_turn) as app:
        run = await app.get_workflow(two_in_turn).create_run(run_id="r1")
        await run.start_async(0)
        await run.send_event("number", 1, idempotency_key="k1")
        await run.send_event("number", 2, idempotency_key="k1")
        await comes_to(run, "waiting")
    async with place.app(two_in_turn) as app:
        again = await app.get_run("r1")
        await again.send_event("number", 3, idempotency_key="k1")
        assert len(await recorded(again, EventReceived)) == 1
        await again.send_event("number", 4, idempotency_key="k2")
        assert won(await again.wait()) == [1, 4]
        await again.send_event("number", 4, idempotency_key="k2")  # whose answer was lost, and the run ended by it
        with pytest.raises(RunEnded):
            await again.send_event("number", 5, idempotency_key="k3")


@behaviour(
    "events",
    "app.send_event reaches every unfinished run that may wait for it, or those about one thing",
    verdict="new",
)
async def test_an_event_for_all_reaches_those_who_may_wait_for_it(place: Place) -> None:
    deaf = workflow("deaf", input=int, output=int).then(add_one).commit()
    async with place.app(two_in_turn, deaf, paid) as app:
        waiting = app.get_workflow(two_in_turn)
        ada = await waiting.create_run(resource_id="ada")
        bob = await waiting.create_run(resource_id="bob")
        over = await waiting.create_run(resource_id="ada")
        await app.get_workflow(deaf).start(1, resource_id="ada")
        for run in (ada, bob, over):
            await run.start_async(0)
        await over.cancel()
        assert list(await app.send_event("number", 1, resource_id="ada")) == [ada.run_id]
        assert sorted(await app.send_event("number", 2, workflow="two-in-turn")) == sorted([ada.run_id, bob.run_id])
        assert won(await ada.wait()) == [1, 2]
        assert list(await app.send_event("number", 3, idempotency_key="k")) == [bob.run_id]
        assert won(await bob.wait()) == [2, 3]
        assert list(await app.send_event("number", 4)) == []


@behaviour("events", "An event for all is judged by each run's own match", verdict="new")
async def test_an_event_for_all_ends_only_the_waits_that_it_matches(place: Place) -> None:
    async with place.app(paid) as app:
        runs = [await app.get_workflow(paid).create_run() for _ in range(3)]
        for order, run in enumerate(runs):
            await run.start_async(order)
        await app.send_event("paid", {"order": 1, "amount": 7})
        assert won(await runs[1].wait()) == 7
        await comes_to(runs[0], "waiting")
        await comes_to(runs[2], "waiting")


@behaviour("events", "A run that waits for an event takes it after a restart", verdict="new")
async def test_a_wait_goes_on_after_a_restart(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run(run_id="r1")
        await run.start_async(1)
        await comes_to(run, "waiting")
        await run.send_event("paid", {"order": 2})
        await comes_to(run, "waiting")
    async with place.app(paid) as app:
        again = await app.get_run("r1")
        record = await again.record()
        assert (record.status, record.owner, record.wake_at) == ("waiting", None, None)
        await again.send_event("paid", {"order": 1, "amount": 3})
        assert won(await again.wait()) == 3


@behaviour("events", "A run that is cancelled while it waits ends at once", verdict="new")
async def test_a_cancel_ends_a_wait(place: Place) -> None:
    async with place.app(paid) as app:
        run = await app.get_workflow(paid).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        assert (await run.cancel()).status == "cancelled"
        with pytest.raises(RunEnded):
            await run.send_event("paid", {"order": 1})
