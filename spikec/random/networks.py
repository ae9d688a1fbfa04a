"""Random small programs and inputs that reach the corners of the fixed and the continuous dialect.

What any two engines must agree on is drawn here: `spikec selftest` and the tests run these programs on every
backend and compare. Between them they cover

* one or two sources, one to four populations of 1 to 24 neurons; some reached by nothing but their bias;
* parameters for all neurons or one each; no leak, full leak, thresholds of zero and the largest there is,
  biases of either sign with exponents of either sign;
* in one program of three, neurons that keep pairs, alone or beside others (`spikec.random.neurons`);
* dense and sparse projections, stored zeros, neurons without synapses, projections without any;
* all three signs, 1 to 8 bits, exponents -8 to 7: from currents that vanish to currents that wrap, and a few
  storms in which they leave the 24 bits for good, and the 32 bits of Lava's integers;
* delays of all four kinds, mostly short, up to 62 ticks;
* chains, several projections between one pair, neurons and populations that feed themselves, longer cycles;
* sources that are silent, that spike in every tick, and that promise one spike a sample.

`random_continuous` draws continuous networks: all neuron types, mixed; time constants of any ratio, equal,
twofold and infinite; biases; resets to a value and by subtraction; once-only neurons; chains and cycles; real
delays of all four kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from spikec.arrays import AnyArray
from spikec.events import Events, from_rows
from spikec.ir.connectivity import Connectivity, Delays, Dense, sparse
from spikec.ir.fixed_neurons import PAIRS
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Reset, Ticks
from spikec.ir.neurons import CubaLif, If, IfExp, Lif, LiReadout, Neuron, QifExp, Ramp, Source, Theta
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.random.convolutions import random_convolution
from spikec.random.neurons import draw_types, random_neuron, shape_of
from spikec.rasters import from_counts
from spikec.targets.target import load_target

DT = 1e-3
"""Length of a tick, seconds; it means nothing here."""

LONGEST_DELAY = 62
"""Ticks; the longest delay that loihi2 takes."""


def random_program(
    rng: np.random.Generator,
    *,
    max_neurons: int = 24,
    max_populations: int = 4,
    max_delay: int = LONGEST_DELAY,
    pairs: bool | None = None,
) -> Program:
    """Draw a program in the fixed dialect, for loihi2.

    Args:
        rng: Where chance comes from.
        max_neurons: Largest size of a population.
        max_populations: Largest number of populations, sources apart.
        max_delay: Longest delay, ticks.
        pairs: Whether some population keeps pairs (`has_pairs`); None for one program in three.
    """
    paired = rng.random() < 1 / 3 if pairs is None else pairs
    sources = [
        Population(f"in{k}", _source(rng), (_size(rng, max_neurons),)) for k in range(int(rng.integers(1, 3)))
    ]
    sizes = {p.name: p.n for p in sources}
    names = [f"net.{k}" for k in range(int(rng.integers(1, max_populations + 1)))]
    sizes |= {name: _size(rng, max_neurons) for name in names}
    storm = rng.random() < 0.1
    projections = tuple(
        _projection(rng, f"{pre}-{post}:{k}", (pre, sizes[pre]), (post, sizes[post]), max_delay, storm)
        for k, (pre, post) in enumerate(_pairs(rng, [p.name for p in sources], names))
    )
    types = draw_types(rng, len(names), paired)
    drives = [1.0 + _reach(projections, name) for name in names]
    populations = [
        Population(name, random_neuron(rng, kind, sizes[name], drive, storm, paired), (sizes[name],))
        for name, kind, drive in zip(names, types, drives, strict=True)
    ]
    network = Network(
        populations=(*sources, *populations),
        projections=projections,
        inputs=tuple(p.name for p in sources),
        outputs=(names[-1],),
        clock=Ticks(DT, LOIHI),
    )
    return Program(verify(network), load_target("loihi2"), source={"kind": "random"})


def has_pairs(network: Network) -> bool:
    """Whether any neuron keeps its membrane as a pair, which stock Lava has no neuron for."""
    return any(isinstance(p.neuron, PAIRS) for p in network.populations)


def random_inputs(
    rng: np.random.Generator, program: Program, n_samples: int, n_ticks: int
) -> dict[str, Events]:
    """Draw spikes for every source of a program; each sample is silent, sparse, busy or saturated.

    Args:
        rng: Where chance comes from.
        program: Whose inputs are meant.
        n_samples: Samples.
        n_ticks: Ticks of each sample.
    """
    inputs = {}
    for name in program.network.inputs:
        p = program.network.population(name)
        rates = rng.choice([0.0, 0.02, 0.1, 0.4, 1.0], n_samples, p=[0.1, 0.3, 0.3, 0.2, 0.1])
        raster = rng.random((n_samples, n_ticks, p.n)) < rates[:, None, None]
        if getattr(p.neuron, "one_spike", False):
            raster &= np.cumsum(raster, axis=1) == 1
        most = getattr(p.neuron, "most_at_once", 1)
        inputs[name] = from_counts(raster * rng.integers(1, most, raster.shape, endpoint=True))
    return inputs


CONTINUOUS = ("Ramp", "If", "Lif", "IfExp", "CubaLif", "LiReadout", "Theta", "QifExp")
"""Types of neurons that `random_continuous` draws."""


def random_continuous(
    rng: np.random.Generator, *, types: Sequence[str] = CONTINUOUS, max_neurons: int = 6
) -> Program:
    """Draw a continuous network whose time constants, delays and intervals are about a second.

    Args:
        rng: Where chance comes from.
        types: Types of neurons to choose from.
        max_neurons: Largest size of a population.
    """
    names = [f"net.{k}" for k in range(int(rng.integers(1, 4)))]
    sizes = {name: _size(rng, max_neurons) for name in ("in", *names)}
    pairs = [("in", names[0]), *pairwise(names)]
    cyclic = rng.random() < 0.5
    for _ in range(int(rng.integers(0, 4))):
        place = int(rng.integers(len(names)))
        pairs.append((str(rng.choice(["in", *(names if cyclic else names[:place])])), names[place]))
    projections = tuple(
        _real_projection(rng, f"{pre}-{post}:{k}", (pre, sizes[pre]), (post, sizes[post]))
        for k, (pre, post) in enumerate(pairs)
    )
    populations = [
        Population(name, _real_neuron(rng, str(rng.choice(types)), sizes[name]), (sizes[name],))
        for name in names
    ]
    network = Network(
        populations=(Population("in", Source(), (sizes["in"],)), *populations),
        projections=projections,
        inputs=("in",),
        outputs=(names[-1],),
        clock=Continuous(Reset.SUBTRACT if rng.random() < 0.25 else Reset.VALUE),
    )
    return Program(verify(network), load_target("ideal"), source={"kind": "random"})


def random_spikes(
    rng: np.random.Generator, program: Program, n_samples: int, until: float
) -> dict[str, Events]:
    """Draw spikes in seconds for every source of a continuous program, now and then several at one moment.

    Args:
        rng: Where chance comes from.
        program: Whose inputs are meant.
        n_samples: Samples.
        until: When they end, seconds.
    """
    inputs = {}
    for name in program.network.inputs:
        n = program.network.population(name).n
        size = int(rng.integers(0, 4 * n * n_samples + 1))
        times = rng.uniform(0, until, size)
        if rng.random() < 0.3:
            times = np.round(times, 1)
        rows = np.unique([rng.integers(0, max(n_samples, 1), size), times, rng.integers(0, n, size)], axis=1)
        inputs[name] = from_rows(*rows[:, : size if n_samples else 0], n_samples=n_samples, n_neurons=n)
    return inputs


def _real_projection(
    rng: np.random.Generator, name: str, pre: tuple[str, int], post: tuple[str, int]
) -> Projection:
    feeds_back = pre[0] != "in"
    spread = 1.5 / pre[1] if feeds_back else 2.0
    if rng.random() < 0.5:
        connectivity: Connectivity = Dense(rng.normal(0.3 * spread, spread, (post[1], pre[1])))
    elif rng.random() < 0.3:
        slides = random_convolution(rng, pre[1], post[1])
        connectivity = slides.with_weights(rng.normal(0.3 * spread, spread, slides.weights.shape))
    else:
        i, j = np.nonzero(rng.random((pre[1], post[1])) < rng.choice([0.0, 0.5, 1.0], p=[0.1, 0.5, 0.4]))
        connectivity = sparse(pre[1], post[1], i, j, rng.normal(0.3 * spread, spread, i.size))
    shapes: dict[str, tuple[int, ...]] = {
        "uniform": (),
        "axonal": (pre[1],),
        "dendritic": (post[1],),
        "synaptic": tuple(np.shape(connectivity.weights)),
    }
    kind = str(rng.choice(list(shapes)))
    shortest = 0.2 if feeds_back else 0.0
    delays = rng.uniform(shortest, 1.5, shapes[kind])
    return Projection(name, pre[0], post[0], connectivity, Delays(delays, kind))  # type: ignore[arg-type]


def _real_neuron(rng: np.random.Generator, kind: str, n: int) -> Neuron:
    def draw(low: float, high: float) -> AnyArray:
        return np.asarray(rng.uniform(low, high, shape_of(rng, n)))

    once = bool(rng.random() < 0.3)
    bias = draw(-0.5, 0.5) if rng.random() < 0.5 else np.zeros(())
    threshold, reset = draw(0.5, 2.0), draw(-1.0, 0.4)
    rest = draw(-0.5, 0.5) if rng.random() < 0.3 else np.zeros(())
    if kind == "Theta":
        tau = draw(0.5, 2.0)
        phase = rng.uniform(0, 0.9 * np.pi * tau.min(), shape_of(rng, n) if tau.ndim == 0 else (n,))
        return Theta(tau, draw(0.3, 1.25) if rng.random() < 0.5 else 1.25, phase, once)
    if kind == "QifExp":
        return QifExp(draw(0.5, 2.0), draw(-2.0, 0.9), draw(-2.0, 4.0), once)
    if kind == "Ramp":
        return Ramp(threshold, bias, reset, once)
    if kind == "If":
        return If(threshold, bias, reset, once)
    if kind == "Lif":
        return Lif(draw(0.3, 3.0), threshold, rest, bias, reset, once)
    tau_mem, tau_syn = _time_constants(rng, draw(0.3, 3.0), draw(0.3, 3.0))
    if kind == "IfExp":
        return IfExp(tau_syn, threshold, bias, reset, once)
    drive = draw(-0.5, 0.5) if rng.random() < 0.3 and np.all(np.isfinite(tau_syn)) else np.zeros(())
    if kind == "LiReadout":
        return LiReadout(tau_mem, tau_syn, rest, bias, drive)
    return CubaLif(tau_mem, tau_syn, threshold, rest, bias, reset, once, drive)


def _time_constants(rng: np.random.Generator, first: AnyArray, second: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Of the membrane and the synapse: equal, twofold, of any ratio, or one infinite."""
    infinite = np.full((), np.inf)
    pairs = [(first, first), (2 * second, second), (first, second), (infinite, second), (first, infinite)]
    return pairs[int(rng.choice(5, p=[0.25, 0.25, 0.3, 0.1, 0.1]))]


