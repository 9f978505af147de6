"""The reviewer, scripted: a process of its own that answers every open question by a fixed policy.

A person would answer the same questions with ``waystation pending`` and ``waystation resume``.
"""

from __future__ import annotations

import asyncio

from examples.licence_review.classify import Kind
from examples.licence_review.workflow import Answer, Question, app

from waystation import Waystation

POLICY: dict[Kind, Answer] = {
    "copyleft": Answer(decision="accept", why="used as a tool or unchanged library, not shipped in our code"),
    "unknown": Answer(decision="reject", why="nobody may use what has no known licence"),
}


async def answer_all(reviewing: Waystation) -> int:
    """Answer every open question; gives how many."""
    answered = 0
    for suspension in await reviewing.pending(workflow="licence-review"):
        question = suspension.payload
        assert isinstance(question, Question), "a payload has the type the step declares"
        run = await reviewing.get_run(suspension.run_id)
        await run.resume(data=POLICY[question.kind], suspension=suspension.id, actor="reviewer", channel="script")
        answered += 1
    return answered


async def main() -> None:
    async with app:
        print(await answer_all(app))


if __name__ == "__main__":
    asyncio.run(main())
