"""Networks and programs as NIR files (https://neuroir.org), which other frameworks read.

A file holds equations. How many seconds a tick takes, what happens within one, who spikes once only, how
samples become spikes: none of that has a place in NIR, so it stands in a YAML beside the file and in the
file's metadata. A spikec that reads the file with it has the network again, to the last bit where arithmetic
allows; what it does not allow is among the notes. Other frameworks read the equations and keep to their own
habits.

===================  ==============================================================================
in float ticks       written as they are, with their convention
continuous           for a time step that is given, by exact integration
compiled programs    as real numbers in the user's units (`dequantise`), integers in the metadata
===================  ==============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spikec.container import write_atomically
from spikec.errors import TargetError, UsageError, Violation
from spikec.exporters.dequantise import Metadata, dequantised, without_chips_decays
from spikec.exporters.membrane_bias import with_senders
from spikec.exporters.nir_file import Graph, Value, file_of
from spikec.exporters.nir_graph import Wired, wired
from spikec.exporters.nir_neurons import LONG, Written, written
from spikec.exporters.stated import MARK, stated
from spikec.frontends.nir import in_order
from spikec.ir.connectivity import Dense
from spikec.ir.conventions import Convention, Integration, RecurrentBias
from spikec.ir.listing import listed
from spikec.ir.network import Continuous, Dialect, Network, Projection, Ticks
from spikec.ir.neurons import CubaTicks, If, Lif
from spikec.program import Program


@dataclass(frozen=True, eq=False)
class Export:
    """A NIR file and what goes with it.

    Attributes:
        graph: The graph.
        stated: Text of the YAML.
        dt: The time step that it is meant for, seconds.
        notes: What a reader will find otherwise than it is here, one sentence each.
    """

    graph: Graph
    stated: str
    dt: float
    notes: tuple[str, ...]


def export_nir(program: Program, *, dt: float | None = None) -> Export:
    """Make a NIR file of a network or compiled program.

    Args:
        program: In any dialect.
        dt: For a continuous network the time step that the file is meant to be read with, seconds.

    Raises:
        TargetError: NIR cannot hold the network; all reasons are named.
        UsageError: A continuous network has no `dt`, or another one has.
    """
    program = replace(program, network=listed(program.network, "exported"))
    network, integers, notes = _in_float_ticks(program, dt)
    clock = network.clock
    assert isinstance(clock, Ticks)
    network, sent = with_senders(network)
    found = {p.name: written(p, clock) for p in network.populations if not p.is_source}
    neurons = {name: k for name, k in found.items() if isinstance(k, Written)}
    violations = [*_impossible(network), *(k for k in found.values() if isinstance(k, Violation))]
    whole = not isinstance(program.network.clock, Continuous)
    if not violations:
        done = wired(network, neurons, integers, whole)
        violations.extend(done.violations)
    if violations:
        raise TargetError("NIR", violations)
    decoding = network.decoding
    if decoding is not None and decoding.population not in done.names:
        notes.append(
            f"the answer is read from {decoding.population}, which was split: no decoding is written"
        )
        network = replace(network, decoding=None)
    text = stated(network, done.names, _order(network, done))
    notes += [*_about_neurons(network), *sent, *done.notes]
    metadata: dict[str, Value] = {"dt": clock.dt, "spikec": text}
    if notes:
        metadata["notes"] = "\n".join(notes)
    return Export(done.graph.with_metadata(metadata), text, clock.dt, tuple(notes))


def write_nir(export: Export, path: str | Path) -> Path:
    """Write a NIR file and the YAML beside it, each whole or not at all.

    Returns:
        The YAML's path.

    Raises:
        FileFormatError: The folder does not exist or cannot be written.
        UsageError: A YAML of the user's own stands beside the file, or the file is named as one.
    """
    path = Path(path)
    beside = check_beside(path)
    write_atomically(path, file_of(export.graph))
    write_atomically(beside, export.stated.encode())
    return beside


def check_beside(path: Path) -> Path:
    """Where the YAML of a NIR file goes.

    Raises:
        UsageError: A YAML of the user's own stands there, or the file is named as one.
    """
    beside = path.with_suffix(".yaml")
    if beside == path:
        raise UsageError(f"{path} is where the file's YAML goes; name the file itself {path.stem}.nir")
    if beside.exists():
        try:
            own = not beside.read_text(encoding="utf-8").startswith(MARK)
        except (OSError, UnicodeDecodeError):
            own = True
        if own:
            raise UsageError(
                f"{beside} would be replaced, but spikec export did not write it; move it, or choose another "
                "name"
            )
    return beside


def _in_float_ticks(program: Program, dt: float | None) -> tuple[Network, Metadata, list[str]]:
    """The network on a clock of ticks with real numbers, its integers if it has any, and notes."""
    network = program.network
    if isinstance(network.clock, Continuous):
        clock = _clock_for(network, dt)
        note = (
            f"a continuous network: its spikes come as near to their times as ticks of {clock.dt:g} s allow"
        )
        return replace(network, clock=clock), {}, [note]
    if dt is not None:
        raise UsageError(f"the network's tick is {network.dt:g} s; leave out --dt")
    if network.dialect is Dialect.FIXED:
        note = (
            "a compiled program as real numbers: a chip cuts off what decays leave and wraps at 24 bits, so "
            "spikes of neurons that decay may differ; its integers are in the metadata of the nodes"
        )
        return *dequantised(program), [note]
    habits = replace(network.clock.convention, recurrent_bias=RecurrentBias.ALWAYS)
    computing = [p.neuron for p in network.populations if not p.is_source]
    decays = bool(computing) and all(isinstance(k, CubaTicks) for k in computing)
    if decays:
        euler = Convention(Integration.EULER)
        gains = {name: getattr(euler, name) for name in ("input_gain", "synapse_gain", "if_gain")}
        habits = replace(habits, integration=euler.integration, **gains)
    network = replace(network, clock=replace(network.clock, convention=habits))
    return without_chips_decays(network) if decays else network, {}, []


def _clock_for(network: Network, dt: float | None) -> Ticks:
    """A clock on which a continuous network keeps its time.

    What moves a current is felt by the membrane in the tick after it, which is the tick of a hop; what moves
    the membrane is felt at once.
    """
    assert isinstance(network.clock, Continuous)
    if dt is None:
        raise UsageError(
            "a continuous network has no time step, but whoever reads NIR needs one; give --dt SECONDS, a "
            "small part of its time constants"
        )
    if not 0 < dt < float("inf"):
        raise UsageError(f"a time step of {dt} s is impossible; give --dt a positive number of seconds")
    jumping = all(p.is_source or isinstance(p.neuron, If | Lif) for p in network.populations)
    habits = Convention(Integration.EXACT, network.clock.reset, hop_delay=0 if jumping else 1)
    return Ticks(dt, habits)


def _impossible(network: Network) -> list[Violation]:
    """What of the network as a whole NIR cannot say."""
    found = []
    if not network.inputs:
        found.append(Violation("input", "the network", "none", "1 or more", "give it a source"))
    if not network.outputs:
        found.append(Violation("output", "the network", "none", "1 or more", "name an output population"))
    return found


def _order(network: Network, done: Wired) -> tuple[str, ...]:
    """The order of populations, if a reader would find another one and spikes would come at other times."""
    assert isinstance(network.clock, Ticks)
    habits = network.clock.convention
    if habits.hop(leads_back=True) == habits.hop(leads_back=False):
        return ()
    extra = tuple(
        Projection(f"{done.names[post]}.bias", pre, post, _nothing(network, pre, post))
        for pre, post in done.only_biases
    )
    joined = replace(network, projections=(*network.projections, *extra))
    alphabetical = tuple(sorted(joined.populations, key=lambda p: done.names[p.name]))
    read = in_order(replace(joined, populations=alphabetical))
    if all(network.leads_back(q) == read.leads_back(q) for q in network.projections):
        return ()
    return tuple(name for component in network.components() for name in component)


def _nothing(network: Network, pre: str, post: str) -> Dense:
    return Dense(np.zeros((network.population(post).n, network.population(pre).n)))


def _about_neurons(network: Network) -> list[str]:
    """What of neurons was put in other words."""
    notes = []
    for p in network.populations:
        endless = [
            name
            for name in ("tau", "tau_mem", "tau_syn")
            if np.any(np.isinf(np.asarray(getattr(p.neuron, name, 1.0))))
        ]
        name = type(p.neuron).__name__
        if name in ("Ramp", "IfExp"):
            notes.append(
                f"{p.name} is a {name}, written as a CubaLIF that loses 2^-60 of what it holds in a tick"
            )
        elif endless:
            notes.append(f"{p.name} has an infinite {endless[0]}, written as {LONG:g} ticks")
    return notes
