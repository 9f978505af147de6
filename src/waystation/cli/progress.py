"""How far something long has come, for who sits at a terminal and waits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from waystation.cli import printing

_FEWEST = 2


@contextmanager
def progress(doing: str, total: int | None, *, json: bool) -> Generator[Callable[[int], None]]:
    """Shows how far it has come, on standard error, if that is a terminal and there is something to wait for.

    Arguments:
        doing: what is done: ``"exporting"``.
        total: how many there are; None if that is not known.
        json: whether a program is told the outcome; it is shown nothing.

    Gives what to call with how many more are done.
    """
    if json or not printing.err.is_terminal or (total is not None and total < _FEWEST):
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=printing.err, transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda more: bar.advance(task, more)
