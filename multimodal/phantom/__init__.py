"""Patients that the project draws itself: a film, a heart sound, a lung sound and a note from one latent patient.

They test the whole way with a known truth and are the app's sample cases; they never stand in for real performance.
"""

from __future__ import annotations

from multimodal.phantom.patient import PhantomPatient, draw_patient
from multimodal.phantom.record import Phantom, best_answer, render, to_case, write, write_cohort

__all__ = ["Phantom", "PhantomPatient", "best_answer", "draw_patient", "render", "to_case", "write", "write_cohort"]
