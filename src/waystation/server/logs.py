"""What steps log, for those who look at a run.

``ctx.logger`` writes to the logger ``waystation.step``, and its records say of which run and step they are. Here the
last lines of the last runs are kept, in memory, as long as the server runs: of what the levels of the loggers let
through, and of the steps that ran in this process. What is to outlive that is written by ``ctx.write``, or by a handler
of one's own.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from typing import NamedTuple

from waystation.core.refs import Millis

LOGGER = "waystation.step"

_LINES = 1000
_RUNS = 200
_LONGEST = 10_000


class LogLine(NamedTuple):
    """One line.

    Attributes:
        n: names it: later lines have greater numbers, after a restart of the server too.
        at: when it was written, in milliseconds since 1970 UTC.
        level: ``"INFO"`` and the like.
        address, attempt: of which step, and which attempt of it.
        message: its text, with the traceback if it has one.
    """

    n: int
    at: Millis
    level: str
    address: str
    attempt: int
    message: str


class Logs(logging.Handler):
    """Keeps the last lines of the last runs.

    Arguments:
        lines: so many of each run.
        runs: of so many runs: those that have logged last.
    """

    def __init__(self, *, lines: int = _LINES, runs: int = _RUNS) -> None:
        super().__init__()
        self._most_lines = lines
        self._most_runs = runs
        self._numbers = count(time.time_ns() // 1000)
        self._kept: OrderedDict[str, deque[LogLine]] = OrderedDict()
        self.setFormatter(logging.Formatter("%(message)s"))

    @contextmanager
    def kept(self) -> Generator[None]:
        """Keep what is logged meanwhile."""
        logger = logging.getLogger(LOGGER)
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line. Called with the handler's lock held, by whichever thread logs."""
        run_id = getattr(record, "run_id", None)
        if not isinstance(run_id, str):
            return
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  (a line whose arguments do not fit its text, as in every handler)
            self.handleError(record)
            return
        line = LogLine(
            n=next(self._numbers),
            at=Millis(int(record.created * 1000)),
            level=record.levelname,
            address=str(getattr(record, "address", "")),
            attempt=int(getattr(record, "attempt", 0)),
            message=message if len(message) <= _LONGEST else f"{message[:_LONGEST]}...",
        )
        self._kept.setdefault(run_id, deque(maxlen=self._most_lines)).append(line)
        self._kept.move_to_end(run_id)
        if len(self._kept) > self._most_runs:
            self._kept.popitem(last=False)

    def read(self, run_id: str, *, after: int = 0, limit: int = 100) -> Sequence[LogLine]:
        """The run's lines after line ``after``, the oldest first; ``limit`` at most."""
        assert self.lock is not None, "every handler has one"
        with self.lock:
            return list(islice((line for line in self._kept.get(run_id, ()) if line.n > after), limit))
