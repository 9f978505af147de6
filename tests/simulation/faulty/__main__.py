"""Random histories of runs among several processes and a store behind a bad way, each from a seed.

``python -m tests.simulation.faulty --count 100000`` lives so many, from a seed drawn anew, in as many processes as
there are cores; ``python -m tests.simulation.faulty --seed N`` replays one, and tells what happens in it.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.faulty.history import HistoryFailed, live, live_some
from tests.simulation.random_graphs import told

_AT_ONCE = 250
_TOLD_EVERY = 10_000


def _batches(first: int, count: int) -> tuple[Sequence[int], Sequence[int]]:
    begins = range(first, first + count, _AT_ONCE)
    return begins, [min(_AT_ONCE, first + count - begin) for begin in begins]


def _tell(seen: Counter[str]) -> None:
    """What the histories came by, so that it can be seen that it did happen."""
    for group in ("history", "process", "answer", "event", "cancel", "start", "rest", "commit", "on top", "create"):
        _tell_group(group, seen)
    for group in ("claim", "beat", "retire", "read", "news", "refused unheard"):
        _tell_group(group, seen)


def _tell_group(group: str, seen: Counter[str]) -> None:
    parts = {key.split(", ", 1)[1]: count for key, count in sorted(seen.items()) if key.startswith(f"{group}, ")}
    print(f"  {group:16}" + ", ".join(f"{what} {count}" for what, count in parts.items()))


def _replay(seed: int) -> None:
    library = logging.getLogger("waystation")
    library.propagate = False
    library.addHandler(logging.StreamHandler(sys.stdout))
    live(seed, print, lambda graph: print(told(graph)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.faulty", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this history, and tell what happens in it")
    parser.add_argument("--count", type=int, default=100_000, help="how many histories to live")
    parser.add_argument("--first", type=int, help="their first seed; drawn anew if it is not given")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="in how many processes at once")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        _replay(given.seed)
        return 0
    first = random.randrange(10**9) if given.first is None else given.first
    print(f"{given.count} histories with a faulty store, from seed {first} on, in {given.processes} processes")
    began = time.perf_counter()
    seen: Counter[str] = Counter()
    # Not forked: each begins as a process does that was started for this.
    with ProcessPoolExecutor(given.processes, multiprocessing.get_context("spawn")) as pool:
        try:
            for part in pool.map(live_some, *_batches(first, given.count)):
                seen += part
                if seen["history, lived"] % _TOLD_EVERY == 0:
                    print(f"{seen['history, lived']} histories", flush=True)
        except HistoryFailed:
            pool.shutdown(cancel_futures=True)
            raise
    print(f"every promise was kept; {given.count / (time.perf_counter() - began):.0f} histories in a second")
    _tell(seen)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HistoryFailed as failed:
        print(failed, file=sys.stderr)
        sys.exit(1)
