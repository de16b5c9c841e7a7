"""Bundles are found, written and read back, and what is wrong with one is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from multimodal import zoo
from multimodal.branches import create
from multimodal.case import Text
from multimodal.errors import BundleInvalidError, BundleNotFoundError, UsageError
from multimodal.prepare import ImagePreparation, TextPreparation, prepare
from multimodal.prepare.text import train_tokenizer
from multimodal.zoo import Bundle, LoadedFusion
from tests.zoo.builders import AUDIO, LABELS, head, rewrite, sound_branch


class TestRoundTrip:
    def test_a_branch(self, bundle: Bundle) -> None:
        loaded = zoo.load_branch(bundle)
        x = torch.randn(2, 16, 51)
        assert torch.equal(loaded.network(x)[1], sound_branch()(x)[1])
        assert loaded.preparation == AUDIO
        assert loaded.tokenizer is None
        assert loaded.config.licence == "Apache-2.0"
        assert loaded.config.parameters == sum(p.numel() for p in loaded.network.parameters())
        assert not loaded.network.training
        assert sorted(file.name for file in bundle.folder.iterdir()) == ["config.json", "model.safetensors"]

    def test_a_text_branch_brings_its_tokenizer(self, root: Path) -> None:
        tokenizer = train_tokenizer(["lungs are clear"] * 2, 60)
        network = create(
            "text",
            "small_transformer",
            labels=["pneumonia"],
            preparation=TextPreparation(max_tokens=16, overlap=2),
            options={"vocab_size": 60, "hidden": 8, "layers": 1},
        ).eval()
        loaded = zoo.load_branch(zoo.save(root / "text" / "t", network, network.describe("t"), tokenizer))
        note = prepare(Text("n", "", "Lungs are clear"), loaded.preparation, loaded.tokenizer)
        assert torch.equal(note, torch.tensor([tokenizer.encode("lungs are clear").ids]))
        assert torch.equal(loaded.network(note)[1], network(note)[1])

    @pytest.mark.parametrize("arch", ["late", "concat", "gated", "attention"])
    def test_a_fusion_head(self, arch: str, root: Path) -> None:
        network, config = head(arch)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter)
        bundle = zoo.save(root / "fusion" / "head", network, config)
        loaded = zoo.load(bundle)
        assert isinstance(loaded, LoadedFusion)
        assert loaded.config.branches == config.branches
        assert all(torch.equal(a, b) for a, b in zip(loaded.network.parameters(), network.parameters(), strict=True))

    def test_a_fusion_head_is_no_branch(self, root: Path) -> None:
        bundle = zoo.save(root / "fusion" / "head", *head("concat"))
        with pytest.raises(UsageError, match="fusion/head is a fusion head"):
            zoo.load_branch(bundle)

    def test_half_precision_is_half_the_size_and_nearly_the_same(self, root: Path) -> None:
        network = create("audio", "lstm", labels=LABELS, preparation=AUDIO, options={"hidden": 64}).eval()
        whole = zoo.save(root / "audio" / "whole", network, network.describe("whole"))
        half = zoo.save(root / "audio" / "half", network, network.describe("half"), half=True)
        sizes = [(bundle.folder / "model.safetensors").stat().st_size for bundle in (whole, half)]
        assert sizes[1] < 0.6 * sizes[0]
        loaded = zoo.load_branch(half).network
        assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
        x = torch.randn(2, 16, 51)
        torch.testing.assert_close(loaded(x)[1], network(x)[1], atol=1e-2, rtol=1e-2)

    def test_a_loaded_branch_saves_its_whole_config(self, bundle: Bundle, tmp_path: Path) -> None:
        zoo.load_branch(bundle).network.save_pretrained(tmp_path / "copy")
        assert zoo.at(tmp_path / "copy").config == bundle.config

    def test_verify(self, bundle: Bundle) -> None:
        assert zoo.verify(bundle) == bundle.config
        rewrite(bundle, lambda config: config.update(parameters=1))
        with pytest.raises(BundleInvalidError, match="`parameters`"):
            zoo.verify(bundle)


class TestFinding:
    def test_bundles_are_listed_by_kind_and_name(self, root: Path) -> None:
        network = sound_branch()
        for name in ("b", "a"):
            zoo.save(root / "audio" / name, network, network.describe(name))
        late, config = head("late")
        zoo.save(root / "fusion" / "c", late, config)
        assert [(found.kind, found.name) for found in zoo.bundles()] == [
            ("audio", "a"),
            ("audio", "b"),
            ("fusion", "c"),
        ]
        assert [found.name for found in zoo.bundles("fusion")] == ["c"]

    def test_the_first_root_counts(self, bundle: Bundle, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        other = root.parent / "other"
        network = sound_branch()
        zoo.save(other / "audio" / "tiny", network, network.describe("tiny"))
        monkeypatch.setenv("MULTIMODAL_MODELS", f"{other}{os.pathsep}{root}")
        assert zoo.find("audio", "tiny").folder == other / "audio" / "tiny"
        assert len(zoo.bundles()) == 1

    def test_the_projects_own_bundles_come_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = tmp_path / "multimodal"
        monkeypatch.setattr("multimodal.zoo.catalogue._PACKAGE", package)
        monkeypatch.delenv("MULTIMODAL_MODELS", raising=False)
        assert zoo.roots() == (package / "_site" / "models",)
        (tmp_path / "pyproject.toml").touch()
        assert zoo.roots() == (tmp_path / "models",)
        monkeypatch.setenv("MULTIMODAL_MODELS", "/a")
        assert zoo.roots() == (Path("/a"), tmp_path / "models")

    def test_a_broken_bundle_is_listed_and_says_what_is_wrong(self, bundle: Bundle) -> None:
        (bundle.folder / "config.json").write_text("{")
        assert zoo.bundles() == [bundle]
        with pytest.raises(BundleInvalidError, match="cannot be read"):
            zoo.verify(bundle)

    def test_a_card_is_told_without_its_front_matter(self, bundle: Bundle) -> None:
        assert bundle.card == ""
        (bundle.folder / "README.md").write_text("---\nlicense: other\n---\n\n# Tiny\n\n---\nA rule above.\n")
        assert bundle.card == "# Tiny\n\n---\nA rule above.\n"

    def test_an_unknown_name_is_told_the_names(self, bundle: Bundle) -> None:
        with pytest.raises(BundleNotFoundError, match="out of tiny, but got 'huge'"):
            zoo.find("audio", "huge")

    @pytest.mark.parametrize("kind", ["../audio", "video", ""])
    def test_an_unknown_kind_is_refused(self, kind: str, bundle: Bundle) -> None:
        with pytest.raises(BundleNotFoundError, match="Expected a kind"):
            zoo.find(kind, "tiny")

    @pytest.mark.parametrize("name", ["../audio/tiny", "..", ".", "", "/etc", "tiny/", "./tiny", "ti\0ny"])
    def test_a_name_is_never_a_path(self, name: str, bundle: Bundle) -> None:
        with pytest.raises(BundleNotFoundError):
            zoo.find("audio", name)

    def test_defaults(self, root: Path) -> None:
        root.mkdir()
        assert zoo.defaults() == {}
        (root / "defaults.json").write_text('{"fusion": "late", "image": "small-cnn"}')
        assert list(zoo.defaults().items()) == [("image", "small-cnn"), ("fusion", "late")]

    @pytest.mark.parametrize("content", ["", "[]", '{"video": "a"}', '{"image": "../a"}', '{"image": 1.5}', "\xff"])
    def test_malformed_defaults_are_refused(self, content: str, root: Path) -> None:
        root.mkdir()
        (root / "defaults.json").write_text(content, encoding="latin-1")
        with pytest.raises(BundleInvalidError, match=r"defaults\.json"):
            zoo.defaults()


class TestHub:
    def test_only_a_bundles_files_are_fetched(self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: dict[str, Any] = {}

        def fetch(repository: str, **options: Any) -> str:
            asked.update(options, repository=repository)
            return str(bundle.folder)

        monkeypatch.setattr("multimodal.zoo.catalogue.snapshot_download", fetch)
        found = zoo.find("audio", "hf:org/sounds@v1.0")
        assert zoo.load_branch(found).config.name == "tiny"
        assert asked == {
            "repository": "org/sounds",
            "revision": "v1.0",
            "allow_patterns": [
                "config.json",
                "model.safetensors",
                "tokenizer.json",
                "README.md",
                "detector.safetensors",
                "heads.safetensors",
            ],
        }

    def test_a_bundle_of_another_kind_is_refused(self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("multimodal.zoo.catalogue.snapshot_download", lambda *_, **__: str(bundle.folder))
        with pytest.raises(BundleInvalidError, match="Expected a bundle of image, but got audio"):
            zoo.load(zoo.find("image", "hf:org/sounds@main"))

    @pytest.mark.parametrize("reference", ["hf:org/name", "hf:name@main", "hf:org/a/b@main", "hf:@", "hf:org/n@"])
    def test_a_reference_names_a_revision(self, reference: str, root: Path) -> None:
        with pytest.raises(BundleNotFoundError, match="organisation/name@revision"):
            zoo.find("audio", reference)

    def test_no_network_is_a_typed_error(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(*_: Any, **__: Any) -> str:
            raise OSError("no route to host")

        monkeypatch.setattr("multimodal.zoo.catalogue.snapshot_download", unreachable)
        with pytest.raises(
            BundleNotFoundError, match=r"gave no bundle for 'hf:org/name@main': see whether .*a folder\.$"
        ):
            zoo.find("audio", "hf:org/name@main")

    @pytest.mark.parametrize("missing", [RepositoryNotFoundError, RevisionNotFoundError])
    def test_what_the_hub_does_not_have_is_said(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, missing: type[HfHubHTTPError]
    ) -> None:
        def refused(*_: Any, **__: Any) -> str:
            raise missing("404 Client Error", response=Mock(headers={}))

        monkeypatch.setattr("multimodal.zoo.catalogue.snapshot_download", refused)
        with pytest.raises(
            BundleNotFoundError, match=r"^The Hub has no 'hf:org/name@main', or shows it to members only\.$"
        ):
            zoo.find("audio", "hf:org/name@main")


def test_images_too(root: Path) -> None:
    network = create("image", "small_cnn", labels=["pneumonia"], preparation=ImagePreparation(size=32)).eval()
    loaded = zoo.load_branch(zoo.save(root / "image" / "x", network, network.describe("x")))
    x = torch.randn(1, 1, 32, 32)
    assert torch.equal(loaded.network(x)[1], network(x)[1])
