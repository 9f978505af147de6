"""What came of calling all unfinished runs again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Resubmitted:
    """How many unfinished runs were called again, and how many need not be; see ``Waystation.resubmit``.

    Attributes:
        now: called: they can go on.
        later: are called when their time comes.
        driven: a live worker drives them.
        parked: wait for people or events alone.
        no_worker: no worker has registered their workflow; they are called once one has.
    """

    now: int = 0
    later: int = 0
    driven: int = 0
    parked: int = 0
    no_worker: int = 0
