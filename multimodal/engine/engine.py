"""The engine: cases to diagnoses."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np

from multimodal.case import Audio, Case, Diagnosis, Image, Item, ItemResult, ModelRef, Notice, Text
from multimodal.engine import answer
from multimodal.engine.ages import uncovered_ages
from multimodal.engine.backend import scorer
from multimodal.engine.coherent import agreed, with_kinds
from multimodal.engine.device import resolve
from multimodal.engine.foreign import refusal, unlaid
from multimodal.engine.inference import ItemOutput, Score
from multimodal.engine.models import Models
from multimodal.engine.reuse import Reuse
from multimodal.engine.statement import Statement, state, vocabulary
from multimodal.errors import MultimodalError, UsageError
from multimodal.labels import LABELS, Modality, Site
from multimodal.quality import check, check_heart, check_record
from multimodal.zoo import LoadedBranch

VERSION = version("multimodal-diagnosis")
SITE_DOUBT = 2.0
"""Log-odds against the user's word at which a sound's site is doubted: in at most 1.7 % of a source's validation sounds
wrongly; 69 to 100 % of those given as the other site are caught (docs/quality.md)."""


@dataclass
class _Entry:
    """An item on its way through the engine."""

    item: Item
    quality: list[Notice]
    used: bool
    site: Site | None
    outputs: list[ItemOutput] = field(default_factory=list)

    def refuse(self, code: str, message: str) -> None:
        self.turn_away(Notice(code, message, item=self.item.name, refused=True))

    def turn_away(self, notice: Notice | None) -> None:
        """Leave the item out, if there is a reason."""
        if notice is not None:
            self.quality.append(notice)
            self.used = False


class Engine:
    """Turns cases into diagnoses; safe to share between threads.

    Args:
        models: Kind ("image", "audio", "text", "fusion") to the name of a bundle, or of several of one kind joined
            by "+", whose answers are averaged and pooled by ``late``; what is left out takes its default.
        device: "auto", "cuda", "mps" or "cpu".
        prevalence: Reference prevalence by label, between 0 and 1; what is left out keeps the vocabulary's.
        backend: What runs the branches: "torch", or on a CPU "onnx", or "onnx-int8" with eight-bit weights for notes.
        coherent: Tell no label as less likely than a kind of it; else each is told as its models give it, to be
            measured.

    Raises:
        UsageError: If a kind, label, prevalence, device or backend cannot be used.
        MissingExtraError: If the backend is not installed.
        ModelError: If a bundle is missing or its config malformed.
    """

    def __init__(
        self,
        models: Mapping[str, str] | None = None,
        *,
        device: str = "auto",
        prevalence: Mapping[str, float] | None = None,
        backend: str = "torch",
        coherent: bool = True,
    ) -> None:
        self.prevalence = _checked(prevalence or {})
        self._device = resolve(device)
        self._models = Models(models or {}, self._device)
        self._attempt = scorer(backend, self._device)
        self._coherent = coherent

    def through(self, score: Score) -> Engine:
        """The same engine, its items scored by ``score``: a :class:`Batcher`'s, for example."""
        other = copy.copy(self)
        other._attempt = score
        return other

    def remembering(self, reuse: Reuse) -> Engine:
        """The same engine, which asks its branches only for what ``reuse`` does not know."""
        return self.through(reuse.before(self._attempt))

    @property
    def models(self) -> dict[str, ModelRef]:
        """The bundles that answer, by kind."""
        return dict(self._models.refs)

    @property
    def device(self) -> str:
        """Where the branches run."""
        return str(self._device)

    def branches(self, modality: Modality) -> tuple[LoadedBranch, ...]:
        """The loaded bundles of a modality, on the device; more than one for an ensemble, none where there is none."""
        return self._models.branches(modality)

    def warm_up(self) -> None:
        """Load the weights and run every branch once, so that the first case does not wait."""
        samples: dict[Modality, Item] = {
            Modality.IMAGE: Image("warm-up", "", np.zeros((64, 64), np.float32)),
            Modality.AUDIO: Audio("warm-up", "", np.zeros(8000, np.float32), 4000),
            Modality.TEXT: Text("warm-up", "", "warm up"),
        }
        for modality, item in samples.items():
            for branch in self.branches(modality):
                self._attempt(branch, [item], self._device)
        _ = self._models.head

    def diagnose(self, case: Case) -> Diagnosis:
        """Diagnose one case.

        An item that cannot be scored becomes a notice; a case without any that can gets no labels and a warning. No
        label is told as less likely than a kind of it (:mod:`multimodal.engine.coherent`).

        Raises:
            ModelError: If a bundle's weights cannot be loaded.
        """
        return self.diagnose_many([case])[0]

    def diagnose_many(self, cases: Sequence[Case]) -> list[Diagnosis]:
        """Diagnose several cases, each as if it were alone; the time is shared evenly among them.

        Raises:
            ModelError: If a bundle's weights cannot be loaded.
        """
        start = time.perf_counter()
        entries = [[_judge(item) for item in case.items] for case in cases]
        for entry in (entry for each in entries for entry in each if not entry.used):
            entry.quality = unlaid(self.branches(entry.item.modality), entry.item, entry.quality)
        for modality in Modality:
            self._score(modality, [e for each in entries for e in each if e.used and e.item.modality is modality])
        warnings = [self._settle(each) for each in entries]
        statements = [self._statements(each) for each in entries]
        asked = [(said, case.patient) for said, case in zip(statements, cases, strict=True)]
        fused = answer.fuse_all(self._models.head, self._models.readings, asked, self.prevalence)
        rows = zip(cases, entries, statements, fused, warnings, strict=True)
        diagnoses = [self._told(*row) for row in rows]
        elapsed_ms = 1000 * (time.perf_counter() - start) / max(1, len(cases))
        return [replace(diagnosis, elapsed_ms=elapsed_ms) for diagnosis in diagnoses]

    def _told(
        self,
        case: Case,
        entries: Sequence[_Entry],
        said: Mapping[Modality, Statement],
        fused: answer.Fused,
        notes: Sequence[Notice],
    ) -> Diagnosis:
        """The answer on one case, its time still to be told."""
        settle = agreed if self._coherent else dict
        settled = answer.Fused({of: settle(log_odds) for of, log_odds in fused.values.items()})
        labels, uncovered = answer.label_results(settled, said, self._models.readings, self.prevalence)
        labels, raised = with_kinds(labels, fused.whole) if self._coherent else (labels, [])
        configs = {modality: [branch.config for branch in self.branches(modality)] for modality in said}
        return Diagnosis(
            case_id=case.case_id,
            labels=labels,
            by_modality=answer.by_modality(said, self.prevalence, settle),
            by_subset=answer.by_subset(settled),
            shares=answer.label_shares(settled, said, self.prevalence),
            quality=tuple(notice for entry in entries for notice in entry.quality),
            warnings=(
                *case.problems,
                *self._models.notices,
                *notes,
                *check_record(case),
                *uncovered_ages(case.patient, configs, {m: statement.evidence for m, statement in said.items()}),
                *answer.assumed(labels, fused.whole, self.prevalence),
                *raised,
                *answer.cautions(said, uncovered),
            ),
            items=tuple(_result(entry) for entry in entries),
            models=self.models,
            version=VERSION,
            elapsed_ms=0.0,
        )

    def _score(self, modality: Modality, entries: Sequence[_Entry]) -> None:
        """Run every bundle of a modality over its items; one that a bundle cannot score is refused."""
        if not entries:
            return
        branches = self.branches(modality)
        if not branches:
            for entry in entries:
                entry.refuse("no_branch", f"There is no trained {modality} branch; the file is left out.")
        for branch in branches:
            outputs = self._attempt(branch, [entry.item for entry in entries], self._device)
            for entry, output in zip(entries, outputs, strict=True):
                if not isinstance(output, MultimodalError):
                    entry.outputs.append(output)
                elif entry.used:
                    entry.refuse(output.code, output.message)
        for entry in entries:
            if entry.used:
                entry.turn_away(refusal(branches, entry.item, entry.outputs))

    def _settle(self, entries: Sequence[_Entry]) -> list[Notice]:
        """Settle the site of each sound, and leave out what the branches have not learned to judge."""
        notices = []
        for entry in entries:
            heard = [output.site_logit for output in entry.outputs if output.site_logit is not None]
            if entry.used and heard:
                notices += _settle_site(entry, float(np.mean(heard)))
            modality = entry.item.modality
            if entry.used and not vocabulary(modality, self.branches(modality), entry.site):
                what = f"{entry.site} sounds" if entry.site else f"{answer.WORDS[modality]}s"
                entry.refuse("nothing_to_say", f"The {modality} branch has not learned to judge {what}.")
        return notices

    def _statements(self, entries: Sequence[_Entry]) -> dict[Modality, Statement]:
        statements = {}
        for modality in Modality:
            used = [entry for entry in entries if entry.used and entry.item.modality is modality]
            if used:
                branches = self.branches(modality)
                outputs = [[entry.outputs[i] for entry in used] for i in range(len(branches))]
                statements[modality] = state(modality, branches, outputs, [entry.site for entry in used])
        return statements


