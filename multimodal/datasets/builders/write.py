"""Re-encode the items of a source, split them by patient and write ``metadata.csv``."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
from PIL import Image as Picture

from multimodal.case import Audio, Image, Item
from multimodal.datasets.builders.entry import Builder, Entry
from multimodal.datasets.builders.split import split_patients
from multimodal.errors import CorruptFileError, InputError, ManifestError, UsageError
from multimodal.formats import read

SIDE = 256
"""Shorter side of a film, pixels; a smaller film is not enlarged."""

RATE = 4000
"""Samples per second of a sound, Hz; a slower one is not resampled."""

JPEG_QUALITY = 90
_NAME_LETTERS = 16

Group = tuple[Entry, ...]
Track = Callable[[Sequence[Group]], Iterable[Group]]


@dataclass(frozen=True)
class Prepared:
    """What came of a download.

    Attributes:
        rows: Items written.
        patients: Patients that they are of.
        left_out: Why other items were left out, one sentence each.
    """

    rows: int
    patients: int
    left_out: tuple[str, ...]


def write_folder(builder: Builder, folder: Path, out: Path, *, track: Track = lambda groups: groups) -> Prepared:
    """Turn the official download of a source into a ``metadata.csv`` folder.

    Films become 8-bit JPEG, shorter side 256 px; sounds become 16-bit FLAC of 4 kHz. Items
    that cannot be read are left out and told, and so is an item that stands under two
    patients: one of the two is wrong.

    Args:
        builder: Of the source.
        folder: Where the download lies, unpacked.
        out: New folder; training takes its name for the source.
        track: Wraps the list of files to show progress.

    Raises:
        ManifestError: If the folder is not the source's download, holds nothing that can
            be read, or puts a patient in two parts.
        UsageError: If ``out`` is there and not empty, or one of the folders cannot be used.
    """
    if not folder.is_dir():
        raise UsageError(f"Expected a folder with the official download, but found none at {folder}.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageError(f"Expected a new or an empty folder to write to, but {out} holds files.")
    except OSError as error:
        raise UsageError(f"The folder {out} cannot be written to.") from error
    groups = [tuple(group) for _, group in groupby(builder.entries(folder), key=lambda entry: entry.file or entry)]
    kept: list[dict[str, object]] = []
    left_out: list[str] = []
    with ThreadPoolExecutor() as pool:
        for group, outcome in zip(
            track(groups), pool.map(lambda group: _written(group, builder, out), groups), strict=True
        ):
            if isinstance(outcome, InputError):
                left_out.append(str(outcome))
            else:
                kept += [_row(entry, cells) for entry, cells in zip(group, outcome, strict=True)]
    if not kept:
        raise ManifestError(
            f"Nothing of {builder.source} could be read in {folder.name}; is it the official download, unpacked?"
        )
    frame = pd.DataFrame(kept)
    if "file_name" in frame:
        frame, shared = _of_one_patient(frame, out)
        left_out += shared
    return _save(frame, builder, out, left_out)


def _row(entry: Entry, cells: dict[str, object]) -> dict[str, object]:
    return {"patient_id": entry.patient, "official": entry.split, **cells, **entry.columns, **entry.labels}


def _written(group: Group, builder: Builder, out: Path) -> list[dict[str, object]] | InputError:
    """Write the items of one file, named by their content; or why it cannot be read."""
    path = group[0].file
    if path is None:
        return [{} for _ in group]
    try:
        data = path.read_bytes()
    except OSError:
        return ManifestError("The file is missing from the download.", file=path.name)
    try:
        item = read(data, path.name, kind=builder.kind)
        return [_store(item, entry, out) for entry in group]
    except InputError as error:
        error.file = error.file or path.name
        return error


def _store(item: Item, entry: Entry, out: Path) -> dict[str, object]:
    if isinstance(item, Image):
        data, side = _film(item)
        name, cells = f"{_digest(data)}.jpeg", {"side_px": side}
    else:
        assert isinstance(item, Audio)  # noqa: S101  the kind was given to the reader
        data, cells = _sound(item, entry.span), {}
        name = f"{_digest(data)}.flac"
    (out / name).write_bytes(data)
    return {"file_name": name, **cells}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_NAME_LETTERS]


def _film(film: Image) -> tuple[bytes, int]:
    """JPEG bytes and the shorter side in pixels."""
    picture = Picture.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    scale = min(1.0, SIDE / min(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    buffer = io.BytesIO()
    picture.resize((width, height), Picture.Resampling.LANCZOS).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue(), min(width, height)


def _sound(sound: Audio, span: tuple[float, float] | None) -> bytes:
    """FLAC bytes of the whole sound or of a span of it in seconds."""
    samples, rate = sound.samples, sound.rate
    if span is not None:
        samples = samples[round(span[0] * rate) : round(span[1] * rate)]
    if rate > RATE:
        samples, rate = soxr.resample(samples, rate, RATE), RATE
    if not len(samples):
        raise CorruptFileError("The annotated part lies outside the sound.", file=sound.name)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _of_one_patient(frame: pd.DataFrame, out: Path) -> tuple[pd.DataFrame, list[str]]:
    """Each content once; what stands under two patients is taken out."""
    owners = frame.groupby("file_name")["patient_id"].nunique()
    shared = set(owners.index[owners > 1])
    for name in shared:
        (out / name).unlink()
    told = [f"One item stands under {owners[name]} patients and was left out." for name in sorted(shared)]
    return frame[~frame["file_name"].isin(shared)].drop_duplicates("file_name"), told


def _save(frame: pd.DataFrame, builder: Builder, out: Path, left_out: list[str]) -> Prepared:
    """Split and write the table; rows in an order that tells nothing."""
    labels = list(builder.labels)
    frame = frame.sort_values("file_name" if "file_name" in frame else "patient_id", ignore_index=True)
    matrix = frame[labels].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    official = [part if isinstance(part, str) else None for part in frame["official"]]
    frame["split"], frame["fold"] = split_patients(list(frame["patient_id"]), matrix, official)
    lead = [name for name in ("file_name", "patient_id", "split", "fold") if name in frame]
    rest = [name for name in frame if name not in {*lead, *labels, "official"}]
    frame[labels] = frame[labels].astype("Int64")
    frame[[*lead, *rest, *labels]].to_csv(out / "metadata.csv", index=False)
    return Prepared(len(frame), frame["patient_id"].nunique(), tuple(left_out))
