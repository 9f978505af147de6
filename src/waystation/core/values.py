"""The values a run still needs, by the seq of the entry that holds them.

A value is kept while some frame refers to it, counted, and let go with the last one: what a run holds in memory
follows where it stands, not how long it has run. What is referred to and not here (``missing``) is in the journal,
and is read from there before it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from waystation.core.refs import Item, Joined, Listed, Null, Ref, Seq
from waystation.core.state import leaves

_key = msgspec.json.Encoder()
_list = msgspec.json.Decoder(list[msgspec.Raw])


class Values:
    """Counted values. ``retain`` and ``hold`` come in either order.

    Attributes:
        wanted: what is referred to and not here.
    """

    def __init__(self) -> None:
        self._held: dict[Seq, msgspec.Raw] = {}
        self._uses: dict[Seq, int] = {}
        self.wanted: set[Seq] = set()
        # Lists that were taken apart, for the sake of their items, by the seq they are in.
        self._apart: dict[Seq, dict[Seq | Item, list[msgspec.Raw]]] = {}

    def hold(self, seq: Seq, value: msgspec.Raw) -> None:
        """Keep the value of entry ``seq`` for those that refer to it, or will at once."""
        self._held[seq] = value
        if self.wanted:
            self.wanted.discard(seq)

    def retain(self, ref: Ref) -> None:
        """One more refers to ``ref``."""
        if not isinstance(ref, int):
            for seq in leaves(ref):
                self.retain(seq)
            return
        self._uses[ref] = self._uses.get(ref, 0) + 1
        if ref not in self._held:
            self.wanted.add(ref)

    def release(self, ref: Ref) -> None:
        """One fewer does; the last one lets the value go."""
        if not isinstance(ref, int):
            for seq in leaves(ref):
                self.release(seq)
            return
        uses = self._uses[ref] - 1
        if uses:
            self._uses[ref] = uses
            return
        del self._uses[ref]
        self._held.pop(ref, None)
        if self.wanted:
            self.wanted.discard(ref)
        if self._apart:
            self._apart.pop(ref, None)

    def drop_unused(self, seq: Seq) -> None:
        """Let go of a value that nothing has come to refer to."""
        if seq not in self._uses:
            self._held.pop(seq, None)

    def missing(self) -> Sequence[Seq]:
        """What is ``wanted``, in order: to be read from the journal."""
        return sorted(self.wanted)

    def json(self, ref: Ref) -> bytes:
        """The value of ``ref`` as JSON; parts are put together without being read."""
        if isinstance(ref, int):
            return bytes(self._held[ref])  # nearly each; what sees ``self`` from within costs more to enter
        return self._put_together(ref)

    def _put_together(self, ref: Joined | Listed | Item | Null) -> bytes:
        match ref:
            case Joined():
                parts = [_key.encode(name) + b":" + self.json(part) for name, part in ref.parts.items()]
                return b"{" + b",".join(parts) + b"}"
            case Listed():
                return b"[" + b",".join([self.json(part) for part in ref.parts]) + b"]"
            case Item():
                return bytes(self._items(ref.of)[ref.index])
            case Null():
                return b"null"

    def _items(self, of: Seq | Item) -> list[msgspec.Raw]:
        """The list that ``of`` refers to, taken apart once for all of its items."""
        (seq,) = leaves(of)
        lists = self._apart.setdefault(seq, {})
        if of not in lists:
            lists[of] = _list.decode(self.json(of))
        return lists[of]

    def __len__(self) -> int:
        return len(self._held)
