"""Small files of a record, as they are uploaded."""

from __future__ import annotations

import io

import soundfile
from PIL import Image as Pillow

from tests.engine.tiny import film, sound

NOTE = b"Cough and fever for three days. Crackles over the right lung base, no effusion seen.\n"


def film_png(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray((film(seed).pixels * 255).astype("uint8")).save(buffer, "PNG")
    return buffer.getvalue()


def sound_wav(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound(seed).samples, 2000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def record(seed: int = 0) -> list[tuple[str, str, bytes]]:
    """Kind, name and content of a film, a heart sound and a note."""
    return [
        ("film", f"film{seed}.png", film_png(seed)),
        ("heart", f"heart{seed}.wav", sound_wav(seed)),
        ("note", f"note{seed}.txt", NOTE),
    ]


def parts(seed: int = 0) -> list[tuple[str, tuple[str, bytes]]]:
    """The record as the parts of a form."""
    return [(kind, (name, data)) for kind, name, data in record(seed)]
