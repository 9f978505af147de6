"""How many calls a connection to a worker carries at once."""

from __future__ import annotations


class ToldOnly(int):
    """A limit that is told to whoever calls, and not held against it.

    Until it was told, it may open as many streams as it likes; then it keeps to it. The server would hold it from the
    first frame on, and close the connection, with all that is under way on it, when a burst of calls comes first.
    """

    def __lt__(self, count: int, /) -> bool:
        """Whether ``count`` is too many; it is how h2 asks, with the sides changed, as this is an int of its own."""
        return False
