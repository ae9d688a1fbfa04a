r"""lava-dl netx files (``.net``), as SLAYER's ``export_hdf5`` writes them: networks in integers already.

Their weights are a chip's mantissas and their neurons Loihi's, so such a file becomes no network to compile
but a `Program`, which runs as it is: `CubaFixed` neurons with ``du = iDecay - 1``, ``dv = vDecay``,
``vth = vThMant`` and the bias times 64. SLAYER's one tick a block is the tick that every hop takes here.

SLAYER computes the same integers as Lava's bit-accurate model (current and membrane times 64, decays cut off
toward zero) but for three things:

* Until version 0.2 its neurons spike where :math:`v \ge vThMant \ll 6`; from 0.3 on (lava-dl's pull request
  78, May 2022), in Lava and on the chip where :math:`v > vThMant \ll 6`. The file does not tell which. Here
  the first holds unless a convention says otherwise, for SLAYER's recorded output of lava-dl's own Oxford
  network follows it.
* It has no limit of 24 bits. `spikec check` says whether a current could reach that.
* Its delays lie on the way out of a layer. Here they lie on the synapses that follow, so those of the last
  layer delay nothing.

Sources, of facts only: lava-dl, ``slayer/neuron/cuba.py``, ``slayer/neuron/dynamics/leaky_integrator.py``,
``slayer/block/base.py`` and ``netx/hdf5.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import NetworkError, UsageError
from spikec.frontends.netx_file import COMPLEX, Layer, read_layers
from spikec.frontends.netx_numbers import fixed_weights, neuron_of, whole
from spikec.ir.connectivity import DelayKind, Delays, Dense, simplest
from spikec.ir.conventions import LOIHI, Comparison, Convention
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.ir.verify import verify
from spikec.program import LogEntry, Program
from spikec.targets.target import load_target

DENSE = {"dense", "dense_rec", "recurrent"}
SUPPORTED = {"input", "flatten", *DENSE}
DEFAULT_DT = 1e-3
"""SLAYER's usual tick, seconds."""

LONGEST_DELAY = 4095
"""Longer ones are taken for damage; the chip's own limit is a rule of the target."""

INPUT = "input"


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
        built = _Building(_inclusive(convention))
        for layer in file.layers:
            built.add(layer)
        network = verify(built.network(clock))
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    given = (
        "as given" if dt is not None else "as the file says" if file.dt is not None else "as usual in SLAYER"
    )
    notes = (f"the tick is {clock.dt:g} s, {given}", built.test_note(convention), *built.notes)
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
            f"{', '.join(types)}: netx layers of these types are not supported, only input, flatten, dense, "
            "dense_rec and recurrent; run the network up to them in lava-dl and give what follows its spikes"
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
            "leave the layer out of the export and give its spikes with --input"
        )
    strange = [str(x) for x in layers if COMPLEX in x.strange]
    if strange:
        raise NetworkError(
            f"{', '.join(strange)}: complex weights are not supported; train with slayer.block.cuba"
        )


