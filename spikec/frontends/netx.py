r"""lava-dl netx files (``.net``), as SLAYER's ``export_hdf5`` writes them: networks in integers already.

Their weights are a chip's mantissas and their neurons Loihi's, so such a file becomes no network to compile
but a `Program`, which runs as it is: `CubaFixed` neurons with ``du = iDecay - 1``, ``dv = vDecay``,
``vth = vThMant`` and the bias times 64. SLAYER's one tick a block is the tick that every hop takes here.

SLAYER computes the same integers as Lava's bit-accurate model (current and membrane times 64, decays cut off
toward zero) but for four things:

* Until version 0.2 its neurons spike where :math:`v \ge vThMant \ll 6`; from 0.3 on (lava-dl's pull request
  78, May 2022), in Lava and on the chip where :math:`v > vThMant \ll 6`. The file does not tell which. Here
  the first holds unless a convention says otherwise, for SLAYER's recorded output of lava-dl's own Oxford
  network follows it.
* It has no limit of 24 bits. `spikec check` says whether a current could reach that.
* Its delays lie on the way out of a layer. Here they lie on the synapses that follow, so those of the last
  layer delay nothing.
* The tick of a block lies behind its neurons, here and in Lava in front of them. So a bias acts for one tick
  more here before the first input.

Sources, of facts only: lava-dl, ``slayer/neuron/cuba.py``, ``slayer/neuron/dynamics/leaky_integrator.py``,
``slayer/block/base.py`` and ``netx/hdf5.py``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spikec.errors import NetworkError, UsageError
from spikec.frontends.netx_building import SUPPORTED, Building
from spikec.frontends.netx_file import COMPLEX, Layer, read_layers
from spikec.ir.conventions import LOIHI, Comparison, Convention
from spikec.ir.network import Ticks
from spikec.ir.verify import verify
from spikec.program import LogEntry, Program
from spikec.targets.target import load_target

DEFAULT_DT = 1e-3
"""SLAYER's usual tick, seconds."""


def read_netx(path: str | Path, *, dt: float | None = None, convention: Convention | None = None) -> Program:
    """Read a netx file.

    Args:
        path: The file.
        dt: Length of a tick, seconds; None for what the file says, or 1 ms. It changes no spike.
        convention: What a membrane that just reaches its threshold does is taken from its ``comparison``; the
            rest is the chip's. None for SLAYER until version 0.2: it spikes.

    Returns:
        A program for loihi2; its log and its network's notes tell what was changed or assumed.

    Raises:
        FileFormatError: The file is damaged or no netx file.
        NetworkError: It holds something unsupported or contradicts itself.
        UsageError: The time step is impossible.
    """
    path = Path(path)
    file = read_layers(path)
    clock = Ticks(_time_step(file.dt, dt), LOIHI)
    try:
        _check_supported(file.layers)
        built = Building(_inclusive(convention))
        for layer in file.layers:
            built.add(layer)
        network = verify(built.network(clock))
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    given = (
        "as given" if dt is not None else "as the file says" if file.dt is not None else "as usual in SLAYER"
    )
    notes = (f"the tick is {clock.dt:g} s, {given}", built.comparison_note(convention), *built.notes)
    summary = (
        f"{len(network.populations) - 1} layers of lava-dl's integers; {len(built.lossy) or 'no'} changes"
    )
    entry = LogEntry("netx", not built.lossy, summary, dict(enumerate_changes(built.lossy)))
    return Program(replace(network, notes=notes), load_target("loihi2"), log=(entry,))


def enumerate_changes(sentences: list[str]) -> list[tuple[str, str]]:
    """Sentences with the keys under which a log holds them."""
    return [(f"change.{k + 1}", sentence) for k, sentence in enumerate(sentences)]


def _time_step(stored: float | None, given: float | None) -> float:
    if given is not None and not 0 < given < float("inf"):
        raise UsageError(f"a time step of {given} s is impossible; give --dt a positive number of seconds")
    return given or stored or DEFAULT_DT


def _inclusive(convention: Convention | None) -> bool:
    return convention is None or convention.comparison is Comparison.REACH


def _check_supported(layers: tuple[Layer, ...]) -> None:
    """Name all layers that cannot be represented, at once."""
    types = [str(x) for x in layers if x.type not in SUPPORTED]
    if types:
        raise NetworkError(
            f"{', '.join(types)}: netx layers of these types are not supported, only {', '.join(SUPPORTED)}; "
            "run the network up to them in lava-dl and give what follows its spikes"
        )
    kinds = [f"{x} has {x.neuron_type}" for x in layers if x.neuron_type not in (None, "CUBA", "LOIHI")]
    if kinds:
        raise NetworkError(
            f"{', '.join(kinds)} neurons, but only CUBA and LOIHI ones are supported, for others send graded "
            "or complex values; train the network with slayer.block.cuba"
        )
    pixels = [str(x) for x in layers if x.type == "input" and x.neuron_type is not None]
    if pixels:
        raise NetworkError(
            f"{', '.join(pixels)} turns pixels into spikes by neurons of its own, which spikec cannot feed; "
            "export a slayer.block.cuba.Input() without neurons instead and give its spikes with --input"
        )
    strange = [str(x) for x in layers if COMPLEX in x.strange]
    if strange:
        raise NetworkError(
            f"{', '.join(strange)}: complex weights are not supported; train with slayer.block.cuba"
        )
