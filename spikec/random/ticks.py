"""Random small networks in float ticks that reach the corners of the dialect, and inputs for them.

As in `spikec.random.networks`, engines must agree on what is drawn here. Between them the networks cover

* every neuron that is integrated once a tick, mixed; parameters for all or one each; infinite time constants,
  biases of both kinds, thresholds of zero and below, once-only neurons;
* every field of a convention, in any legal combination;
* dense and sparse projections, stored zeros, convolutions with strides, paddings, gaps and groups; delays of
  all four kinds, in ticks and in seconds that lie between ticks;
* chains, shortcuts, several projections between one pair, neurons that feed themselves, longer cycles;
* sources that are silent, busy, or spike several times in a tick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from spikec.arrays import AnyArray
from spikec.events import Events
from spikec.ir.connectivity import Connectivity, DelayKind, Delays, Dense, sparse
from spikec.ir.conventions import CHOICES, Convention
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, Neuron, Ramp, Source
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.random.convolutions import random_convolution
from spikec.rasters import from_counts
from spikec.targets.target import load_target

DT = 1e-3
"""Length of a tick, seconds."""

KINDS = ("Ramp", "If", "Lif", "CubaLif", "IfExp", "LiReadout", "CubaTicks")
"""Types of neurons that are drawn."""


def random_ticks(
    rng: np.random.Generator,
    *,
    convention: Convention | None = None,
    kinds: Sequence[str] = KINDS,
    max_neurons: int = 24,
) -> Program:
    """Draw a network in float ticks.

    Args:
        rng: Where chance comes from.
        convention: The simulator's habits; None for any.
        kinds: Types of neurons to choose from.
        max_neurons: Largest size of a population.
    """
    habits = random_convention(rng) if convention is None else convention
    names = [f"net.{k}" for k in range(int(rng.integers(1, 4)))]
    sizes = {name: int(rng.integers(1, max_neurons + 1)) for name in ("in", *names)}
    pairs = [(str(rng.choice(["in", *names[:k]])), name) for k, name in enumerate(names)]
    pairs += [(str(rng.choice(list(sizes))), str(rng.choice(names))) for _ in range(int(rng.integers(0, 5)))]
    projections = tuple(_projection(rng, f"{a}-{b}:{k}", (a, b), sizes) for k, (a, b) in enumerate(pairs))
    populations = [
        Population(name, _neuron(rng, str(rng.choice(list(kinds))), sizes[name]), (sizes[name],))
        for name in names
    ]
    network = Network(
        populations=(
            Population("in", Source(), (sizes["in"],)),
            *rng.permutation(np.array(populations, object)),
        ),
        projections=projections,
        inputs=("in",),
        outputs=(names[-1],),
        clock=Ticks(DT, habits),
    )
    return Program(verify(network), load_target("ideal"), source={"kind": "random"})


def random_convention(rng: np.random.Generator) -> Convention:
    """Draw any convention in which a spike cannot cause itself."""
    words = {name: str(rng.choice([k.value for k in kind])) for name, kind in CHOICES.items()}
    delays = [(h, r, s) for h in (0, 1) for r in (0, 1) for s in (0, 1) if h + r + s]
    hop, recurrent, late = delays[int(rng.integers(len(delays)))]
    return Convention(
        **words,  # type: ignore[arg-type]
        hop_delay=hop,
        recurrent_delay=recurrent,
        spike_delay=late,
        multi_spike=bool(rng.random() < 0.4),
        clamp=None if rng.random() < 0.6 else float(rng.choice([0.0, -0.3, -1.0])),
    )


def random_counts(
    rng: np.random.Generator, program: Program, n_samples: int, n_ticks: int
) -> dict[str, Events]:
    """Draw how often every source spikes in each tick; each sample is silent, sparse, busy or crowded."""
    inputs = {}
    for name in program.network.inputs:
        n = program.network.population(name).n
        rates = rng.choice([0.0, 0.05, 0.3, 1.5], n_samples, p=[0.1, 0.4, 0.3, 0.2])
        inputs[name] = from_counts(rng.poisson(rates[:, None, None], (n_samples, n_ticks, n)))
    return inputs


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> AnyArray:
    """About as much as a threshold, some of them zero; seldom multiples of it, which meet it exactly."""
    n = max(1, prod(shape[1:]))
    weights = rng.normal(0.3, 1.0, shape) * 1.5 / np.sqrt(n)
    if rng.random() < 0.2:
        weights = np.rint(2 * weights) / 2
    return np.where(rng.random(shape) < 0.15, 0.0, weights)


def _projection(
    rng: np.random.Generator, name: str, ends: tuple[str, str], sizes: Mapping[str, int]
) -> Projection:
    n_pre, n_post = (sizes[end] for end in ends)
    form = rng.choice(["dense", "sparse", "convolution"])
    if form == "dense":
        connectivity: Connectivity = Dense(_weights(rng, (n_post, n_pre)))
    elif form == "convolution":
        unset = random_convolution(rng, n_pre, n_post)
        connectivity = unset.with_weights(_weights(rng, unset.weights.shape))
    else:
        i, j = np.nonzero(rng.random((n_pre, n_post)) < rng.choice([0.0, 0.3, 1.0], p=[0.1, 0.6, 0.3]))
        connectivity = sparse(n_pre, n_post, i, j, _weights(rng, (i.size,)) / max(1, np.sqrt(n_pre) / 2))
    shapes_of = {
        DelayKind.UNIFORM: (),
        DelayKind.AXONAL: (n_pre,),
        DelayKind.DENDRITIC: (n_post,),
        DelayKind.SYNAPTIC: tuple(np.shape(connectivity.weights)),
    }
    kind = list(DelayKind)[int(rng.integers(4))]
    longest = int(rng.choice([0, 1, 3, 9], p=[0.3, 0.2, 0.3, 0.2]))
    if rng.random() < 0.5:
        return Projection(
            name, *ends, connectivity, Delays(rng.integers(0, longest + 1, shapes_of[kind]), kind)
        )
    return Projection(name, *ends, connectivity, Delays(rng.uniform(0, DT * longest, shapes_of[kind]), kind))


def _neuron(rng: np.random.Generator, kind: str, n: int) -> Neuron:
    def draw(low: float, high: float) -> AnyArray:
        return rng.uniform(low, high, (n,) if rng.random() < 0.5 else ())

    def tau() -> AnyArray:
        return np.full((), np.inf) if rng.random() < 0.15 else DT * np.exp(draw(0.1, 4.0))

    once = bool(rng.random() < 0.2)
    threshold = draw(-0.2, 0.2) if rng.random() < 0.1 else draw(0.3, 1.5)
    if rng.random() < 0.2:
        threshold = np.rint(2 * threshold) / 2
    # In units of a tick: what moves a membrane by so much in one.
    rest, reset = (draw(-0.3, 0.1) if rng.random() < 0.5 else np.zeros(()) for _ in range(2))
    bias = draw(-0.1, 0.3) / DT if rng.random() < 0.4 else np.zeros(())
    if kind == "If":
        return If(threshold, bias, reset, once)
    if kind == "Lif":
        return Lif(tau(), threshold, rest, bias, reset, once)
    if kind == "Ramp":
        return Ramp(threshold * DT, bias * DT, reset * DT, once)
    if kind == "IfExp":
        return IfExp(tau(), threshold * DT, bias * DT, reset * DT, once)
    if kind == "CubaTicks":
        ends = np.full((), np.inf) if rng.random() < 0.2 else threshold
        return CubaTicks(
            rng.integers(1, 4097, ()), rng.integers(0, 4097, ()), ends, bias * DT, once, draw(0, 0.1)
        )
    tau_syn = tau()
    drive = draw(0.0, 0.1) / DT if np.isfinite(tau_syn).all() else np.zeros(())
    if kind == "LiReadout":
        return LiReadout(tau(), tau_syn, rest * DT, bias * DT, drive)
    return CubaLif(tau(), tau_syn, threshold * DT, rest * DT, bias * DT, reset * DT, once, drive)
