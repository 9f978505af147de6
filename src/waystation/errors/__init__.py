"""The one tree of errors.

Every public error class carries a stable ``code`` (for programs: it never changes, messages may), a one-line
docstring that is its default message, and the fields a program needs to react. A message says what happened,
where, and what to do about it.

    WaystationError
    ├── DefinitionError   the workflow's definition is wrong: found before anything runs
    │   ├── InvalidId
    │   ├── InvalidSignature
    │   ├── UnsupportedType
    │   ├── DuplicateId
    │   ├── TypesDoNotMeet
    │   │   └── OutputMismatch
    │   ├── EmptyWorkflow
    │   ├── NotCommitted
    │   ├── DuplicateWorkflow
    │   ├── UnusedBranchTarget
    │   ├── InvalidDuration
    │   ├── InvalidConcurrency
    │   └── InvalidCron
    │       └── CronNeverFires
    ├── DataError   data does not fit its schema: found before anything is written
    │   ├── InvalidInput
    │   ├── InvalidOutput
    │   ├── InvalidSuspendPayload
    │   ├── InvalidResumeData
    │   ├── InvalidState
    │   ├── InvalidRequestContext
    │   ├── InvalidEventData
    │   └── InvalidRecordedValue
    ├── RunError   the request does not fit the state of the run: nothing was changed
    │   ├── UnknownWorkflow
    │   ├── RunNotFound
    │   ├── RunAlreadyExists
    │   ├── RunAlreadyStarted
    │   ├── NotSuspended
    │   │   ├── AlreadyAnswered
    │   │   ├── UnknownLabel
    │   │   └── UnknownItem
    │   ├── AmbiguousSuspension
    │   ├── UnknownStep
    │   ├── DefinitionChanged
    │   ├── UnknownEvent
    │   ├── RunEnded
    │   ├── RunIsRunning
    │   ├── RunNotActive
    │   ├── RunNotPaused
    │   ├── StepNotRun
    │   ├── IdempotencyConflict
    │   ├── StartRefused
    │   ├── UnknownSchedule
    │   └── LeaseLost
    ├── StepError   what can go wrong while a step runs
    │   ├── StepTimeout
    │   ├── NonRetryable
    │   ├── EventTimeout
    │   ├── NoSuchCase
    │   ├── NotAList
    │   ├── NegativeSleep
    │   ├── BadConcurrency
    │   ├── TransactionsNotSupported
    │   ├── TransactionMisused
    │   └── SuspendNotAllowed
    ├── StoreError   the store could not do what was asked: nothing is half-written
    │   ├── StoreUrlInvalid
    │   ├── StoreClosed
    │   ├── StoreReadOnly
    │   ├── StoreFull
    │   ├── StoreBusy
    │   ├── StoreCorrupt
    │   │   └── PayloadUnreadable
    │   │       ├── PayloadDamaged
    │   │       ├── PayloadKeyMissing
    │   │       ├── PayloadNotEncrypted
    │   │       └── BlobMissing
    │   ├── StoreMoved
    │   ├── StoreDiskError
    │   ├── StoreSchemaNewer
    │   ├── StoreSchemaOlder
    │   ├── StoreSchemaForeign
    │   ├── StoreUnavailable
    │   ├── StoreAccessDenied
    │   ├── RunFileInvalid
    │   └── CodecInvalid
    ├── DispatchError   the engine that places runs could not be asked, or refused: the runs stay as they were
    │   ├── DispatchUrlInvalid
    │   ├── DispatchUnreachable
    │   ├── DispatchTooOld
    │   ├── RegistrationRefused
    │   └── NoWorker
    ├── RemoteError   a server could not be asked, or did not do what it was asked for
    │   ├── ServerUrlInvalid
    │   ├── ServerUnreachable
    │   └── NotWaystation
    ├── ServerError   the HTTP API refuses a request before it comes to a run, or cannot be started
    │   ├── ListenRefused
    │   ├── ListenFailed
    │   ├── OriginInvalid
    │   ├── TokenFileInvalid
    │   ├── TokenInvalid
    │   ├── UnknownToken
    │   ├── IdentityInvalid
    │   └── RequestRefused
    │       ├── BadRequest
    │       ├── Unauthenticated
    │       ├── Forbidden
    │       ├── CrossSiteRefused
    │       ├── NotFound
    │       ├── MethodNotAllowed
    │       ├── BodyTooLarge
    │       ├── NotJson
    │       ├── WrongHost
    │       ├── InvalidRequest
    │       ├── TooManyStreams
    │       ├── TooManyWaiting
    │       └── IdentityUnavailable
    ├── AppClosed
    ├── WrongLoop
    └── ExtraMissing

Each branch has a module of its own here, and the last three one together. Import all of them from this one.
"""

