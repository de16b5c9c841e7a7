"""Nothing in a bundle is believed before it is checked, and nothing in it is ever executed."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from multimodal import zoo
from multimodal.branches.bundle import checked_shapes
from multimodal.errors import ArchitectureError, BundleInvalidError, ModelError
from multimodal.zoo import Bundle, BundleConfig, LoadedBranch
from tests.zoo.builders import head, replace_weights, rewrite, sound_branch

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestHostileConfigs:
    @pytest.mark.parametrize(
        ("entry", "value"),
        [
            ("trust_remote_code", True),
            ("auto_map", {"AutoModel": "evil.Model"}),
            ("format_version", 2),
            ("format_version", True),
            ("kind", "image"),
            ("kind", "video"),
            ("name", "../tiny"),
            ("name", "a" * 101),
            ("labels", []),
            ("labels", ["crackles", "murmur"]),
            ("labels", ["murmur", "murmur"]),
            ("labels", ["covid19"]),
            ("labels", [1]),
            ("labels", ["murmur"]),
            ("calibration", {"pneumonia": {}}),
            ("calibration", []),
            ("preparation", {"n_mels": 16, "hook": "os.system"}),
            ("preparation", {"rate": 10**12}),
            ("embedding_dim", "4"),
            ("sha256", ""),
            ("sha256", "0" * 64),
        ],
        ids=str,
    )
    def test_an_entry_that_is_not_of_the_schema_is_refused(self, entry: str, value: Any, bundle: Bundle) -> None:
        rewrite(bundle, lambda config: config.update({entry: value}))
        with pytest.raises(BundleInvalidError):
            zoo.load(bundle)

    @pytest.mark.parametrize(
        ("entry", "value"),
        [
            ("arch", "os.system"),
            ("arch", "gru"),
            ("options", {"hidden": 4, "trust_remote_code": True}),
            ("options", {"hidden": 10**15}),
            ("options", {"pretrained": True}),
        ],
        ids=str,
    )
    def test_an_architecture_or_option_that_is_not_known_is_refused(
        self, entry: str, value: Any, bundle: Bundle
    ) -> None:
        rewrite(bundle, lambda config: config.update({entry: value}))
        with pytest.raises(ArchitectureError):
            zoo.load(bundle)

    def test_a_network_of_another_size_is_refused_before_it_takes_memory(self, bundle: Bundle) -> None:
        rewrite(bundle, lambda config: config["options"].update(hidden=10**6))  # 16 TB of weights
        with pytest.raises(BundleInvalidError, match="do not fit"):
            zoo.load(bundle)

    def test_a_missing_entry_is_refused(self, bundle: Bundle) -> None:
        rewrite(bundle, lambda config: config.pop("licence"))
        with pytest.raises(BundleInvalidError, match="licence"):
            zoo.load(bundle)

    @pytest.mark.parametrize(
        "text", ["", "[]", "null", '{"kind": NaN}', '{"kind": "a", "kind": "b"}', "[" * 100_000, '"\\ud800"']
    )
    def test_what_is_no_config_is_refused(self, text: str) -> None:
        with pytest.raises(BundleInvalidError, match=r"config\.json"):
            BundleConfig.from_json(text)

    def test_a_huge_config_is_not_read(self, bundle: Bundle) -> None:
        (bundle.folder / "config.json").write_bytes(b" " * (5 << 20))
        with pytest.raises(BundleInvalidError, match="too large"):
            zoo.load(bundle)

    def test_numbers_that_json_does_not_know_are_not_written(self, root: Path) -> None:
        network = sound_branch()
        with pytest.raises(BundleInvalidError, match="finite plain values"):
            zoo.save(root / "audio" / "x", network, network.describe("x", metrics={"auroc": float("nan")}))

    @QUICK
    @given(data=st.data())
    def test_any_change_of_an_entry_is_read_or_refused(self, data: st.DataObject, bundle: Bundle) -> None:
        original = (bundle.folder / "config.json").read_text()
        config = json.loads(original)
        plain = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=5,
        )
        config[data.draw(st.sampled_from(sorted(config)))] = data.draw(plain)
        (bundle.folder / "config.json").write_text(json.dumps(config))
        try:
            assert isinstance(zoo.load(bundle), LoadedBranch)
        except ModelError:
            pass
        finally:
            (bundle.folder / "config.json").write_text(original)


class Boom:
    """Says so if it is ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was executed",)


