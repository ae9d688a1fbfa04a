"""Keys of membranes to record: ``"NAME.v"``, ``"NAME.v.last"`` or ``"NAME.v.max"``."""

from __future__ import annotations

from collections.abc import Sequence

from spikec.errors import NetworkError
from spikec.ir.network import Continuous, Network


def check_record(network: Network, record: Sequence[str]) -> None:
    """Check that an engine can record what it is asked for.

    Raises:
        NetworkError: A key is none (see `split_key`), names nothing that has a membrane, or asks for the
            maximum of a membrane that spikes pull down, or for one in ticks, which `record_keys` takes from
            the membrane itself.
    """
    for key in record:
        name, what = split_key(key)
        population = network.population(name)
        if population.is_source:
            raise NetworkError(f"cannot record {key!r}: {name} is an input, and inputs have no membrane")
        if what != ".v.max":
            continue
        if not isinstance(network.clock, Continuous):
            raise NetworkError(f"cannot record {key!r} in ticks; record {name}.v and take its maximum")
        if population.neuron.spikes:
            raise NetworkError(
                f"cannot record {key!r}: {name} spikes, and only readouts have maxima; record {name}.v.last"
            )


def split_key(key: str) -> tuple[str, str]:
    """Take a record key apart into the population's name and ``".v"``, ``".v.last"`` or ``".v.max"``.

    Raises:
        NetworkError: It is no such key.
    """
    for what in (".v.last", ".v.max", ".v"):
        if key.endswith(what):
            return key.removesuffix(what), what
    raise NetworkError(f"cannot record {key!r}; record NAME.v, NAME.v.last or NAME.v.max")


def as_engines_record(network: Network, what: str) -> str:
    """What engines must record of a membrane: in ticks a maximum is taken from every tick's value."""
    return ".v" if what == ".v.max" and not isinstance(network.clock, Continuous) else what
