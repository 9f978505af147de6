"""Puts what was measured last into docs/performance.md.

    python -m benchmarks.page FILE ...

Each file, ``.bench-table.md``, ``.bench-million.md`` or ``.bench-fleet.md``, has a place of its own there, between two
comments.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.environment import ROOT

PAGE = ROOT / "docs" / "performance.md"


def put(page: str, name: str, measured: str) -> str:
    """The page, with ``measured`` where it is to be."""
    begin, end = f"<!-- {name}: measured, not written -->", f"<!-- end of {name} -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"{PAGE} has no place for {name}: the lines {begin!r} and {end!r}")
    return f"{before}{begin}\n\n{measured.strip()}\n\n{end}{after}"


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if not sys.argv[1:]:
        sys.exit("There is nothing to put into the page: make bench, bench-million and bench-fleet measure it")
    for each in map(Path, sys.argv[1:]):
        page = put(page, each.name.removeprefix(".bench-").removesuffix(".md"), each.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
