"""A parked run, met by code with other types for what it goes on with: it fits, or is refused and left as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, waits, won
from tests.conformance.waiting import in_time, until_status
from waystation import Workflow, step, workflow
from waystation.errors import DefinitionChanged

pytestmark = pytest.mark.anyio


class Paid(BaseModel):
    amount: int


class PaidIn(BaseModel):
    amount: int
    currency: str


class Cart(BaseModel):
    items: int = 0


class CartOf(BaseModel):
    items: int = 0
    owner: str = ""


class CartWith(BaseModel):
    items: int = 0
    owner: str


@step
async def amount(paid: Paid) -> int:
    return paid.amount


@step
async def amount_in(paid: PaidIn) -> int:
    return paid.amount


def paying(paid: type[Any], then: Any) -> Workflow[int, int]:
    return workflow("flow", input=int, output=int).then(ask).wait_for("paid", paid).then(then).commit()


def with_state(state: type[BaseModel]) -> Workflow[int, int]:
    return workflow("flow", input=int, output=int, state=state).then(ask).commit()


def sleeping(kind: type[Any], then: Any) -> Workflow[int, int]:
    return (
        workflow("flow", input=int, output=int)
        .map(lambda number: kind(amount=number, currency="EUR"), output=kind, id="pay")
        .sleep(timedelta(days=1), id="night")
        .then(then)
        .commit()
    )


def branching(*, switch: bool) -> Workflow[int, int]:
    begun = workflow("flow", input=int, output=int)
    if switch:
        return begun.switch(lambda _: 1, {1: add_one, 2: double}, id="way").then(ask).commit()
    branched = begun.branch([(lambda _: False, add_one), (lambda _: False, double)], id="way")
    return branched.map(lambda _: 1, output=int, id="one").then(ask).commit()


async def refused(place: Place, old: Workflow[int, int], new: Workflow[int, int], *, event: object = None) -> str:
    """Park a run under the old code; why the new code cannot continue it. Nothing of it is changed by the try."""
    async with in_time(), place.app(old) as app:
        run = await app.get_workflow(old).create_run(run_id="r")
        await run.start_async(1)
        await until_status(run, "suspended", "waiting")
        if event is not None:
            await run.send_event("paid", event)
    before = await place.journal("r")
    async with in_time(), place.app(new) as app:
        with pytest.raises(DefinitionChanged) as told:
            await (await app.get_run("r")).cancel()
    assert await place.journal("r") == before
    (difference,) = told.value.differences
    return difference


@behaviour("version", "A kept event that the new code cannot read is a misfit", verdict="new")
async def test_an_event_that_is_kept_and_does_not_fit_its_new_type_is_a_misfit(place: Place) -> None:
    why = await refused(place, paying(Paid, amount), paying(PaidIn, amount_in), event={"amount": 3})
    assert why.startswith("the event 'paid', which is kept, does not fit PaidIn: currency")


async def test_an_event_that_is_kept_and_fits_its_new_type_is_taken(place: Place) -> None:
    old, new = paying(PaidIn, amount_in), paying(Paid, amount)
    async with in_time(), place.app(old) as app:
        run = await app.get_workflow(old).create_run(run_id="r")
        waits(await run.start(1))
        await run.send_event("paid", {"amount": 3, "currency": "EUR"})
    async with in_time(), place.app(new) as app:
        assert won(await (await app.get_run("r")).resume(data=1)) == 3


@behaviour("version", "Run state that the new code cannot read is a misfit", verdict="new")
async def test_run_state_that_does_not_fit_its_new_type_is_a_misfit(place: Place) -> None:
    why = await refused(place, with_state(Cart), with_state(CartWith))
    assert why.startswith("the run state does not fit CartWith: owner")


async def test_run_state_with_a_new_key_that_has_a_default_fits(place: Place) -> None:
    old, new = with_state(Cart), with_state(CartOf)
    async with in_time(), place.app(old) as app:
        waits(await (await app.get_workflow(old).create_run(run_id="r")).start(1))
    async with in_time(), place.app(new) as app:
        assert won(await (await app.get_run("r")).resume(data=1)) == 2


@behaviour("version", "A value on its way through a sleep that the new code cannot read is a misfit", verdict="new")
async def test_a_value_that_passes_through_a_sleep_and_does_not_fit_its_new_type_is_a_misfit(place: Place) -> None:
    why = await refused(place, sleeping(Paid, amount), sleeping(PaidIn, amount_in))
    assert why.startswith("what reaches 'night' does not fit PaidIn: currency")


@behaviour("version", "A branch that took nothing does not fit a switch, which takes one", verdict="new")
async def test_a_branch_that_took_nothing_and_became_a_switch_is_a_misfit(place: Place) -> None:
    why = await refused(place, branching(switch=False), branching(switch=True))
    assert why == "'way' took 0, but as a switch it takes one"


@behaviour("version", "A wait may lose its timeout under a run that waits there", verdict="new")
async def test_a_run_goes_on_waiting_where_the_new_code_has_no_timeout(place: Place) -> None:
    def listening(timeout: timedelta | None, *then: Any) -> Workflow[int, str]:
        begun = workflow("flow", input=int, output=str)
        waited = begun.wait_for("go", str, match=lambda data: data == "now", timeout=timeout)
        return waited.then(then[0]).commit() if then else waited.commit()

    @step
    async def louder(data: str) -> str:
        return data.upper()

    old, new = listening(timedelta(days=1)), listening(None, louder)
    async with in_time(), place.app(old) as app:
        run = await app.get_workflow(old).create_run(run_id="r")
        await run.start_async(1)
        await until_status(run, "waiting")
    async with in_time(), place.app(new) as app:
        again = await app.get_run("r")
        await again.send_event("go", "later")
        await until_status(again, "waiting")  # it is parked again: nothing is left to do
        await again.send_event("go", "now")
        assert won(await again.wait()) == "NOW"


@behaviour("version", "Code that met a run by an event alone is known to the code that comes after it", verdict="new")
async def test_a_run_that_adopted_new_code_by_an_event_is_held_against_the_old_code_again(place: Place) -> None:
    old = paying(Paid, amount)
    new = workflow("flow", input=int, output=int).then(ask).wait_for("paid", Paid).then(amount).then(double).commit()
    async with in_time(), place.app(old) as app:
        waits(await (await app.get_workflow(old).create_run(run_id="r")).start(1))
    async with in_time(), place.app(new) as app:
        run = await app.get_run("r")
        await run.send_event("paid", {"amount": 3})
        record = await run.record()
        assert (record.status, record.fingerprint) == ("suspended", new.graph.fingerprint)
    async with in_time(), place.app(old) as app:
        assert won(await (await app.get_run("r")).resume(data=1)) == 3
