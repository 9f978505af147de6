"""What the ledger says of spread steps: who ran them, how often, and how many at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tests.fleet.crash.beginnings import Beginning, Stops


class Seen:
    """The ledger of one run.

    Attributes:
        begun: the beginnings of each step, by address, in their order.
        ended: which tokens got to their end.
        stops: when each worker was killed.
    """

    def __init__(self, lines: Sequence[str], run_id: str) -> None:
        begun: dict[str, list[Beginning]] = defaultdict(list)
        self.ended: set[str] = set()
        self.stops = Stops()
        at_once: Counter[str] = Counter()
        self.most_at_once = 0
        for number, line in enumerate(lines):
            words = line.split()
            self.stops.read(number, words)
            match words:
                case ["began", of, address, _, _, token] if of == run_id:
                    begun[address].append(Beginning(number, token))
                    at_once[node_of(address)] += 1
                    self.most_at_once = max(self.most_at_once, *at_once.values())
                case ["ended", of, address, token] if of == run_id:
                    self.ended.add(token)
                    at_once[node_of(address)] -= 1
                case _:
                    pass
        self.begun: Mapping[str, Sequence[Beginning]] = begun

    def items(self) -> Mapping[str, Sequence[Beginning]]:
        """Of items alone."""
        return {address: begun for address, begun in self.begun.items() if "[" in address}

    def workers(self) -> Counter[str]:
        """How many items each worker was the last to begin."""
        return Counter(begun[-1].worker for begun in self.items().values())

    @property
    def driver(self) -> str:
        """The worker that drove the run first."""
        return self.begun["split"][0].worker

    def again(self) -> Mapping[str, Sequence[Beginning]]:
        """Items that were begun more than once."""
        return {address: begun for address, begun in self.items().items() if len(begun) > 1}

    def faults(self) -> list[str]:
        """Items that were begun again though who ran them lived, or though they had ended there before it was killed
        and that was recorded; in words."""
        found: list[str] = []
        for address, begun in self.begun.items():
            for before, after in pairwise(begun):
                if not self.stops.let_again(before, after):
                    found.append(f"{address} began at {before.worker}, which lived, and again at {after.worker}")
        return found


def node_of(address: str) -> str:
    """The node of an item."""
    return address.partition("[")[0]
