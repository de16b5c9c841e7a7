"""What answers are computed with is whole for every thread that imports it, however many begin at once."""

from __future__ import annotations

import subprocess
import sys

_TWO_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from multimodal.ui.stack import ANSWER, TRAIN, imported

sys.setswitchinterval(1e-5)
together = Barrier(2)

def begin(modules):
    together.wait()
    imported(modules)

with ThreadPoolExecutor(2) as threads:
    list(threads.map(begin, [ANSWER, tuple(reversed(TRAIN))]))
"""


def test_two_threads_import_at_once_and_neither_gets_half_a_package() -> None:
    ran = subprocess.run([sys.executable, "-c", _TWO_THREADS], capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]
