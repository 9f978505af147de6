"""What may name a run: it is told to people, stands in paths of addresses, and names files."""

from __future__ import annotations

LONGEST = 200


def why_no_run_id(run_id: object) -> str | None:
    """Why no run can have this id; None if one can."""
    if not isinstance(run_id, str) or not 1 <= len(run_id) <= LONGEST or not run_id.isprintable():
        return f"give 1 to {LONGEST} printable characters"
    if run_id in (".", ".."):
        return "in the path of an address that is another place"
    return None