def _source(rng: np.random.Generator) -> Source:
    kind = rng.choice(["any", "once", "counts"], p=[0.6, 0.2, 0.2])
    return Source(kind == "once", int(rng.integers(2, 6)) if kind == "counts" else 1)


def _size(rng: np.random.Generator, largest: int) -> int:
    """A size from 1 up, small ones more often."""
    return int(rng.integers(1, rng.integers(1, largest + 1), endpoint=True))


def _pairs(rng: np.random.Generator, sources: Sequence[str], names: Sequence[str]) -> list[tuple[str, str]]:
    """Which population reaches which: a chain, shortcuts, doubles and, in half of all networks, cycles."""
    chain = [(str(rng.choice(sources)), names[0]), *pairwise(names)]
    pairs = [pair for pair in chain if rng.random() < 0.95]
    cyclic = rng.random() < 0.5
    for _ in range(int(rng.integers(0, 6))):
        place = int(rng.integers(len(names)))
        pre = rng.choice([*sources, *(names if cyclic else names[:place])])
        pairs.append((str(pre), names[place]))
    return pairs


def _projection(
    rng: np.random.Generator,
    name: str,
    pre: tuple[str, int],
    post: tuple[str, int],
    max_delay: int,
    storm: bool,
) -> Projection:
    connectivity = _connectivity(rng, pre[1], post[1], storm)
    return Projection(name, pre[0], post[0], connectivity, _delays(rng, connectivity, max_delay))


