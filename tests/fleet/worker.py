"""A worker of the fleet's tests that kill: ``python -m tests.fleet.worker ERRANDS``, told the rest by its environment.

``ERRANDS`` is the module that has its ``WORKFLOWS``. It says ``ready`` when it serves, and lives until its standard
input ends: so it never outlives the test.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
from datetime import timedelta

from waystation import Waystation


async def main() -> None:
    logging.basicConfig(level="WARNING", format="%(asctime)s %(name)s %(message)s")
    app = Waystation(
        workflows=importlib.import_module(sys.argv[1]).WORKFLOWS,
        store=os.environ["STORE"],
        dispatch=os.environ["DISPATCH"],
        lease=timedelta(seconds=float(os.environ["LEASE"])),
        recover_every=timedelta(seconds=float(os.environ["LOOK_EVERY"])),
        grace=timedelta(seconds=0.2),
    )
    async with app, app.worker(port=int(os.environ["PORT"]), share_port=True, runs=400):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
