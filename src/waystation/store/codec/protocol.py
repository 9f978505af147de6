"""What makes other bytes of a payload before a store keeps it, and where a payload belongs."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias

from waystation.core.refs import Seq

PayloadKind: TypeAlias = Literal["entry", "frontier", "definition"]
"""What a store keeps as bytes."""


class PayloadPlace(NamedTuple):
    """Where a payload belongs: an entry or frontier to a run and seq, a definition to its fingerprint.

    Attributes:
        kind: what it is.
        of: the run's id; of a definition its fingerprint.
        seq: of an entry its own, of a frontier that of the entry it is as of; 0 for a definition.
    """

    kind: PayloadKind
    of: str
    seq: Seq = 0

    @property
    def run_id(self) -> str:
        """The run's id; "" for a definition."""
        return "" if self.kind == "definition" else self.of

    @property
    def words(self) -> str:
        """For people."""
        match self.kind:
            case "entry":
                return f"entry {self.seq} of run {self.of!r}"
            case "frontier":
                return f"the frontier of run {self.of!r} as of entry {self.seq}"
            case "definition":
                return f"the definition {self.of!r}"

    def to_bytes(self) -> bytes:
        """Bytes that no other place has."""
        return b"%s\0%s%s" % (self.kind.encode(), self.seq.to_bytes(8), self.of.encode("utf-8", "surrogatepass"))


class PayloadCodec(Protocol):
    """Makes other bytes of a payload, and the payload of them again. It is quick, waits for nothing, and is called
    from several threads.

    ``place`` is where the payload belongs. What is written for one place need not be readable in another: whatever
    is copied to another run is decoded and encoded anew.
    """

    def encode(self, data: bytes, place: PayloadPlace) -> bytes:
        """What to keep instead of ``data``."""
        ...

    def decode(self, data: bytes, place: PayloadPlace) -> bytes:
        """What ``data`` was made of.

        Raises:
            PayloadUnreadable: it was not made here, or not for this place.
        """
        ...
