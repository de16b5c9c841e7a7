"""Every limit of the server, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from multimodal.errors import UsageError

MEBIBYTE = 1 << 20
PREFIX = "MULTIMODAL_SERVE_"
TOKEN = "MULTIMODAL_TOKEN"  # noqa: S105 - the name of it
SHORTEST_TOKEN = 20


@dataclass(frozen=True)
class Settings:
    """What the server takes on before it refuses.

    Each number can be set by the environment, ``MULTIMODAL_SERVE_TIMEOUT_S=120``, and the token by
    ``MULTIMODAL_TOKEN``.

    Attributes:
        token: The secret that a request must carry as ``Authorization: Bearer``. Without one only this machine is
            answered, and only under its own names.
        device: "auto", "cuda", "mps" or "cpu".
        backend: "torch", or on a CPU "onnx" or "onnx-int8".
        body_bytes: Size of one request's body.
        pending_bytes: Bodies of all requests and jobs in hand, together.
        pending: Cases that may be in hand at the same time; more are refused.
        threads: Cases that are worked on at the same time.
        timeout_s: Seconds until a request is given up.
        body_timeout_s: Seconds that a body may take to arrive.
        shutdown_s: Seconds that accepted work may take at the end.
        remembered: Embeddings that are kept for reuse, in memory only; 0 for none.
        jobs: Jobs that are kept, done ones included.
        job_cases: Cases of one job.
        job_parallel: Cases of jobs that are worked on at the same time.
        job_keep_s: Seconds that a finished job is kept.
    """

    token: str = ""
    device: str = "auto"
    backend: str = "torch"
    body_bytes: int = 128 * MEBIBYTE
    pending_bytes: int = 1024 * MEBIBYTE
    pending: int = 64
    threads: int = 8
    timeout_s: float = 60.0
    body_timeout_s: float = 30.0
    shutdown_s: float = 30.0
    remembered: int = 4096
    jobs: int = 32
    job_cases: int = 1000
    job_parallel: int = 2
    job_keep_s: float = 3600.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: object) -> Settings:
        """The defaults, with what the environment sets and what is given here.

        Raises:
            UsageError: If a value is not a number or is negative, or the token too short.
        """
        said = os.environ if environment is None else environment
        values: dict[str, object] = {"token": said.get(TOKEN, "").strip()}
        for setting in fields(cls):
            name = PREFIX + setting.name.upper()
            if name not in said or not isinstance(setting.default, int | float):
                continue
            try:
                value = type(setting.default)(said[name])
            except ValueError:
                raise UsageError(f"Expected {name} to be a number, but got {said[name]!r}.") from None
            if not value >= 0:
                raise UsageError(f"Expected {name} not to be negative, but got {said[name]!r}.")
            values[setting.name] = value
        settings = cls(**{**values, **given})  # type: ignore[arg-type]  # each value has the type of its default
        if settings.token and len(settings.token) < SHORTEST_TOKEN:
            raise UsageError(f"Expected a token of at least {SHORTEST_TOKEN} characters.")
        return settings
