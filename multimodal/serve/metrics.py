"""What is counted, for Prometheus: nothing of a patient, a file or a model's name is in a label."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from multimodal.serve.service import Service

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counts of one server.

    Args:
        service: Whose load is read when the counts are asked for.
    """

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "multimodal_requests", "Requests answered.", ("route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "multimodal_request_seconds", "Time to the answer.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self.errors = Counter("multimodal_errors", "Refusals by code.", ("code",), registry=self._registry)
        self.body_bytes = Gauge("multimodal_pending_body_bytes", "Bodies in hand.", registry=self._registry)
        self._registry.register(_LoadCollector(service))

    def text(self) -> bytes:
        """In the exposition format."""
        return generate_latest(self._registry)


class _LoadCollector(Collector):
    """Reads a service's load."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        load = self._service.load
        yield GaugeMetricFamily("multimodal_ready", "1 where cases are taken.", value=float(self._service.ready))
        yield GaugeMetricFamily("multimodal_pending_cases", "Cases in hand.", value=load.pending)
        waiting = GaugeMetricFamily("multimodal_waiting_items", "Items that wait to be scored.", labels=("modality",))
        batches = CounterMetricFamily("multimodal_batches", "Batches run.", labels=("modality",))
        items = CounterMetricFamily("multimodal_batched_items", "Items scored in batches.", labels=("modality",))
        for modality, (count, held) in load.batches.items():
            waiting.add_metric((modality,), load.waiting.get(modality, 0))
            batches.add_metric((modality,), count)
            items.add_metric((modality,), held)
        reused = CounterMetricFamily("multimodal_embeddings", "Embeddings asked for.", labels=("known",))
        for known, count in zip(("yes", "no"), load.reused, strict=True):
            reused.add_metric((known,), count)
        yield from (waiting, batches, items, reused)
