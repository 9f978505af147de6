"""What keeps runs from being placed on a fleet: the engine that places them could not be asked, or refused."""

from __future__ import annotations

from waystation.errors.root import WaystationError


class DispatchError(WaystationError):
    """The engine that places runs could not do what was asked; the runs stay as they were."""

    code = "dispatch_error"


class DispatchUrlInvalid(DispatchError):
    """The dispatch address is not one that is known."""

    code = "dispatch_url_invalid"


class DispatchUnreachable(DispatchError):
    """The engine that places runs does not answer."""

    code = "dispatch_unreachable"


class DispatchTooOld(DispatchError):
    """The engine that places runs is of a version that is too old."""

    code = "dispatch_too_old"


class RegistrationRefused(DispatchError):
    """The engine that places runs did not take this worker."""

    code = "registration_refused"


class NoWorker(DispatchError):
    """No worker has registered the workflow; start one with `waystation worker`."""

    code = "no_worker"
