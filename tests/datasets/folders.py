"""Tiny folders in the layout of the real ones."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

SPLITS = ("train", "train", "val", "train", "test")


def write_table(folder: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def film_folder(folder: Path, n: int = 200, side: int = 40) -> Path:
    """Films whose lower half is bright where there is pneumonia; patients have two films each."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        patient = i // 2
        ill = patient % 2
        pixels = rng.normal(80, 10, (side, side))
        pixels[side // 2 :] += 90 * ill
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
        rows.append(
            {
                "file_name": f"{i}.png",
                "patient_id": patient,
                "split": SPLITS[patient % len(SPLITS)],
                "fold": (patient // 5) % 5,
                "age": 20 + patient,
                "sex": "Female" if patient % 3 else "M",
                "pneumonia": ill,
                "no_finding": "" if i % 7 == 0 else 1 - ill,
            }
        )
    return write_table(folder, rows)


def sound_folder(folder: Path, n: int = 100, seconds: float = 1.0) -> Path:
    """Heart sounds with a 300 Hz tone where there is a murmur, and lung sounds with 600 Hz where there are wheezes."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(n):
        heart, ill = i % 2 == 0, (i // 2) % 2
        time = np.arange(int(2000 * seconds)) / 2000
        samples = 0.1 * rng.normal(size=len(time)) + 0.5 * ill * np.sin(2 * np.pi * (300 if heart else 600) * time)
        soundfile.write(folder / f"{i}.wav", samples.clip(-1, 1), 2000)
        rows.append(
            {
                "file_name": f"{i}.wav",
                "patient_id": f"p{i}",
                "split": SPLITS[(i // 4) % len(SPLITS)],
                "fold": i % 5,
                "site": "heart" if heart else "lung",
                "murmur": ill if heart else "",
                "wheezes": "" if heart else ill,
            }
        )
    return write_table(folder, rows)


def note_folder(folder: Path, n: int = 100) -> Path:
    """Reports that name pneumonia or a clear chest, with an indication."""
    rows = []
    for i in range(n):
        ill = i % 2
        indication = f"Cough and fever for {i % 9} days" if ill else f"Routine visit number {i % 9}"
        findings = "Right lower lobe consolidation, pneumonia." if ill else "Lungs are clear. Heart size is normal."
        rows.append(
            {
                "patient_id": i,
                "split": SPLITS[(i // 2) % len(SPLITS)],
                "fold": (i // 10) % 5,
                "text": f"INDICATION: {indication}\nFINDINGS: {findings}",
                "indication": indication,
                "pneumonia": ill,
            }
        )
    return write_table(folder, rows)
