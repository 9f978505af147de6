"""Where commands work: an app of the test's own process, and a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.called import Said, waystation
from tests.client.conftest import an_app, served
from waystation.background import BackgroundLoop
from waystation.server import Authenticator


@dataclass(frozen=True)
class Spot:
    """Where commands work: an app here, or a server."""

    options: tuple[str, ...]

    def __call__(self, *arguments: str, stdin: str | None = None) -> Said:
        return waystation(*arguments, *self.options, stdin=stdin)


def here(store: Path) -> Spot:
    """An app of the command's own process."""
    return Spot(("--app", "tests.cli.shop:app", "--store", f"sqlite:///{store}"))


@contextlib.contextmanager
def there(store: Path | None = None, *, auth: Authenticator | None = None, port: int = 0) -> Generator[Spot]:
    """A server, on a loop of its own."""
    loop = BackgroundLoop()
    serving = served(an_app("memory://" if store is None else f"sqlite:///{store}"), auth=auth, port=port)
    try:
        yield Spot(("--url", loop.call(serving.__aenter__())))
    finally:
        loop.call(serving.__aexit__(None, None, None))
        loop.call(_nothing_left())
        loop.stop()


async def _nothing_left() -> None:
    """End what would stay on the loop for ever: a server in a process of its own ends with that."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


_TIMES = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?"), "TIME"),
    (re.compile(r"\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\b\d+ ms|\b\d+\.\d s"), "LONG"),
    (re.compile(r'(at|began|until|ended|grace_ms)": ?\d+'), r'\1": 0'),
    (re.compile(r"(at|began|until)\":\d+"), r'\1":0'),
]


def timeless(text: str) -> str:
    """What a command printed, its times left out."""
    for pattern, instead in _TIMES:
        text = pattern.sub(instead, text)
    return text


def data_of(said: Said) -> Any:
    """The JSON that a command printed, its times left out."""
    return json.loads(timeless(said.out))
