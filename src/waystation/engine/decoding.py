"""A run's journal, as the store gives it: what cannot be one is told as damage of the store."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import msgspec

from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry
from waystation.core.misfit import JournalMisfit
from waystation.errors import PayloadUnreadable, StoreCorrupt
from waystation.store.codec.payloads import MARK


def entry_of(run_id: str, data: bytes) -> AnyEntry:
    """One entry of the run's journal.

    Raises:
        PayloadUnreadable: a codec has encoded it.
        StoreCorrupt.
    """
    try:
        return decode_entry(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if data.startswith(MARK):
            raise PayloadUnreadable(
                f"run {run_id!r} is kept encoded, and this app has no codec: make it with the one that the run was "
                "written with, Waystation(codec=...)",
                run_id=run_id,
                place=f"an entry of run {run_id!r}",
            ) from None
        raise StoreCorrupt(
            f"an entry of the journal of run {run_id!r} cannot be read ({error}): the store is damaged; bring back a "
            "backup of it. Other runs may be whole"
        ) from error


def entries_of(run_id: str, journal: Iterable[bytes]) -> list[AnyEntry]:
    """Entries of the run's journal.

    Raises:
        StoreCorrupt.
    """
    return [entry_of(run_id, data) for data in journal]


@contextmanager
def of_one_piece(run_id: str) -> Generator[None]:
    """Tell what does not fit together, of a run whose definition fits, as damage of the store.

    Raises:
        StoreCorrupt.
    """
    try:
        yield
    except JournalMisfit as error:
        raise in_pieces(run_id, error) from error


def in_pieces(run_id: str, misfit: JournalMisfit) -> StoreCorrupt:
    """What to tell of a run whose definition fits and whose journal does not: see ``of_one_piece``, which costs more
    than ``except``, where every run comes by."""
    return StoreCorrupt(
        f"the journal of run {run_id!r} does not hold together ({misfit}): the store is damaged; bring back a "
        "backup of it. Other runs may be whole"
    )
