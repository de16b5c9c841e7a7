"""Decoding processes that do harm."""

from __future__ import annotations

from multimodal.case import Text
from multimodal.formats import LIMITS, Limits
from multimodal.formats.isolation import Pool

NOTE = b"FINDINGS: cough.\nIMPRESSION: none."

# What the process of a test runs: files that begin with these words do harm, the others are read.
HARM = """
import ctypes, os, signal, sys, time
import numpy as np
from multimodal.formats.isolation.worker import serve
from multimodal.formats.reader import read_with_patient

def decode(data, name, kind, limits):
    word = data[:16].split(b" ")[0]
    if word == b"segfault":
        ctypes.string_at(0)
    if word == b"abort":
        os.abort()
    if word == b"exit":
        os._exit(0)
    if word == b"hang":
        ctypes.PyDLL(None).sleep(60)  # with the interpreter's lock
    if word == b"eat":
        held = [np.ones(8 << 20) for _ in range(1000)]
    if word == b"malloc":
        system = ctypes.CDLL(None)
        system.malloc.restype = ctypes.c_void_p
        assert system.malloc(ctypes.c_size_t(1 << 30)) is None
    if word == b"nap":
        time.sleep(0.5)
    if word == b"raise":
        raise RuntimeError("SECRET")
    if word == b"print":
        os.write(1, b"chatter" * 100)
        print("chatter", flush=True)
    if word == b"garbage":
        os.write(int(name), b"\\xff" * 4096)
    if word == b"write":
        with open(name, "wb") as file:
            file.write(b"SECRET")
            file.flush()
    if word == b"pid":
        from multimodal.formats.text import note
        from multimodal.formats.reader import Reading
        weight = "heavy" if "torch" in sys.modules else "light"
        return Reading(note(f"{os.getpid()} {os.getppid()} {weight} {sorted(os.environ)}", name, "", limits, []))
    return read_with_patient(data, name, kind, limits)

serve(decode)
"""


def text_of(pool: Pool, data: bytes, limits: Limits = LIMITS) -> str:
    item = pool.read(data, "n.txt", None, limits).item
    assert isinstance(item, Text)
    return item.text
