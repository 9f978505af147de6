"""What the model has and Waystation leaves out on purpose, and why; and which tests are not run on a fleet, and why.
``docs/conformance.md`` lists both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class LeftOut:
    """A feature of the model that is not here.

    Attributes:
        feature: what the model has.
        why: why it is left out, and what to use.
        model: the numbers of observed behaviours that go with it.
    """

    feature: str
    why: str
    model: tuple[int, ...] = ()


LEFT_OUT: Final[tuple[LeftOut, ...]] = (
    LeftOut(
        "Workflows stored as JSON and loaded at run time (dynamic workflows)",
        "a graph holds functions, and is checked by type checkers; `describe()` gives it as JSON to look at",
    ),
    LeftOut(
        "Predicates as data (`{op: eq, left, right}`) for conditions",
        "a condition is a function, typed and tested as one; what it said is recorded",
    ),
    LeftOut("Scorers on steps", "an evaluation is a step of its own, or belongs to what the agent is made of"),
    LeftOut(
        "`tripwire` results of agents' processors",
        "an agent that refuses raises: the step fails with that error, or is tried again by its policy",
    ),
    LeftOut(
        "`.agent()`, `.tool()` and `.classifier()` on the builder, looked up by name when the run gets there",
        "`create_step(agent)` is a plain step; a step reaches agents and tools by `ctx.agents` and `ctx.tools`",
    ),
    LeftOut(
        "Steps made of message processors",
        "they belong to the agent framework",
    ),
    LeftOut(
        "`metadata` and `description` on nodes and entries of the graph",
        "a node has an id, a step its docstring, a workflow a `description`; more would be data that nothing reads",
    ),
    LeftOut(
        "`validateInputs: false`",
        "data that was not checked could not be promised to come back with its type after a restart",
        (27,),
    ),
    LeftOut(
        "A request context schema on a step",
        "the workflow declares one, and it is checked at the start and at each answer; a step reads a mapping",
    ),
    LeftOut(
        "Stores without compare-and-set",
        "one winner is a promise of every store, and `waystation.testing.store_suite` tests it",
        (40,),
    ),
    LeftOut(
        "Runs without a store",
        'there always is one: `"memory://"` where nothing need be kept; so every run can be answered and restarted',
        (52, 90),
    ),
    LeftOut(
        "`shouldPersistSnapshot` and `pruneSnapshot`",
        "there is no snapshot to rewrite: each step appends one row, and what is durable is no option of a workflow. "
        "`retention=` deletes runs that have ended",
        (53,),
    ),
    LeftOut(
        "A second engine with other results (evented), and workers to start for it",
        "one engine; several processes on one store share the work, by leases",
        (72, 73, 74, 75),
    ),
    LeftOut(
        "Time travel within a run, which overwrites it, and made-up results for steps that never ran",
        "`run.fork(from_step)` makes a new run that shares the past; the old one stays as it was",
    ),
    LeftOut(
        "Resuming a step with an answer by time travel (`timeTravel({step, resumeData})`)",
        "fork from the step: it suspends again in the new run, and is answered there",
    ),
    LeftOut(
        "A scheduler that must run in exactly one process",
        "any number of processes; each slot starts one run",
    ),
    LeftOut("Schedules made at run time", "a schedule is part of its workflow; it can be paused and run now"),
    LeftOut("Cron expressions with seconds", "five fields, as cron has"),
    LeftOut(
        "Conditions that raise and are taken as false",
        "a condition, key or map that raises fails the run, and the error names the node",
    ),
    LeftOut(
        "The value that a step returns after `suspend()`",
        "`suspend` never returns: what would come after it cannot be half done",
    ),
    LeftOut(
        "One run id in two workflows",
        "a run id is unique in its store, so `get_run(id)` needs nothing else",
        (69,),
    ),
    LeftOut(
        "Token usage and trace ids on results",
        "a step that calls a model can record what it used by `ctx.write`, or give it; tracing is not built yet",
    ),
    LeftOut(
        "Flow control of Inngest (rate limit, throttle, debounce, priority)",
        "it belongs to a queue in front of the runs",
    ),
)
"""In the order of ``docs/conformance.md``."""


@dataclass(frozen=True)
class NotOnAFleet:
    """A test that says nothing of a fleet, where a Restate places the runs.

    Attributes:
        tests: its file, or its file and name (``file::name``), below ``tests/conformance``.
        why: why it is not run there.
    """

    tests: tuple[str, ...]
    why: str


NOT_ON_A_FLEET: Final[tuple[NotOnAFleet, ...]] = (
    NotOnAFleet(
        ("test_awkward_steps.py::test_a_step_sees_the_context_in_which_its_run_was_started",),
        "a context variable of who starts a run is seen by steps in the same process; a fleet runs them in any process",
    ),
    NotOnAFleet(
        ("test_suspension.py::test_a_parked_run_holds_no_task",),
        "it counts all tasks of the process, and the connections of a worker have tasks too; "
        "`fleet/test_parked_runs.py` counts those that parked runs have",
    ),
    NotOnAFleet(
        (
            "test_restart_call.py::test_restart_takes_over_from_a_killed_process_and_repeats_nothing",
            "test_restart_call.py::test_restart_looks_itself_whether_the_process_is_gone",
            "test_restart_call.py::test_a_sleep_goes_on_for_its_remaining_time",
            "test_restart_call.py::test_of_several_that_restart_a_run_one_takes_it_over",
        ),
        "an app that recovers nothing takes over, by hand, from a process that was killed; on a fleet the next "
        "worker has been called by then, as `fleet/test_crash_of_workers_and_a_node.py` shows",
    ),
    NotOnAFleet(
        (
            "test_schedules.py",
            "test_store_races.py",
        ),
        "a store by itself, without an app",
    ),
)
