"""What every metric asks of its arguments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multimodal.errors import UsageError

FloatArray = npt.NDArray[np.float64]


def check_scores(scores: npt.ArrayLike, *, name: str = "scores") -> FloatArray:
    """The scores as float64 of shape (N,).

    Raises:
        UsageError: If they are not one-dimensional, empty, or not finite.
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise UsageError(f"Expected argument `{name}` to be of shape (N,) with N > 0, but got {array.shape}.")
    if not np.isfinite(array).all():
        raise UsageError(f"Expected argument `{name}` to be finite, but got NaN or infinity.")
    return array


def check_probabilities(probabilities: npt.ArrayLike) -> FloatArray:
    """The probabilities as float64 of shape (N,).

    Raises:
        UsageError: If one is outside 0..1, and as :func:`check_scores`.
    """
    array = check_scores(probabilities, name="probabilities")
    if array.min() < 0 or array.max() > 1:
        raise UsageError(
            f"Expected argument `probabilities` to be in 0..1, but got {array.min():.3g} to {array.max():.3g}."
        )
    return array


def check_targets(targets: npt.ArrayLike, size: int) -> FloatArray:
    """The targets as float64 of shape (N,), each 0 or 1.

    Raises:
        UsageError: If their number is not ``size`` or one is neither 0 nor 1.
    """
    array = np.asarray(targets, dtype=np.float64)
    if array.shape != (size,):
        raise UsageError(f"Expected argument `targets` to be of shape ({size},), but got {array.shape}.")
    if not np.isin(array, (0.0, 1.0)).all():
        raise UsageError("Expected argument `targets` to be 0 or 1 (mask unknown rows first), but got other values.")
    return array


def check_weights(weights: npt.ArrayLike | None, size: int) -> FloatArray:
    """The weights as float64 of shape (..., N); ones where none are given.

    Raises:
        UsageError: If the last axis is not ``size`` long or a weight is negative or not finite.
    """
    if weights is None:
        return np.ones(size)
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != size:
        raise UsageError(f"Expected argument `weights` to be of shape (..., {size}), but got {array.shape}.")
    if not np.isfinite(array).all() or array.min() < 0:
        raise UsageError("Expected argument `weights` to be finite and not negative, but got other values.")
    return array


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient, NaN where the denominator is 0."""
    quotient: FloatArray = np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0
    )[()]
    return quotient
