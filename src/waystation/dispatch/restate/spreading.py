"""Has steps run by whichever worker has room: the side of the run's driver."""

from __future__ import annotations

import asyncio
import logging

from waystation.core.signals import RunStep, Signal
from waystation.define.workflow import Workflow
from waystation.dispatch.restate.client import RestateClient
from waystation.dispatch.restate.parcels import UNFIT, StepCall, encode_call, unseal
from waystation.errors import DispatchError, NoWorker
from waystation.store.codec import Codec

_log = logging.getLogger("waystation.dispatch")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""How long to wait, in seconds, before a call that was lost is made again."""


class SpreadSteps:
    """Calls steps by a Restate; see ``StepPlacement``.

    Arguments:
        codec: what makes their results unreadable on the way, if anything does.
    """

    def __init__(self, client: RestateClient, codec: Codec | None) -> None:
        self._client = client
        self._codec = codec

    async def run(self, run_id: str, workflow: Workflow[object, object], action: RunStep) -> Signal | None:
        """What came of the attempt; None if no worker can run it."""
        call = StepCall(run_id, workflow.version, action)
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = await self._client.call_step(workflow.id, encode_call(call), key=call.key)
            except NoWorker:
                return None
            except DispatchError as error:
                # It may be under way: asked for with the same key it is waited for, and not run anew.
                _log.warning("step %s of run %s is called again: %s", action.address, run_id, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return None if answer == UNFIT else unseal(answer, call, self._codec)
