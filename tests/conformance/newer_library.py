"""A process of a later version of the library: its schema has steps that this one does not know.

``python -m tests.conformance.newer_library URL OLDEST RUN`` opens the store, answers the run RUN and waits for its end,
starts another that suspends, says its id, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import sys

from waystation import StepContext, Waystation, step, workflow
from waystation.store.postgres import schema


@step(suspend=str, resume=bool)
async def gate(number: int, ctx: StepContext[str, bool]) -> int:
    if ctx.resume_data is None:
        await ctx.suspend("go on?")
    return number * 10


gated = workflow("gated", input=int, output=int).then(gate).commit()

_LATER = """
ALTER TABLE waystation_runs ADD COLUMN priority integer NOT NULL DEFAULT 0;
CREATE TABLE waystation_notes (run_no bigint PRIMARY KEY, note text NOT NULL);
"""


def migrate_further(oldest: int) -> None:
    known = schema.migrations()
    later = schema.Migration(len(known) + 1, oldest, "0002_later.sql", _LATER)
    schema.migrations = lambda: [*known, later]  # type: ignore[assignment]  # as if a later version had brought it


async def main(url: str, oldest: int, run_id: str) -> None:
    migrate_further(oldest)
    async with Waystation(workflows=[gated], store=url) as app:
        run = await app.get_run(run_id)
        print((await run.resume(data=True)).status, flush=True)
        started = await app.get_workflow(gated).create_run()
        await started.start(2)
        print(started.run_id, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
