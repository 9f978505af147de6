"""A process of its own that fires what is due: started by test_schedules.py.

Says "ready", waits for a line, fires until nothing is due at the given time, and says which runs it created.
"""

from __future__ import annotations

import asyncio
import json
import sys

from tests.conformance.scheduling import Starts, Time, scheduler
from waystation.define.schedule import Cron
from waystation.store.address import open_store


async def fire(url: str, now: str) -> list[str]:
    """Fire what is due; the ids of the runs that this process created."""
    store = open_store(url)
    await store.open()
    starts, time = Starts(store), Time(now)
    app = await scheduler(starts, time, tick=Cron("* * * * *", missed="all"))
    print("ready", flush=True)
    sys.stdin.readline()
    while (coming := await app.fire_due()) is not None and coming <= time.now():
        pass
    await store.close()
    return starts.created


if __name__ == "__main__":
    print(json.dumps(asyncio.run(fire(sys.argv[1], sys.argv[2]))))
