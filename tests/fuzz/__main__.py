"""Fuzz the readers: ``python -m tests.fuzz [TARGET ...] [--seconds 60]``.

Each target runs in a process of its own, guided by the branches that it reaches (atheris, libFuzzer). What it fails on
is kept, and told.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Target -> the modules whose branches guide the search.
GUIDES = {
    "dicom": [
        "multimodal.formats.dicom",
        "multimodal.formats.pixels",
        "multimodal.formats.elements",
        "multimodal.formats.codestream",
    ],
    "raster": ["multimodal.formats.raster", "multimodal.formats.codestream", "PIL.PngImagePlugin"],
    "audio": ["multimodal.formats.audio"],
    "text": ["multimodal.formats.text", "multimodal.formats.pdf", "pypdf._reader", "pypdf.generic"],
    "zip": ["multimodal.formats.record", "zipfile"],
    "bundle": ["multimodal.bundle"],
    "manifest": ["multimodal.formats.manifest", "csv"],
}
RUNS = re.compile(r"Done (\d+) runs in (\d+) second")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def campaign(names: list[str], seconds: int, found: Path) -> bool:
    """Fuzz each target for so long; whether all survived."""
    survived = True
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds), "--one", "--found", str(found)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        done = RUNS.search(run.stderr)
        if run.returncode == 0 and done:
            say(f"{name:<10}{int(done[1]):>12,} executions in {done[2]} s")
            continue
        survived = False
        say(f"{name:<10}failed; the input is in {found}")
        say("\n".join([*run.stdout.splitlines()[-20:], *run.stderr.splitlines()[-5:]]))
    return survived


def one(name: str, seconds: int, found: Path) -> None:
    """Fuzz one target in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=GUIDES[name]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for seed, content in target.seeds().items():
            (corpus / seed).write_bytes(content)
        words = Path(folder) / "words"
        words.write_text("".join(map(_entry, target.words)))
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/{name}-", f"-dict={words}"]
        limits = ["-max_len=8192", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=0"]
        atheris.Setup([sys.argv[0], *options, *limits, str(corpus)], target.run)
        atheris.Fuzz()


def _entry(word: bytes) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the readers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of {', '.join(GUIDES)}; all if left out")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--found", type=Path, help="folder for inputs that something fails on")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := set(given.targets) - set(GUIDES):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    found = given.found or Path(tempfile.mkdtemp(prefix="fuzz-found-"))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if given.one:
        one(given.targets[0], given.seconds, found)
    elif not campaign(given.targets or list(GUIDES), given.seconds, found):
        sys.exit(1)


if __name__ == "__main__":
    main()
