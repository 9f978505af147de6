"""Counts the zombies of a chaos: processes that were stopped past their lease, and whose runs others took meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.crash.chaos.book import AnyLine, Refused, Stopped, Took, WentOn, Wrote


def zombies_in(lines: Iterable[AnyLine]) -> Counter[str]:
    """How many there were, how many runs they lost, how many of these they tried to write to once they went on."""
    holders: dict[str, str] = {}
    stopped: dict[str, set[str]] = {}
    lost: dict[str, set[str]] = {}
    found: Counter[str] = Counter()
    for line in lines:
        match line:
            case Stopped():
                stopped[line.name] = set()
            case WentOn():
                runs = stopped.pop(line.name)
                lost.setdefault(line.name, set()).update(runs)
                found["zombie: stopped, and runs of it taken by others"] += bool(runs)
                found["run taken from a zombie while it was stopped"] += len(runs)
            case Refused(why="Fenced") if line.run in lost.get(line.who, ()):
                lost[line.who].discard(line.run)
                found["run that a zombie tried to write to, refused"] += 1
            case Took() | Wrote():
                takes = line.epoch if isinstance(line, Took) else line.takes
                if takes:
                    if (before := holders.get(line.run)) in stopped and before != line.who:
                        stopped[before].add(line.run)
                    holders[line.run] = line.who
                if isinstance(line, Wrote) and line.parks:
                    holders.pop(line.run, None)
            case _:
                pass
    return found