from waystation.errors.app import AppClosed, ExtraMissing, WrongLoop
from waystation.errors.data import (
    DataError,
    InvalidEventData,
    InvalidInput,
    InvalidOutput,
    InvalidRecordedValue,
    InvalidRequestContext,
    InvalidResumeData,
    InvalidState,
    InvalidSuspendPayload,
)
from waystation.errors.definition import (
    CronNeverFires,
    DefinitionError,
    DuplicateId,
    DuplicateWorkflow,
    EmptyWorkflow,
    InvalidConcurrency,
    InvalidCron,
    InvalidDuration,
    InvalidId,
    InvalidSignature,
    NotCommitted,
    OutputMismatch,
    TypesDoNotMeet,
    UnsupportedType,
    UnusedBranchTarget,
)
from waystation.errors.dispatch import (
    DispatchError,
    DispatchTooOld,
    DispatchUnreachable,
    DispatchUrlInvalid,
    NoWorker,
    RegistrationRefused,
)
from waystation.errors.remote import NotWaystation, RemoteError, ServerUnreachable, ServerUrlInvalid
from waystation.errors.root import WaystationError
from waystation.errors.runs import (
    AlreadyAnswered,
    AmbiguousSuspension,
    DefinitionChanged,
    IdempotencyConflict,
    LeaseLost,
    NotSuspended,
    RunAlreadyExists,
    RunAlreadyStarted,
    RunEnded,
    RunError,
    RunIsRunning,
    RunNotActive,
    RunNotFound,
    RunNotPaused,
    StartRefused,
    StepNotRun,
    UnknownEvent,
    UnknownItem,
    UnknownLabel,
    UnknownSchedule,
    UnknownStep,
    UnknownWorkflow,
)
from waystation.errors.server import (
    BadRequest,
    BodyTooLarge,
    CrossSiteRefused,
    Forbidden,
    IdentityInvalid,
    IdentityUnavailable,
    InvalidRequest,
    ListenFailed,
    ListenRefused,
    MethodNotAllowed,
    NotFound,
    NotJson,
    OriginInvalid,
    RequestRefused,
    ServerError,
    TokenFileInvalid,
    TokenInvalid,
    TooManyStreams,
    TooManyWaiting,
    Unauthenticated,
    UnknownToken,
    WrongHost,
)
from waystation.errors.steps import (
    BadConcurrency,
    EventTimeout,
    NegativeSleep,
    NonRetryable,
    NoSuchCase,
    NotAList,
    StepError,
    StepTimeout,
    SuspendNotAllowed,
    TransactionMisused,
    TransactionsNotSupported,
)
from waystation.errors.store import (
    BlobMissing,
    CodecInvalid,
    PayloadDamaged,
    PayloadKeyMissing,
    PayloadNotEncrypted,
    PayloadUnreadable,
    RunFileInvalid,
    StoreAccessDenied,
    StoreBusy,
    StoreClosed,
    StoreCorrupt,
    StoreDiskError,
    StoreError,
    StoreFull,
    StoreMoved,
    StoreReadOnly,
    StoreSchemaForeign,
    StoreSchemaNewer,
    StoreSchemaOlder,
    StoreUnavailable,
    StoreUrlInvalid,
)

__all__ = [
    "AlreadyAnswered",
    "AmbiguousSuspension",
    "AppClosed",
    "BadConcurrency",
    "BadRequest",
    "BlobMissing",
    "BodyTooLarge",
    "CodecInvalid",
    "CronNeverFires",
    "CrossSiteRefused",
    "DataError",
    "DefinitionChanged",
    "DefinitionError",
    "DispatchError",
    "DispatchTooOld",
    "DispatchUnreachable",
    "DispatchUrlInvalid",
    "DuplicateId",
    "DuplicateWorkflow",
    "EmptyWorkflow",
    "EventTimeout",
    "ExtraMissing",
    "Forbidden",
    "IdempotencyConflict",
    "IdentityInvalid",
    "IdentityUnavailable",
    "InvalidConcurrency",
    "InvalidCron",
    "InvalidDuration",
    "InvalidEventData",
    "InvalidId",
    "InvalidInput",
    "InvalidOutput",
    "InvalidRecordedValue",
    "InvalidRequest",
    "InvalidRequestContext",
    "InvalidResumeData",
    "InvalidSignature",
    "InvalidState",
    "InvalidSuspendPayload",
    "LeaseLost",
    "ListenFailed",
    "ListenRefused",
    "MethodNotAllowed",
    "NegativeSleep",
    "NoSuchCase",
    "NoWorker",
    "NonRetryable",
    "NotAList",
    "NotCommitted",
    "NotFound",
    "NotJson",
    "NotSuspended",
    "NotWaystation",
    "OriginInvalid",
    "OutputMismatch",
    "PayloadDamaged",
    "PayloadKeyMissing",
    "PayloadNotEncrypted",
    "PayloadUnreadable",
    "RegistrationRefused",
    "RemoteError",
    "RequestRefused",
    "RunAlreadyExists",
    "RunAlreadyStarted",
    "RunEnded",
    "RunError",
    "RunFileInvalid",
    "RunIsRunning",
    "RunNotActive",
    "RunNotFound",
    "RunNotPaused",
    "ServerError",
    "ServerUnreachable",
    "ServerUrlInvalid",
    "StartRefused",
    "StepError",
    "StepNotRun",
    "StepTimeout",
    "StoreAccessDenied",
    "StoreBusy",
    "StoreClosed",
    "StoreCorrupt",
    "StoreDiskError",
    "StoreError",
    "StoreFull",
    "StoreMoved",
    "StoreReadOnly",
    "StoreSchemaForeign",
    "StoreSchemaNewer",
    "StoreSchemaOlder",
    "StoreUnavailable",
    "StoreUrlInvalid",
    "SuspendNotAllowed",
    "TokenFileInvalid",
    "TokenInvalid",
    "TooManyStreams",
    "TooManyWaiting",
    "TransactionMisused",
    "TransactionsNotSupported",
    "TypesDoNotMeet",
    "Unauthenticated",
    "UnknownEvent",
    "UnknownItem",
    "UnknownLabel",
    "UnknownSchedule",
    "UnknownStep",
    "UnknownToken",
    "UnknownWorkflow",
    "UnsupportedType",
    "UnusedBranchTarget",
    "WaystationError",
    "WrongHost",
    "WrongLoop",
]
