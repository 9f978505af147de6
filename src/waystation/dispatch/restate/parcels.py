"""What is sent of a step that runs apart from its run's driver, and what comes back."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from waystation.core.refs import Millis
from waystation.core.signals import Aborted, Bailed, CutOff, Failed, RunStep, Signal, Succeeded, Suspended
from waystation.store.codec import Codec, PayloadPlace

_Ended: TypeAlias = Succeeded | Failed | Suspended | Bailed | Aborted | CutOff
"""How an attempt can end."""

_KINDS: dict[str, type[_Ended]] = {
    kind.__name__: kind for kind in (Succeeded, Failed, Suspended, Bailed, Aborted, CutOff)
}


class StepCall(msgspec.Struct, frozen=True):
    """An attempt to be run. What it is given is in the run's journal; nothing of it is sent.

    Attributes:
        run_id, version: the run, and the version of its workflow.
        created_at: of the run; another may have had its id before.
        action: the attempt.
    """

    run_id: str
    version: str
    created_at: Millis
    action: RunStep

    @property
    def key(self) -> str:
        """Names the attempt: asked for again it is not run anew."""
        action = self.action
        return f"{self.run_id}/{self.created_at}/{action.address}/{action.attempt}.{action.answer}"


class _Sealed(msgspec.Struct, frozen=True):
    kind: str
    signal: msgspec.Raw


UNFIT = b""
"""The answer of who cannot run the attempt: another version of the code drives the run."""


def encode_call(call: StepCall) -> bytes:
    """The call, as bytes."""
    return msgspec.json.encode(call)


def decode_call(data: bytes) -> StepCall:
    """The call that ``data`` was made of."""
    return msgspec.json.decode(data, type=StepCall)


def seal(signal: Signal, call: StepCall, codec: Codec | None) -> bytes:
    """How an attempt ended, as bytes; with a codec nobody between can read them."""
    raw = msgspec.Raw(msgspec.msgpack.encode(signal))
    data = msgspec.msgpack.encode(_Sealed(type(signal).__name__, raw))
    return data if codec is None else codec.encode(data, PayloadPlace("entry", call.key))


def unseal(data: bytes, call: StepCall, codec: Codec | None) -> Signal:
    """The end that ``seal`` made ``data`` of.

    Raises:
        PayloadUnreadable: it was made with another key, or for another attempt.
    """
    opened = data if codec is None else codec.decode(data, PayloadPlace("entry", call.key))
    sealed = msgspec.msgpack.decode(opened, type=_Sealed)
    return msgspec.msgpack.decode(sealed.signal, type=_KINDS[sealed.kind])
