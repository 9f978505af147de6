"""What a node may run: a step, or a workflow as one step of another."""

from __future__ import annotations

from typing import Generic, Never, TypeAlias

from typing_extensions import TypeVar

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Executable(Generic[In_contra, Out_co]):
    """A ``Step`` or a ``Workflow``: what takes one value and gives another.

    It is there for the type checkers: a builder takes either, wherever their types meet. Workflows themselves are
    invariant (their schemas both read and write), yet as a part of another workflow one may be given more special
    values than it takes, as a step may.

    Attributes:
        id: its name within a workflow.
    """

    id: str


AnyExecutable: TypeAlias = Executable[Never, object]
"""Any step or workflow, whatever it takes and gives."""
