"""A worker of the tests of steps that are spread: ``python -m tests.fleet.spread.worker``, told all by its environment.

It says ``ready`` when it serves, and lives until its standard input ends: so it never outlives the test.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import timedelta

from tests.fleet.spread.errands import WORKFLOWS
from waystation import Waystation


async def main() -> None:
    logging.basicConfig(level="WARNING", format="%(asctime)s %(name)s %(message)s")
    app = Waystation(
        workflows=WORKFLOWS,
        store=os.environ["STORE"],
        dispatch=os.environ["DISPATCH"],
        lease=timedelta(seconds=float(os.environ["LEASE"])),
        recover_every=timedelta(seconds=float(os.environ["LOOK_EVERY"])),
        grace=timedelta(seconds=0.2),
    )
    async with app, app.worker(port=int(os.environ["PORT"]), share_port=True):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