class TestHostileWeights:
    def test_changed_weights_are_refused(self, bundle: Bundle) -> None:
        path = bundle.folder / "model.safetensors"
        zoo.load(bundle)
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(0, 0))
        with pytest.raises(BundleInvalidError, match="not the one that the config"):
            zoo.load(bundle)

    def test_unchanged_weights_are_hashed_once(self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        config, weights = bundle.config, bundle.folder / "model.safetensors"
        once = checked_shapes(weights, config.sha256, config)
        monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
        assert checked_shapes(weights, config.sha256, config) == once

    def test_missing_weights_are_refused(self, bundle: Bundle) -> None:
        (bundle.folder / "model.safetensors").unlink()
        with pytest.raises(BundleInvalidError, match="missing"):
            zoo.load(bundle)

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_a_pipe_or_a_device_in_place_of_a_file_is_refused(self, name: str, bundle: Bundle) -> None:
        (bundle.folder / name).unlink()
        os.mkfifo(bundle.folder / name)
        with pytest.raises(BundleInvalidError, match=f"{name}: This is no regular file"):
            zoo.load(bundle)
        (bundle.folder / name).unlink()
        (bundle.folder / name).symlink_to("/dev/zero")
        with pytest.raises(BundleInvalidError, match=f"{name}: This is no regular file"):
            zoo.load(bundle)

    def test_a_pickle_is_never_executed(self, bundle: Bundle) -> None:
        content = pickle.dumps(Boom())
        for name in ("pytorch_model.bin", "model.pt", "model.pkl"):
            (bundle.folder / name).write_bytes(content)
        zoo.load(bundle)
        replace_weights(bundle, content)
        with pytest.raises(BundleInvalidError, match=r"model\.safetensors"):
            zoo.load(bundle)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0" * 7,
            struct.pack("<Q", 2**63) + b"{}",
            struct.pack("<Q", 10**9) + b"{}",
            struct.pack("<Q", 2) + b"{}",
            struct.pack("<Q", 4) + b"{]{]",
        ],
        ids=["empty", "short", "header beyond everything", "header beyond the file", "no tensors", "no json"],
    )
    def test_a_damaged_header_is_refused(self, content: bytes, bundle: Bundle) -> None:
        replace_weights(bundle, content)
        with pytest.raises(BundleInvalidError):
            zoo.load(bundle)

    def test_a_tensor_beyond_the_file_is_refused(self, bundle: Bundle) -> None:
        shape = {"dtype": "F32", "shape": [10**9, 10**3], "data_offsets": [0, 4 * 10**12]}
        header = json.dumps({"head.1.weight": shape}).encode()
        replace_weights(bundle, struct.pack("<Q", len(header)) + header)
        with pytest.raises(BundleInvalidError, match="no safetensors"):
            zoo.load(bundle)

    @pytest.mark.parametrize("change", ["missing", "extra", "shape", "nan"])
    def test_weights_that_are_not_the_networks_are_refused(self, change: str, bundle: Bundle) -> None:
        path = bundle.folder / "model.safetensors"
        state = {name: tensor.clone() for name, tensor in load_file(path).items()}
        if change == "missing":
            del state["head.1.bias"]
        elif change == "extra":
            state["backdoor"] = torch.zeros(1)
        elif change == "shape":
            state["head.1.bias"] = torch.zeros(3)
        else:
            state["head.1.bias"][0] = torch.nan
        save_file(state, path)
        replace_weights(bundle, path.read_bytes())
        with pytest.raises(BundleInvalidError, match="NaN" if change == "nan" else "do not fit"):
            zoo.load(bundle)

    @QUICK
    @given(position=st.integers(0, 2000), value=st.integers(0, 255))
    def test_any_changed_byte_is_read_or_refused(self, position: int, value: int, bundle: Bundle) -> None:
        path = bundle.folder / "model.safetensors"
        original, config = path.read_bytes(), (bundle.folder / "config.json").read_text()
        content = bytearray(original)
        content[position % len(content)] = value
        replace_weights(bundle, bytes(content))
        try:
            assert isinstance(zoo.load(bundle), LoadedBranch)
        except ModelError:
            pass
        finally:
            path.write_bytes(original)
            (bundle.folder / "config.json").write_text(config)

    @pytest.mark.parametrize("branches", [{"audio": {"name": "tiny"}}, {"video": {"embedding_dim": 4}}, {"audio": 4}])
    def test_a_head_whose_branches_are_not_described_is_refused(self, branches: dict[str, Any], root: Path) -> None:
        network, config = head("gated")
        bundle = zoo.save(root / "fusion" / "head", network, config)
        rewrite(bundle, lambda entries: entries.update(branches=branches))
        with pytest.raises(BundleInvalidError, match="embedding_dim"):
            zoo.load(bundle)
