"""What steps and workflows say of themselves: compensation, times, state, versions, schedules, hooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from tests.unit.commit_flows import Doc, count, refused
from waystation import Cron, HookEvent, Retry, StepContext, create_step, step, workflow
from waystation.define.nodes import UNDO
from waystation.errors import DefinitionError, DuplicateId, InvalidDuration, InvalidId, InvalidSignature


class Cart(BaseModel):
    count: int = 0


class Other(BaseModel):
    count: int = 0


class Ask(BaseModel):
    reason: str


@step
async def refund(paid: int) -> None:
    pass


@step
async def take_text(text: str) -> None:
    pass


@step(suspend=Ask, resume=Doc)
async def ask(paid: int) -> None:
    pass


@step(undo=refund)
async def undone(paid: int) -> int:
    return paid


async def pay(doc: Doc, ctx: StepContext[None, None, Cart]) -> int:
    """Pay.

    At length.
    """
    return ctx.state.count


# --------------------------------------------------------------------------- steps

DAILY = {"title": "daily"}


def test_a_step_keeps_all_it_says_in_a_clone() -> None:
    day = timedelta(days=1)
    paying = step(id="pay", undo=refund, total_timeout=day, timeout=timedelta(1), retry=Retry(attempts=2))(pay)
    clone = paying.clone(id="pay-2")
    assert (clone.id, paying.id) == ("pay-2", "pay")
    for one in (paying, clone):
        assert one.undo is refund
        assert (one.total_timeout, one.timeout, one.retry) == (day, timedelta(1), Retry(attempts=2))
        assert one.state is not None
        assert one.state.type is Cart
        assert one.description == "Pay."


@pytest.mark.parametrize(
    ("undo", "words"),
    [
        (take_text, ["step 'take-text'", "takes str", "gives, int"]),
        (ask, ["step 'ask'", "suspends"]),
        (undone, ["step 'undone'", "undo= of its own"]),
        (pay, ["no step", "@step"]),
        ("refund", ["'refund'", "no step"]),
    ],
)
def test_a_compensation_that_cannot_compensate_is_refused(undo: Any, words: list[str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        step(id="pay", undo=undo)(pay)
    with pytest.raises(DefinitionError):
        create_step(id="pay", input=Doc, output=int, execute=pay, undo=undo)
    for word in ("step 'pay'", *words):
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("name", ["timeout", "total_timeout"])
@pytest.mark.parametrize("time", [timedelta(0), timedelta(seconds=-1)])
def test_a_timeout_is_more_than_zero(name: str, time: timedelta) -> None:
    make: Any = step
    with pytest.raises(InvalidDuration, match=f"'pay' has {name}="):
        make(**{"id": "pay", name: time})(pay)


def test_the_state_type_is_what_the_context_says_or_what_is_given() -> None:
    async def plain(doc: Doc, ctx: StepContext) -> int:
        return 1

    async def asks(doc: Doc, ctx: StepContext[Ask, Doc]) -> int:
        return 1

    async def with_mapping(doc: Doc, ctx: StepContext[None, None, Mapping[str, object]]) -> int:
        return 1

    async def no_context(doc: Doc) -> int:
        return 1

    def state_of(made: Any) -> object:
        return None if made.state is None else made.state.type

    assert state_of(step(pay)) is Cart
    assert state_of(step(state=Cart)(pay)) is Cart
    assert [state_of(step(fn)) for fn in (plain, with_mapping, no_context)] == [None, None, None]
    assert state_of(step(suspend=Ask, resume=Doc)(asks)) is None
    assert state_of(step(state=Cart)(no_context)) is Cart
    assert state_of(create_step(id="a", input=Doc, output=int, execute=pay)) is Cart
    assert state_of(create_step(id="a", input=Doc, output=int, state=Cart, execute=lambda doc: 1)) is Cart
    make: Any = step
    with pytest.raises(InvalidSignature, match=r"state=Other.*Cart"):
        make(state=Other)(pay)


# --------------------------------------------------------------------------- state of workflows


def test_a_workflow_whose_steps_have_state_must_have_one() -> None:
    paying: Any = step(id="pay")(pay)
    begun: Any = workflow("flow", input=Doc, output=int)
    refused(begun.then(paying), DefinitionError, "step 'pay' has the run state Cart", "state=Cart")
    inner = workflow("inner", input=Doc, output=int, state=Cart).then(paying).commit()
    refused(begun.then(inner), DefinitionError, "workflow 'inner' has the run state Cart")

    @step(state=Cart)
    async def refund_state(paid: int) -> None:
        pass

    undoing: Any = step(id="pay", undo=refund_state)(pay_plainly)
    refused(begun.then(undoing), DefinitionError, "'refund-state'", "which undoes 'pay'")
    made = workflow("flow", input=Doc, output=int, state=Cart).then(inner).commit()
    assert made.state is not None
    assert made.state.type is Cart


async def pay_plainly(doc: Doc) -> int:
    return 1


# --------------------------------------------------------------------------- workflows


def told(event: HookEvent) -> None:
    pass


def test_a_workflow_keeps_what_it_says_of_itself_in_a_clone() -> None:
    cron = Cron("0 9 * * MON", tz="Europe/Paris", input={"title": "weekly"})
    made = (
        workflow(
            "flow",
            input=Doc,
            output=int,
            version="2",
            state=Cart,
            request_context=Other,
            schedule=cron,
            on_start=told,
            on_suspend=told,
            retry=Retry(attempts=2),
            description="what for",
        )
        .then(count)
        .commit()
    )
    for one in (made, made.clone(id="again")):
        assert one.version == one.graph.version == "2"
        assert one.state is not None
        assert one.request_context is not None
        assert (one.state.type, one.request_context.type) == (Cart, Other)
        assert one.schedules == (cron,)
        assert (one.hooks.on_start, one.hooks.on_suspend, one.hooks.on_finish) == (told, told, None)
        assert one.graph.retry.attempts == 2
        assert one.description == "what for"
    plain = workflow("flow", input=Doc, output=int).then(count).commit()
    assert (plain.version, plain.state, plain.request_context, plain.schedules) == ("", None, None, ())
    assert "version '2'" in repr(made)
    assert "version" not in repr(plain)


def test_schedules_and_hooks_that_cannot_be_are_refused() -> None:
    make: Any = workflow
    with pytest.raises(DefinitionError, match="no Cron"):
        make("flow", input=Doc, output=int, schedule="0 9 * * *")
    with pytest.raises(DefinitionError, match="no Cron"):
        make("flow", input=Doc, output=int, schedule=[Cron("0 9 * * *", input=DAILY), None])
    with pytest.raises(DuplicateId, match="two schedules"):
        make("flow", input=Doc, output=int, schedule=[Cron("0 9 * * *", input=DAILY), Cron("0 8 * * *", input=DAILY)])
    with pytest.raises(DefinitionError, match="on_finish='x'"):
        make("flow", input=Doc, output=int, on_finish="x")
    for version in ("a b", 2, None):
        with pytest.raises(InvalidId, match="a version"):
            make("flow", input=Doc, output=int, version=version)
    crons = (Cron("0 9 * * *", id="a", input=DAILY), Cron("0 8 * * *", id="b", input=Doc(title="daily")))
    two = make("flow", input=Doc, output=int, schedule=crons)
    assert [cron.id for cron in two.draft.schedules] == ["a", "b"]


def test_a_compensation_has_a_place_beside_its_step() -> None:
    paying: Any = step(id="pay", undo=refund)(pay_plainly)
    graph = workflow("flow", input=Doc, output=int).then(paying).commit().graph
    place = graph.places["pay" + UNDO]
    assert (place.parent, place.next, place.scope) == (None, None, "")
    assert graph.step("pay" + UNDO) is refund


def test_what_a_schedule_starts_with_is_held_against_the_workflow_when_it_is_defined() -> None:
    make: Any = workflow
    with pytest.raises(DefinitionError, match=r"workflow 'flow': the input that Cron\('0 9 \* \* \*'\).*title"):
        make("flow", input=Doc, output=int, schedule=Cron("0 9 * * *", input={"titel": "daily"}))
    with pytest.raises(DefinitionError, match="the state that Cron"):
        make("flow", input=Doc, output=int, state=Doc, schedule=Cron("0 9 * * *", input=DAILY))
