"""What every store promises, as tests that you can run against a store of your own.

Make a class of tests that inherits ``StoreSuite``, with a fixture ``store`` that gives an open, empty store; pytest
does the rest. If your store has an SQL database, inherit ``TransactionsSuite`` too. They need pytest and anyio.

    from collections.abc import AsyncIterator

    import pytest
    from waystation import Store
    from waystation.testing.store_suite import StoreSuite

    class TestMyStore(StoreSuite):
        @pytest.fixture
        async def store(self) -> AsyncIterator[Store]:
            store = MyStore()
            await store.open()
            yield store
            await store.close()

They test what one process can see of a store. That what was told is there after a crash, and that of several processes
one wins, is for tests of your own: ``waystation.testing.crashing`` helps.
"""

# ruff: noqa: E402  (pytest must know of the parts before they are imported)

import pytest

for _part in ("deletion", "journal", "lists", "outside", "ownership", "schedules", "transactions", "starts"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from waystation.testing.store_suite.deletion import DeletionSuite
from waystation.testing.store_suite.journal import JournalSuite
from waystation.testing.store_suite.lists import ListsSuite
from waystation.testing.store_suite.outside import OutsideSuite
from waystation.testing.store_suite.ownership import OwnershipSuite
from waystation.testing.store_suite.schedules import SchedulesSuite
from waystation.testing.store_suite.starts import StartsSuite
from waystation.testing.store_suite.transactions import TransactionsSuite

__all__ = ["StoreSuite", "TransactionsSuite"]


class StoreSuite(JournalSuite, StartsSuite, ListsSuite, OwnershipSuite, DeletionSuite, SchedulesSuite, OutsideSuite):
    """What every store promises."""
