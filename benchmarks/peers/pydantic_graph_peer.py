"""pydantic-graph, by its builder. It has no store: a run is lost with its process."""

# mypy: disable-error-code="import-not-found, no-any-return"
# pyright: basic, reportMissingImports=false
# pydantic-graph of this version is installed in the peers' environment alone.

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from itertools import pairwise

from pydantic_graph import GraphBuilder

from benchmarks.peers.protocol import Count, Untyped


def chain(steps: int) -> Untyped:
    graph = GraphBuilder(input_type=Count, output_type=Count)

    def step(index: int) -> Untyped:
        async def more(ctx: Untyped) -> Count:
            return {"n": ctx.inputs["n"] + 1}

        return graph.step(more, node_id=f"step-{index}")

    line = [graph.start_node, *(step(index) for index in range(steps)), graph.end_node]
    graph.add(*(graph.edge_from(one).to(other) for one, other in pairwise(line)))
    return graph.build()


class Measured:
    version = version("pydantic-graph")
    shapes = ("chain",)

    def __init__(self, _store: str, _setting: str) -> None:
        self._graphs: dict[tuple[str, int], Untyped] = {}

    def prepare(self, shape: str, steps: int) -> None:
        self._graphs[shape, steps] = chain(steps)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        yield

    async def run(self, shape: str, steps: int) -> int:
        return (await self._graphs[shape, steps].run(inputs={"n": 0}))["n"]

    async def run_among(self, shape: str, steps: int) -> int:
        return await self.run(shape, steps)
