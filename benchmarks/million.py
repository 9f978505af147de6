"""A million runs that wait, in one SQLite file: what they cost while nobody answers, and when someone does.

    python -m benchmarks.million [--runs 1000000] [--through-the-api] [--write FILE]

Some are made through the public API, which tells how long a million would take. If that is longer than five minutes the
rest are made by the store's own ``create_run``, each with the journal, frontier and suspension of a run that was really
parked: they contain no word about which run they are of, so each is what the API would have made, but for the
moment of its making. ``--through-the-api`` has patience.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.environment import ROOT
from benchmarks.machine import described
from benchmarks.measuring import AGAIN, Found, Measuring
from benchmarks.orders import Order, Work
from benchmarks.peers.waystation_peer import Measured
from benchmarks.rows import SQLITE, Row
from benchmarks.stored import stored_bytes
from benchmarks.table import Grid
from waystation.store.address import open_store
from waystation.store.protocol import Store
from waystation.store.records import Head, NewRun

_AT_ONCE = 500
_TRIED = 20
"""So many times as many as go on at once are made through the API in any case."""

_LONGEST = 300.0
_FEW = 10_000
_ROUNDS = 3
_ANSWERS = 300
_IDLE_SECONDS = 10.0


def _row() -> Row:
    return next(row for row in SQLITE if row.ours and row.durable == "power loss")


async def make(store: str, count: int, *, patient: bool) -> str:
    """Park so many runs; gives how they were made."""
    peer = Measured(store, "full")
    peer.prepare("gate", 0)
    tried = min(_TRIED * _AT_ONCE, count)
    async with peer.opened():
        began = time.perf_counter()
        await _several(peer, iter(range(tried)))
        rate = tried / (time.perf_counter() - began)
        told = f"{rate:,.0f} parked a second through the API, {_AT_ONCE} at once"
        if count == tried:
            return f"{told}: all"
        if patient or count / rate <= _LONGEST:
            await _several(peer, iter(range(tried, count)))
            return f"{told}: all"
    began = time.perf_counter()
    await _copy(open_store(store), range(tried, count))
    copied = (count - tried) / (time.perf_counter() - began)
    return (
        f"{told}, which is {count / rate / 60:.0f} minutes for all: {tried:,} were made so, and the rest by the store's"
        f" create_run ({copied:,.0f} a second), as that of a run that was parked"
    )


async def _several(peer: Measured, numbers: Iterator[int]) -> None:
    async def some() -> None:
        for number in numbers:
            await peer.park_among(number)

    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))


async def _copy(store: Store, numbers: range) -> None:
    await store.open()
    try:
        parked = await store.snapshot("run-0")
        assert parked is not None
        record = parked.record
        entries = await store.read("run-0")
        assert record.status == "suspended", record
        head = Head(
            status=record.status,
            epoch=record.epoch,
            owner=record.owner,
            fingerprint=record.fingerprint,
            updated_at=record.updated_at,
            wake_at=record.wake_at,
        )

        async def copy(number: int) -> None:
            await store.create_run(
                NewRun(
                    run_id=f"run-{number}",
                    workflow_id=record.workflow_id,
                    fingerprint=record.fingerprint,
                    created_at=record.created_at,
                    entries=entries,
                    head=head,
                    version=record.version,
                    frontier=parked.frontier,
                    frontier_seq=parked.frontier_seq,
                    opened=parked.opened,
                )
            )

        for first in range(numbers.start, numbers.stop, _AT_ONCE):
            await asyncio.gather(*(copy(number) for number in numbers[first - numbers.start :][:_AT_ONCE]))
    finally:
        await store.close()


def measure(few: str, many: str, count: int) -> tuple[Measuring, Found]:
    """Processes that begin on the stores, in turns; of the one with few, and of the one with many."""
    row = _row()
    by_store = {few: (_FEW, Measuring([row], 600)), many: (count, Measuring([row], 600))}

    def order(store: str, work: Work, part: int = 0) -> Order:
        standing = by_store[store][0]
        return Order(
            peer=row.peer,
            store=store,
            work=work,
            setting=row.setting,
            seconds=_IDLE_SECONDS,
            patience=120,
            standing=standing,
            answers=min(_ANSWERS, standing // _ROUNDS),
            part=part,
            parts=_ROUNDS,
        )

    for store in (few, many):
        by_store[store][1].measure(row, order(store, "idle"))
    for part in range(_ROUNDS):
        for store in (few, many):
            by_store[store][1].measure(row, order(store, "answer", part), AGAIN)
    for _, measuring in by_store.values():
        if problems := measuring.found[row.name].problems:
            sys.exit(f"The measure is not whole: {problems}")
    return by_store[many][1], by_store[few][1].found[row.name]


def grid(many: Found, few: Found, count: int, bytes_each: tuple[float, float]) -> Grid:
    """What was found, few beside many."""
    found = Grid(
        f"{count:,} runs that wait, SQLite FULL", ["what", f"{_FEW:,} standing", f"{count:,} standing", "bound"]
    )
    found.rows.append(["stored a run", *(f"{each:,.0f} B" for each in reversed(bytes_each)), ""])
    for words, what, form, bound in (
        ("an app opens", f"start-up{AGAIN}", "{:,.1f} ms", ""),
        ("its first answer to the run's end", f"first answer{AGAIN}", "{:,.1f} ms", ""),
        ("an answer to the run's end, p50", f"p50{AGAIN}", "{:,.2f} ms", "≤ 2 ms"),
        ("the same, p99", f"p99{AGAIN}", "{:,.2f} ms", "≤ 10 ms"),
        ("CPU of an app at rest, of one core", "idle CPU", "{:.2%}", ""),
        ("memory of its process", "memory", "{:,.0f} MiB", ""),
    ):
        cells = [form.format(of.median(what)) for of in (few, many)]
        found.rows.append([words, *cells, bound])
    times = many.ratio(f"p50{AGAIN}", few, f"p50{AGAIN}")
    found.rows.append(["p50 of many beside that of few", "", f"{times:.2f}", "≤ 1.3"])
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000, help="how many; a million by default")
    parser.add_argument("--through-the-api", action="store_true", help="make all of them so, however long it takes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it as Markdown too")
    given = parser.parse_args()
    count: int = given.runs
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as name:
        few, many = (f"sqlite:///{Path(name) / part}.db" for part in ("few", "many"))
        print(f"Parking {_FEW:,} runs, and {count:,} in another file", flush=True)
        await make(few, _FEW, patient=True)
        began = time.perf_counter()
        how = await make(many, count, patient=given.through_the_api)
        print(f"{time.perf_counter() - began:,.0f} s; {how}", flush=True)
        sizes = [await stored_bytes(store) or 0 for store in (many, few)]
        measuring, of_few = measure(few, many, count)
    found = grid(measuring.found[_row().name], of_few, count, (sizes[0] / count, sizes[1] / _FEW))
    Console().print(found.as_rich())
    if given.write:
        given.write.write_text(f"{found.as_markdown()}\n\n{described(measuring)}\n- How they were made: {how}.\n")


if __name__ == "__main__":
    asyncio.run(main())
