"""Which public names there are, and where in the reference each has its place.

Every public name has one: a page, and a heading (an error: a row) on it. A name that a module has in ``__all__`` and
that is on no page is told of, with the place to say where it belongs.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from tests.docs.docstrings import Link
from waystation import errors
from waystation.errors import WaystationError

PUBLIC: Final = (
    "waystation",
    "waystation.errors",
    "waystation.agents",
    "waystation.client",
    "waystation.server",
    "waystation.testing",
    "waystation.testing.store_suite",
)
"""The modules that say in ``__all__`` which of their names are public."""


@dataclass(frozen=True)
class Page:
    """A page of the reference.

    Attributes:
        file: its file.
        title: its heading.
        said: what stands above its names.
        names: what is on it, as ``module:name``; the module may be left out where it is ``waystation``.
    """

    file: str
    title: str
    said: str
    names: str


PAGES: Final = (
    Page(
        "workflows.md",
        "Steps and workflows",
        "What a program is written with. [Flow](../guide/flow.md) shows it at work. A name with the module "
        "`waystation.define.builder` is what a call gives, and need not be imported.",
        """step create_step Step AnyStep workflow waystation.define.builder:Builder Workflow Retry Cron
        FromStep FromInit FromState FromContext Value Template HookEvent Schema schema_for""",
    ),
    Page(
        "context.md",
        "Inside a step",
        "What a step's function, and a function of the graph, may ask of the run that it is part of.",
        "StepContext FlowContext Transaction SyncTransaction",
    ),
    Page(
        "runs.md",
        "App and runs",
        "The app, its runs, and what they give. [Runs](../guide/runs.md) and [suspend and "
        "resume](../guide/suspend-and-resume.md) show them at work.",
        """Waystation RunnableWorkflow Run RunResult RunSucceeded RunFailed RunSuspended RunCancelled RunPaused
        RunActive Suspension ErrorRecord RunHistory StepHistory Misfit ScheduleInfo Resubmitted
        waystation.dispatch.restate.worker:Worker
        waystation.store.records:RunRecord waystation.store.records:RunPage""",
    ),
    Page(
        "events.md",
        "Events",
        "What `run.stream()` and `run.events()` give; [events](../guide/events.md#following-a-run) tells how. Every "
        "kind has `run_id`; the `seq` of the journal entry it is made from, and which `part` it is of what that entry "
        "tells; and `at`, when it was recorded, in milliseconds since 1970 UTC. What some carry is plain JSON data, as "
        "the journal has it.",
        """Event RunStartedEvent RunSuspendedEvent RunPausedEvent RunFinishedEvent
        StepStartedEvent StepSucceededEvent StepFailedEvent StepRetryingEvent StepSuspendedEvent StepResumedEvent
        StepOutputEvent StepProgressEvent StepCancelledEvent StepBailedEvent BranchTakenEvent NodeFailedEvent
        SleepBegunEvent EventReceivedEvent EventMatchedEvent CancelRequestedEvent UndoBegunEvent""",
    ),
    Page(
        "stores.md",
        "Stores",
        "Where runs are kept. [Where runs are kept](../guide/stores.md) has the addresses.",
        "open_store Store export_run import_run",
    ),
    Page(
        "codecs.md",
        "Payload codecs",
        "How data is kept in a store: [encryption and large payloads](../guide/encryption.md).",
        "Codec Encryption Compression Blobs PayloadCodec PayloadPlace CodecStore sweep_blobs keys_in_use",
    ),
    Page(
        "server.md",
        "Server",
        "The HTTP API in a program of your own: `app.asgi()` and `app.router()` are on [App and runs](runs.md). "
        "[HTTP API](../guide/http-api.md) has the routes, [security](../guide/security.md) who may use them.",
        """waystation.server:serve waystation.server:serve_until_stopped waystation.server:make_asgi
        waystation.server:make_router waystation.server:Limits waystation.server:check_listen
        waystation.server:DEFAULT_PORT waystation.server:Authenticator waystation.server:Principal
        waystation.server:Scope waystation.server:SCOPES waystation.server:TokenAuthenticator
        waystation.server:TokenFile waystation.server:Token waystation.server:OidcAuthenticator""",
    ),
    Page(
        "client.md",
        "Client",
        "The same calls, made over HTTP: [client](../guide/client.md).",
        "waystation.client:Client waystation.client:RemoteWorkflow waystation.client:RemoteRun",
    ),
    Page(
        "testing.md",
        "Testing",
        "For tests of what is built on Waystation: [testing](../guide/testing.md).",
        """waystation.testing:VirtualClock waystation.testing.crashing:CrashingStore
        waystation.testing.store_suite:StoreSuite waystation.testing.store_suite:TransactionsSuite""",
    ),
)


@dataclass(frozen=True)
class Entry:
    """A public name and its place."""

    module: str
    name: str
    thing: object
    page: str

    @property
    def heading(self) -> str:
        """What stands above it. ``step`` and ``Step`` must have anchors that differ by more than a capital."""
        return f"class `{self.name}`" if self.is_class else f"`{self.name}`"

    @property
    def anchor(self) -> str:
        """Where on its page it is."""
        return f"class-{self.name.lower()}" if self.is_class else self.name.lower()

    @property
    def is_class(self) -> bool:
        """Whether it is one that has a heading; errors are rows of a table."""
        return inspect.isclass(self.thing) and not issubclass(self.thing, WaystationError)

    @property
    def doc(self) -> str:
        """Its docstring; of another name for a type, the string after it in the source."""
        if self.name in ALIASES:
            return alias(self.name)[1]
        doc = inspect.getdoc(self.thing) or ""
        return doc.partition("\n\nAttributes:")[0] if self.name == "Builder" else doc  # it has none for users


def entries() -> Sequence[Entry]:
    """Every name of the reference, in its order.

    Raises:
        AssertionError: a public name has no page.
    """
    found: list[Entry] = []
    for page in PAGES:
        for said in page.names.split():
            module, _, name = said.rpartition(":")
            module = module or "waystation"
            found.append(Entry(module, name, getattr(import_module(module), name), page.file))
    found += [Entry("waystation.errors", name, kind, "errors.md") for name, kind in tree().items()]
    placed = {id(entry.thing) for entry in found}
    for module in PUBLIC:
        there = import_module(module)
        for name in getattr(there, "__all__", ()):
            assert id(getattr(there, name)) in placed, f"say in PAGES on which page {module}:{name} is"
    return found


def links(known: Sequence[Entry], page: str, own: str = "") -> Link:
    """Makes links of names, for one page of the reference.

    Arguments:
        known: every name that has a place.
        page: the file of the page.
        own: the name that is told of there: it needs no link to itself.
    """
    places = {entry.name: ("" if entry.page == page else entry.page) + f"#{entry.anchor}" for entry in known}

    def link(code: str) -> str:
        # ``step`` and ``workflow`` are more often the names of arguments.
        has_place = code in places and code not in {own, "step", "workflow"}
        return f"[`{code}`]({places[code]})" if has_place else f"`{code}`"

    return link


def tree() -> Mapping[str, type[WaystationError]]:
    """The errors by name, each after the one it is a kind of."""
    names = {getattr(errors, name): name for name in errors.__all__}
    tree_text = inspect.getdoc(errors) or ""

    def below(kind: type[WaystationError]) -> Iterator[tuple[str, type[WaystationError]]]:
        yield names[kind], kind
        for child in sorted(set(kind.__subclasses__()) & set(names), key=lambda each: tree_text.index(each.__name__)):
            yield from below(child)

    return dict(below(WaystationError))


ALIASES: Final = {
    "AnyStep": ("waystation.define.step", "AnyStep"),
    "RunResult": ("waystation.results", "RunResult"),
    "Event": ("waystation.engine.events", "AnyEvent"),
    "Scope": ("waystation.server.access", "Scope"),
    "SCOPES": ("waystation.server.access", "SCOPES"),
    "DEFAULT_PORT": ("waystation.settings", "DEFAULT_PORT"),
}
"""Names that are neither a class nor a function: the module of each, and its name there."""


def alias(name: str) -> tuple[str, str]:
    """What another name for a type stands for, and the string after it in the source."""
    module, there = ALIASES[name]
    source = Path(inspect.getfile(import_module(module))).read_text(encoding="utf-8")
    for each, after in itertools.pairwise([*ast.parse(source).body, ast.Pass()]):
        if isinstance(each, ast.AnnAssign | ast.Assign) and each.value and there in _targets(each):
            value = ast.get_source_segment(source, each.value) or ""
            if "\n" in value:
                lines = [f"    {line.strip()}\n" for line in value.strip("()").strip().splitlines()]
                value = f"(\n{''.join(lines)})"
            said = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            return value, inspect.cleandoc(str(said)) or ("One of these." if "|" in value else "")
    raise AssertionError(f"{module} has no {there}")


def _targets(assignment: ast.AnnAssign | ast.Assign) -> set[str]:
    return {
        ast.unparse(each)
        for each in ([assignment.target] if isinstance(assignment, ast.AnnAssign) else assignment.targets)
    }
