"""The engine: cases in, diagnoses out. One object serves the app, the command line and the API."""

from __future__ import annotations

from multimodal.engine.engine import Engine
from multimodal.engine.inference import ItemOutput, run

__all__ = ["Engine", "ItemOutput", "run"]
