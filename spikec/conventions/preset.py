"""What known frameworks do in a tick: one YAML file each, every habit with the place it was taken from.

A user's own file has the same form, without sources if need be, and may start from a preset (``like``) and
say what the network file cannot: a time step, several spikes a tick, a lowest membrane; who spikes once only,
how samples become spikes and spikes an answer. `spikec export` writes such files. See `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from importlib.resources import files
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from spikec.catalogue import Catalogue
from spikec.coding import Decoding, Encoding
from spikec.errors import NetworkError, UsageError
from spikec.ir.conventions import CHOICES, DELAYS, FIELDS, Convention

_STRICT = ConfigDict(extra="forbid")
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

Plain = str | bool | int | float | None


@dataclass(frozen=True, config=_STRICT)
class Habit:
    """One field of a convention and where it is known from.

    Attributes:
        value: As in `Convention`.
        source: File of the framework, publication or measurement.
    """

    value: Plain
    source: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Preset:
    """A framework's habits, or a user's.

    Attributes:
        title: What it is.
        like: The preset that it starts from; None for the default of every field.
        dt: Length of a tick, seconds, if it is always the same.
        source: Where `dt` is known from.
        habits: Fields of `Convention`.
        one_spike: Names of populations whose neurons spike at most once a sample.
        order: Names of all populations in the order in which they compute within a cycle; empty for the order
            in which the file is read without it.
        encoding: How a sample becomes input spikes.
        decoding: How an answer becomes a class.
    """

    title: str = ""
    like: str | None = None
    dt: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    source: str = ""
    habits: dict[str, Habit | Plain] = field(default_factory=dict)
    one_spike: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    encoding: Encoding | None = None
    decoding: Decoding | None = None


PRESETS = Catalogue("convention", files("spikec.conventions"), TypeAdapter(Preset), "docs/conventions.md")


def preset_names() -> list[str]:
    """Names of the presets."""
    return PRESETS.names()


def load_preset(name: str) -> Preset:
    """Read a preset by name, or a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    return PRESETS.load(name)


def convention_of(name: str) -> tuple[Convention, float | None]:
    """The convention of a preset or file, and its time step in seconds, if it has one.

    Raises:
        UsageError: As `load_preset`; or a habit is unknown or impossible.
    """
    return stated_by(load_preset(name), name)


def stated_by(preset: Preset, name: str) -> tuple[Convention, float | None]:
    """The convention and time step, seconds, that a preset stands for, whatever it is like.

    Raises:
        UsageError: A habit is unknown or impossible; the message names the preset.
    """
    return _resolve(preset, name, ())


def changed(convention: Convention, habits: Mapping[str, object], where: str) -> Convention:
    """The convention with other values in some fields, as words or numbers.

    Raises:
        UsageError: A field is unknown, or its value impossible; the message begins with `where`.
    """
    values = {name: _value(name, given, where) for name, given in habits.items()}
    try:
        return replace(convention, **values)
    except NetworkError as error:
        raise UsageError(f"{where}: {error}") from error


def described(convention: Convention) -> str:
    """The presets that a convention is, or the nearest and what differs, in words."""
    known = {name: convention_of(name)[0] for name in preset_names()}
    same = [name for name, other in known.items() if other == convention]
    if same:
        return " or ".join(same)
    name = min(known, key=lambda n: len(known[n].differences(convention)))
    differing = known[name].differences(convention)
    return ",".join([name, *(f"{field}={_word(value)}" for field, value in differing.items())])


def _resolve(preset: Preset, name: str, seen: tuple[str, ...]) -> tuple[Convention, float | None]:
    if name in seen:
        raise UsageError(f"convention {name} is like itself; name a preset ({', '.join(preset_names())})")
    like = preset.like
    base, dt = _resolve(load_preset(like), like, (*seen, name)) if like else (Convention(), None)
    habits = {f: h.value if isinstance(h, Habit) else h for f, h in preset.habits.items()}
    return changed(base, habits, f"convention {name}"), preset.dt or dt


def _value(name: str, given: object, where: str) -> Any:
    text = str(given).strip().lower()
    if name in CHOICES:
        words = [str(member.value) for member in CHOICES[name]]
        if text not in words:
            raise UsageError(f"{where}: {name} is {text!r}; choose {' or '.join(words)}")
        return CHOICES[name](text)
    if name in DELAYS:
        if text not in ("0", "1"):
            raise UsageError(f"{where}: {name} is {text!r}; give 0 or 1 ticks")
        return int(text)
    if name == "multi_spike":
        if text not in _TRUTH:
            raise UsageError(f"{where}: multi_spike is {text!r}; give yes or no")
        return _TRUTH[text]
    if name == "clamp":
        try:
            return None if text == "none" else float(text)
        except ValueError:
            raise UsageError(
                f"{where}: clamp is {text!r}; give none, or a multiple of the threshold such as -1"
            ) from None
    raise UsageError(f"{where}: there is no habit {name!r}; choose {', '.join(FIELDS)}")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
