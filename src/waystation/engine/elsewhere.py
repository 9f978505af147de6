"""Steps that run in another process than that which drives their run."""

from __future__ import annotations

from typing import Protocol

from waystation.core.signals import RunStep, Signal
from waystation.define.workflow import Workflow


class StepPlacement(Protocol):
    """Has attempts of steps run by whichever process has room for them."""

    async def run(self, run_id: str, workflow: Workflow[object, object], action: RunStep) -> Signal | None:
        """What came of the attempt; None if no process can run it, so that it is to be run here.

        An attempt that is asked for again, because whoever asked died before its result was recorded, is not run anew.
        It waits for as long as it takes; that the run is cancelled, whoever runs the attempt finds out by itself.
        """
        ...
