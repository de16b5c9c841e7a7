"""The engine: cases in, diagnoses out. One object serves the app, the command line and the API."""

from __future__ import annotations

from multimodal.engine.batching import Batcher
from multimodal.engine.engine import Engine
from multimodal.engine.inference import ItemOutput, run
from multimodal.engine.reuse import Reuse
from multimodal.engine.ticket import Ticket

__all__ = ["Batcher", "Engine", "ItemOutput", "Reuse", "Ticket", "run"]
