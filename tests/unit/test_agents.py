"""Agents as steps, with pydantic-ai's own test models: nothing leaves this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pydantic_ai.models
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from waystation import StepContext, Waystation, create_step, step, workflow
from waystation.errors import DefinitionError, TypesDoNotMeet

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_requests() -> Iterator[None]:
    before = pydantic_ai.models.ALLOW_MODEL_REQUESTS
    pydantic_ai.models.ALLOW_MODEL_REQUESTS = False
    yield
    pydantic_ai.models.ALLOW_MODEL_REQUESTS = before


class Verdict(BaseModel):
    risk: int
    why: str


async def test_an_agent_is_a_step_whose_output_type_is_the_agents() -> None:
    agent = Agent(TestModel(custom_output_args={"risk": 3, "why": "late"}), output_type=Verdict, name="risk-officer")
    judge = create_step(agent)
    assert judge.id == "risk-officer"
    assert judge.output.name == "Verdict"
    flow = workflow("flow", input=str, output=Verdict).then(judge).commit()
    async with Waystation(workflows=[flow], store="memory://") as app:
        result = await app.get_workflow(flow).start("Judge this contract")
    assert result.status == "success"
    assert result.result == Verdict(risk=3, why="late")


async def test_the_step_before_gives_the_prompt() -> None:
    seen: list[str] = []

    def answer(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        part = messages[-1].parts[-1]
        assert isinstance(part, UserPromptPart)
        seen.append(str(part.content))
        return ModelResponse(parts=[TextPart("fine")])

    @step
    def prompt(number: int) -> str:
        return f"is {number} a good number?"

    writing = create_step(Agent(FunctionModel(answer), name="writer"))
    flow = workflow("flow", input=int, output=str).then(prompt).then(writing).commit()
    async with Waystation(workflows=[flow], store="memory://") as app:
        result = await app.get_workflow(flow).start(7)
    assert result.status == "success"
    assert result.result == "fine"
    assert seen == ["is 7 a good number?"]


async def test_a_registered_agent_is_reached_in_a_step_by_its_name() -> None:
    agent = Agent(TestModel(custom_output_text="hello"))

    @step
    async def ask(question: str, ctx: StepContext) -> str:
        writer = ctx.agents["writer"]
        assert isinstance(writer, Agent)
        return str((await cast("Agent[None, str]", writer).run(question)).output)

    flow = workflow("flow", input=str, output=str).then(ask).commit()
    async with Waystation(workflows=[flow], agents={"writer": agent}, store="memory://") as app:
        result = await app.get_workflow(flow).start("hi")
    assert result.status == "success"
    assert result.result == "hello"


def test_an_agent_whose_output_does_not_meet_the_next_step_is_refused_at_commit() -> None:
    judge = create_step(Agent(TestModel(), output_type=Verdict, name="judge"))

    @step
    def publish(text: str) -> str:
        return text

    with pytest.raises(TypesDoNotMeet, match=r"'judge'.*Verdict.*'publish'.*str"):
        workflow("flow", input=str, output=str).then(judge).then(publish).commit()  # type: ignore[arg-type]  # the point


def test_an_agent_without_a_name_needs_an_id() -> None:
    with pytest.raises(DefinitionError, match="id="):
        create_step(Agent(TestModel()))


async def test_an_agent_that_fails_fails_its_step() -> None:
    def broken(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        raise RuntimeError("the model is down")

    flow = workflow("flow", input=str, output=str).then(create_step(Agent(FunctionModel(broken), name="a"))).commit()
    async with Waystation(workflows=[flow], store="memory://") as app:
        result = await app.get_workflow(flow).start("hi")
    assert result.status == "failed"
    assert (result.error.address, result.error.message) == ("a", "the model is down")
