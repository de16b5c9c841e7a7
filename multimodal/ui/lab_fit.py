"""Refit a fusion head, and put bundles where every page finds them. No Streamlit."""

from __future__ import annotations

import shutil
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from multimodal.bundle import CONFIG, FILES, is_name
from multimodal.errors import BundleInvalidError, UsageError
from multimodal.labels import Modality
from multimodal.ui.engine import FUSION, LATE
from multimodal.ui.lab_job import Tell
from multimodal.ui.stack import ANSWER, TRAIN, imported

if TYPE_CHECKING:
    from multimodal.train.cases import HeadData
    from multimodal.zoo import Bundle

PHANTOMS = "phantoms"
"""What the name of a head holds that has seen phantoms alone."""

HUB = "hf:"

_EMBEDDING_SHARE = 0.75
"""Of the work, for the progress bar: scoring takes most of it where nothing is kept."""

_KEPT = 3


@dataclass(frozen=True)
class Request:
    """A head to be fitted.

    Attributes:
        arch: Registered head.
        branches: (modality, bundle name) pairs.
        phantoms: Phantom patients drawn for it.
        folders: (modality, folder with metadata.csv) pairs; none for phantoms alone.
        note_column: Column that holds the note.
    """

    arch: str
    branches: tuple[tuple[str, str], ...]
    phantoms: int
    folders: tuple[tuple[str, str], ...] = ()
    note_column: str = "text"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head that has been fitted and not yet been kept.

    Attributes:
        bundle: Its bundle, in a folder that goes with this object.
        request: What was asked for.
        cases: Cases that it was fitted on.
        held_out: Cases that chose the epoch.
        loss: On those, at the best epoch.
        late_loss: On those, of late pooling.
    """

    bundle: Bundle
    request: Request
    cases: int
    held_out: int
    loss: float
    late_loss: float

    @property
    def on_phantoms_alone(self) -> bool:
        """Whether it has seen nothing but phantoms."""
        return not self.request.folders


class Embeddings:
    """What branches said of cases, kept for the next head over the same branches."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, HeadData] = OrderedDict()

    def of(self, request: Request, tell: Tell) -> HeadData:
        """The scored cases of a request, scored now if they are not kept.

        Raises:
            MultimodalError: If a folder or a bundle cannot be used.
        """
        imported(TRAIN)
        from multimodal.datasets import read_folder
        from multimodal.train.cases import Cohorts, head_data
        from multimodal.zoo import find

        bundles = {Modality(kind): find(kind, name) for kind, name in request.branches}
        hashes = tuple((kind, bundle.config.sha256) for kind, bundle in bundles.items())
        key = (hashes, request.phantoms, request.folders, request.note_column)
        if key not in self._kept:
            folders = {
                Modality(kind): read_folder(Path(folder).expanduser(), kind, text_column=request.note_column)
                for kind, folder in request.folders
            }
            used = {m: bundle for m, bundle in bundles.items() if m in folders or not folders}
            self._kept[key] = head_data(used, folders, Cohorts(phantoms=request.phantoms), tell=tell)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]


def fit(request: Request, embeddings: Embeddings, tell: Tell) -> Fitted:
    """Fit a head.

    Raises:
        MultimodalError: If the branches share no label, or a folder or a bundle cannot be used.
    """
    imported(TRAIN)
    from multimodal.train.fusion import fit_head

    data = embeddings.of(request, lambda words, done: tell(words, _EMBEDDING_SHARE * done))
    folder = Path(mkdtemp(prefix="multimodal-head-"))
    try:
        bundle = fit_head(
            request.arch,
            data,
            folder / suggested(request, ()),
            command="Model lab",
            tell=lambda words, done: tell(words, _EMBEDDING_SHARE + (1 - _EMBEDDING_SHARE) * done),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    training = bundle.config.training
    fitted = Fitted(
        bundle=bundle,
        request=request,
        cases=sum(len(part.truth) for part in data.fitting),
        held_out=sum(len(part.truth) for part in data.choosing),
        loss=float(training["validation_loss"]),
        late_loss=float(training["late_loss"]),
    )
    weakref.finalize(fitted, shutil.rmtree, folder, ignore_errors=True)
    return fitted


def suggested(request: Request, taken: tuple[str, ...]) -> str:
    """A free name for a head; one that has seen phantoms alone is named as such."""
    stem = f"{request.arch}_refit" if request.folders else f"{request.arch}_{PHANTOMS}"
    names = (stem, *(f"{stem}_{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def keep(fitted: Fitted, name: str) -> Bundle:
    """Put a fitted head into the models.

    Raises:
        UsageError: If the name cannot be used; a head that has seen phantoms alone must say so in its name.
    """
    if fitted.on_phantoms_alone and PHANTOMS not in name:
        raise UsageError(f"This head has seen phantoms alone: put {PHANTOMS!r} into its name.")
    return add(fitted.bundle, name)


def add(bundle: Bundle, name: str) -> Bundle:
    """Copy a bundle into the first writable folder of models; nothing is ever overwritten.

    Raises:
        UsageError: If the name cannot be used or is taken, or the folder cannot be written.
    """
    from multimodal.zoo import Bundle, bundles, writable_root

    if not is_name(name):
        raise UsageError("Expected a name of letters, digits, dots, hyphens and underscores.")
    if name in {known.name for known in bundles(bundle.kind)} or (bundle.kind, name) == (FUSION, LATE):
        raise UsageError(f"There is a bundle of {bundle.kind} named {name} already; choose another name.")
    place = writable_root() / bundle.kind
    try:
        place.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".adding-", dir=place) as partial:
            whole = Path(partial) / name
            whole.mkdir()
            for path in (bundle.folder / file for file in FILES if (bundle.folder / file).is_file()):
                shutil.copyfile(path, whole / path.name)
            (whole / CONFIG).write_text(replace(bundle.config, name=name).to_json(), encoding="utf-8")
            whole.rename(place / name)
    except OSError as error:
        raise UsageError(f"The bundle cannot be written ({error.strerror}).", file=name) from error
    return Bundle(bundle.kind, name, place / name)


def size(bundle: Bundle) -> int:
    """Bytes of a bundle's files."""
    paths = (bundle.folder / name for name in FILES)
    return sum(path.stat().st_size for path in paths if path.exists())


def fetch(reference: str) -> Bundle:
    """The bundle in a folder of this machine, or of the Hub; checked by loading it, without running code from it.

    Args:
        reference: Path of a folder, or ``hf:org/name@revision``.

    Raises:
        BundleNotFoundError: If the Hub has none.
        BundleInvalidError: If what is there is no sound bundle.
    """
    imported(ANSWER)
    from multimodal.zoo import at, find, verify

    if reference.startswith(HUB):
        folder = find(FUSION, reference).folder
    else:
        folder = Path(reference).expanduser()
        if not folder.is_dir():
            raise BundleInvalidError("There is no such folder on this machine.", file=reference)
    bundle = at(folder)
    verify(bundle)
    return bundle


def folders_of(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The folders that were named, without the empty ones.

    Raises:
        UsageError: If only one is: two modalities at least make a cohort.
    """
    named = tuple((kind, folder.strip()) for kind, folder in given.items() if folder.strip())
    if len(named) == 1:
        raise UsageError("Name folders of two modalities at least: there is nothing to fuse in one.")
    return named
