"""The report of a licence review, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from examples.licence_review.workflow import Verdict


def write_report(folder: Path, verdicts: Sequence[Verdict]) -> tuple[Path, Path]:
    """Write ``report.md`` and ``report.json``; gives where they are."""
    markdown, data = folder / "report.md", folder / "report.json"
    ordered = sorted(verdicts, key=lambda verdict: (verdict.name.lower(), verdict.version))
    markdown.write_text(as_markdown(ordered), encoding="utf-8")
    data.write_text(json.dumps([verdict.model_dump() for verdict in ordered], indent=2) + "\n", encoding="utf-8")
    return markdown, data


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    kinds = Counter(verdict.kind for verdict in verdicts)
    lines = [
        "# Licence review",
        "",
        f"{len(verdicts)} distributions: "
        + ", ".join(f"{kinds[kind]} {kind}" for kind in ("permissive", "copyleft", "unknown")),
        "",
        "| Distribution | Version | Licence | Kind | Decision | By | Why |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        "| "
        + " | ".join(
            _cell(text)
            for text in (
                verdict.name,
                verdict.version,
                verdict.told_by[:60],
                verdict.kind,
                verdict.decision,
                verdict.decided_by,
                verdict.why,
            )
        )
        + " |"
        for verdict in verdicts
    ]
    broken = [(verdict, problem) for verdict in verdicts for problem in verdict.problems]
    lines += ["", "## Missing or broken metadata", ""]
    lines += [f"- {_cell(v.name)}: `{_cell(p.field)}` {_cell(p.what)}" for v, p in broken] or ["None."]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or "–"
