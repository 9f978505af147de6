"""The command, called in the test's own process: the same, but for the start of one."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from waystation.cli import main


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def waystation(*arguments: str, stdin: str | None = None) -> Said:
    """Call the command."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO((stdin or "").encode()), encoding="utf-8")
    code: object = None
    with ExitStack() as during:
        during.enter_context(patch.object(sys, "argv", ["waystation", *arguments]))
        during.enter_context(patch.object(sys, "stdin", given))
        during.enter_context(redirect_stdout(out))
        during.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    out.seek(0)
    err.seek(0)
    return Said(int(str(code or 0)), out.read(), err.read())


@contextmanager
def at_home(folder: Path, environment: Mapping[str, str]) -> Generator[None]:
    """Be in a folder, with that environment, and know none of its modules yet."""
    before, path, known = Path.cwd(), list(sys.path), set(sys.modules)
    try:
        with patch.dict(os.environ, environment, clear=True):
            os.chdir(folder)
            yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(folder):
                del sys.modules[name]
