"""LangGraph with its checkpointers.

``durability="sync"`` is the one of its three modes ("exit", "async", "sync") whose documentation says that a step is
saved before the next one starts; the default, "async", may lose a step in a crash. Steps alone are run by its
synchronous API, which is faster there; a hundred at once by the asynchronous one, on PostgreSQL with its documented
connection pool. SQLite is set up by the checkpointer itself: WAL, and ``synchronous`` as SQLite has it, FULL.

Its foreach (``Send``) runs all items in one step of its own, so there is none that compares.
"""

# mypy: disable-error-code="import-not-found, no-any-return"
# pyright: basic, reportMissingImports=false
# LangGraph is installed in the peers' environment alone; nothing of it is typed here.

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks.peers.protocol import Count, Untyped

_CONNECTIONS = 16


def more(count: Count) -> Count:
    return {"n": count["n"] + 1}


async def more_async(count: Count) -> Count:
    return {"n": count["n"] + 1}


def gate(count: Count) -> Count:
    interrupt("go on?")
    return count


async def gate_async(count: Count) -> Count:
    interrupt("go on?")
    return count


def chain(steps: int, node: Untyped) -> Untyped:
    return in_line({f"step-{index}": node for index in range(steps)})


def in_line(nodes: dict[str, Untyped]) -> Untyped:
    graph = StateGraph(Count)
    before = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def loop(turns: int, node: Untyped) -> Untyped:
    graph = StateGraph(Count)
    graph.add_node("step", node)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda count: "step" if count["n"] < turns else END)
    return graph


class Measured:
    """Each graph twice: for the synchronous checkpointer and for the asynchronous one, on the same database."""

    version = version("langgraph")
    shapes = ("chain", "loop")

    def __init__(self, store: str, _setting: str) -> None:
        self._store = store
        self._graphs: dict[tuple[str, int], Untyped] = {}
        self._alone: dict[tuple[str, int], Untyped] = {}
        self._among: dict[tuple[str, int], Untyped] = {}
        self._runs = 0
        self._saving = {"durability": "sync"} if store != "none" else {}

    def prepare(self, shape: str, steps: int) -> None:
        if shape == "gate":
            both = [
                in_line({"before": one, "gate": ask, "after": one})
                for one, ask in ((more, gate), (more_async, gate_async))
            ]
        else:
            both = [{"chain": chain, "loop": loop}[shape](steps, node) for node in (more, more_async)]
        self._graphs[shape, steps] = both

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            alone, among = await _savers(self._store, stack)
            for name, graphs in self._graphs.items():
                self._alone[name] = graphs[0].compile(checkpointer=alone)
                self._among[name] = graphs[1].compile(checkpointer=among)
            yield

    async def run(self, shape: str, steps: int) -> int:
        graph = self._alone[shape, steps]
        return graph.invoke({"n": 0}, self._next(), **self._saving)["n"]

    async def run_among(self, shape: str, steps: int) -> int:
        graph = self._among[shape, steps]
        return (await graph.ainvoke({"n": 0}, self._next(), **self._saving))["n"]

    def _next(self) -> dict[str, object]:
        self._runs += 1
        return _config(f"chain-{self._runs}")

    async def park(self, number: int) -> None:
        found = self._alone["gate", 0].invoke({"n": 0}, _config(f"run-{number}"), **self._saving)
        assert found["__interrupt__"], found

    async def park_among(self, number: int) -> None:
        found = await self._among["gate", 0].ainvoke({"n": 0}, _config(f"run-{number}"), **self._saving)
        assert found["__interrupt__"], found

    async def answer(self, number: int) -> int:
        return self._alone["gate", 0].invoke(Command(resume=True), _config(f"run-{number}"), **self._saving)["n"]


def _config(thread: str) -> dict[str, object]:
    return {"configurable": {"thread_id": thread}, "recursion_limit": 1_000_000}


async def _savers(store: str, stack: AsyncExitStack) -> tuple[Untyped, Untyped]:
    """The synchronous and the asynchronous checkpointer of a store."""
    if store == "none":
        return None, None
    if store == "memory":
        saver = InMemorySaver()
        return saver, saver
    if store.startswith("sqlite"):
        return await _sqlite_savers(store.removeprefix("sqlite:///"), stack)
    return await _postgres_savers(store, stack)


async def _sqlite_savers(path: str, stack: AsyncExitStack) -> tuple[Untyped, Untyped]:
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    alone = stack.enter_context(SqliteSaver.from_conn_string(path))
    alone.setup()
    among = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(path))
    await among.setup()
    return alone, among


async def _postgres_savers(url: str, stack: AsyncExitStack) -> tuple[Untyped, Untyped]:
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    alone = stack.enter_context(PostgresSaver.from_conn_string(url))
    alone.setup()
    pool = AsyncConnectionPool(
        url,
        min_size=_CONNECTIONS,
        max_size=_CONNECTIONS,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )
    await stack.enter_async_context(pool)
    return alone, AsyncPostgresSaver(pool)
