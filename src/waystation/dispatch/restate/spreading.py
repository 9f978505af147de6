"""Has steps run by whichever worker has room: the side of the run's driver."""

from __future__ import annotations

import asyncio
import logging

from waystation.core.refs import Millis
from waystation.core.signals import CutOff, RunStep, Signal
from waystation.define.workflow import Workflow
from waystation.dispatch.restate.client import RestateClient
from waystation.dispatch.restate.parcels import UNFIT, StepCall, encode_call, unseal
from waystation.engine.loading import load_machine
from waystation.errors import DispatchError, NoWorker, WaystationError
from waystation.store.codec import Codec
from waystation.store.protocol import Store

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

    def of(self, run_id: str, created_at: Millis, workflow: Workflow[object, object], store: Store) -> SpreadRun:
        """What calls the steps of that run."""
        return SpreadRun(self._client, self._codec, run_id, created_at, workflow, store)


class SpreadRun:
    """Calls the steps of one run; see ``StepsElsewhere``."""

    def __init__(
        self,
        client: RestateClient,
        codec: Codec | None,
        run_id: str,
        created_at: Millis,
        workflow: Workflow[object, object],
        store: Store,
    ) -> None:
        self._client = client
        self._codec = codec
        self._run_id = run_id
        self._workflow = workflow
        self._store = store
        self._created_at = created_at

    async def run(self, action: RunStep) -> Signal | None:
        """What came of the attempt; None if no worker can run it."""
        call = StepCall(self._run_id, self._workflow.version, self._created_at, action)
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = await self._client.call_step(self._workflow.id, encode_call(call), key=call.key)
            except NoWorker:
                return None
            except DispatchError as error:
                # It may be under way: asked for with the same key it is waited for, and not run anew.
                _log.warning("step %s of run %s is called again: %s", action.address, self._run_id, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                ended = self._opened(call, answer)
                # It says so too where it has recorded the end itself, and where it read the run too early to find it.
                return None if isinstance(ended, CutOff) and await self._is_to_run(action) else ended

    async def _is_to_run(self, action: RunStep) -> bool:
        """Whether the attempt still is to run, by the journal."""
        stored = await self._store.load(self._run_id)
        if stored is None:
            return False
        machine = await load_machine(self._store, self._workflow, stored)
        frame = machine.step_frame(action.address)
        if frame is None or frame.phase != "ready" or machine.is_cancelling():
            return False
        return (frame.attempt, frame.answer) == (action.attempt, action.answer)

    def _opened(self, call: StepCall, answer: bytes) -> Signal | None:
        if answer == UNFIT:
            return None
        try:
            return unseal(answer, call, self._codec)
        except WaystationError as error:  # its worker has other keys than this process
            _log.warning("step %s of run %s is run by its driver: %s", call.action.address, self._run_id, error)
            return None
