"""Remembers what a branch said of an item, so that another head or one more item does not run everything again.

Kept are embeddings and logits, never a film, a sound or a note: a bounded number of them, in this process's memory
only, least recently used first to go. They are found by a hash of the decoded content, keyed by a secret of the
process: no false checksum can fetch another item's answer, and no key tells which file it stands for.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from multimodal.case import Audio, Image, Item
from multimodal.engine.inference import ItemOutput, Score
from multimodal.errors import MultimodalError
from multimodal.zoo import LoadedBranch

_Key = tuple[str, bytes]
"""The bundle, how it prepares and where it runs; the item."""


@dataclass(frozen=True)
class Reused:
    """How often an answer was known."""

    hits: int
    misses: int


class Reuse:
    """Answers of branches, by item; safe to share between threads.

    Args:
        most: Answers that are kept, of about 2 KB each; 0 keeps none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[_Key, ItemOutput] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    @property
    def count(self) -> Reused:
        """So far."""
        return Reused(self._hits, self._misses)

    def before(self, score: Score) -> Score:
        """``score``, asked only for what is not known."""
        if not self._most:
            return score

        def known_or_scored(
            branch: LoadedBranch, items: Sequence[Item], device: torch.device
        ) -> list[ItemOutput | MultimodalError]:
            network = f"{branch.config.sha256} {branch.preparation} {device}"
            keys = [(network, self._digest(item)) for item in items]
            found = self._found(keys)
            missing = [i for i, output in enumerate(found) if output is None]
            scored = score(branch, [items[i] for i in missing], device) if missing else []
            outputs: list[ItemOutput | MultimodalError | None] = list(found)
            for i, output in zip(missing, scored, strict=True):
                outputs[i] = output
                if isinstance(output, ItemOutput):
                    self._keep(keys[i], output)
            return [output for output in outputs if output is not None]

        return known_or_scored

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()

    def _digest(self, item: Item) -> bytes:
        """Of all that a branch reads; a sound's site and the file's name are not part of it."""
        if isinstance(item, Image):
            about, content = repr((item.pixels.shape, item.window, item.view)), np.ascontiguousarray(item.pixels)
        elif isinstance(item, Audio):
            about, content = repr(item.rate), np.ascontiguousarray(item.samples)
        else:
            about, content = repr(item.sections), np.frombuffer(item.text.encode(), np.uint8)
        keyed = hmac.new(self._secret, f"{item.modality} {about} ".encode(), "sha256")
        keyed.update(content.tobytes())
        return keyed.digest()

    def _found(self, keys: Sequence[_Key]) -> list[ItemOutput | None]:
        with self._lock:
            found = [self._known.get(key) for key in keys]
            for key, output in zip(keys, found, strict=True):
                if output is not None:
                    self._known.move_to_end(key)
            self._hits += sum(output is not None for output in found)
            self._misses += sum(output is None for output in found)
        return found

    def _keep(self, key: _Key, output: ItemOutput) -> None:
        with self._lock:
            self._known[key] = output
            while len(self._known) > self._most:
                self._known.popitem(last=False)
