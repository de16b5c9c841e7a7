from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from multimodal.datasets import Dataset, join, load_item, phantom_dataset
from multimodal.formats import Kind, read
from multimodal.labels import Modality
from multimodal.prepare import AudioPreparation, ImagePreparation, TextPreparation, prepare
from multimodal.prepare.text import train_tokenizer
from multimodal.train import decode as decoding
from multimodal.train.augment import SpecAugment, augment_sound, drop_sections, film_augmentation
from multimodal.train.data import BalancedSampler, Examples, balanced_weights, evaluation_set, prepared
from multimodal.train.decode import decode, with_margin

SOUND = AudioPreparation(window_s=1.0, hop_s=0.5)


def test_a_decoded_film_is_the_prepared_one_to_a_grey_level(datasets: dict[Modality, Dataset]) -> None:
    settings = ImagePreparation(size=32)
    data = datasets[Modality.IMAGE].where([0, 3])
    for i, decoded in enumerate(decode(data, settings, margin=False)):
        assert decoded.dtype == np.uint8
        exact = prepare(load_item(data, i), settings)
        torch.testing.assert_close(prepared(decoded, settings), exact, rtol=0, atol=0.51 / 255 / settings.std)


def test_a_decoded_sound_is_the_prepared_one(datasets: dict[Modality, Dataset]) -> None:
    data = datasets[Modality.AUDIO].where([0])
    exact = prepare(load_item(data, 0), SOUND)
    found = prepared(decode(data, SOUND, margin=False)[0], SOUND)
    assert found.shape == exact.shape
    assert (found - exact).abs().mean() < 0.01


