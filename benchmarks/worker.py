"""A measuring process: does one order's work with one peer, and tells what it found, one JSON line a measure.

    python -m benchmarks.worker '{"peer": ..., "store": ..., "work": ...}'

It is run by the Python of the peer's environment; what is not measured (imports, definitions, warming up) is done
before the clock starts.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import cast

from benchmarks.orders import Order, tell
from benchmarks.peers.protocol import CHAIN, Gated, Peer
from benchmarks.stored import stored_bytes

_WARM_UP = 5
_MEMORY = 4 * 2**30


def peer_of(order: Order) -> Peer:
    """The peer that an order names: its module is called so, and has a class ``Measured``."""
    module = importlib.import_module(f"benchmarks.peers.{order.peer}_peer")
    return cast(Peer, module.Measured(order.store, order.setting))


async def main(order: Order) -> None:
    # A peer whose long runs would take all of the machine's memory is stopped; its row says so.
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    peer = peer_of(order)
    tell("version", peer.version)
    await {"chains": chains, "growth": growth, "park": park, "answer": answer, "idle": idle}[order.work](peer, order)


# ---------------------------------------------------------------- ten steps, alone and many at once


async def chains(peer: Peer, order: Order) -> None:
    peer.prepare("chain", CHAIN)
    async with peer.opened():

        async def alone(_: int) -> None:
            assert await peer.run("chain", CHAIN) == CHAIN

        async def among(_: int) -> None:
            assert await peer.run_among("chain", CHAIN) == CHAIN

        await for_a_while(alone, at_once=1, seconds=0, least=_WARM_UP)
        tell("alone", CHAIN * await for_a_while(alone, at_once=1, seconds=order.seconds, least=_WARM_UP))
        await for_a_while(among, at_once=_WARM_UP, seconds=0, least=_WARM_UP)
        rate = await for_a_while(among, at_once=order.at_once, seconds=order.seconds, least=order.at_once)
        tell("at once", CHAIN * rate)


async def for_a_while(one: Callable[[int], Awaitable[None]], *, at_once: int, seconds: float, least: int) -> float:
    """How many of ``one`` are done a second, ``at_once`` at a time. When the time is over no more are begun, and those
    under way are waited for and counted; ``least`` are done at any rate."""
    began = time.perf_counter()
    done = 0

    def numbers() -> Iterator[int]:
        number = 0
        while number < least or time.perf_counter() - began < seconds:
            yield number
            number += 1

    given = numbers()

    async def several() -> None:
        nonlocal done
        for number in given:
            await one(number)
            done += 1

    await asyncio.gather(*(several() for _ in range(at_once)))
    return done / (time.perf_counter() - began)


# ---------------------------------------------------------------- long runs beside short ones


async def growth(peer: Peer, order: Order) -> None:
    """Short runs are measured as long as long ones, over as many runs as fit in a second."""
    for shape in peer.shapes:
        for size in order.sizes:
            peer.prepare(shape, size)
    async with peer.opened():
        for shape in peer.shapes:
            await peer.run(shape, order.sizes[0])
            took = 0.0
            for before, size in zip([0, *order.sizes], order.sizes, strict=False):
                if before and took * (size / before) > order.patience:
                    tell(f"{shape} {size} not run", f"a run of {before} took {took:.1f} s")
                    continue
                stored = await stored_bytes(order.store)
                try:
                    async with cut_off_after(2 * order.patience):
                        took, runs = await mean_of_runs(peer, shape, size, order.seconds)
                except TimeoutError:
                    tell(f"{shape} {size} not run", f"cut off after {2 * order.patience:.0f} s")
                    break
                except MemoryError:
                    tell(f"{shape} {size} not run", f"cut off at {_MEMORY / 2**30:.0f} GiB of memory")
                    break
                tell(f"{shape} {size}", 1e6 * took / size)
                if stored is not None:
                    grown = cast(int, await stored_bytes(order.store)) - stored
                    tell(f"{shape} {size} bytes", grown / (runs * size))


@asynccontextmanager
async def cut_off_after(seconds: float) -> AsyncGenerator[None]:
    """Raise ``TimeoutError`` in this; a second later also in the middle of what blocks the loop."""

    def cut_off(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, cut_off)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


async def mean_of_runs(peer: Peer, shape: str, size: int, seconds: float) -> tuple[float, int]:
    """Seconds a run took, and how many there were."""
    runs = 0
    began = time.perf_counter()
    while runs == 0 or time.perf_counter() - began < seconds:
        assert await peer.run(shape, size) == size
        runs += 1
    return (time.perf_counter() - began) / runs, runs


# ---------------------------------------------------------------- runs that wait


async def park(peer: Peer, order: Order) -> None:
    """Park runs one at a time for a while, then many at once till so many stand; answer some with the rest standing."""
    gated = cast(Gated, peer)
    peer.prepare("gate", 0)
    async with peer.opened():
        await _until_parked(gated.park, range(_WARM_UP), at_once=1, seconds=order.patience)
        began = time.perf_counter()
        # At the most half: one at a time is for the measure, many at once is quicker.
        alone = range(_WARM_UP, max(order.standing // 2, 2 * _WARM_UP))
        parked = await _until_parked(gated.park, alone, at_once=1, seconds=order.seconds)
        tell("parked a second", parked / (time.perf_counter() - began))
        stored, stood = await stored_bytes(order.store), _WARM_UP + parked
        began = time.perf_counter()
        rest = range(stood, order.standing)
        stood += await _until_parked(gated.park_among, rest, at_once=order.at_once, seconds=order.patience)
        took = time.perf_counter() - began
        tell("standing", stood)
        if rest:
            tell("parked a second, many at once", (stood - rest.start) / took)
        if stored is not None and stood > rest.start:
            tell("bytes a parked run", (cast(int, await stored_bytes(order.store)) - stored) / (stood - rest.start))
        await _answer(gated, order, stood)


async def _until_parked(one: Callable[[int], Awaitable[None]], numbers: range, *, at_once: int, seconds: float) -> int:
    """Park these runs, ``at_once`` at a time, as long as there is time; how many were."""
    deadline = time.perf_counter() + seconds
    given = iter(numbers)
    done = 0

    async def several() -> None:
        nonlocal done
        for number in given:
            await one(number)
            done += 1
            if time.perf_counter() > deadline:
                return

    await asyncio.gather(*(several() for _ in range(at_once)))
    return done


async def answer(peer: Peer, order: Order) -> None:
    """As at the end of ``park``, by a process that begins on the store."""
    peer.prepare("gate", 0)
    began = time.perf_counter()
    async with peer.opened():
        tell("start-up", 1e3 * (time.perf_counter() - began))
        await _answer(cast(Gated, peer), order, order.standing)


async def _answer(peer: Gated, order: Order, standing: int) -> None:
    taken: list[float] = []
    deadline = time.perf_counter() + order.patience
    for number in order.numbers(standing):
        began = time.perf_counter()
        assert await peer.answer(number) == 2
        taken.append(1e3 * (time.perf_counter() - began))
        if time.perf_counter() > deadline:
            break
    tell("answered", len(taken))
    tell("first answer", taken[0])
    tell("p50", at(sorted(taken), 0.5))
    tell("p99", at(sorted(taken), 0.99))


async def idle(peer: Peer, order: Order) -> None:
    """What a process costs whose runs all wait: processor time beside time, and its memory."""
    peer.prepare("gate", 0)
    async with peer.opened():
        await asyncio.sleep(1)
        worked, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(order.seconds)
        tell("idle CPU", (time.process_time() - worked) / (time.perf_counter() - began))
        tell("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def at(in_order: Sequence[float], part: float) -> float:
    """The value that so great a part stays under."""
    return in_order[min(int(len(in_order) * part), len(in_order) - 1)]


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    asyncio.run(main(Order.of_text(sys.argv[1])))
    sys.stdout.flush()
    os._exit(0)  # what a peer leaves running in the background is not waited for