@dataclass
class _Building:
    """A network that grows by a layer at a time.

    Attributes:
        inclusive: Whether a membrane that reaches its threshold spikes.
        populations: So far; the source is the first, once its width is known.
        projections: So far.
        shape: Of the input, if the file tells.
        waiting: Delays of the last population's axons, ``()`` or ``(n,)``.
        notes: What a user should know.
        lossy: Those of the notes that change spikes.
    """

    inclusive: bool
    populations: list[Population] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    shape: tuple[int, ...] | None = None
    waiting: IntArray = field(default_factory=lambda: np.zeros((), np.int64))
    notes: list[str] = field(default_factory=list)
    lossy: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        """Add a layer behind the others."""
        for name in layer.strange:
            self.notes.append(f"{layer}: {name} was not read, for spikec does not know it")
        if layer.type == "input":
            if layer.index:
                raise NetworkError(f"{layer} must be the first; export the network again")
            self.shape = _shape(layer)
        elif layer.type in DENSE:
            self.add_dense(layer)

    def add_dense(self, layer: Layer) -> None:
        """Add neurons, the weights in front of them, and those among them."""
        weight = _weight(layer)
        n_post, n_pre = weight.shape
        if not self.populations:
            self.populations.append(Population(INPUT, Source(), _input_shape(self.shape, n_pre, layer)))
        pre = self.populations[-1]
        if n_pre != pre.n:
            raise NetworkError(
                f"{layer} reads {n_pre} values, but {pre.name} has {pre.n} neurons; export the network again"
            )
        base = _exponent(layer)
        neuron, notes = neuron_of(layer, n_post, self.inclusive)
        self.change(*notes)
        name = f"layer{layer.index}"
        self.populations.append(Population(name, neuron, (n_post,)))
        before, after = self.delays(layer, n_post, n_pre)
        self.project(f"{name}.weight", pre.name, name, weight, base, _sum(self.waiting, before))
        self.waiting = after
        recurrent = layer.numbers.get("weight_rec")
        if recurrent is None and layer.type != "dense":
            raise NetworkError(f"{layer} has no weight_rec, its recurrent weights; export the network again")
        if recurrent is not None:
            square = _as_matrix(recurrent, n_post, f"weight_rec of {layer}")
            if square.shape != (n_post, n_post):
                raise NetworkError(
                    f"weight_rec of {layer} has shape {square.shape}; {(n_post,) * 2} is needed"
                )
            self.project(f"{name}.weight_rec", name, name, square, base, np.zeros((), np.int64))

    def project(
        self, name: str, pre: str, post: str, weight: FloatArray, base: int, delays: IntArray
    ) -> None:
        """Add a projection; delays are of shape (), (n_pre,) or the weights'."""
        fixed, notes = fixed_weights(weight, base, name)
        self.change(*notes)
        dense = Dense(fixed)
        kind = (DelayKind.UNIFORM, DelayKind.AXONAL, DelayKind.SYNAPTIC)[delays.ndim]
        self.projections.append(Projection(name, pre, post, dense, simplest(Delays(delays, kind), dense)))

    def delays(self, layer: Layer, n_post: int, n_pre: int) -> tuple[IntArray, IntArray]:
        """Delays in front of a layer, (), (n_pre,) or (n_post, n_pre), and behind it, () or (n_post,)."""
        none = np.zeros((), np.int64)
        if "delay" not in layer.numbers:
            return none, none
        given = np.squeeze(layer.numbers["delay"]) if layer.numbers["delay"].size > 1 else None
        values = whole(np.floor(layer.numbers["delay"]), f"delay of {layer}", 0, LONGEST_DELAY)
        if np.any(values != layer.numbers["delay"]):
            self.change(f"{layer}: delays were cut off to whole ticks, as SLAYER's export does")
        if given is None:
            return none, values.reshape(())
        values = values.reshape(given.shape)
        shape: tuple[int, ...] = values.shape
        if shape == (n_post,):
            if n_post == n_pre:
                self.notes.append(f"{layer}: delays are those of its own axons, as SLAYER writes them")
            return none, values
        if shape in ((n_pre,), (n_post, n_pre)):
            return values, none
        raise NetworkError(
            f"delay of {layer} has shape {layer.numbers['delay'].shape}; one value, {n_post} of its axons, "
            f"{n_pre} of its inputs or {(n_post, n_pre)} are possible"
        )

    def change(self, *sentences: str) -> None:
        """Note what is not as in the file."""
        self.notes.extend(sentences)
        self.lossy.extend(sentences)

    def test_note(self, convention: Convention | None) -> str:
        """Which comparison with the threshold holds, and why."""
        if self.inclusive:
            why = "as in SLAYER until 0.2; newer SLAYER, Lava and Loihi need more: --convention lava"
            if convention is not None:
                why = "as the convention says"
            return f"a membrane that reaches its threshold spikes (v >= vth), {why}"
        return "a membrane must exceed its threshold to spike (v > vth), as in newer SLAYER, Lava and Loihi"

    def network(self, clock: Ticks) -> Network:
        """What has been built."""
        if len(self.populations) < 2:
            raise NetworkError("the file has no dense layer, so there is nothing to run; export it again")
        if np.any(self.waiting):
            self.notes.append(
                f"the delays of the last layer, up to {int(self.waiting.max())} ticks, act on nothing: its "
                "spikes come so much earlier than in SLAYER"
            )
        last = self.populations[-1].name
        return Network(tuple(self.populations), tuple(self.projections), (INPUT,), (last,), clock)


def _shape(layer: Layer) -> tuple[int, ...]:
    if "shape" not in layer.numbers:
        raise NetworkError(f"{layer} has no shape; export the network again")
    return tuple(int(k) for k in whole(layer.numbers["shape"].ravel(), f"shape of {layer}", 1, 1 << 24))


def _input_shape(given: tuple[int, ...] | None, n: int, layer: Layer) -> tuple[int, ...]:
    if given is not None and prod(given) != n:
        raise NetworkError(f"{layer} reads {n} values, but the input has shape {given}; export it again")
    return given or (n,)


def _weight(layer: Layer) -> FloatArray:
    """A layer's weights as ``(n_post, n_pre)``, checked against the sizes that the file names."""
    if "weight" not in layer.numbers:
        raise NetworkError(f"{layer} has no weight; export the network again")
    given = layer.numbers["weight"]
    n_post = prod(_shape(layer)) if "shape" in layer.numbers else given.shape[0] if given.ndim else 1
    weight = _as_matrix(given, n_post, f"weight of {layer}")
    for name, axis in (("outFeatures", 0), ("inFeatures", 1)):
        if name in layer.numbers and not np.all(layer.numbers[name] == weight.shape[axis]):
            raise NetworkError(
                f"{layer} has {name} {float(layer.numbers[name].ravel()[0]):g}, but weights of shape "
                f"{weight.shape}; export the network again"
            )
    return weight


def _as_matrix(given: FloatArray, n_post: int, what: str) -> FloatArray:
    """Weights as ``(n_post, n_pre)``: SLAYER's have further axes of length one, or are flat."""
    if given.ndim <= 1 and given.size % n_post == 0:
        return given.reshape(n_post, -1)
    if given.ndim < 2 or given.shape[0] != n_post or prod(given.shape[2:]) != 1:
        raise NetworkError(f"{what} has shape {given.shape}, but {n_post} neurons follow; export it again")
    return given.reshape(given.shape[:2])


def _exponent(layer: Layer) -> int:
    given = layer.neuron.get("wgtExp")
    return 0 if given is None else int(whole(given, f"wgtExp of {layer}", -8, 7).ravel()[0])


def _sum(axons: IntArray, others: IntArray) -> IntArray:
    """Delays of presynaptic axons and of inputs or synapses together, in the smallest shape."""
    return np.asarray(axons + others)
