"""A workflow: what the builder that users write one with makes at ``.commit()``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from typing_extensions import TypeForm

from waystation.define.describe import canonical_description
from waystation.define.drafts import Draft
from waystation.define.executable import Executable
from waystation.define.full_description import full_description
from waystation.define.hooks import NO_HOOKS, Hook, Hooks
from waystation.define.ids import checked_id
from waystation.define.mermaid import mermaid_text
from waystation.define.nodes import Graph
from waystation.define.retry import Retry
from waystation.define.schedule import Cron, schedules_by_id
from waystation.errors import DataError, DefinitionError
from waystation.schema import Schema, schema_for

if TYPE_CHECKING:
    from waystation.define.builder import Builder

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Workflow(Executable[In, Out], Generic[In, Out]):
    """A committed workflow. Made by ``workflow(...)...commit()``; never changed.

    It is run by an app, and may be a part of another workflow wherever a step may.

    Attributes:
        id: its name within an app and a store.
        version: tells several definitions of one id apart that live side by side; "" for none.
        input, output: the schemas of what a run is given and gives.
        state: the schema of the run state; None if it has none.
        request_context: the schema of what a run is given beside its input; None to take any JSON object.
        graph: its nodes.
        schedules: when it starts by itself.
        hooks: who is told of its runs. Those of a nested workflow are not called.
        description: what it is for.
    """

    id: str
    input: Schema[In]
    output: Schema[Out]
    graph: Graph
    version: str = ""
    state: Schema[object] | None = None
    request_context: Schema[object] | None = None
    schedules: tuple[Cron, ...] = ()
    hooks: Hooks = NO_HOOKS
    description: str = ""

    def clone(self, *, id: str) -> Workflow[In, Out]:
        """The same workflow under another id, to use it twice in one workflow, or in one app."""
        checked_id("a workflow", id)
        fingerprint, description = canonical_description(
            id,
            cast("Schema[object]", self.input),
            cast("Schema[object]", self.output),
            self.graph.root,
            state=self.state,
        )
        graph = replace(self.graph, workflow_id=id, fingerprint=fingerprint, description=description)
        return replace(self, id=id, graph=graph)

    def describe(self) -> dict[str, object]:
        """The workflow as JSON data: its nodes in order, and of each step its JSON Schemas, retry and timeout."""
        return full_description(cast("Workflow[object, object]", self))

    def mermaid(self) -> str:
        """The workflow as the text of a Mermaid flowchart."""
        return mermaid_text(cast("Workflow[object, object]", self))

    def __repr__(self) -> str:
        version = f" (version {self.version!r})" if self.version else ""
        return f"<workflow {self.id!r}{version}: {self.input.name} -> {self.output.name}>"


def workflow(
    id: str,
    *,
    input: TypeForm[In],
    output: TypeForm[Out],
    version: str = "",
    state: TypeForm[object] | None = None,
    request_context: TypeForm[object] | None = None,
    retry: Retry | None = None,
    schedule: Cron | Sequence[Cron] | None = None,
    on_start: Hook | None = None,
    on_finish: Hook | None = None,
    on_error: Hook | None = None,
    on_suspend: Hook | None = None,
    description: str = "",
) -> Builder[In, Out, In]:
    """Begin to write a workflow; end with ``.commit()``.

    Arguments:
        id: names it within an app and a store: parked runs find their workflow by it.
        input, output: the types of what a run is given and gives.
        version: a name for this definition, such as ``"2"``. An app may hold several versions of one workflow: each
            run goes on with the one it was started with, new runs take the one that was registered last.
        state: the type of the run state, which steps read by ``ctx.state`` and change by ``ctx.set_state``. A run
            may be started with one; otherwise it begins empty, so give every field a default.
        request_context: the type of what a run is given beside its input, and every step may read: a tenant, a user.
        retry: the retry policy of steps that have none of their own; by default they are tried once.
        schedule: when the workflow starts by itself; several need ids of their own.
        on_start: called with a ``HookEvent`` before a run starts; what it raises refuses the start.
        on_finish, on_error, on_suspend: called with a ``HookEvent`` when a run has ended, has failed, was parked. What
            they raise is logged. All hooks may be async.
        description: what it is for, for people.

    Raises:
        InvalidId, UnsupportedType, DuplicateId.
        DefinitionError: a schedule is no ``Cron``, or a hook no function.

    Example:
        ``workflow("approval-workflow", input=Doc, output=Status).then(approval).commit()``
    """
    from waystation.define.builder import Builder  # which builds on the class above

    checked_id("a workflow", id)
    hooks = {"on_start": on_start, "on_finish": on_finish, "on_error": on_error, "on_suspend": on_suspend}
    for name, hook in hooks.items():
        if hook is not None and not callable(hook):
            raise DefinitionError(f"workflow {id!r}: {name}={hook!r} is no function that takes a HookEvent")
    return Builder(
        Draft(
            id=id,
            input=cast("Schema[object]", schema_for(input)),
            output=cast("Schema[object]", schema_for(output)),
            version=checked_id(f"workflow {id!r}: a version", version) if version != "" else "",
            state=None if state is None else schema_for(state),
            request_context=None if request_context is None else schema_for(request_context),
            retry=retry,
            schedules=_checked_schedules(id, schedule, input, state),
            hooks=Hooks(on_start=on_start, on_finish=on_finish, on_error=on_error, on_suspend=on_suspend),
            description=description,
        )
    )


def _checked_schedules(workflow_id: str, given: object, input: object, state: object) -> tuple[Cron, ...]:
    schedules = tuple(cast("Sequence[object]", given)) if isinstance(given, (list, tuple)) else (given,)
    found: list[Cron] = []
    for schedule in schedules:
        if isinstance(schedule, Cron):
            found.append(schedule)
        elif given is not None:
            raise DefinitionError(
                f"workflow {workflow_id!r}: schedule={schedule!r} is no Cron; give Cron('0 9 * * MON') or a list"
            )
    schedules_by_id(workflow_id, found)
    for cron in found:
        # Now, not at three in the morning when its first slot comes.
        _check_fits(workflow_id, cron, "input", cron.input, input)
        if state is not None:
            _check_fits(workflow_id, cron, "state", {} if cron.state is None else cron.state, state)
    return tuple(found)


def _check_fits(workflow_id: str, cron: Cron, what: str, value: object, form: object) -> None:
    schema = schema_for(cast("TypeForm[object]", form))
    try:
        schema.dump(schema.validate(value))
    except DataError as error:
        raise DefinitionError(
            f"workflow {workflow_id!r}: the {what} that Cron({cron.expression!r}) starts it with does not fit "
            f"{schema.name}: {error.field or 'the value'}: {error.reason}. Give Cron(..., {what}=...)"
        ) from None
