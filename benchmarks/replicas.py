"""Two replicas over one, with a model that sleeps: what Ray Serve itself costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks.measure import Options, Row, Skipped, seconds, summary

REQUESTS, SLEEP_S = 20, 0.2


def rows(options: Options) -> Iterator[Row]:
    """Requests a second of two replicas over those of one, in turns on one cluster."""
    if find_spec("ray") is None:
        raise Skipped('Ray is not installed: pip install "multimodal-diagnosis[ray]"')
    import ray
    from ray import serve

    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)
    try:
        model = serve.deployment(max_ongoing_requests=1)(_Sleeper)
        handles = {
            count: serve.run(model.options(num_replicas=count).bind(), name=f"r{count}", route_prefix=None)
            for count in (1, 2)
        }

        def ask(count: int) -> float:
            return seconds(lambda: [a.result() for a in [handles[count].remote() for _ in range(REQUESTS)]])

        ask(1), ask(2)
        gains = [ask(1) / ask(2) for _ in range(max(3, options.pairs // 3))]
    finally:
        serve.shutdown()
        ray.shutdown()
    yield summary(f"two replicas over one, {REQUESTS} requests of {SLEEP_S:g} s", gains, ">= 1.8")


class _Sleeper:
    def __call__(self) -> None:
        time.sleep(SLEEP_S)
