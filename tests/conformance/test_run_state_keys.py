"""Keys and values of run state that are easily mistaken for something else."""

from __future__ import annotations

import msgspec
import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import won
from waystation import StepContext, step, workflow

pytestmark = pytest.mark.anyio


class Terse(msgspec.Struct, omit_defaults=True):
    count: int = 0
    name: str = ""


class Named(BaseModel):
    self: str = ""


@behaviour("state", "A key can be set back to its default, also where the type leaves defaults out", verdict="new")
async def test_a_key_is_set_back_to_a_default_that_its_type_leaves_out(place: Place) -> None:
    @step
    async def reset(_: int, ctx: StepContext[None, None, Terse]) -> int:
        await ctx.set_state(count=0)
        return ctx.state.count

    @step
    async def read(_: int, ctx: StepContext[None, None, Terse]) -> tuple[int, str]:
        return ctx.state.count, ctx.state.name

    flow = workflow("flow", input=int, output=tuple[int, str], state=Terse).then(reset).then(read).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1, state={"count": 4, "name": "kept"})
        assert won(result) == (0, "kept")


async def test_a_key_may_be_called_self(place: Place) -> None:
    @step
    async def names(_: int, ctx: StepContext[None, None, Named]) -> str:
        await ctx.set_state(self="me")
        return ctx.state.self

    flow = workflow("flow", input=int, output=str, state=Named).then(names).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == "me"
