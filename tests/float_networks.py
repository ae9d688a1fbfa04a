"""Random float networks and inputs, and the answer of the reference: where the tests of passes start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.backend import run
from spikec.events import Events, from_rows
from spikec.ir.connectivity import DelayKind, Delays, Dense, sparse
from spikec.ir.network import Clock, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, Lif, LiReadout, Neuron, Ramp, Source
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from spikec.targets.target import Target, load_target

DT = 2.0**-10
"""Length of a tick, seconds; sums of ticks are exact."""

KINDS = ("ramp", "if", "lif", "cuba")


def random_network(
    rng: np.random.Generator,
    clock: Clock,
    *,
    kinds: Sequence[str] = KINDS,
    recurrent: bool = False,
    one_spike: bool = False,
    max_delay: int = 0,
    bias: bool = False,
    v_leak: bool = False,
    n_populations: int | None = None,
) -> Network:
    """Draw a network of a source, hidden populations and a readout, with shortcuts between them.

    Args:
        rng: Where chance comes from.
        clock: The clock; time constants suit ticks of `DT`.
        kinds: Which neurons may occur.
        recurrent: Whether populations may feed themselves and earlier ones; such synapses take two ticks.
        one_spike: Whether all neurons spike once.
        max_delay: Longest delay, in ticks of `DT`; the delays are whole ticks in seconds.
        bias: Whether neurons have one.
        v_leak: Whether membranes rest elsewhere than at 0.
        n_populations: How many hidden ones; None for one to three.
    """
    n_hidden = int(rng.integers(1, 4)) if n_populations is None else n_populations
    sizes = {"in": int(rng.integers(1, 5))}
    sizes |= {f"h{k}": int(rng.integers(1, 5)) for k in range(n_hidden)}
    names = list(sizes)
    populations = [Population("in", Source(one_spike), (sizes["in"],))]
    for name in names[1:]:
        kind = str(rng.choice(list(kinds)))
        neuron = random_neuron(rng, kind, sizes[name], one_spike=one_spike, bias=bias, v_leak=v_leak)
        populations.append(Population(name, neuron, (sizes[name],)))
    populations.append(Population("out", LiReadout(tau_mem=0.05, tau_syn=0.01), (2,)))
    sizes["out"] = 2
    pairs = [*pairwise([*names, "out"])]
    pairs += [tuple(sorted(rng.choice(len(names), 2, replace=False))) for _ in range(2 * (len(names) > 2))]
    ends = [p if isinstance(p[0], str) else (names[p[0]], names[p[1]]) for p in pairs]
    if recurrent:
        hidden = names[1:]
        ends += [(str(rng.choice(hidden)), str(rng.choice(hidden))) for _ in range(int(rng.integers(1, 4)))]
    projections = []
    for k, (pre, post) in enumerate(ends):
        back = names.index(pre) >= names.index(post) if post != "out" else False
        post_neuron = next(p.neuron for p in populations if p.name == post)
        least = 2 if back and isinstance(clock, Continuous) else 0
        projections.append(
            _projection(
                rng,
                f"{pre}-{post}:{k}",
                (pre, sizes[pre]),
                (post, sizes[post]),
                post_neuron,
                least,
                max_delay,
            )
        )
    return verify(Network(tuple(populations), tuple(projections), ("in",), ("out",), clock))


def random_neuron(
    rng: np.random.Generator,
    kind: str,
    n: int,
    *,
    one_spike: bool = False,
    bias: bool = False,
    v_leak: bool = False,
) -> Neuron:
    """Draw the parameters of `n` neurons, one each; thresholds are around 1, membranes rest below them."""
    threshold = rng.uniform(0.5, 1.5, n)
    slope = rng.uniform(-10, 20, n) if bias else np.zeros(n)
    rest = rng.uniform(-0.5, 0.2, n) if v_leak else np.zeros(n)
    shared = {"threshold": threshold + rest, "bias": slope, "one_spike": one_spike}
    leaky = {**shared, "v_leak": rest, "v_reset": rest}
    # Decays that are whole shares of 4096 under Euler's rule: 4096 DT / tau is a whole number.
    taus = 4096 * DT / rng.integers(20, 800, (2, n))
    if kind == "ramp":
        return Ramp(threshold=threshold, bias=slope, one_spike=one_spike)
    if kind == "if":
        return If(threshold=threshold, bias=slope, one_spike=one_spike)
    if kind == "lif":
        return Lif(taus[0], **leaky)
    return CubaLif(taus[0], taus[1], **leaky)


def _projection(
    rng: np.random.Generator,
    name: str,
    pre: tuple[str, int],
    post: tuple[str, int],
    neuron: Neuron,
    least: int,
    max_delay: int,
) -> Projection:
    size = 1.0 if isinstance(neuron, If | Lif | CubaTicks) else 0.15 / DT
    weights = rng.normal(0.3, 1.0, (post[1], pre[1])) * size
    kept = rng.random(weights.shape) < 0.8
    if rng.random() < 0.5:
        connectivity = Dense(weights * kept)
    else:
        i, j = np.nonzero(kept.T)
        connectivity = sparse(pre[1], post[1], i, j, weights[j, i])  # type: ignore[assignment]
    kind = str(rng.choice([k.value for k in DelayKind]))
    shape = {"uniform": (), "axonal": (pre[1],), "dendritic": (post[1],)}.get(
        kind, connectivity.weights.shape
    )
    delays = rng.integers(least, max(least, max_delay), shape, endpoint=True) * DT
    return Projection(name, pre[0], post[0], connectivity, Delays(delays, DelayKind(kind)))


def random_inputs(
    rng: np.random.Generator, network: Network, n_samples: int, n_ticks: int
) -> dict[str, Events]:
    """Draw input spikes at whole ticks, in seconds; at most one a neuron where sources promise it."""
    inputs = {}
    for name in network.inputs:
        p = network.population(name)
        raster = rng.random((n_samples, n_ticks, p.n)) < rng.choice([0.05, 0.2, 0.5])
        if getattr(p.neuron, "one_spike", False):
            raster &= np.cumsum(raster, axis=1) == 1
        samples, ticks, neurons = np.nonzero(raster)
        inputs[name] = from_rows(samples, ticks * DT, neurons, n_samples=n_samples, n_neurons=p.n)
    return inputs


def answer(
    program: Program, inputs: Mapping[str, Events], n_ticks: int, record: Sequence[str] = ()
) -> RunResult:
    """Run a program in the reference interpreter for so many ticks, or their time; inputs are in seconds."""
    network = program.network
    if isinstance(network.clock, Continuous):
        return run(ReferenceBackend(), program, inputs, n_ticks * DT, record)
    ticks = {name: e.to_ticks(network.dt) for name, e in inputs.items()}
    return run(ReferenceBackend(), program, ticks, n_ticks, record)


def started(network: Network, target: Target | str = "loihi2", n_ticks: int | None = None) -> Program:
    """A network at the beginning of a pipeline."""
    return Program(network, load_target(target) if isinstance(target, str) else target, n_ticks=n_ticks)


def rasters(result: RunResult, n_ticks: int) -> dict[str, BoolArray]:
    """Spikes of every population as booleans."""
    return {name: e.raster(n_ticks) for name, e in result.spikes.items()}


def first_times(events: Events) -> FloatArray:
    """First spikes in seconds, infinite where there is none."""
    return (events.to_seconds(DT) if events.in_ticks else events).first_times()


TICKS = Ticks(DT)
