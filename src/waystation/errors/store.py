"""What a store could not do; nothing is half-written."""

from __future__ import annotations

from waystation.errors.root import WaystationError


class StoreError(WaystationError):
    """The store could not do what was asked."""

    code = "store_error"


class StoreUrlInvalid(StoreError):
    """The store's address is not one that is known."""

    code = "store_url_invalid"


class StoreClosed(StoreError):
    """The store was closed."""

    code = "store_closed"


class StoreReadOnly(StoreError):
    """The store cannot be written to."""

    code = "store_read_only"


class StoreFull(StoreError):
    """There is no space left for the store."""

    code = "store_full"


class StoreBusy(StoreError):
    """Another process held the store's lock for too long."""

    code = "store_busy"


class StoreCorrupt(StoreError):
    """The store's file is damaged or not a database."""

    code = "store_corrupt"


class PayloadUnreadable(StoreCorrupt):
    """What the store keeps of a run cannot be read back.

    Attributes:
        run_id: the run; "" for what belongs to none.
        place: what of it, in words: "entry 5 of run 'r1'".
    """

    code = "payload_unreadable"

    def __init__(self, message: str | None = None, *, run_id: str = "", place: str = "") -> None:
        super().__init__(message)
        self.run_id = run_id
        self.place = place


class PayloadDamaged(PayloadUnreadable):
    """What the store keeps of a run is not what was written there."""

    code = "payload_damaged"


class PayloadKeyMissing(PayloadUnreadable):
    """What the store keeps of a run is encrypted with a key that is not at hand.

    Attributes:
        key_id: which key.
    """

    code = "payload_key_missing"

    def __init__(self, message: str | None = None, *, run_id: str = "", place: str = "", key_id: str = "") -> None:
        super().__init__(message, run_id=run_id, place=place)
        self.key_id = key_id


class PayloadNotEncrypted(PayloadUnreadable):
    """What the store keeps of a run is not encrypted, and only what is encrypted is to be believed."""

    code = "payload_not_encrypted"


class BlobMissing(PayloadUnreadable):
    """What is kept of a run outside the store is not there."""

    code = "blob_missing"


class StoreMoved(StoreError):
    """The store's file was deleted, moved or replaced while it was open."""

    code = "store_moved"


class StoreDiskError(StoreError):
    """The disk or the file system under the store fails."""

    code = "store_disk_error"


class StoreSchemaNewer(StoreError):
    """The store was written by a newer version of Waystation; upgrade this one."""

    code = "store_schema_newer"


class StoreSchemaOlder(StoreError):
    """The store's schema is older than what can be read; bring it up to date."""

    code = "store_schema_older"

    @classmethod
    def of(cls, store: str, version: int, newest: int) -> StoreSchemaOlder:
        """Of a store whose schema has this version, 0 for none, where ``newest`` is what is read."""
        if not version:
            return cls(f"there is no store in {store} yet; 'waystation db upgrade' makes it")
        return cls(
            f"the schema of {store} is {version}, and this version of Waystation reads {newest}; "
            "'waystation db upgrade' brings it up to date"
        )


class StoreSchemaForeign(StoreError):
    """The database belongs to another program."""

    code = "store_schema_foreign"


class StoreUnavailable(StoreError):
    """The store's server cannot be reached now. Whether a write under way is there is found out before it is told."""

    code = "store_unavailable"


class StoreAccessDenied(StoreError):
    """The store's server refuses this user, or does not let it do what is needed."""

    code = "store_access_denied"


class RunFileInvalid(StoreError):
    """The file is not a whole, unchanged export of a run.

    Attributes:
        line: which line of it is wrong, from 1.
    """

    code = "run_file_invalid"

    def __init__(self, message: str | None = None, *, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class CodecInvalid(StoreError):
    """The settings of a payload codec are not ones it can work with."""

    code = "codec_invalid"
