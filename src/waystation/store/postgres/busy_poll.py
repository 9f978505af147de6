"""While one answer of the server's is due, and will come at once, the event loop does not go to sleep.

A run by itself waits for the server at each step, some 300 µs. A process that sleeps for so long is woken late, and
finds its caches cold, in a virtual machine the more so: that cost a step a fifth of its time. So the loop looks for the
answer again and again, as a network stack does that is told to (Linux: ``net.core.busy_poll``) and as Go's scheduler
does before it parks a thread. Whatever else there is to do on the loop is done meanwhile. The price is a processor
that is busy in that time: so it is done only where there are two, for a short while, for a server that is as quick, and
while nobody else wants that processor.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")

_WEIGHT = 0.1
"""How much the latest answer counts in how it usually is."""

_AT_MOST = 5
"""So many times the longest an answer counts, however long it took: a server that was slow once is soon tried again."""

_FREE = 0.9
"""Whoever polls works all the time. Who has the processor for less of it takes it from others, or others from him."""

_TRIES = 32
"""While that is so, every so many answers are polled for: to see whether it still is."""


def processors(limit: Path = _CGROUP_LIMIT) -> float:
    """How many processors this process may use at once, by its affinity and by its container's quota.

    Arguments:
        limit: the file of the quota, as control groups of version 2 have it: ``max 100000``, or ``50000 100000``.
    """
    count = float(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    try:
        quota, period = limit.read_text().split()
        return min(count, int(quota) / int(period))
    except (OSError, ValueError):  # there is none: no file, or no number in it
        return count


class BusyPoll:
    """Used as a context around waiting for an answer, by those who wait on one event loop.

    Arguments:
        longest: for so many seconds at most for an answer, and only while they usually take no longer; 0 for never.
        now: a clock in seconds.
        worked: for how many seconds this thread has had a processor.
    """

    def __init__(
        self,
        longest: float,
        now: Callable[[], float] = time.perf_counter,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._longest = longest
        self._now = now
        self._worked = worked
        self._usual = 0.0
        self._share = 1.0
        self._due = 0
        self._answers = 0
        self._since = self._worked_since = 0.0
        self._is_alone = self._is_polling = False
        self._polled: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> None:
        self._due += 1
        self._is_alone = self._due == 1
        if not self._is_alone or not self._longest:
            return  # several are due: what there is to do keeps the loop awake, or the server is what is waited for
        self._since = self._now()
        self._answers += 1
        self._is_polling = self._usual <= self._longest and (self._share >= _FREE or not self._answers % _TRIES)
        if self._is_polling:
            self._worked_since = self._worked()
            loop = asyncio.get_running_loop()
            if self._polled is not loop:
                self._polled = loop
                loop.call_soon(self._look_again, loop)

    def __exit__(self, *_: object) -> None:
        self._due -= 1
        if self._is_alone and self._longest:
            self._is_alone = False
            taken = self._now() - self._since
            self._usual += _WEIGHT * (min(taken, _AT_MOST * self._longest) - self._usual)
            if self._is_polling and 0 < taken <= self._longest:  # after that it slept
                self._share += _WEIGHT * ((self._worked() - self._worked_since) / taken - self._share)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        """While something is to be called, the loop looks at its connections and does not wait for them."""
        if self._is_alone and self._is_polling and self._now() - self._since < self._longest:
            loop.call_soon(self._look_again, loop)
        else:
            self._polled = None
