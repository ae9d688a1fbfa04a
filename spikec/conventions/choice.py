"""Which convention a file is read with: the given one, that of a YAML beside or in it, a guess, a default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from spikec.conventions.preset import (
    PRESETS,
    Preset,
    changed,
    convention_of,
    described,
    load_preset,
    stated_by,
)
from spikec.errors import UsageError
from spikec.ir.conventions import Convention

DEFAULT = "nir-euler"
"""The preset of files that do not show where they come from."""


@dataclass(frozen=True)
class Guess:
    """Where a file seems to come from.

    Attributes:
        name: The preset.
        reason: What of the file shows it, in words.
        dt: The time step that its numbers were made for, seconds, if they tell.
    """

    name: str
    reason: str
    dt: float | None = None


@dataclass(frozen=True)
class Choice:
    """The convention for a file.

    Attributes:
        convention: The habits.
        name: What they are called.
        reason: Why these, in words that may end a sentence.
        dt: The time step that comes with them, seconds, if any.
        dt_reason: Where that is from, likewise.
        binding: Whether a user wrote `dt` down for this very file, so that it goes before the file's own.
        beyond: A YAML made for this very file, with what no habit says; None if there is none.
    """

    convention: Convention
    name: str
    reason: str
    dt: float | None = None
    dt_reason: str = ""
    binding: bool = False
    beyond: Preset | None = None


def choose(
    given: Convention | str | None,
    path: Path,
    guess: Callable[[], Guess | None],
    inside: str | None = None,
) -> Choice:
    """Choose the convention that a file is read with.

    Args:
        given: The convention, or words: ``NAME``, ``FILE.yaml``, ``FIELD=VALUE``, or several with commas, the
            name first. Fields without a name change what would be chosen otherwise.
        path: The network file; a ``.yaml`` of its name beside it says what the file cannot.
        guess: Looks for signs of a framework.
        inside: The text of such a YAML that the file itself holds.

    Raises:
        UsageError: There is no such convention, or a habit is unknown or impossible.
    """
    if isinstance(given, Convention):
        return Choice(given, described(given), "as given")
    name, habits = _parsed(given) if given is not None else ("", {})
    chosen = _base(name, path, guess, inside)
    if not habits:
        return chosen
    convention = changed(chosen.convention, habits, "--convention")
    called = ",".join([chosen.name, *(f"{field}={value}" for field, value in habits.items())])
    but = ", ".join(f"{field} {value}" for field, value in habits.items())
    reason = "as given" if name else f"{chosen.reason}, but {but} as given"
    return replace(chosen, convention=convention, name=called, reason=reason)


def _base(name: str, path: Path, guess: Callable[[], Guess | None], inside: str | None) -> Choice:
    if name.endswith((".yaml", ".yml")):
        return _written(load_preset(name), name, "as given", f"from convention {name}")
    beside = path.with_suffix(".yaml")
    if name:
        convention, dt = convention_of(name)
        unread = f", instead of {beside.name} beside the file" if beside.is_file() else ""
        return Choice(convention, name, f"as given{unread}", dt, f"from convention {name}")
    if beside.is_file() and beside != path:
        where = f"from {beside.name} beside it"
        return _written(load_preset(str(beside)), str(beside), where, where)
    if inside is not None:
        where = "from the file's metadata"
        return _written(PRESETS.parse(inside, f"in the metadata of {path}"), str(path), where, where)
    guessed = guess()
    if guessed is not None:
        convention, dt = convention_of(guessed.name)
        reason = f"as guessed, for {guessed.reason}"
        return Choice(convention, guessed.name, reason, guessed.dt or dt, reason)
    return Choice(convention_of(DEFAULT)[0], DEFAULT, "as assumed, for the file does not show its origin")


def _written(preset: Preset, name: str, reason: str, dt_reason: str) -> Choice:
    """What somebody wrote down for this very file."""
    convention, dt = stated_by(preset, name)
    return Choice(convention, described(convention), reason, dt, dt_reason, True, preset)


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    first, *others = (part.strip() for part in text.split(","))
    name = "" if "=" in first else first
    habits: dict[str, str] = {}
    for part in (first, *others) if not name else others:
        field, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not field or not value or field in habits:
            raise UsageError(
                f"--convention {text!r} is not clear at {part!r}; write NAME, or NAME,FIELD=VALUE,..., "
                "each field once"
            )
        habits[field] = value
    return name, habits
