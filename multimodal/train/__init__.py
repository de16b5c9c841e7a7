"""Train branches and fusion heads: folders in, calibrated bundles out."""

from __future__ import annotations

from multimodal.train.branch import train_branch
from multimodal.train.cases import Cohorts
from multimodal.train.fusion import train_fusion
from multimodal.train.recipe import RECIPES, Recipe
from multimodal.train.run import Start

__all__ = ["RECIPES", "Cohorts", "Recipe", "Start", "train_branch", "train_fusion"]
