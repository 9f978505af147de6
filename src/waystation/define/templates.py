"""Templates: a text with parts of the run's data filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from waystation.errors import DefinitionError

ROOTS: Final = ("init", "input", "steps", "state", "context")
"""What a placeholder may begin with: the workflow's input, what reaches the map, a node's output, the run state, the
request context."""

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A part to be filled in.

    Attributes:
        root: one of ``ROOTS``.
        path: the dotted path after it; "" for all of it. Under ``steps`` its first part is the id of a node.
    """

    root: str
    path: str

    def __str__(self) -> str:
        return f"${{{self.root}.{self.path}}}" if self.path else f"${{{self.root}}}"


TemplatePart: TypeAlias = str | Placeholder


def parse_template(where: str, text: str) -> tuple[TemplatePart, ...]:
    """A template as plain texts and placeholders, in turn.

    Arguments:
        where: names the template in an error.
        text: the template.

    Raises:
        DefinitionError: a placeholder has no end, or begins with none of ``ROOTS``.

    Example:
        ``"for ${init.name}"`` is ``("for ", Placeholder("init", "name"))``.
    """
    parts: list[TemplatePart] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        parts += [text[end : found.start()], _placeholder(where, found)]
        end = found.end()
    rest = text[end:]
    if "${" in "".join(part for part in [*parts, rest] if isinstance(part, str)):
        raise DefinitionError(f"{where}: the template {text!r} has a '${{' without its '}}'")
    return tuple(part for part in [*parts, rest] if part != "")


def _placeholder(where: str, found: re.Match[str]) -> Placeholder:
    root, dot, path = found[1].strip().partition(".")
    if root not in ROOTS or (root == "steps" and not path) or (dot and "" in path.split(".")):
        raise DefinitionError(
            f"{where}: the template's {found[0]!r} is not known; write ${{init.name}}, ${{input.name}}, "
            "${steps.id.name}, ${state.name} or ${context.name}"
        )
    return Placeholder(root, path)
