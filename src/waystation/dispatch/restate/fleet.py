"""The parts of an app whose runs are placed by a Restate; loaded only where one is named."""

from __future__ import annotations

from waystation.dispatch.conduct import Conduct
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.client import RestateClient
from waystation.dispatch.restate.dispatcher import RestateDispatcher
from waystation.dispatch.restate.spreading import SpreadSteps
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.store.codec import Codec


class Fleet:
    """What an app has of a fleet.

    Arguments:
        dispatch: the address of the Restate.
        codec: what makes unreadable what goes by way of it, if anything does.

    Attributes:
        client: asks the Restate.
        elsewhere: has steps run by its workers.

    Raises:
        DispatchUrlInvalid.
    """

    def __init__(self, dispatch: str, codec: Codec | None) -> None:
        self.client = RestateClient(RestateAddress.parse(dispatch))
        self.elsewhere = SpreadSteps(self.client, codec)
        self._codec = codec

    def dispatcher(self, engine: Engine, lease: Lease, conduct: Conduct) -> RestateDispatcher:
        """What has runs placed."""
        return RestateDispatcher(engine, lease, self.client, self._codec, conduct)
