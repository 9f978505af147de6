"""Steps that run in another process than that which drives their run."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Protocol

from waystation.core.refs import Millis
from waystation.core.signals import RunStep, Signal
from waystation.define.workflow import Workflow
from waystation.store.protocol import Store


class StepsElsewhere(Protocol):
    """Has attempts of one run's steps run by whichever process has room for them."""

    def run(self, action: RunStep) -> Coroutine[object, object, Signal | None]:
        """What came of the attempt; None if no process can run it, so that it is to be run here.

        An attempt that is asked for again, because whoever asked died before its result was recorded, is not run anew.
        It waits for as long as it takes; that the run is cancelled, whoever runs the attempt finds out by itself.
        Whoever runs it may also record its end: then it gives ``CutOff``, which changes nothing of what was recorded.

        Raises:
            StoreError.
        """
        ...


class StepPlacement(Protocol):
    """Has attempts of steps run by whichever process has room for them."""

    def of(self, run_id: str, created_at: Millis, workflow: Workflow[object, object], store: Store) -> StepsElsewhere:
        """The same, for the steps of one run, which was created then and is in that store."""
        ...