def _judge(item: Item) -> _Entry:
    """Quality of an item, before any network sees it."""
    notices = [*item.notices, *check(item)]
    site = item.site if isinstance(item, Audio) else None
    return _Entry(item, notices, used=not any(notice.refused for notice in notices), site=site)


def _settle_site(entry: _Entry, lung: float) -> list[Notice]:
    """The user's word, else the branch's guess, by its log-odds of a lung sound; a heart must then sound like one."""
    guess = Site.LUNG if lung > 0 else Site.HEART
    if entry.site is None:
        entry.site = guess
        if guess is Site.HEART and isinstance(entry.item, Audio):
            told = {notice.code for notice in entry.quality}
            entry.quality += [notice for notice in check_heart(entry.item) if notice.code not in told]
        message = f"Taken for a {guess} sound by its content; say which it is if that is wrong."
        return [Notice("site_guessed", message, item=entry.item.name)]
    if guess is not entry.site and abs(lung) > SITE_DOUBT:
        message = f"Given as a {entry.site} sound, but it sounds like the {guess}; check the site."
        return [Notice("site_doubted", message, item=entry.item.name)]
    return []


def _result(entry: _Entry) -> ItemResult:
    item = entry.item
    return ItemResult(item.name, item.sha256, item.modality.value, entry.site and entry.site.value, entry.used)


def _checked(prevalence: Mapping[str, float]) -> dict[str, float]:
    """Reference prevalence of every label, with the user's own."""
    unknown = sorted(set(prevalence) - set(LABELS))
    if unknown:
        raise UsageError(f"Expected a prevalence of {', '.join(LABELS)}, but got {', '.join(unknown)}.")
    for name, value in prevalence.items():
        if not 0 < value < 1:
            raise UsageError(f"Expected the prevalence of {name} to be between 0 and 1, but got {value}.")
    return {name: prevalence.get(name, label.prevalence) for name, label in LABELS.items()}