def test_items_are_decoded_once(
    datasets: dict[Modality, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, settings = datasets[Modality.IMAGE].where([0, 1]), ImagePreparation(size=32)
    first = decode(data, settings, margin=True, cache=tmp_path)
    monkeypatch.setattr(decoding, "load_item", lambda *_: pytest.fail("decoded again"))
    again = decode(data, settings, margin=True, cache=tmp_path)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(pytest.fail.Exception, match="decoded again"):
        decode(data, ImagePreparation(size=33), margin=True, cache=tmp_path)


def test_the_centre_of_a_film_with_margin_is_the_film() -> None:
    settings = ImagePreparation(size=160, border=0.04)
    wide = with_margin(settings)
    scale = wide.size / (1 - 2 * wide.border)
    assert scale == pytest.approx(settings.size / (1 - 2 * settings.border), rel=0.01)
    assert wide.size > settings.size


def test_films_keep_their_size_and_range_and_are_never_upside_down() -> None:
    torch.manual_seed(0)
    film = torch.zeros(1, 72, 72)
    film[:, 36:] = 1.0
    for augment in (film_augmentation(ImagePreparation(size=64), stretch) for stretch in (1.0, 1.3)):
        for _ in range(50):
            out = augment(film)
            assert out.shape == (1, 64, 64)
            assert out[:, 32:].mean() > out[:, :32].mean() + 0.1


def test_the_heart_stays_on_its_side() -> None:
    torch.manual_seed(0)
    film = torch.zeros(1, 72, 72)
    film[:, :, 36:] = 1.0
    augment = film_augmentation(ImagePreparation(size=64), 1.3)
    assert all(out[..., 32:].mean() > out[..., :32].mean() + 0.1 for out in (augment(film) for _ in range(50)))


def test_stretching_blurs_what_proportions_tell() -> None:
    torch.manual_seed(0)
    across = torch.arange(72) - 35.5
    film = ((across[None] ** 2 + across[:, None] ** 2) < 14**2).float()[None]
    spread = {}
    for stretch in (1.0, 1.3):
        augment, shapes = film_augmentation(ImagePreparation(size=64), stretch), []
        for _ in range(200):
            disc = augment(film)[0] > 0.7
            shapes.append(float(disc.any(0).sum()) / max(1, int(disc.any(1).sum())))
        assert 0.93 < np.median(shapes) < 1.07
        spread[stretch] = np.quantile(shapes, 0.9) - np.quantile(shapes, 0.1)
    assert spread[1.3] > 1.5 * spread[1.0]
    assert spread[1.3] > 0.25


def test_a_sound_becomes_one_window_whatever_its_length() -> None:
    for samples in (10, 500, 2000, 9000):
        out = augment_sound(torch.randn(samples), SOUND)
        assert out.shape == (SOUND.window_samples,)
        assert out.isfinite().all()


def test_a_tone_stays_near_its_pitch() -> None:
    torch.manual_seed(0)
    tone = torch.sin(2 * torch.pi * 300 * torch.arange(6000) / SOUND.rate)
    for _ in range(20):
        peak = torch.fft.rfft(augment_sound(tone, SOUND)).abs().argmax() * SOUND.rate / SOUND.window_samples
        assert 270 < peak < 330


def test_masks_hide_cells_each_window_its_own() -> None:
    torch.manual_seed(0)
    x = torch.ones(4, SOUND.n_mels, 51)
    hidden = SpecAugment(SOUND)(x) == 0
    assert hidden.any(dim=(1, 2)).all()
    assert not (hidden[0] == hidden[1]).all()


def test_an_indication_sometimes_stands_alone() -> None:
    torch.manual_seed(0)
    note = read(b"INDICATION: cough\nFINDINGS: clear lungs\nIMPRESSION: normal chest", "a.txt", kind=Kind.NOTE)
    seen = {drop_sections(note) for _ in range(200)}  # type: ignore[arg-type]
    assert {"cough", "INDICATION: cough", "clear lungs", note.text} <= seen  # type: ignore[union-attr]
    assert "" not in seen


def test_training_says_more_of_what_the_labels_of_the_row_tell_and_of_nothing_unknown(
    datasets: dict[Modality, Dataset],
) -> None:
    data, settings = datasets[Modality.TEXT].where([0, 1]), TextPreparation(max_tokens=64, overlap=8)
    decoded, names = decode(data, settings, margin=True), ("cardiomegaly", "atelectasis")
    tokenizer = train_tokenizer(["cough cardiomegaly atelectasis there is no evidence of"] * 2)
    labels = torch.tensor([[0.0, 1.0], [torch.nan, 1.0]])
    examples = Examples(decoded, labels, torch.zeros(2), settings, tokenizer, names)
    told = [{tokenizer.decode(examples[i]["x"].tolist()) for _ in range(80)} for i in range(2)]
    assert all(any("atelectasis" in text for text in texts) for texts in told)
    assert any("cardiomegaly" in text for text in told[0])
    assert not any("cardiomegaly" in text for text in told[1])


def test_a_report_is_scored_whole_and_by_its_indication(datasets: dict[Modality, Dataset]) -> None:
    data, settings = datasets[Modality.TEXT].where([0, 1]), TextPreparation(max_tokens=32, overlap=8)
    decoded = decode(data, settings, margin=False)
    found = evaluation_set(data, decoded, ["pneumonia"], settings, train_tokenizer(["cough", "lungs are clear"]))
    assert found.sources.tolist() == ["notes", "notes", "notes (indication)", "notes (indication)"]
    assert found.patients.tolist() == ["notes/0", "notes/1"] * 2
    assert found.labels.flatten().tolist() == [0, 1, 0, 1]


def test_small_sources_and_rare_answers_are_drawn_more_often_and_phantoms_as_told(
    datasets: dict[Modality, Dataset],
) -> None:
    films = datasets[Modality.IMAGE]
    rare = np.r_[np.flatnonzero(films.label("pneumonia") == 0), np.flatnonzero(films.label("pneumonia") == 1)[:4]]
    data = join([films.where(rare), phantom_dataset(10, 0, "image")])
    weights = balanced_weights(data, ["pneumonia"], phantom_share=0.2)
    phantom = (data.rows["source"] == "phantom").to_numpy()
    assert weights.sum() == pytest.approx(1)
    assert weights[phantom].sum() == pytest.approx(0.2)
    ill = data.label("pneumonia") == 1
    assert weights[ill & ~phantom].min() > weights[~ill & ~phantom].max()


def test_an_epochs_draw_follows_from_seed_and_epoch() -> None:
    sampler = BalancedSampler(np.full(50, 0.02), 20, seed=3)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert len(sampler) == len(first) == 20


def test_batches_of_notes_are_of_like_lengths_in_random_order_and_miss_no_draw() -> None:
    lengths = torch.arange(50)
    plain, alike = (BalancedSampler(np.full(50, 0.02), 22, 3, *more) for more in ((), (lengths, 4)))
    draws = list(alike)
    assert sorted(draws) == sorted(plain)
    batches = [draws[i : i + 4] for i in range(0, 20, 4)]
    spans = sorted((min(batch), max(batch)) for batch in batches)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert [batch[0] for batch in batches] != sorted(batch[0] for batch in batches)
