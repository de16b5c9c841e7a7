"""Transformer encoders for notes: (B, T) token ids in, token states (B, T, C) as features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from multimodal.branches.base import Branch
from multimodal.branches.registry import Spec, register
from multimodal.errors import ArchitectureError, BundleInvalidError
from multimodal.prepare import TextPreparation
from multimodal.prepare.text import pad_id

ENCODER_TYPES = (
    "albert",
    "bert",
    "deberta-v2",
    "distilbert",
    "electra",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
)
_COUNTING_FROM_PAD = ("mpnet", "roberta", "xlm-roberta")  # their first token stands at position pad id + 1
_MAX_LAYERS = 48
_NOT_OF_THE_NETWORK = {
    *("architectures", "transformers_version", "id2label", "label2id", "problem_type"),
    *("is_decoder", "is_encoder_decoder", "add_cross_attention", "use_cache"),
    *("return_dict", "output_attentions", "output_hidden_states"),
}


class TextBranch(Branch):
    """A note network: the mean of the token states that are not padding.

    Attributes:
        encoder: The transformer; its input embeddings are what attributions start from.
    """

    def __init__(self, spec: Spec, encoder: nn.Module, config: PreTrainedConfig, *, dropout: float) -> None:
        super().__init__(spec, embedding_dim=config.hidden_size, dropout=dropout)
        self.encoder = encoder
        self.pad_id = int(config.pad_token_id)

    def check_complete(self) -> None:
        """Refuse a network without a tokenizer of its own vocabulary.

        Raises:
            BundleInvalidError: If there is none, or its ids are not those of the encoder.
        """
        if self.tokenizer is None:
            raise BundleInvalidError("Expected a tokenizer with a text branch, but there is none.")
        vocabulary, rows = self.tokenizer.get_vocab(), cast("PreTrainedConfig", self.encoder.config).vocab_size
        if max(vocabulary.values()) >= rows or pad_id(self.tokenizer) != self.pad_id:
            raise BundleInvalidError("The tokenizer is not that of the encoder: their token ids differ.")

    def mask(self, x: Tensor) -> Tensor:
        """(B, T) bool, True where there is a token."""
        return x != self.pad_id

    def features(self, x: Tensor) -> Tensor:
        """(B, T) token ids to (B, T, C)."""
        return cast("Tensor", self.encoder(input_ids=x, attention_mask=self.mask(x).long()).last_hidden_state)

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mean over tokens: (B, T, C) to (B, C)."""
        if mask is None:
            return features.mean(1)
        counts = mask.unsqueeze(-1)
        total = torch.where(counts, features, 0).sum(1)
        return total / counts.sum(1).clamp_min(1)


@register("text", "small_transformer")
class SmallTransformer(TextBranch):
    """A small BERT encoder of our own, trained from nothing with its own tokenizer (pad id 0).

    Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, 2019.
    """

    def __init__(
        self,
        spec: Spec,
        vocab_size: int = 4096,
        hidden: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        config = BertConfig(
            vocab_size=vocab_size,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * hidden,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            max_position_embeddings=cast("TextPreparation", spec.preparation).max_tokens,
            pad_token_id=0,
        )
        _check_size(config, spec)
        super().__init__(spec, BertModel(config, add_pooling_layer=False), config, dropout=dropout)


@register("text", "auto")
class AutoEncoder(TextBranch):
    """Any encoder of the usual families, from a folder or the Hub.

    The bundle holds the encoder's config as the option ``encoder``, from which it is rebuilt without a network and
    without code: only settings that transformers itself knows for the family are taken.
    """

    def __init__(
        self, spec: Spec, encoder: Mapping[str, Any] | None = None, dropout: float = 0.1, pretrained: str = ""
    ) -> None:
        if pretrained:
            config, model, tokenizer = _pretrained(pretrained)
            spec = replace(spec, options={**spec.options, "encoder": _settings(config)})
            _check_size(config, spec)
        elif encoder:
            config, tokenizer = _config(encoder), None
            _check_size(config, spec)
            model = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
        else:
            raise ArchitectureError("Expected `pretrained`, the folder or Hub id of an encoder, but got none.")
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # type: ignore[assignment]  # not used, so not stored
        super().__init__(spec, model, config, dropout=dropout)
        self.tokenizer = tokenizer


def _check_size(config: PreTrainedConfig, spec: Spec) -> None:
    """Refuse an encoder that its windows do not fit or that is absurdly deep, before it is built."""
    if config.pad_token_id is None:
        raise ArchitectureError("Expected an encoder with a pad token, but it has none.")
    positions, tokens = config.max_position_embeddings, cast("TextPreparation", spec.preparation).max_tokens
    if config.model_type in _COUNTING_FROM_PAD:
        positions -= config.pad_token_id + 1
    if tokens > positions:
        raise ArchitectureError(f"Expected windows of at most {positions} tokens, but got `max_tokens` {tokens}.")
    if not 1 <= config.num_hidden_layers <= _MAX_LAYERS:
        raise ArchitectureError(f"Expected 1 to {_MAX_LAYERS} layers, but got {config.num_hidden_layers}.")


def _config(encoder: Mapping[str, Any]) -> PreTrainedConfig:
    """An encoder's config from plain settings."""
    family = encoder.get("model_type")
    if family not in ENCODER_TYPES:
        raise ArchitectureError(f"Expected an encoder out of {', '.join(ENCODER_TYPES)}, but got {family!r}.")
    unknown = sorted(set(encoder) - _known(family))
    if unknown:
        raise ArchitectureError(f"Expected settings that {family} knows, but got {', '.join(unknown)}.")
    return AutoConfig.for_model(**encoder)


def _settings(config: PreTrainedConfig) -> dict[str, Any]:
    """The plain settings that :func:`_config` needs to rebuild a config."""
    known = _known(config.model_type)
    return {name: value for name, value in config.to_diff_dict().items() if name in known}


def _known(family: str) -> set[str]:
    """Settings of a family that say how its network is built; none that name code, files or kernels to fetch."""
    names = set(CONFIG_MAPPING[family]().to_dict()) - _NOT_OF_THE_NETWORK
    return {name for name in names if not name.startswith("_") and "dtype" not in name}


def _pretrained(reference: str) -> tuple[PreTrainedConfig, nn.Module, Tokenizer]:
    """An encoder with its weights and tokenizer from a folder or from the Hub (``org/name@revision``).

    safetensors only, and never the repository's own code.
    """
    name, _, revision = (reference, "", "") if Path(reference).exists() else reference.partition("@")
    source = {"revision": revision or None, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(name, **source)
        if config.model_type not in ENCODER_TYPES:
            raise ArchitectureError(f"Expected one of {', '.join(ENCODER_TYPES)}, but got {config.model_type!r}.")
        config = _config(_settings(config))
        model: nn.Module = AutoModel.from_pretrained(
            name, config=config, use_safetensors=True, dtype=torch.float32, **source
        )
        tokenizer = AutoTokenizer.from_pretrained(name, **source)
    except (OSError, ValueError, ImportError) as error:
        raise ArchitectureError(f"The encoder {reference} cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise ArchitectureError(f"The encoder {reference} has no fast tokenizer.")
    backend: Tokenizer = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return config, model, backend
