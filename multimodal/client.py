"""The engine's protocol over HTTP: a server's engine, used like one's own. torch is loaded to explain only."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx2

from multimodal.case import Case, Diagnosis, ModelRef
from multimodal.errors import (
    BusyError,
    DeadlineError,
    ModelError,
    MultimodalError,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)
from multimodal.formats.parcel import MEDIA_TYPE, pack
from multimodal.labels import LABELS, Modality

if TYPE_CHECKING:
    from multimodal.zoo import LoadedBranch

SERVER, TOKEN = "MULTIMODAL_SERVER", "MULTIMODAL_TOKEN"
AT_ONCE = 8
"""Cases of one call that are under way at the same time."""
PATIENCE_S = 120.0
LOOK_S = 15.0
"""Seconds that a server's catalogue is waited for: it tells it at once, whatever else it does."""
_CONNECT_S = 5.0


class Client:
    """A server's engine; safe to share between threads.

    A film is sent as it was decoded here, and nothing is sent to anyone but the server: no proxy of the environment is
    used, and no redirection followed.

    Args:
        models: Kind to the name of a bundle on the server; what is left out takes its default there.
        url: Of the server, such as ``http://127.0.0.1:8000``; by default ``MULTIMODAL_SERVER``.
        prevalence: Reference prevalence by label.
        token: Of the server; by default ``MULTIMODAL_TOKEN``.
        patience_s: Seconds that one answer is waited for, a full queue included.
        transport: In place of the network.

    Raises:
        UsageError: If there is no such address.
    """

    def __init__(
        self,
        models: Mapping[str, str] | None = None,
        *,
        url: str | None = None,
        prevalence: Mapping[str, float] | None = None,
        token: str | None = None,
        patience_s: float = PATIENCE_S,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._url = (url or os.environ.get(SERVER, "")).rstrip("/")
        if not self._url.startswith(("http://", "https://")):
            raise UsageError(f"Expected the server's address as http://HOST:PORT, but got {self._url!r}; see {SERVER}.")
        self._choice, self._prevalence, self._patience_s = dict(models or {}), dict(prevalence or {}), patience_s
        token = os.environ.get(TOKEN, "") if token is None else token
        self._http = httpx2.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            trust_env=False,
            transport=transport,
        )

    @property
    def models(self) -> dict[str, ModelRef]:
        """The bundles that answer, by kind."""
        return {kind: ModelRef(**ref) for kind, ref in self.catalogue["answering"].items()}

    @property
    def device(self) -> str:
        """Where :meth:`branches` run: on this machine. The server's own device is in :attr:`catalogue`."""
        from multimodal.engine.device import resolve

        return str(resolve("auto"))

    @property
    def prevalence(self) -> dict[str, float]:
        """Reference prevalence of every label."""
        return {name: self._prevalence.get(name, label.prevalence) for name, label in LABELS.items()}

    @cached_property
    def catalogue(self) -> dict[str, Any]:
        """What the server offers, as ``GET /v1/models`` tells it."""
        answer: dict[str, Any] = self._ask("GET", "/v1/models", within_s=LOOK_S, params=self._choice).json()
        return answer

    def warm_up(self) -> None:
        """See that the server takes cases.

        Raises:
            UnavailableError: If it cannot be reached, or is not ready.
            DeadlineError: If it does not say in time.
        """
        self._ask("GET", "/readyz", within_s=LOOK_S)

    def diagnose(self, case: Case) -> Diagnosis:
        """Diagnose one case, as :meth:`Engine.diagnose` does.

        Raises:
            UnavailableError: If the server cannot be reached, or is not ready.
            DeadlineError: If there is no answer in time.
            BusyError: If its queue is full for all that time.
            MultimodalError: What the server finds at fault.
        """
        body = pack(case, {"models": self._choice, "prevalence": self._prevalence})
        end = time.monotonic() + self._patience_s
        while True:
            try:
                answer = self._ask("POST", "/v1/diagnose", content=body, headers={"Content-Type": MEDIA_TYPE})
            except BusyError:
                if time.monotonic() + 1 > end:
                    raise
                time.sleep(1)
            else:
                return Diagnosis.from_json(answer.text)

    def diagnose_many(self, cases: Sequence[Case]) -> list[Diagnosis]:
        """Diagnose several cases, some at the same time; raises as :meth:`diagnose` does."""
        with ThreadPoolExecutor(AT_ONCE, "client") as threads:
            return list(threads.map(self.diagnose, cases))

    def branches(self, modality: Modality) -> tuple[LoadedBranch, ...]:
        """The bundles of a modality, loaded on this machine, to explain an answer with.

        Raises:
            ModelError: If the server's bundle is not on this machine.
        """
        from multimodal.engine import Engine

        answering = self.models
        if modality not in answering:
            return ()
        here = Engine({modality: answering[modality].name})
        if here.models[modality].sha256 != answering[modality].sha256:
            raise ModelError(f"The server's {modality} bundle is not on this machine, so it cannot be explained here.")
        return here.branches(modality)

    def close(self) -> None:
        """Close the connections; those of a client that nobody holds any more are closed too."""
        self._http.close()

    def __del__(self) -> None:
        if "_http" in vars(self):
            self.close()

    def _ask(self, method: str, path: str, *, within_s: float = math.inf, **request: Any) -> httpx2.Response:
        seconds = min(within_s, self._patience_s)
        try:
            answer = self._http.request(method, path, timeout=httpx2.Timeout(seconds, connect=_CONNECT_S), **request)
        except httpx2.ConnectError:
            message = f"The server at {self._url} cannot be reached; start it with multimodal serve, or unset {SERVER}."
            raise UnavailableError(message) from None
        except httpx2.TimeoutException:
            message = f"The server at {self._url} gave no answer within {seconds:g} seconds; try again in a moment."
            raise DeadlineError(message) from None
        except httpx2.HTTPError:
            raise UnavailableError(f"The server at {self._url} broke off before its answer; ask again.") from None
        if not answer.is_success:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: httpx2.Response) -> MultimodalError:
        try:
            said = answer.json()
            kind, message, file = _KINDS[said["code"]], str(said["message"]), said["file"]
        except (ValueError, KeyError, TypeError):
            return UnavailableError(f"{self._url} answered {answer.status_code}, not as a server of this version.")
        if kind is UnauthorizedError:
            message = f"The server at {self._url} asks for its token; give it in {TOKEN}."
        return kind(message, file=file)


def _kinds(root: type[MultimodalError]) -> Iterator[tuple[str, type[MultimodalError]]]:
    yield root.code, root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


_KINDS = dict(_kinds(MultimodalError))
