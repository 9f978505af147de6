"""Where runs are kept: ``open_store`` picks the store, ``Store`` is what every store does."""

from waystation.store.address import open_store
from waystation.store.protocol import Store

__all__ = ["Store", "open_store"]
