"""A run that is written to without a pause can be answered, told of events and cancelled all the same."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.conformance.waiting import in_time
from tests.crash.homes import Home
from waystation import Waystation, step, workflow

pytestmark = pytest.mark.anyio


@step
async def turn(number: int) -> int:
    return number + 1


endless = workflow("endless", input=int, output=int).do_while(turn, lambda _: True).commit()


def app_at(url: str) -> Waystation:
    return Waystation(workflows=[endless], store=url)


async def drive(url: str) -> None:
    """What the other process does."""
    async with app_at(url) as app:
        run = await app.get_workflow(endless).start_async(1, run_id="r")
        print("begun", flush=True)
        await run.wait()


async def test_a_loop_without_a_pause_is_cancelled_from_another_process(home: Home) -> None:
    url = home.url()
    driving = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.test_busy_run", url, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with in_time(), app_at(url) as app:
            assert driving.stdout is not None
            assert await driving.stdout.readline() == b"begun\n"
            run = await app.get_run("r")
            while len(await run.journal()) < 2_000:  # so long that it takes longer to read than to append to
                await asyncio.sleep(0.01)
            assert (await run.cancel(reason="enough")).status == "cancelled"
            assert await driving.wait() == 0
    finally:
        if driving.returncode is None:
            driving.kill()


if __name__ == "__main__":
    asyncio.run(drive(sys.argv[1]))
