"""Writes ``docs/reference/`` from the docstrings, and the list of decisions: ``make reference-pages``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Final

from tests.docs.docstrings import Link, members, signature, stub, summary, text_of
from tests.docs.reference_errors import errors_page
from tests.docs.reference_map import ALIASES, PAGES, Entry, Page, alias, entries, links

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
FOLDER: Final = DOCS / "reference"
DECISIONS: Final = DOCS / "decisions"

_HIDDEN: Final = frozenset({"call", "type", "Builder.id"})
"""Methods without an underscore that are the library's own, and a property that is shown as a field."""

_FORMS: Final = {"create_step": 5, "map": 7, "do_while": 4, "do_until": 4}
"""Of these all forms are shown, though they are many; of ``step`` the text is plainer."""


def pages() -> Mapping[Path, str]:
    """Every page that is made, with its text."""
    known = entries()
    made = {FOLDER / page.file: _page(page, known) for page in PAGES}
    made[FOLDER / "errors.md"] = errors_page(known, MADE)
    made[FOLDER / "index.md"] = _index(known)
    made[DECISIONS / "index.md"] = _decisions()
    return made


MADE: Final = "<!-- Made by `make reference-pages` from the docstrings in src/waystation; a test compares. -->"


def _page(page: Page, known: Sequence[Entry]) -> str:
    parts = [f"# {page.title}", MADE, page.said]
    for entry in known:
        if entry.page == page.file:
            parts += _entry(entry, known)
    return "\n\n".join(part for part in parts if part) + "\n"


def _entry(entry: Entry, known: Sequence[Entry]) -> Iterator[str]:
    link = links(known, entry.page, entry.name)
    thing = entry.thing
    yield f"## {entry.heading}"
    if entry.module != "waystation":
        yield f"From `{entry.module}`."
    if entry.name in ALIASES:
        yield _fence(f"{entry.name} = {alias(entry.name)[0]}")
    elif inspect.isclass(thing):
        if entry.name != "Builder":
            yield _fence(stub(thing, {each.name for each in known}))
    else:
        yield _fence(signature(thing, entry.name, most=_FORMS.get(entry.name, 3)))
    yield text_of(entry.doc, link)
    if inspect.isclass(thing):
        yield from _members(entry.name, thing, link)


def _members(name: str, kind: type, link: Link) -> Iterator[str]:
    sync: list[str] = []
    for member, thing in members(kind, hidden=_HIDDEN).items():
        if f"{name}.{member}" in _HIDDEN:
            continue
        if member.endswith("_sync"):
            sync.append(member)
            continue
        yield f"### `{name}.{member}`"
        yield _fence(signature(thing, member, most=_FORMS.get(member, 3)))
        yield text_of(inspect.getdoc(thing) or "", link)
    commit = vars(kind).get("commit")
    if commit is not None and not isinstance(commit, FunctionType):  # a descriptor, for the type checkers
        yield f"### `{name}.commit`"
        yield _fence("def commit() -> Workflow[In, Out]: ...")
        yield text_of(inspect.getdoc(commit.__get__(object(), kind)) or "", link)
    if sync:
        yield f"For code that is not `async`, with the same arguments: {', '.join(f'`{each}`' for each in sync)}."


def _fence(text: str) -> str:
    return f"```py\n{text}\n```"


_ALL_SAID: Final = """\
A program needs `from waystation import ...`, and errors from `waystation.errors`. What is not listed here is the
library's own, and may change."""


def _index(known: Sequence[Entry]) -> str:
    link = links(known, "index.md")
    titles = {page.file: page.title for page in PAGES}
    parts = [
        "# All names",
        MADE,
        _ALL_SAID,
    ]
    for file, title in titles.items():
        rows = [
            f"| [`{entry.name}`]({file}#{entry.anchor}) | {summary(entry.doc, link)} |"
            for entry in known
            if entry.page == file
        ]
        parts.append("\n".join([f"## {title}\n", f"| [{title.lower()}]({file}) | |", "|---|---|", *rows]))
    parts.append("## Errors\n\nAll of them, with their codes: [errors](errors.md).")
    return "\n\n".join(parts) + "\n"


# --------------------------------------------------------------------------- the rest


_DECISIONS_SAID: Final = """\
# Decisions

<!-- Made by `make reference-pages` from the records; a test compares. -->

Why it is built so: one record a choice.

"""


def _decisions() -> str:
    heads = {file.name: file.read_text(encoding="utf-8").split("\n", 1)[0] for file in DECISIONS.glob("[0-9]*.md")}
    return _DECISIONS_SAID + "".join(f"- [{head.removeprefix('# ')}]({name})\n" for name, head in sorted(heads.items()))


def main() -> None:
    """Write the pages."""
    for page, text in pages().items():
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
