"""Whether a run still is this process's, asked before something of it is begun that cannot be taken back.

The epoch keeps a process that has lost a run from writing to it. It does not keep one that was frozen past its lease
from beginning, as it wakes, a step that the run's new owner has completed. So where the lease has run out, be it that
it was extended since, the store is asked first; while it holds without a gap, which is nearly always, nothing is. What
is left is a freeze between the look at the clock and the step's first line.
"""

from __future__ import annotations

from waystation.engine.engine import Engine
from waystation.errors import LeaseLost


class Owning:
    """One run, as this process owns it.

    Arguments:
        term: that of the lease, as it was before the run was taken (``Engine.lease_term``): that it was taken may have
            been told late.

    Attributes:
        epoch: by which it is owned.
    """

    def __init__(self, engine: Engine, run_id: str, epoch: int, term: int | None) -> None:
        self.epoch = epoch
        self._engine = engine
        self._run_id = run_id
        self._term = term

    def is_certain(self) -> bool:
        """Whether it cannot have been taken over: the lease has held since it was taken, without a gap."""
        term = self._engine.lease_term()
        return term is not None and term == self._term

    async def check(self) -> None:
        """See to it that the run was not taken over. While that ``is_certain`` this does nothing.

        Raises:
            LeaseLost: it was.
            StoreError.
        """
        if self.is_certain():
            return
        term = self._engine.lease_term()
        record = await self._engine.store.get_run(self._run_id)
        if record is not None and record.epoch != self.epoch:
            raise LeaseLost(f"run {self._run_id!r} was taken over by another process", run_id=self._run_id)
        self._term = term
