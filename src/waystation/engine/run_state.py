"""Run state and request context: objects kept by key, as JSON, and seen through schemas.

One run has one state. Each workflow and step in it sees that through a schema of its own, of which only its own keys
count; so a nested workflow may know less than the one around it. What is changed is merged by key.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import cast

import msgspec

from waystation.define.workflow import Workflow
from waystation.errors import DataError, InvalidRequestContext, InvalidState
from waystation.schema import Schema, schema_for

_keys = msgspec.json.Decoder(dict[str, msgspec.Raw])
_key = msgspec.json.Encoder()
_PLAIN: Schema[dict[str, object]] = schema_for(dict[str, object])


class StateView:
    """The run state as one attempt of a step sees it.

    Arguments:
        shared: the state as it was recorded, by key.
        seen_as: the type that the step sees it as; None for plain data.
        declared: the types that the workflows around the step declare, the innermost first; none if they have no state.
            What the step changes must fit all of them, whatever it sees.
        workflow_id, address: whose view it is, for errors.

    Attributes:
        changes: what was changed through this view, as JSON by key.
    """

    def __init__(
        self,
        shared: Mapping[str, msgspec.Raw],
        seen_as: Schema[object] | None,
        *,
        declared: Sequence[Schema[object]],
        workflow_id: str,
        address: str,
    ) -> None:
        self.changes: dict[str, bytes] = {}
        self._shared = shared
        self._seen_as = seen_as
        self._declared = declared
        self._workflow_id = workflow_id
        self._address = address

    def value(self) -> object:
        """The state now, changes of this view included; a new value each time."""
        schema = self._innermost()
        try:
            data = self._json(schema, self.changes)
            return msgspec.json.decode(data) if self._seen_as is None else schema.load(data)
        except DataError as error:
            raise self._located(error) from None

    def change(self, changes: Mapping[str, object]) -> None:
        """Merge ``changes``. Raises ``InvalidState``, and then nothing is changed."""
        schema = self._innermost()
        before = cast("dict[str, object]", msgspec.json.decode(self._json(schema, self.changes)))
        try:
            found = self._dumped(schema, {**before, **changes})
            changed = {**self.changes, **{key: bytes(found[key]) for key in changes if key in found}}
            for other in self._declared:
                if other is not schema:
                    other.load(self._json(other, changed))
        except DataError as error:
            raise self._located(error) from None
        unknown = [key for key in changes if key not in found]
        if unknown:
            raise self._located(DataError([(key, "is no key of the run state") for key in unknown]))
        self.changes = changed

    def _dumped(self, schema: Schema[object], merged: Mapping[str, object]) -> dict[str, msgspec.Raw]:
        found = _keys.decode(schema.dump(schema.validate(merged)))
        # A type may leave out what is its default; what was there before must be replaced all the same.
        left_out = [key for key in keys_of(schema) or () if key in merged and key not in found]
        return {**found, **{key: msgspec.Raw(_key.encode(merged[key])) for key in left_out}}

    def _innermost(self) -> Schema[object]:
        """The type nearest to the step."""
        if not self._declared:
            raise self._located(DataError([("", "is used, but the workflow declares none: workflow(..., state=Type)")]))
        return self._seen_as if self._seen_as is not None else self._declared[0]

    def _json(self, schema: Schema[object], changes: Mapping[str, bytes]) -> bytes:
        keys = keys_of(schema)
        parts = {key: bytes(value) for key, value in self._shared.items()} | dict(changes)
        known = {key: value for key, value in parts.items() if keys is None or key in keys}
        return b"{" + b",".join(_key.encode(key) + b":" + value for key, value in known.items()) + b"}"

    def _located(self, error: DataError) -> DataError:
        return error.located(InvalidState, workflow_id=self._workflow_id, address=self._address)


def keys_of(schema: Schema[object]) -> frozenset[str] | None:
    """The keys that a type knows; None if it takes any."""
    return _known_keys(cast("Hashable", schema))


@functools.lru_cache(maxsize=1000)
def _known_keys(hashable: Hashable) -> frozenset[str] | None:
    schema = cast("Schema[object]", hashable)
    described = schema.json_schema()
    if "$ref" in described:
        name = str(described["$ref"]).rsplit("/", 1)[-1]
        described = cast("dict[str, dict[str, dict[str, object]]]", described).get("$defs", {}).get(name, {})
    properties = described.get("properties")
    if not isinstance(properties, dict) or described.get("additionalProperties") not in (None, False):
        return None
    return frozenset(cast("dict[str, object]", properties))


def initial_state(workflow: Workflow[object, object], given: object) -> dict[str, bytes]:
    """The run state a run begins with, checked, by key.

    Raises:
        InvalidState: it does not fit, or is given to a workflow that declares none.
    """
    if workflow.state is None and given is None:
        return {}
    try:
        if workflow.state is not None:
            return _by_key(workflow.state.dump(workflow.state.validate({} if given is None else given)))
        problem = DataError([("", "is given, but the workflow declares none: workflow(..., state=Type)")])
    except DataError as error:
        problem = error
    raise problem.located(InvalidState, workflow_id=workflow.id, address="state")


def state_differences(workflow: Workflow[object, object], shared: Mapping[str, msgspec.Raw]) -> list[str]:
    """What stands between the run state that was recorded and the type that the workflow has for it now."""
    if workflow.state is None or not shared:
        return []
    view = StateView(shared, workflow.state, declared=[workflow.state], workflow_id=workflow.id, address="")
    try:
        view.value()
    except DataError as error:
        return [f"the run state does not fit {workflow.state.name}: {error.field or 'the value'}: {error.reason}"]
    return []


def checked_context(
    workflow: Workflow[object, object], given: Mapping[str, object] | None, known: Mapping[str, msgspec.Raw]
) -> dict[str, bytes]:
    """What ``given`` adds to the request context ``known``, checked, by key.

    Raises:
        InvalidRequestContext: together they do not fit what the workflow declares.
    """
    if given is None and workflow.request_context is None:
        return {}
    try:
        added = _by_key(_PLAIN.dump(_PLAIN.validate(dict(given or {}))))
        if workflow.request_context is not None:
            merged = {key: msgspec.json.decode(value) for key, value in {**known, **added}.items()}
            whole = _by_key(workflow.request_context.dump(workflow.request_context.validate(merged)))
            return {key: value for key, value in whole.items() if key not in known or bytes(known[key]) != value}
    except (DataError, TypeError) as error:
        found = error if isinstance(error, DataError) else DataError([("", "is an object with text keys")])
        raise found.located(InvalidRequestContext, workflow_id=workflow.id, address="request_context") from None
    return added


def context_data(context: Mapping[str, msgspec.Raw]) -> dict[str, object]:
    """The request context as plain data."""
    return {key: msgspec.json.decode(value) for key, value in context.items()}


def _by_key(data: bytes) -> dict[str, bytes]:
    try:
        return {key: bytes(value) for key, value in _keys.decode(data).items()}
    except msgspec.ValidationError:
        raise DataError([("", "is an object: a model, a dataclass, a TypedDict or a dict")]) from None