def _connectivity(rng: np.random.Generator, n_pre: int, n_post: int, storm: bool) -> Connectivity:
    if rng.random() < 0.4:
        return Dense(_weights(rng, (n_post, n_pre), storm))
    if rng.random() < 0.3:
        slides = random_convolution(rng, n_pre, n_post)
        return slides.with_weights(_weights(rng, slides.weights.shape, storm))
    kept = rng.random((n_pre, n_post)) < rng.choice([0.0, 0.1, 0.5, 1.0], p=[0.1, 0.4, 0.3, 0.2])
    kept &= (rng.random(n_pre) < 0.8)[:, None]
    i, j = np.nonzero(kept)
    return sparse(n_pre, n_post, i, j, _weights(rng, (i.size,), storm))


def _weights(rng: np.random.Generator, shape: tuple[int, ...], storm: bool) -> Fixed:
    """Weights that do little, weights as a trained network has them, or the largest of all."""
    if storm:
        return Fixed(np.full(shape, 255), FixedFormat(8, Sign.EXCITATORY, 7))
    form = FixedFormat(
        bits=int(rng.choice([8, rng.integers(1, 9)])),
        sign=Sign(rng.choice([sign.value for sign in Sign], p=[0.5, 0.3, 0.2])),
        exponent=int(rng.choice([0, rng.integers(-8, 8)])),
    )
    low, high = form.minimum // form.step, form.maximum // form.step
    regime = rng.choice(["small", "any", "largest"], p=[0.25, 0.6, 0.15])
    if regime == "small":
        low, high = max(low, -4), min(high, 4)
    steps = rng.integers(low, high, shape, endpoint=True)
    if regime == "largest":
        steps = np.where(rng.random(shape) < 0.9, high or low, steps)
    steps = np.where(rng.random(shape) < rng.choice([0.0, 0.2]), 0, steps)
    return Fixed(steps * form.step, form)


def _delays(rng: np.random.Generator, connectivity: Connectivity, max_delay: int) -> Delays:
    longest = min(max_delay, int(rng.choice([0, 1, 3, 8, LONGEST_DELAY], p=[0.35, 0.2, 0.2, 0.15, 0.1])))
    shapes: dict[str, tuple[int, ...]] = {
        "uniform": (),
        "axonal": (connectivity.n_pre,),
        "dendritic": (connectivity.n_post,),
        "synaptic": tuple(connectivity.weights.shape),
    }
    kind = str(rng.choice(list(shapes)))
    return Delays(rng.integers(0, longest, shapes[kind], endpoint=True), kind)  # type: ignore[arg-type]


def _reach(projections: Sequence[Projection], name: str) -> float:
    """Roughly the largest sum that reaches a neuron of a population in one tick, in weight units."""
    drive = 0.0
    for q in projections:
        if q.post == name and isinstance(q.connectivity.weights, Fixed):
            mantissa = np.abs(q.connectivity.dense_matrix()).sum(axis=1)
            drive += float(mantissa.max() * 2.0**q.connectivity.weights.format.exponent)
    return drive
