"""Measure a bundle: figures with patient-level intervals, beside baselines; plots and model cards."""

from __future__ import annotations

from multimodal.evaluate.against import evaluate_against
from multimodal.evaluate.branch import BranchEvaluation, evaluate_branch, evaluate_scored, score
from multimodal.evaluate.card import check_card, render_card, write_card
from multimodal.evaluate.cohorts import Cohort, Member, composed_cohort, paired_cohort, phantom_cohort
from multimodal.evaluate.folds import evaluate_folds
from multimodal.evaluate.fusion import FusionEvaluation, diagnose_cohort, evaluate_fusion
from multimodal.evaluate.parts import PARTS, complete_card, start
from multimodal.evaluate.plots import plot
from multimodal.evaluate.units import Scored, Units, units

__all__ = [
    "PARTS",
    "BranchEvaluation",
    "Cohort",
    "FusionEvaluation",
    "Member",
    "Scored",
    "Units",
    "check_card",
    "complete_card",
    "composed_cohort",
    "diagnose_cohort",
    "evaluate_against",
    "evaluate_branch",
    "evaluate_folds",
    "evaluate_fusion",
    "evaluate_scored",
    "paired_cohort",
    "phantom_cohort",
    "plot",
    "render_card",
    "score",
    "start",
    "units",
    "write_card",
]
