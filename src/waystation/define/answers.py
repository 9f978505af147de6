"""What the functions of a graph may give: the answer itself, or a promise of it, as from an ``async`` function."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeAlias

Truth: TypeAlias = bool | Awaitable[bool]
"""What a condition gives."""

Number: TypeAlias = int | Awaitable[int]
"""What a concurrency gives."""

Span: TypeAlias = timedelta | Awaitable[timedelta]
"""What the time of a sleep gives."""

Moment: TypeAlias = datetime | Awaitable[datetime]
"""What the end of a sleep gives."""
