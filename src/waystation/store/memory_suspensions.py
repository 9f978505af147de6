"""Open suspensions as a store in memory keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from waystation.core.addresses import Address
from waystation.core.refs import Seq
from waystation.store.memory_runs import Kept
from waystation.store.records import Opened, OpenSuspension


class KeptSuspensions:
    """The suspensions that wait for an answer, in the order in which they were opened."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, Seq], tuple[Kept, Address]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, kept: Kept, opened: Iterable[Opened]) -> None:
        """The run has opened these."""
        for each in opened:
            self._open[kept.record.run_id, each.seq] = (kept, each.address)
            kept.open.add(each.seq)

    def close(self, kept: Kept, closed: Iterable[Seq]) -> None:
        """Those of the run with these seqs are closed."""
        for seq in closed:
            self._open.pop((kept.record.run_id, seq), None)
            kept.open.discard(seq)

    def close_all(self, kept: Kept) -> None:
        """The run is deleted."""
        self.close(kept, list(kept.open))

    def of(self, kept: Kept) -> Sequence[Opened]:
        """Those of the run, by seq."""
        run_id = kept.record.run_id
        return [Opened(seq=seq, address=self._open[run_id, seq][1]) for seq in sorted(kept.open)]

    def rows(self, kept: Kept | None) -> Iterator[OpenSuspension]:
        """Those of the run, or all, as they are listed."""
        if kept is not None:
            yield from (_row(kept, each.seq, each.address) for each in self.of(kept))
        else:
            for (_, seq), (of, address) in self._open.items():
                yield _row(of, seq, address)


def _row(kept: Kept, seq: Seq, address: Address) -> OpenSuspension:
    return OpenSuspension(
        run_id=kept.record.run_id,
        workflow_id=kept.record.workflow_id,
        version=kept.record.version,
        address=address,
        seq=seq,
        entry=kept.journal[seq - 1],
    )
