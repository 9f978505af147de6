"""What Prometheus asks for: how the API is used, and how the runs stand."""

from __future__ import annotations

import asyncio
import time
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from waystation.store.protocol import Store
from waystation.store.records import RunStatus

_SURVEY_SECONDS = 10.0
"""A survey counts all runs: it is made at most so often."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics of one server."""

    def __init__(self, version: str) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "waystation_http_requests",
            "Requests by route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "waystation_http_request_seconds",
            "How long requests took, streams but for their beginning.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._streams = Gauge("waystation_open_streams", "Streams that are open.", registry=registry)
        self._waiting = Gauge("waystation_waiting_requests", "Requests that wait for runs.", registry=registry)
        self._runs = Gauge("waystation_runs", "Runs in the store by status.", ("status",), registry=registry)
        self._suspensions = Gauge(
            "waystation_open_suspensions", "Suspensions that wait for an answer.", registry=registry
        )
        self._workers = Gauge("waystation_workers", "Processes that are registered to drive runs.", registry=registry)
        self._oldest = Gauge(
            "waystation_oldest_unfinished_created_seconds",
            "When the oldest run that has not ended was created, in seconds since 1970; 0 if there is none.",
            registry=registry,
        )
        self._size = Gauge("waystation_store_bytes", "How many bytes the store takes.", registry=registry)
        Info("waystation", "Of Waystation.", registry=registry).info({"version": version})
        self._surveyed: float | None = None
        self._surveying = asyncio.Lock()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note a request that was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    async def text(self, store: Store, *, streams: int, waiting: int) -> bytes:
        """All of them, as Prometheus reads them. Raises ``StoreError``."""
        self._streams.set(streams)
        self._waiting.set(waiting)
        async with self._surveying:
            if self._surveyed is None or time.monotonic() - self._surveyed > _SURVEY_SECONDS:
                await self._survey(store)
                self._surveyed = time.monotonic()
        return generate_latest(self._registry)

    async def _survey(self, store: Store) -> None:
        survey = await store.survey()
        for status in get_args(RunStatus):
            self._runs.labels(status).set(survey.runs.get(status, 0))
        self._suspensions.set(survey.open_suspensions)
        self._workers.set(len(survey.workers))
        oldest = survey.oldest_unfinished
        self._oldest.set(0 if oldest is None else oldest.created_at / 1000)
        self._size.set(survey.size)
