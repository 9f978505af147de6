"""The ``FlowContext`` that a function of the graph is really given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from typing_extensions import TypeForm

from waystation.core.addresses import Address, number_of
from waystation.define.context import FlowContext
from waystation.define.executable import Executable
from waystation.engine.access import RunAccess, load_result
from waystation.engine.run_state import context_data
from waystation.errors import DataError, InvalidInput
from waystation.schema import schema_for

T = TypeVar("T")


class AskedFlow(FlowContext):
    """What one call of a function of the graph may ask of the run."""

    def __init__(self, access: RunAccess, address: Address, *, run_id: str, workflow_id: str, turn: int = 0) -> None:
        self.run_id = run_id
        self.workflow_id = workflow_id
        self.address = address
        self.iteration = turn or number_of(address)
        self._address = address
        self._access = access

    @property
    def request_context(self) -> Mapping[str, object]:  # type: ignore[override]  # read when first asked for
        """See ``FlowContext``."""
        return context_data(self._access.context())

    @property
    def state(self) -> Mapping[str, object]:
        """See ``FlowContext``."""
        return context_data(self._access.shared())

    async def get_step_result(self, step: Executable[Any, T] | str) -> Any:  # noqa: ANN401  (its two typed forms are FlowContext's)
        """See ``FlowContext``."""
        return await load_result(self._access, self._address, step)

    async def get_init_data(self, type_: TypeForm[T]) -> T:
        """See ``FlowContext``."""
        try:
            return schema_for(type_).load(await self._access.scope_input(self._address))
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow_id, address="input") from None
