"""``dev``: the app as a server that is started anew when its code changes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from waystation.cli import printing
from waystation.cli.exits import Exit, UsageError
from waystation.cli.failing import fail
from waystation.cli.options import AppOption, DispatchOption, StoreOption
from waystation.cli.serving import OpenOption, PortOption
from waystation.errors import ExtraMissing, WaystationError
from waystation.settings import DEFAULT_PORT

_TO_END = 20.0
"""So many seconds a server has to come to its end."""

_LOOK_MS = 300


def dev(
    *,
    port: PortOption = DEFAULT_PORT,
    watch: Annotated[
        list[str] | None, typer.Option("--watch", metavar="DIR", help="Where the code is; by default here. Repeatable.")
    ] = None,
    browse: OpenOption = False,
    app: AppOption = None,
    store: StoreOption = None,
    dispatch: DispatchOption = None,
) -> None:
    """Serve the app for this machine alone, API and studio, and start it anew when its code changes.

    Runs survive that: they are in the store, and the new process takes them over."""
    named = (("--app", app), ("--store", store), ("--dispatch", dispatch))
    options = [part for option, given in named if given for part in (option, given)]
    try:
        folders = [_folder(each) for each in watch or ["."]]
        _keep_served(["--port", str(port), *options], folders, browse=browse)
    except WaystationError as error:
        fail(error, json=False)
    raise typer.Exit(Exit.OK)


def _folder(named: str) -> Path:
    folder = Path(named)
    if not folder.exists():
        raise UsageError(f"--watch: there is no {named!r}")
    return folder


def _keep_served(arguments: Sequence[str], folders: Sequence[Path], *, browse: bool) -> None:
    try:
        from watchfiles import PythonFilter, watch  # which only this command needs
    except ImportError as error:
        raise ExtraMissing("'dev' needs watchfiles: install waystation[server], which brings it") from error
    changing = watch(
        *folders,
        watch_filter=PythonFilter(extra_extensions=(".toml",)),
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    with _ended_by_a_signal():
        server = _Child(arguments, browse=browse)
        try:
            for changes in changing:
                if changes:
                    names = sorted({Path(changed).name for _, changed in changes})
                    printing.err.print(f"{', '.join(names)} changed; starting anew", style="dim", markup=False)
                    server.end()
                    server = _Child(arguments, browse=False)
                else:
                    server.look()
        except KeyboardInterrupt:
            pass
        finally:
            server.end()


class _Child:
    """A server in a process of its own."""

    def __init__(self, arguments: Sequence[str], *, browse: bool) -> None:
        more = ["--open"] if browse else []
        self._process = subprocess.Popen(  # noqa: S603  (this very program)
            [sys.executable, "-m", "waystation", "studio", *arguments, *more]
        )
        self._is_told = False

    def look(self) -> None:
        """Tell, once, if it has ended by itself."""
        if self._process.poll() is not None and not self._is_told:
            self._is_told = True
            printing.err.print("the server has ended; it is started anew when the code changes", style="yellow")

    def end(self) -> None:
        """End it: what is in flight in it ends, or is handed over."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_TO_END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextmanager
def _ended_by_a_signal() -> Generator[None]:
    """Whoever ends this process ends its server with it."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (as handlers are called)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
