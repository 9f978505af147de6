"""A worker of the fleet that is measured: ``python -m benchmarks.fleet.worker '{"store": ..., "port": ...}'``.

It says ``ready`` when it serves, and lives until its standard input ends: so it never outlives who started it. Of kind
``direct`` it is no worker of ours but a service of Restate's own SDK, that does the same chain of steps.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Literal

import restate
from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]  # it is typed only in part
from hypercorn.config import Config

from benchmarks.fleet.work import WORKFLOWS
from benchmarks.peers.protocol import Count
from waystation import Waystation
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.client import RestateClient

DIRECT = "direct"
"""The name of the service that uses Restate with nothing of ours."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """Where and how a worker serves.

    Attributes:
        runs, steps: how many of them it takes at once.
    """

    kind: Literal["ours", "direct"]
    store: str
    dispatch: str
    port: int
    runs: int = 100
    steps: int = 100

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> Post:
        return cls(**json.loads(text))


async def ours(post: Post) -> None:
    app = Waystation(workflows=WORKFLOWS, store=post.store, dispatch=post.dispatch)
    async with app, app.worker(port=post.port, share_port=True, runs=post.runs, steps=post.steps):
        await until_deserted()


async def until_deserted() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


# ---------------------------------------------------------------- Restate by itself

service = restate.Service(DIRECT)


async def more(count: Count) -> Count:
    return {"n": count["n"] + 1}


@service.handler()
async def chain(ctx: restate.Context, steps: int) -> Count:
    """As many steps, each of which is durable before the next begins."""
    count: Count = {"n": 0}
    for index in range(steps):
        count = await ctx.run_typed(f"step-{index:05}", more, count=count)
    return count


async def direct(post: Post) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{post.port}"]
    config.accesslog = config.errorlog = None
    ends = asyncio.Event()
    app = restate.app([service], protocol="bidi")
    serving = asyncio.create_task(serve(app, config, shutdown_trigger=ends.wait))
    client = RestateClient(RestateAddress.parse(post.dispatch))
    try:
        await client.register(f"http://127.0.0.1:{post.port}")
        await until_deserted()
    finally:
        await client.close()
        ends.set()
        await serving


if __name__ == "__main__":
    given = Post.of_text(sys.argv[1])
    asyncio.run(ours(given) if given.kind == "ours" else direct(given))
