"""What is painted before anything is asked needs nothing that takes seconds to load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.ui.conftest import HOME

_PAINT = """
import sys
from streamlit.testing.v1 import AppTest

app = AppTest.from_file(sys.argv[1], default_timeout=240).run()
for page in ("cases", "model_lab", "model_cards"):
    assert app.selectbox(key="image").options, "the sidebar lists the networks"
    assert not app.exception
    app.switch_page(f"{page}.py").run()
assert not app.exception
import multimodal.ui.compare
sys.exit(", ".join({"torch", "scipy.signal"} & set(sys.modules)) or 0)
"""


def test_no_page_waits_for_what_is_slow_to_load_before_it_is_painted(tiny_zoo: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MULTIMODAL_MODELS": str(tiny_zoo),
        "MULTIMODAL_DATABASE": f"sqlite:///{tmp_path / 'cases.db'}",
    }
    painted = subprocess.run(
        [sys.executable, "-c", _PAINT, str(HOME)], env=environment, capture_output=True, text=True, check=False
    )
    assert painted.returncode == 0, painted.stderr
