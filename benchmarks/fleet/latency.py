"""What an engine adds to a run: Waystation by itself, Waystation placed by Restate, and Restate used directly."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import aiohttp

from benchmarks.fleet.place import Servers, fleet, serving
from benchmarks.fleet.work import LONE, TEN, WORKFLOWS
from benchmarks.fleet.worker import DIRECT, Post
from benchmarks.peers.protocol import CHAIN
from waystation import Waystation

BY_ITSELF, ON_RESTATE, DIRECTLY = "Waystation by itself", "Waystation on Restate", "Restate used directly"
WHO = (BY_ITSELF, ON_RESTATE, DIRECTLY)
LENGTHS = (1, CHAIN)

_WARM_UP = 10
_ROUNDS = 4

Taken = Mapping[str, Mapping[int, list[float]]]
"""Milliseconds that each run took: by who did it, and by how many steps it had."""


async def latency(servers: Servers, count: int) -> Taken:
    """Runs one at a time, from the start to the result; everyone in turns, so that a slow while is slow for all."""
    taken: dict[str, dict[int, list[float]]] = {who: {length: [] for length in LENGTHS} for who in WHO}
    async with AsyncExitStack() as stack:
        store = servers.databases.create()
        stack.callback(servers.databases.drop, store)
        by_itself = await stack.enter_async_context(Waystation(workflows=WORKFLOWS, store=store))
        on_restate = await stack.enter_async_context(fleet(servers, 1))
        stack.enter_context(serving(Post(kind="direct", store="", dispatch=servers.restate.dispatch(), port=0), 1))
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def direct(length: int) -> None:
            url = f"{servers.restate.ingress}/{DIRECT}/chain"
            async with http.post(url, json=length) as answer:
                answer.raise_for_status()
                assert await answer.json() == {"n": length}

        do: dict[str, Callable[[int], Awaitable[None]]] = {
            BY_ITSELF: lambda length: _run(by_itself, length),
            ON_RESTATE: lambda length: _run(on_restate.app, length),
            DIRECTLY: direct,
        }
        for who in WHO:
            for length in LENGTHS:
                for _ in range(_WARM_UP):
                    await do[who](length)
        for _ in range(_ROUNDS):
            for who in WHO:
                for length in LENGTHS:
                    taken[who][length] += [await timed(do[who], length) for _ in range(count // _ROUNDS)]
    return taken


async def _run(app: Waystation, length: int) -> None:
    result = await app.get_workflow(LONE if length == 1 else TEN).start({"n": 0})
    assert result.status == "success", result


async def timed(do: Callable[[int], Awaitable[None]], length: int) -> float:
    began = time.perf_counter()
    await do(length)
    return 1e3 * (time.perf_counter() - began)
