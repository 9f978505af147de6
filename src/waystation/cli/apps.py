"""Which app the command works on: ``--app``, the environment, or pyproject.toml."""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from waystation.cli.exits import UsageError
from waystation.runtime import Waystation
from waystation.store import Store, open_store

VARIABLE = "WAYSTATION_APP"
DISPATCH_VARIABLE = "WAYSTATION_DISPATCH"

_HOW = (
    f"name it with --app module:variable, with the environment variable {VARIABLE}, or in pyproject.toml: "
    '[tool.waystation] app = "module:variable"'
)


def load_app(named: str | None, store: str | None, dispatch: str | None, *, recover: bool | None = False) -> Waystation:
    """The app, not opened. By default it recovers no runs: a command that ends soon must not begin work that it cannot
    finish.

    Arguments:
        named: ``module:variable``, or None to look where else it may be named.
        store: another store than the app's own, or None.
        dispatch: who places its runs instead of who the app says; None to look in the environment.
        recover: whether it takes over runs that nobody drives; None for what the app itself says.

    Raises:
        UsageError: no app is named, or what is named is none.
    """
    reference = _reference(named)
    if not reference:
        raise UsageError(f"there is no app to work on; {_HOW}")
    dispatch = dispatch or os.environ.get(DISPATCH_VARIABLE) or None
    return _imported(reference).copy(store=store, dispatch=dispatch, recover=recover)


def load_store(named: str | None, store: str | None) -> Store:
    """The store, not opened: that of the app, or another with the app's settings; without an app what ``store`` names.

    Raises:
        UsageError: neither is named, or what is named is no app.
        StoreUrlInvalid.
    """
    reference = _reference(named)
    if reference:
        return _imported(reference).copy(store=store, recover=False).store
    if store is None:
        raise UsageError(f"there is no store to work on: name it with --store URL, or its app; {_HOW}")
    return open_store(store)


def _reference(named: str | None) -> str | None:
    return named or os.environ.get(VARIABLE) or _from_pyproject(Path("pyproject.toml"))


def _imported(reference: str) -> Waystation:
    module_name, separator, variable = reference.partition(":")
    if not module_name or not separator or not variable:
        raise UsageError(f"{reference!r} does not name an app; {_HOW}")
    # As ``python -m`` does: the folder one stands in is where one's own modules are.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise UsageError(
                f"there is no module {module_name!r} (looked for from {str(Path.cwd())!r} on); {_HOW}"
            ) from None
        raise UsageError(f"module {module_name!r} needs {error.name!r}, which is not installed here") from error
    except Exception as error:
        raise UsageError(f"module {module_name!r} cannot be imported: {type(error).__name__}: {error}") from error
    found: object = module
    for name in variable.split("."):
        if not hasattr(found, name):
            raise UsageError(f"module {module_name!r} has no {variable!r}; {_HOW}")
        found = getattr(found, name)
    if not isinstance(found, Waystation):
        raise UsageError(f"{reference!r} is a {type(found).__qualname__}, not a Waystation app")
    return found


def _from_pyproject(file: Path) -> str | None:
    if not file.is_file():
        return None
    try:
        content: Mapping[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    found: object = content
    for key in ("tool", "waystation", "app"):
        if not isinstance(found, Mapping):
            return None
        found = cast("Mapping[str, object]", found).get(key)
    return found if isinstance(found, str) else None
