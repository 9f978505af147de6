"""How an app takes and drives runs, whoever places them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from waystation.core.machine import Machine
from waystation.engine.schedules import Scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What all dispatchers are told alike.

    Attributes:
        recover: whether to see to any run that nobody drives, or only to those that concern this process.
        recover_every: how often to look for them.
        look_every: how often to look for what other processes wrote to runs driven or waited for here.
        grace: how long ``stop`` lets steps in flight go on before it cancels them.
        schedules: what starts by itself; None where nothing does.
        retention: for how long runs that have ended are kept; None for ever.
        on_rest: told of each run that has come to rest here, before those who wait for it are.
    """

    recover: bool
    recover_every: timedelta
    look_every: timedelta
    grace: timedelta
    schedules: Scheduler | None
    retention: timedelta | None
    on_rest: Callable[[str, Machine], Awaitable[None]] | None
