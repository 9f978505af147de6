"""How many of the runs that a process has left behind one of its survivors takes at a look.

Whoever looks first could take them all, and drive them alone while others idle. So each takes its share at a look, by
how many processes live, and looks again soon; what is left by then, because others take none, is shared anew. The share
is of what is left: so all is taken after a few looks, and a single survivor takes all at once.

Runs whose time has come are not shared out: they are many and brief, and everyone looks when they are due.
"""

from __future__ import annotations

from waystation.store.records import RunRecord

MOST_AT_ONCE = 200
"""So many runs are looked for at a look."""

_FEWEST = 8
"""So few are not worth a second look."""


class Share:
    """One process's share, at one look.

    Arguments:
        found: how many runs there may be to take.
        living: how many processes live, this one included.
        worker_id: this one.

    """

    def __init__(self, found: int, living: int, worker_id: str) -> None:
        self._found = found
        self._left_some = self._took_some = False
        self._most = max(_FEWEST, -(-found // living))
        self._worker_id = worker_id
        self._count = 0

    def has_room_for(self, record: RunRecord) -> bool:
        """Whether the run may be taken; its own runs, to which it comes back, and due ones always may."""
        if self._count < self._most or record.status != "running" or record.owner == self._worker_id:
            return True
        self._left_some = True
        return False

    def took(self, record: RunRecord) -> None:
        """A run was taken, that stood so before."""
        self._took_some = True
        self._count += record.status == "running"

    def pause(self, usual: float) -> float:
        """How long to wait until the next look, in seconds; ``usual`` where nothing is known to be left."""
        if self._took_some and self._found >= MOST_AT_ONCE:
            return 0  # there may be more
        return usual / 2 if self._left_some else usual
