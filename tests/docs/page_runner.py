"""Runs the Python of one page of the docs: ``python tests/docs/page_runner.py PAGE``.

The blocks of a page are one program: each goes on from the one before, in one module. A block may await at its top
level, in the loop of the page. What a block prints is what the comments behind its ``print`` lines say, one by one; if
it is not, the program ends with a message that names the line of the page.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import io
import re
import sys
import types
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import cast

_BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
_SAID = re.compile(r"^\s*print\(.*\)  # (.*)$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of Python, and the line of the page that it begins on."""

    line: int
    text: str

    def said(self) -> list[str]:
        """What its comments say that it prints."""
        return _SAID.findall(self.text)


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page that are run."""
    return [Block(page.count("\n", 0, found.start(1)) + 1, found[1]) for found in _BLOCK.finditer(page)]


def blocks_in(page: str, kind: str) -> list[str]:
    """The texts of a page that are fenced as ``kind``."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


def run(path: Path) -> None:
    """Run the blocks of a page.

    Raises:
        AssertionError: one printed something else than its comments say.
    """
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    main = sys.modules["__main__"] = types.ModuleType("__main__")  # where types are looked up by name
    vars(main)["__builtins__"] = builtins  # as any module has; code that is not run by exec() looks for them too
    with asyncio.Runner() as runner:
        for block in blocks:
            # Empty lines before it, so that a traceback names the line of the page.
            code = compile(
                "\n" * (block.line - 1) + block.text,
                str(path),
                "exec",
                flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                dont_inherit=True,
            )
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                if code.co_flags & inspect.CO_COROUTINE:
                    function = types.FunctionType(code, vars(main))
                    runner.run(cast("Coroutine[object, object, object]", function()))
                else:
                    exec(code, vars(main))
            said, got = block.said(), printed.getvalue().splitlines()
            assert got == said, f"{path}:{block.line}: the block printed {got}, and its comments say {said}"


if __name__ == "__main__":
    run(Path(sys.argv[1]))
