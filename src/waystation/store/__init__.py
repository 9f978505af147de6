"""Where runs are kept: ``open_store`` picks the store, ``Store`` is what every store does.

``export_run`` and ``import_run`` move a run from one to another.
"""

from waystation.store.address import open_store
from waystation.store.protocol import Store
from waystation.store.transfer import export_run, import_run

__all__ = ["Store", "export_run", "import_run", "open_store"]
