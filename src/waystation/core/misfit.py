"""What is raised when a journal does not fit a graph."""

from __future__ import annotations

from waystation.core.addresses import Address


class JournalMisfit(Exception):
    """An entry does not fit the state: the journal was made under another graph (or is damaged)."""

    def __init__(self, reason: str, address: Address) -> None:
        self.reason = reason
        self.address = address
        super().__init__(reason)
