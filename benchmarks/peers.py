"""The same three files the way that a notebook would: torchxrayvision, librosa and an LSTM, a transformers pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import librosa
import numpy as np
import torch
from pydicom import dcmread
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer, pipeline

from benchmarks.measure import Options, Row, Skipped, ratio
from benchmarks.records import sources
from multimodal import Engine, read_case
from multimodal.formats import Kind

CASES = 16
KINDS = (Kind.FILM, Kind.HEART, Kind.NOTE)


def rows(options: Options) -> Iterator[Row]:
    """Theirs over ours; their networks have the usual shapes and random weights, which cost what trained ones cost."""
    theirs = _theirs()
    engine = Engine(device=options.device)
    engine.warm_up()
    given = [sources(seed, *KINDS) for seed in range(CASES)]
    yield ratio(
        "one case: theirs over ours",
        lambda: theirs(given[0]),
        lambda: engine.diagnose(read_case(given[0], isolated=False)),
        options.pairs,
        ">= 1.0",
    )
    yield ratio(
        f"{CASES} cases: ours over theirs, in cases a second",
        lambda: [theirs(case) for case in given],
        lambda: engine.diagnose_many([read_case(case, isolated=False) for case in given]),
        max(3, options.pairs // 5),
        ">= 5.0",
    )


def _theirs() -> Callable[[list[tuple[str, bytes]]], None]:
    try:
        import torchxrayvision as xrv
    except ModuleNotFoundError:
        raise Skipped("torchxrayvision is not installed") from None
    film = xrv.models.DenseNet(weights=None, num_classes=18).eval()
    crop, resize = (
        xrv.datasets.XRayCenterCrop(),
        xrv.datasets.XRayResizer(224, engine="cv2" if _has_cv2() else "skimage"),
    )
    lstm, readout = nn.LSTM(64, 128, num_layers=2, batch_first=True, bidirectional=True).eval(), nn.Linear(256, 2)
    note = _pipeline()

    def work(case: list[tuple[str, bytes]]) -> None:
        (_, dicom), (_, wav), (_, text) = case
        pixels = dcmread(BytesIO(dicom)).pixel_array
        normal = xrv.datasets.normalize(pixels.astype(np.float32), 4095)
        with torch.inference_mode():
            film(torch.from_numpy(resize(crop(normal[None])))[None])
            sound, rate = librosa.load(BytesIO(wav), sr=4000)
            mel = librosa.power_to_db(
                librosa.feature.melspectrogram(y=sound, sr=rate, n_mels=64, n_fft=512, hop_length=80)
            )
            readout(lstm(torch.from_numpy(mel.T[None]))[0].mean(1))
        note(text.decode(), truncation=True)

    return work


def _has_cv2() -> bool:
    try:
        import cv2  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def _pipeline() -> Callable[..., object]:
    """A text classification of BERT's base size."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,;:-'/()%"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    with TemporaryDirectory() as folder:
        vocabulary = Path(folder) / "vocab.txt"
        vocabulary.write_text("\n".join(words))
        tokenizer = BertTokenizer(vocab=str(vocabulary), model_max_length=128)
    model = BertForSequenceClassification(BertConfig()).eval()  # type: ignore[no-untyped-call]
    return pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
