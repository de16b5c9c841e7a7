"""What the quality checks catch and what they strike wrongly: ``python -m benchmarks.quality DIR [--n 60]``.

DIR holds the folders that ``multimodal data prepare`` makes. Good items of validation patients count false flags; the
same items, spoilt on purpose, count what is caught. Prints two tables in Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from benchmarks.film_layout import turned
from multimodal import Engine
from multimodal.case import Audio, Case, Image, Item, Patient, Text
from multimodal.formats import Kind, read
from multimodal.labels import Site
from multimodal.quality import check, check_record
from multimodal.quality.layout import CUT_OFF, TURNED, Layout

FILMS, SOUNDS = ("image/kermany", "image/nih"), ("audio/circor", "audio/bmdhs", "audio/kauh", "audio/icbhi")
NOTES = (("text/openi", "text"), ("text/openi", "indication"), ("text/aci_bench", "text"), ("paired/cohen", "text"))
Spoil = Callable[[Any, np.random.Generator], Item]
Spoilt = tuple[str, Spoil, tuple[str, ...]]
"""The code that should catch it, how it is done, and to items of which sources."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--n", type=int, default=60, help="items of a source")
    given = parser.parse_args()
    sources = dict(_sources(given.root, given.n))
    rng = np.random.default_rng(0)
    lines = ["| source | n | flagged or refused |", "|---|---|---|"]
    for name, items in sources.items():
        counts = Counter((notice.code, notice.refused) for item in items for notice in check(item))
        told = ", ".join(f"{code}{' (refused)' * refused} {n}" for (code, refused), n in sorted(counts.items()))
        lines.append(f"| {name} | {len(items)} | {told or 'none'} |")
    lines += ["", "| spoilt how | check | caught of n, by source |", "|---|---|---|"]
    for how, (code, spoil, of) in {**_film_spoils(), **_sound_spoils(), **_note_spoils()}.items():
        caught = []
        for name, items in sources.items():
            if name.startswith(of):
                found = sum(code in {n.code for n in check(spoil(item, rng))} for item in items)
                caught.append(f"{name.split('/')[1]} {found} of {len(items)}")
        lines.append(f"| {how} | {code} | {', '.join(caught)} |")
    lines += [*_doubted(sources), *_written(), _swapped(given.root)]
    sys.stdout.write("\n".join(lines) + "\n")


def _sources(root: Path, n: int) -> Iterator[tuple[str, list[Item]]]:
    for folder in (*FILMS, *SOUNDS):
        rows = pd.read_csv(root / folder / "metadata.csv")
        rows = rows[rows.split == "val"]
        rows = rows.sample(min(n, len(rows)), random_state=0)
        kinds = [Kind(site) for site in rows["site"]] if "site" in rows else [None] * len(rows)
        yield (
            folder,
            [
                read((root / folder / name).read_bytes(), name, kind=kind)
                for name, kind in zip(rows["file_name"].astype(str), kinds, strict=True)
            ],
        )
    for folder, column in NOTES:
        rows = pd.read_csv(root / folder / "metadata.csv")
        texts = rows[rows.split == "val"][column].dropna().drop_duplicates()
        yield f"{folder} {column}", [Text("note", "", text) for text in texts if any(map(str.isalpha, text))]


