"""From nothing to the first diagnosis, and what a look at the help costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Options, Row, ratio
from benchmarks.records import phantom
from multimodal.phantom import write

_HELP = """
import sys
from multimodal.cli import run
run(["--help"])
print(sum(name.partition(".")[0] in ("torch", "transformers") for name in sys.modules), file=sys.stderr)
"""


def rows(options: Options) -> Iterator[Row]:
    """Fresh processes, one after the other."""
    heavy = int(_python("-c", _HELP).stderr)
    yield Row("modules of torch and transformers that `multimodal --help` loads", heavy, heavy, heavy, 1, "<= 0")
    with TemporaryDirectory() as folder:
        write(phantom(0), Path(folder))
        yield ratio(
            "first diagnosis over `import torch, transformers`",
            lambda: _python("-c", "from multimodal.cli import main; main()", "diagnose", folder, "--json"),
            lambda: _python("-c", "import torch, transformers"),
            max(3, options.pairs // 5),
        )


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)  # noqa: S603
