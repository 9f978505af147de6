"""The page of the reference that has all errors, branch by branch, with their codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Final

from tests.docs.docstrings import Link, text_of
from tests.docs.reference_map import Entry, links, tree
from waystation.errors import WaystationError

_SAID: Final = """\
All errors are of one tree, and are in `waystation.errors`. Each has a `code` for programs, which never changes, and a
`message` for people, which may. A message begins with what is said here, and goes on with the run, the place and the
way out. A table has the errors of one branch; whoever catches the branch catches them all."""


def errors_page(known: Sequence[Entry], made: str) -> str:
    """The whole page.

    Arguments:
        known: every name that has a place in the reference.
        made: the line that says of a page that it is made.
    """
    link = links(known, "errors.md")
    kinds = list(tree().values())
    parts = ["# Errors", made, _SAID]
    alone: list[type[WaystationError]] = [WaystationError]
    for branch in [kind for kind in kinds if WaystationError in kind.__bases__]:
        of_it = [kind for kind in kinds if issubclass(kind, branch)]
        if len(of_it) == 1:
            alone.append(branch)
        else:
            parts += _branch(branch.__name__, of_it, link)
    parts += _branch("Others", alone, link)
    return "\n\n".join(parts) + "\n"


def _branch(title: str, kinds: Sequence[type[WaystationError]], link: Link) -> Iterator[str]:
    yield f"## {title}"
    rows = [
        f'| <a id="{kind.__name__.lower()}"></a>`{kind.__name__}` | `{kind.code}` | {_said(kind, link)} |'
        for kind in kinds
    ]
    yield "\n".join(["| error | code | |", "|---|---|---|", *rows])
    for kind in kinds:
        _, found, fields = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")
        if found:
            yield f"`{kind.__name__}`" + (" and its kinds have" if title == kind.__name__ else " has")
            yield text_of(f"Attributes:\n{fields}", link).removeprefix("**Attributes**\n\n")


def _said(kind: type[WaystationError], link: Link) -> str:
    """Its text, and which error it is a kind of, if that is not the whole branch."""
    text = " ".join(text_of((inspect.getdoc(kind) or "").partition("\nAttributes:\n")[0].strip(), link).split())
    parent = next((base for base in kind.__bases__ if issubclass(base, WaystationError)), WaystationError)
    of_branch = parent is WaystationError or WaystationError in parent.__bases__
    return text if of_branch else f"{text} A kind of {link(parent.__name__)}."
