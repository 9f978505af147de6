"""Puts together the value of a declarative map: each key from its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import msgspec

from waystation.core.addresses import Address
from waystation.define.mapping import FromContext, FromInit, FromState, FromStep, Source, Template, Value
from waystation.define.step import AnyStep
from waystation.engine.access import RunAccess
from waystation.engine.run_state import context_data
from waystation.errors import StepError

_HOLE = re.compile(r"\$\{([^}]*)\}")


class Resolver:
    """Finds what sources name, for one map in one run; each of it is read once.

    Arguments:
        access: how to reach the run.
        address: the map.
        input: what reached it, as JSON.
    """

    def __init__(self, access: RunAccess, address: Address, input: bytes) -> None:
        self._access = access
        self._address = address
        self._input = input
        self._known: dict[str, object] = {}

    async def resolve(self, source: Source) -> object:
        """The plain data that ``source`` stands for.

        Raises:
            StepError: it names a step that has not run, or a part that is not there.
        """
        match source:
            case Value():
                return source.value
            case Template():
                return await self._fill(source.text)
            case FromInit():
                return at_path(await self._root("init"), source.path, "the workflow's input")
            case FromState():
                return at_path(await self._root("state"), source.path, "the run state")
            case FromContext():
                return at_path(await self._root("context"), source.path, "the request context")
            case FromStep():
                return await self._of_step(source)

    async def _of_step(self, source: FromStep) -> object:
        steps = cast("Sequence[AnyStep]", source.step if isinstance(source.step, Sequence) else [source.step])
        for step in steps:
            value = await self._access.output_of(self._address, step.id)
            if value is not None:
                return at_path(msgspec.json.decode(value), source.path, f"the output of step {step.id!r}")
        raise StepError(f"none of the steps {', '.join(repr(step.id) for step in steps)} has run")

    async def _root(self, name: str) -> object:
        if name not in self._known:
            self._known[name] = await self._read(name)
        return self._known[name]

    async def _read(self, name: str) -> object:
        match name:
            case "init":
                return msgspec.json.decode(await self._access.scope_input(self._address))
            case "input":
                return msgspec.json.decode(self._input)
            case "state":
                return context_data(self._access.shared())
            case _:
                return context_data(self._access.context())

    async def _fill(self, text: str) -> str:
        filled: list[str] = []
        end = 0
        for hole in _HOLE.finditer(text):
            filled.append(text[end : hole.start()])
            found = await self._hole(hole[1])
            filled.append(found if isinstance(found, str) else msgspec.json.encode(found).decode())
            end = hole.end()
        return "".join([*filled, text[end:]])

    async def _hole(self, path: str) -> object:
        root, _, rest = path.strip().partition(".")
        if root != "steps":
            return at_path(await self._root(root), rest or ".", root)
        id_, _, rest = rest.partition(".")
        value = await self._access.output_of(self._address, id_)
        if value is None:
            raise StepError(f"step {id_!r} has not run; ${{{path}}} cannot be filled in")
        return at_path(msgspec.json.decode(value), rest or ".", f"the output of step {id_!r}")


def at_path(data: object, path: str, what: str) -> object:
    """The part of plain data at a dotted path; "." for all of it.

    Raises:
        StepError: there is no such part.
    """
    if path in (".", ""):
        return data
    for part in path.split("."):
        if isinstance(data, dict) and part in data:
            data = cast("dict[str, object]", data)[part]
        elif isinstance(data, list) and part.isdecimal() and int(part) < len(cast("list[object]", data)):
            data = cast("list[object]", data)[int(part)]
        else:
            raise StepError(f"{what} has no {path!r}: there is no {part!r}")
    return data
