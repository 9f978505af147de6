"""Uses of an app that it cannot serve."""

from __future__ import annotations

from waystation.errors.root import WaystationError


class AppClosed(WaystationError):
    """The app was closed; what was running is handed over and goes on when an app opens the store again."""

    code = "app_closed"


class WrongLoop(WaystationError):
    """This app is already in use on another event loop; make an app for each loop."""

    code = "wrong_loop"


class ExtraMissing(WaystationError):
    """This needs a package that is not installed: an extra of Waystation brings it."""

    code = "extra_missing"
