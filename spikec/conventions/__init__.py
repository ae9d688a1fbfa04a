"""Conventions of known frameworks, and how one is chosen for a file."""

from spikec.conventions.choice import Choice, Guess, choose
from spikec.conventions.preset import described, load_preset, preset_names

__all__ = ["Choice", "Guess", "choose", "described", "load_preset", "preset_names"]
