"""The values a run still needs, by the seq of the entry that holds them.

A value is kept while some frame refers to it, counted, and let go with the last one: what a run holds in memory
follows where it stands, not how long it has run.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from waystation.core.entries import Joined, Ref, Seq
from waystation.core.state import leaves

_key = msgspec.json.Encoder()


class Values:
    """Counted values. ``retain`` and ``hold`` come in either order."""

    def __init__(self) -> None:
        self._held: dict[Seq, msgspec.Raw] = {}
        self._uses: dict[Seq, int] = {}

    def hold(self, seq: Seq, value: msgspec.Raw) -> None:
        """Keep the value of entry ``seq`` for those that refer to it, or will at once."""
        self._held[seq] = value

    def retain(self, ref: Ref) -> None:
        """One more refers to ``ref``."""
        if isinstance(ref, int):
            self._uses[ref] = self._uses.get(ref, 0) + 1
        else:
            for seq in leaves(ref):
                self._uses[seq] = self._uses.get(seq, 0) + 1

    def release(self, ref: Ref) -> None:
        """One fewer does; the last one lets the value go."""
        for seq in (ref,) if isinstance(ref, int) else leaves(ref):
            uses = self._uses[seq] - 1
            if uses:
                self._uses[seq] = uses
            else:
                del self._uses[seq]
                self._held.pop(seq, None)

    def drop_unused(self, seq: Seq) -> None:
        """Let go of a value that nothing has come to refer to."""
        if seq not in self._uses:
            self._held.pop(seq, None)

    def missing(self) -> Iterable[Seq]:
        """What is referred to and not here: to be read from the journal."""
        return [seq for seq in self._uses if seq not in self._held]

    def json(self, ref: Ref) -> bytes:
        """The value of ``ref`` as JSON; parts are put together without being read."""
        if isinstance(ref, Joined):
            parts = [_key.encode(name) + b":" + self.json(part) for name, part in ref.parts.items()]
            return b"{" + b",".join(parts) + b"}"
        return bytes(self._held[ref])

    def __len__(self) -> int:
        return len(self._held)
