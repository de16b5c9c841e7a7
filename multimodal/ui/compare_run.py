"""Phantoms drawn and diagnosed a few at a time, so that a page can show how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from multimodal.ui import engine
from multimodal.ui.compare_answers import Answers
from multimodal.ui.record import Choice
from multimodal.ui.stack import MEASURE, imported

_AT_ONCE = 4


@dataclass(eq=False)
class Run:
    """A cohort of phantoms on its way; one session's own.

    Attributes:
        n: Patients asked for.
        seed: Of the first; the others follow.
        choice: The networks that answer.
        rows: Answers so far, as :func:`multimodal.evaluate.diagnose_cohort` gives them.
        done: Patients diagnosed so far.
    """

    n: int
    seed: int
    choice: Choice
    rows: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0
    _answers: Answers | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to diagnose."""
        return self.done >= self.n

    def stop(self) -> None:
        """Leave it at what is done."""
        self.n = self.done

    def step(self) -> None:
        """Diagnose the next few.

        Raises:
            MultimodalError: If a model cannot be loaded.
        """
        imported(MEASURE)
        from multimodal.evaluate import diagnose_cohort, phantom_cohort

        size = min(_AT_ONCE, self.n - self.done)
        cohort = phantom_cohort(size, seed=self.seed + self.done)
        self.rows += diagnose_cohort(engine.load(self.choice), cohort)
        self.done += size

    def models(self) -> str:
        """The networks that answer, by name."""
        return ", ".join(name for _, name in self.choice.models)

    def answers(self) -> Answers:
        """The answers of all patients diagnosed, once the run is finished."""
        if self._answers is None:
            source = f"seeds {self.seed} to {self.seed + self.done - 1}"
            how = f"drawn now, from seeds kept out of training; answered by {self.models()}"
            self._answers = Answers("phantoms", source, how, pd.DataFrame(self.rows), f"{source}-{self.choice}")
        return self._answers
