"""Durable, typed workflows that pause for people.

    from waystation import StepContext, Waystation, step, workflow

Everything a program needs is a name of this module; the error classes are in ``waystation.errors``.
"""

from waystation.agents import create_step
from waystation.core.entries import ErrorRecord
from waystation.core.history import RunHistory, StepHistory
from waystation.define.context import StepContext
from waystation.define.retry import Retry
from waystation.define.step import AnyStep, Step, step
from waystation.define.workflow import Workflow, workflow
from waystation.engine.events import AnyEvent as Event
from waystation.errors import DataError, NonRetryable, WaystationError
from waystation.results import RunActive, RunFailed, RunResult, RunSucceeded, RunSuspended, Suspension
from waystation.run import Run
from waystation.runtime import RunnableWorkflow, Waystation
from waystation.schema import Schema, schema_for
from waystation.store import Store, open_store

__all__ = [
    "AnyStep",
    "DataError",
    "ErrorRecord",
    "Event",
    "NonRetryable",
    "Retry",
    "Run",
    "RunActive",
    "RunFailed",
    "RunHistory",
    "RunResult",
    "RunSucceeded",
    "RunSuspended",
    "RunnableWorkflow",
    "Schema",
    "Step",
    "StepContext",
    "StepHistory",
    "Store",
    "Suspension",
    "Waystation",
    "WaystationError",
    "Workflow",
    "create_step",
    "open_store",
    "schema_for",
    "step",
    "workflow",
]