def _film_spoils() -> Mapping[str, Spoilt]:
    def lay(layout: Layout) -> Spoil:
        return lambda item, _: replace(item, pixels=turned(item.pixels, layout, 0.3))

    def clip(item: Image, _: np.random.Generator) -> Image:
        low, high = np.percentile(item.pixels, [25, 75])
        return replace(item, pixels=((item.pixels - low) / (high - low)).clip(0, 1).astype(np.float32))

    def letter(item: Image, _: np.random.Generator) -> Image:
        picture = Pillow.fromarray((255 * item.pixels).astype(np.uint8))
        font = ImageFont.load_default(max(8, picture.height // 20))
        ImageDraw.Draw(picture).text((6, 6), "DOE JANE 12-03-1951", fill=255, font=font)
        return replace(item, pixels=np.asarray(picture, np.float32) / np.float32(255))

    laid: dict[str, Spoilt] = {f"film {layout}": ("film_rotated", lay(layout), FILMS) for layout in TURNED}
    laid["film inverted"] = ("film_inverted", lay(Layout.INVERTED), FILMS)
    laid |= {f"film {layout}, by 30 %": ("film_cut_off", lay(layout), FILMS) for layout in CUT_OFF}
    return laid | {
        "film clipped to the middle half of its greys": ("film_clipped", clip, FILMS),
        "a name and a date stamped on the film": ("film_text", letter, FILMS),
    }


def _sound_spoils() -> Mapping[str, Spoilt]:
    def noise(snr: float) -> Spoil:
        def spoil(item: Audio, rng: np.random.Generator) -> Audio:
            level = item.samples.std() * 10 ** (-snr / 20)
            return replace(item, samples=item.samples + rng.normal(0, level, item.samples.shape).astype(np.float32))

        return spoil

    def clip(item: Audio, _: np.random.Generator) -> Audio:
        limit = np.percentile(np.abs(item.samples), 90)
        return replace(item, samples=np.clip(item.samples, -limit, limit))

    def offset(item: Audio, _: np.random.Generator) -> Audio:
        return replace(item, samples=item.samples + 5 * item.samples.std())

    def faint(item: Audio, _: np.random.Generator) -> Audio:
        return replace(item, samples=item.samples * np.float32(1e-5))

    def cut(item: Audio, _: np.random.Generator) -> Audio:
        return replace(item, samples=item.samples[: item.rate])

    def as_heart(item: Audio, _: np.random.Generator) -> Audio:
        return replace(item, site=Site.HEART)

    noisy: dict[str, Spoilt] = {f"white noise at {snr} dB": ("sound_noise", noise(snr), SOUNDS) for snr in (10, 0, -10)}
    return noisy | {
        "a tenth of the samples clipped": ("sound_clipped", clip, SOUNDS),
        "an offset of five standard deviations": ("sound_dc", offset, SOUNDS),
        "100 dB fainter": ("sound_silent", faint, SOUNDS),
        "cut to one second": ("sound_short", cut, SOUNDS),
        "lung sound given as a heart sound": ("heart_rate_not_found", as_heart, SOUNDS[2:]),
    }


def _note_spoils() -> Mapping[str, Spoilt]:
    def cut(item: Text, rng: np.random.Generator) -> Text:
        return replace(item, text=item.text[: int(rng.uniform(0.5, 0.9) * len(item.text))])

    return {"note cut at a random character": ("note_cut", cut, ("text/openi text", "text/aci", "paired/cohen"))}


def _doubted(sources: Mapping[str, list[Item]]) -> Iterator[str]:
    """Sounds given as what they are, and as the other: how often the engine doubts the site."""
    engine = Engine()
    other = {Site.HEART: Site.LUNG, Site.LUNG: Site.HEART}
    for how, swap in (("sounds given as what they are", False), ("sounds given as the other site", True)):
        caught = []
        for name in SOUNDS:
            sounds = [(item, item.site) for item in sources[name] if isinstance(item, Audio) and item.site]
            given = [replace(item, site=other[site] if swap else site) for item, site in sounds]
            answers = engine.diagnose_many([Case("", audios=(item,)) for item in given])
            found = sum("site_doubted" in {n.code for n in answer.warnings} for answer in answers)
            caught.append(f"{name.split('/')[1]} {found} of {len(given)}")
        yield f"| {how} | site_doubted | {', '.join(caught)} |"


def _written() -> Iterator[str]:
    """Notes written for this: in other languages, on other organs, on nothing clinical."""
    for file in ("foreign_notes.txt", "other_notes.txt"):
        lines = Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines()
        pairs = [line.split("\t") for line in lines]
        codes = {kind: f"note_{kind}" if file == "other_notes.txt" else "note_language" for kind, _ in pairs}
        for code in dict.fromkeys(codes.values()):
            texts = [text for kind, text in pairs if codes[kind] == code]
            found = sum(code in {n.code for n in check(Text("note", "", text))} for text in texts)
            yield f"| written notes | {code} | {found} of {len(texts)} |"


def _swapped(root: Path) -> str:
    """Notes of validation patients whose age and sex are known, with their own and with the next patient's record."""
    rows = pd.read_csv(root / "paired/cohen/metadata.csv").dropna(subset=["age", "sex", "text"])
    rows = rows[rows.split.isin(["val", "test"])].drop_duplicates("patient_id")
    people = [Patient(age, sex) for age, sex in zip(rows["age"], rows["sex"], strict=True)]
    notes = [(Text("note", "", text),) for text in rows.text]
    own = sum(bool(check_record(Case("", texts=t, patient=p))) for p, t in zip(people, notes, strict=True))
    others = people[1:] + people[:1]
    apart = [(p, t) for p, q, t in zip(others, people, notes, strict=True) if p.age_differs(q) or p.sex_differs(q)]
    found = sum(bool(check_record(Case("", texts=t, patient=p))) for p, t in apart)
    return (
        f"| another patient's note (Cohen, val and test; own notes: {own} of {len(notes)}) | "
        f"age_contradicted, sex_contradicted | {found} of {len(apart)} |"
    )


if __name__ == "__main__":
    main()
