"""Networks whose true evidence is known, wrapped as bundles that are loaded."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from multimodal.branches import Branch, Spec, create
from multimodal.branches.text import TextBranch
from multimodal.calibrate import LabelCalibration
from multimodal.labels import Modality
from multimodal.prepare import AudioPreparation, ImagePreparation, TextPreparation
from multimodal.prepare.text import train_tokenizer
from multimodal.zoo import LoadedBranch

LABEL = "pneumonia"
OTHER = "heart_failure"
FILM = ImagePreparation(size=64, border=0.1, equalize=False, low_percentile=0, high_percentile=100)
SOUND = AudioPreparation(window_s=2.0, hop_s=1.0, n_mels=32)
NOTE = TextPreparation(max_tokens=24, overlap=4)
NOTES = (
    "Cough and fever for three days. There is a consolidation in the right lower lobe of the lung.",
    "The heart is normal in size and the lungs are clear, with no effusion seen in either lung.",
)


class BrightFilm(Branch):
    """Evidence is the mean brightness: a bright square decides. The second label sees the negative."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, embedding_dim=1)
        _read_directly(self)

    def features(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, 8)

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        return features.mean((-2, -1))


class LoudSound(Branch):
    """Evidence is how far the cells stand out of the mean level: a tone decides. Sign as with films."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, embedding_dim=1)
        _read_directly(self)

    def features(self, x: Tensor) -> Tensor:
        return (x - 2).relu().transpose(1, 2)

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        return features.mean((1, 2)).unsqueeze(-1)


class _Encoded:
    def __init__(self, states: Tensor) -> None:
        self.last_hidden_state = states


class _WordEncoder(nn.Module):
    """A word's state is its embedding, in which one word alone is 1."""

    def __init__(self, vocabulary: int, word: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, 4)
        nn.init.zeros_(self.table.weight)
        with torch.no_grad():
            self.table.weight[word] = 1

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    def forward(self, inputs_embeds: Tensor, attention_mask: Tensor) -> _Encoded:
        return _Encoded(inputs_embeds)


class OneWord(TextBranch):
    """Evidence is whether one word is there."""

    def __init__(self, spec: Spec, encoder: nn.Module) -> None:
        Branch.__init__(self, spec, embedding_dim=4)
        self.encoder = encoder
        self.pad_id = 0
        _read_directly(self)

    def features(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.encoder.table(x))


def film_branch() -> LoadedBranch:
    return _loaded(BrightFilm(Spec(Modality.IMAGE, "bright", (LABEL, OTHER), FILM)))


def sound_branch() -> LoadedBranch:
    return _loaded(LoudSound(Spec(Modality.AUDIO, "loud", (LABEL, OTHER), SOUND)))


def note_branch(word: str) -> LoadedBranch:
    tokenizer = train_tokenizer(NOTES * 3, vocab_size=400)
    spec = Spec(Modality.TEXT, "word", (LABEL, OTHER), NOTE)
    network = OneWord(spec, _WordEncoder(tokenizer.get_vocab_size(), tokenizer.token_to_id(word)))
    network.tokenizer = tokenizer
    return _loaded(network)


def random_branch(kind: str, seed: int = 0) -> LoadedBranch:
    """An architecture of the project with fresh weights."""
    torch.manual_seed(seed)
    arch, settings, options = {
        "image": ("small_cnn", FILM, {}),
        "audio": ("conv_bilstm", SOUND, {"width": 4, "hidden": 8}),
        "text": ("small_transformer", NOTE, {"vocab_size": 400, "hidden": 16, "layers": 1, "heads": 2}),
    }[kind]
    network = create(kind, arch, labels=(LABEL, OTHER), preparation=settings, options=options)
    nn.init.normal_(cast("Tensor", network.head[-1].weight), std=0.5)
    if kind == "text":
        network.tokenizer = train_tokenizer(NOTES, vocab_size=400)
    return _loaded(network)


def _loaded(network: Branch) -> LoadedBranch:
    network.eval()
    reading = LabelCalibration(2.0, 0.3, 0.25, 0.0, None).to_dict()
    return LoadedBranch(network, network.describe("made", calibration={LABEL: reading, OTHER: reading}))


def _read_directly(network: Branch) -> None:
    """A head that takes the sum of the embedding for the first label and its negative for the second."""
    linear = cast("nn.Linear", network.head[-1])
    with torch.no_grad():
        linear.weight[0], linear.weight[1] = 10.0, -10.0
        linear.bias.zero_()
