"""The call for a run that can go on: all that Restate is told of it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from waystation.core.refs import Millis
from waystation.store.records import RunRecord


class RunCall(NamedTuple):
    """A call for an epoch of a run.

    Attributes:
        created_at: tells the run from one that had its id before.
    """

    workflow_id: str
    run_id: str
    created_at: Millis
    epoch: int

    @classmethod
    def of(cls, record: RunRecord) -> RunCall:
        """The call for the run as it is stored."""
        return cls(record.workflow_id, record.run_id, record.created_at, record.epoch)

    def key(self, delay: Millis | None = None) -> str:
        """Names the call: of those that have one name Restate makes the first.

        One that is to be made when its time comes has a name by about how long that is: Restate's clock may be ahead of
        the store's, and then the call comes too early, and is to be made again for what is left of the time.
        """
        name = f"{self.run_id}/{self.created_at}/{self.epoch}"
        return name if delay is None else f"{name}/{delay.bit_length()}"

    def body(self) -> bytes:
        """What it carries, for those who look at Restate: whoever is called reads the run."""
        return msgspec.json.encode({"epoch": self.epoch})
