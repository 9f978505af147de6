"""Durable, typed workflows that pause for people.

    from waystation import StepContext, Waystation, step, workflow

Everything a program needs is a name of this module; the error classes are in ``waystation.errors``.
"""

from waystation.agents import create_step
from waystation.core.entries import ErrorRecord
from waystation.core.history import RunHistory, StepHistory
from waystation.define.context import FlowContext, StepContext, SyncTransaction, Transaction
from waystation.define.hooks import HookEvent
from waystation.define.mapping import FromContext, FromInit, FromState, FromStep, Template, Value
from waystation.define.retry import Retry
from waystation.define.schedule import Cron
from waystation.define.step import AnyStep, Step, step
from waystation.define.workflow import Workflow, workflow
from waystation.dispatch.resubmitted import Resubmitted
from waystation.engine.events import AnyEvent as Event
from waystation.engine.events import (
    BranchTakenEvent,
    CancelRequestedEvent,
    EventMatchedEvent,
    EventReceivedEvent,
    NodeFailedEvent,
    RunFinishedEvent,
    RunPausedEvent,
    RunStartedEvent,
    RunSuspendedEvent,
    SleepBegunEvent,
    StepBailedEvent,
    StepCancelledEvent,
    StepFailedEvent,
    StepOutputEvent,
    StepProgressEvent,
    StepResumedEvent,
    StepRetryingEvent,
    StepStartedEvent,
    StepSucceededEvent,
    StepSuspendedEvent,
    UndoBegunEvent,
)
from waystation.engine.schedules import ScheduleInfo
from waystation.errors import DataError, NonRetryable, WaystationError
from waystation.results import (
    Misfit,
    RunActive,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunResult,
    RunSucceeded,
    RunSuspended,
    Suspension,
)
from waystation.run import Run
from waystation.runnable import RunnableWorkflow
from waystation.runtime import Waystation
from waystation.schema import Schema, schema_for
from waystation.store import Store, export_run, import_run, open_store
from waystation.store.codec import (
    Blobs,
    Codec,
    CodecStore,
    Compression,
    Encryption,
    PayloadCodec,
    PayloadPlace,
    keys_in_use,
    sweep_blobs,
)

__all__ = [
    "AnyStep",
    "Blobs",
    "BranchTakenEvent",
    "CancelRequestedEvent",
    "Codec",
    "CodecStore",
    "Compression",
    "Cron",
    "DataError",
    "Encryption",
    "ErrorRecord",
    "Event",
    "EventMatchedEvent",
    "EventReceivedEvent",
    "FlowContext",
    "FromContext",
    "FromInit",
    "FromState",
    "FromStep",
    "HookEvent",
    "Misfit",
    "NodeFailedEvent",
    "NonRetryable",
    "PayloadCodec",
    "PayloadPlace",
    "Resubmitted",
    "Retry",
    "Run",
    "RunActive",
    "RunCancelled",
    "RunFailed",
    "RunFinishedEvent",
    "RunHistory",
    "RunPaused",
    "RunPausedEvent",
    "RunResult",
    "RunStartedEvent",
    "RunSucceeded",
    "RunSuspended",
    "RunSuspendedEvent",
    "RunnableWorkflow",
    "ScheduleInfo",
    "Schema",
    "SleepBegunEvent",
    "Step",
    "StepBailedEvent",
    "StepCancelledEvent",
    "StepContext",
    "StepFailedEvent",
    "StepHistory",
    "StepOutputEvent",
    "StepProgressEvent",
    "StepResumedEvent",
    "StepRetryingEvent",
    "StepStartedEvent",
    "StepSucceededEvent",
    "StepSuspendedEvent",
    "Store",
    "Suspension",
    "SyncTransaction",
    "Template",
    "Transaction",
    "UndoBegunEvent",
    "Value",
    "Waystation",
    "WaystationError",
    "Workflow",
    "create_step",
    "export_run",
    "import_run",
    "keys_in_use",
    "open_store",
    "schema_for",
    "step",
    "sweep_blobs",
    "workflow",
]
