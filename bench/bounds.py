"""How tight the proven bounds of currents and membranes are: inputs that push them far, found by search.

    .venv/bin/python bench/bounds.py --json

One neuron of each population of each network at a time is pushed up and down, its current and, where it never
spikes, its membrane. The search begins with what the weights suggest - every input that excites it spikes,
once or in every tick, so that all arrive together - and, behind a hidden layer that spikes once, with what
gradients suggest (`bounds_attack.py`). It changes a few spikes at a time for as long as that takes the neuron
further, in the end one input (of few inputs, two) to all ticks that there are. What it finds is a lower limit
of the worst case, the bound an upper one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
from bounds_attack import attack_of, steer
from scipy.sparse import csr_array

from spikec.arrays import FloatArray, IntArray
from spikec.ir.bounds import current_bounds, membrane_bound
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target

NETS = Path(__file__).parents[1] / "models" / "nets"
M = 1 << 23
STEERED = 200_000
"""Synapses times inputs of a search that follow gradients."""
ENOUGH = 0.9
"""Part of a bound at which nothing further is looked for."""
FEW = 6
"""Inputs of which two are moved at once."""
SWEEPS = 2
"""How often all inputs are moved."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """How far each neuron went in each of many samples, ``(n_samples, n)`` by population."""

    lowest: dict[str, FloatArray]
    highest: dict[str, FloatArray]
    v_lowest: dict[str, FloatArray]
    v_highest: dict[str, FloatArray]


def simulate(network: Network, rasters: dict[str, IntArray], n_ticks: int) -> Extremes:
    """Run a network of `CubaFixed` neurons with currents that never wrap and membranes that never stop.

    Args:
        network: In the fixed dialect.
        rasters: For each input how often it spikes, ``(n_samples, n_ticks, n)``.
        n_ticks: Ticks.
    """
    n = len(next(iter(rasters.values())))
    groups = [p for p in network.populations if not p.is_source]
    u = {p.name: np.zeros((n, p.n), np.int64) for p in groups}
    v = {p.name: np.zeros((n, p.n), np.int64) for p in groups}
    spikes = {p.name: np.zeros((n, n_ticks, p.n)) for p in groups} | rasters
    found = Extremes(*({p.name: np.zeros((n, p.n)) for p in groups} for _ in range(4)))
    parts = [(q, _by_delay(q)) for q in network.projections]
    for t in range(n_ticks):
        for p in groups:
            k, a = p.neuron, np.zeros((n, p.n), np.int64)
            for q, matrices in parts:
                if q.post == p.name:
                    e = q.connectivity.weights.format.exponent
                    for d, matrix in matrices:
                        if t - 1 - d >= 0:
                            summed = (spikes[q.pre][:, t - 1 - d] @ matrix.T).astype(np.int64)
                            a += summed << e if e >= 0 else summed >> -e
            u[p.name] = _decay(u[p.name], k.du + 1) + (a << 6)
            e = np.broadcast_to(np.asarray(k.bias_exp), (p.n,))
            bias = np.where(e >= 0, k.bias_mant << np.maximum(e, 0), k.bias_mant >> np.maximum(-e, 0))
            free = _decay(v[p.name], k.dv) + u[p.name] + bias
            stopped = np.clip(free, 1 - M, M - 1)
            spiking = stopped > (np.asarray(k.vth, np.int64) << 6)
            v[p.name] = np.where(spiking, 0, stopped)
            spikes[p.name][:, t] = spiking
            for kept, now, which in (
                (found.lowest, u[p.name], np.minimum),
                (found.highest, u[p.name], np.maximum),
                (found.v_lowest, free, np.minimum),
                (found.v_highest, free, np.maximum),
            ):
                kept[p.name] = which(kept[p.name], now)
    return found


def search(
    network: Network,
    population: Population,
    neuron: int,
    sign: int,
    n_ticks: int,
    rng: np.random.Generator,
    *,
    n_samples: int = 24,
    rounds: int = 10,
    membrane: bool = False,
    steered: int = 0,
    bound: float = np.inf,
) -> Extremes:
    """Push one neuron's current, or membrane, up (sign 1) or down (-1); the extremes of all that was tried.

    Args:
        network: In the fixed dialect.
        population: Where the neuron is.
        neuron: Its number.
        sign: Which way.
        n_ticks: Length of a sample.
        rng: Where chance comes from.
        n_samples: Inputs tried in a round.
        rounds: How often the best are changed and tried again.
        membrane: Whether the membrane is pushed, not the current.
        steered: How many of the first inputs follow gradients; with any, the best is improved further.
        bound: What is proven.
    """
    rasters = {
        name: _first_tries(network, name, population, neuron, sign, n_ticks, rng, n_samples)
        for name in network.inputs
    }
    attack = attack_of(network, population, neuron, sign, membrane, n_ticks) if steered else None
    for sample in range(steered if attack is not None else 0):
        assert attack is not None
        for name, ticks in steer(attack, rng, (0.15, 0.3, 1.0)[sample % 3]).items():
            rasters[name][sample] = np.arange(n_ticks)[:, None] == ticks
            rasters[name][sample] *= network.population(name).neuron.most_at_once
    tried = []
    for _ in range(rounds):
        found = simulate(network, rasters, n_ticks)
        tried.append(found)
        far = _far(found, membrane, sign)
        order = np.argsort(-sign * far[population.name][:, neuron], kind="stable")
        best = order[: max(n_samples // 4, 1)]
        rasters = {
            name: _changed(network, name, raster[best], n_samples, rng) for name, raster in rasters.items()
        }
    farthest = max(float(np.max(sign * _far(f, membrane, sign)[population.name][:, neuron])) for f in tried)
    once = all(network.population(name).neuron.one_spike for name in rasters)
    if steered and once and farthest < ENOUGH * bound:
        first = {name: raster[:1] for name, raster in rasters.items()}
        tried += _moved_one_by_one(
            network, first, n_ticks, lambda f: sign * _far(f, membrane, sign)[population.name][:, neuron]
        )
    return Extremes(
        *(
            {name: np.concatenate([getattr(f, kind)[name] for f in tried]) for name in tried[0].lowest}
            for kind in ("lowest", "highest", "v_lowest", "v_highest")
        )
    )


def _moved_one_by_one(
    network: Network,
    rasters: dict[str, IntArray],
    n_ticks: int,
    reach: Callable[[Extremes], FloatArray],
) -> list[Extremes]:
    """Move the spike of one input after the other, or of two at once, to where the neuron goes farthest."""
    places = [(name, i) for name, raster in rasters.items() for i in range(raster.shape[2])]
    groups = list(combinations(places, 2)) if len(places) <= FEW else [(place,) for place in places]
    tried, best = [], -np.inf
    for _ in range(SWEEPS):
        before = best
        for group in groups:
            options = list(product(range(n_ticks + 1), repeat=len(group)))
            moved = {name: np.repeat(raster, len(options), axis=0) for name, raster in rasters.items()}
            for k, (name, i) in enumerate(group):
                at = np.array([option[k] for option in options])
                count = network.population(name).neuron.most_at_once
                moved[name][:, :, i] = (np.arange(n_ticks) == at[:, None]) * count
            found = simulate(network, moved, n_ticks)
            far = reach(found)
            top = int(np.argmax(far))
            tried.append(_sample(found, top))
            if far[top] > best:
                best, rasters = far[top], {name: raster[top : top + 1] for name, raster in moved.items()}
        if best <= before:
            break
    return tried


def _sample(found: Extremes, k: int) -> Extremes:
    """One sample of many."""
    kinds = (found.lowest, found.highest, found.v_lowest, found.v_highest)
    return Extremes(*({name: values[k : k + 1] for name, values in kind.items()} for kind in kinds))


def _far(found: Extremes, membrane: bool, sign: int) -> dict[str, FloatArray]:
    """The end of what is pushed."""
    ends = (found.v_highest, found.v_lowest) if membrane else (found.highest, found.lowest)
    return ends[0] if sign > 0 else ends[1]


def _first_tries(network, name, population, neuron, sign, n_ticks, rng, n_samples) -> IntArray:  # type: ignore[no-untyped-def]
    """Spikes of an input: what pushes the neuron directly, else all or some, and the rest at random."""
    p = network.population(name)
    raster = rng.random((n_samples, n_ticks, p.n)) < rng.choice([0.05, 0.3, 1.0], (n_samples, 1, 1))
    pushes, delay = np.zeros(p.n), np.zeros(p.n, np.int64)
    for q in network.projections:
        if q.pre == name and q.post == population.name:
            pre, post = q.connectivity.synapses()
            own = post == neuron
            np.add.at(pushes, pre[own], sign * q.connectivity.stored()[own])
            delay[pre[own]] = q.delays.per_synapse(q.connectivity)[own]
    willing = pushes > 0 if np.any(pushes) else rng.random(p.n) < 0.7
    raster[: n_samples // 2] = willing
    if p.neuron.one_spike:
        meet = rng.integers(int(delay.max()), max(n_ticks - 1, int(delay.max()) + 1), n_samples)
        meet[0] = min(int(delay.max()), n_ticks - 1)
        raster[: n_samples // 2] = False
        for sample in range(n_samples // 2):
            raster[
                sample, np.clip(meet[sample] - delay, 0, n_ticks - 1)[willing], np.flatnonzero(willing)
            ] = True
        raster &= np.cumsum(raster, axis=1) == 1
    return raster * np.int64(p.neuron.most_at_once) * 1.0


def _changed(
    network: Network, name: str, best: IntArray, n_samples: int, rng: np.random.Generator
) -> IntArray:
    """The best samples as they are, and others with some neurons' spikes moved, added or left out."""
    p = network.population(name)
    tried = best[np.arange(n_samples) % len(best)].copy()
    n_ticks = tried.shape[1]
    for sample in range(len(best), n_samples):
        some = np.flatnonzero(rng.random(p.n) < rng.choice([0.05, 0.2, 0.6]))
        if p.neuron.one_spike:
            tried[sample][:, some] = 0
            kept = some[rng.random(some.size) < 0.7]
            tried[sample][rng.integers(0, n_ticks, kept.size), kept] = p.neuron.most_at_once
        else:
            mask = rng.random((n_ticks, some.size)) < rng.choice([0.1, 0.5, 1.0])
            value = p.neuron.most_at_once * rng.integers(0, 2)
            tried[sample][:, some] = np.where(mask, value, tried[sample][:, some])
    return tried


def _by_delay(q) -> list[tuple[int, FloatArray | csr_array]]:  # type: ignore[no-untyped-def]
    """Weights of each delay as a matrix ``(n_post, n_pre)``, sparse where little is stored."""
    assert isinstance(q.connectivity.weights, Fixed)
    pre, post = q.connectivity.synapses()
    delay, stored = q.delays.per_synapse(q.connectivity), q.connectivity.stored()
    matrices = []
    for d in np.unique(delay):
        matrix = np.zeros((q.connectivity.n_post, q.connectivity.n_pre))
        matrix[post[delay == d], pre[delay == d]] = stored[delay == d]
        some = np.count_nonzero(matrix) < matrix.size / 8
        matrices.append((int(d), csr_array(matrix) if some else matrix))
    return matrices


def _decay(x: IntArray, d: object) -> IntArray:
    return np.sign(x) * ((np.abs(x) * (4096 - np.asarray(d))) >> 12)


def tightness(
    network: Network, n_ticks: int, rng: np.random.Generator, rounds: int
) -> list[dict[str, object]]:
    """For each population, the bound over the worst found, of the neurons whose bounds are widest."""
    rows = []
    synapses = max(q.connectivity.n_synapses for q in network.projections)
    steered, most = min(max(STEERED // synapses, 3), 24), 2 if synapses < STEERED / 24 else 1
    bounds = current_bounds(network, n_ticks)
    for p in network.populations:
        if not isinstance(p.neuron, CubaFixed):
            continue
        bound = bounds[p.name]
        silent = np.all(np.asarray(p.neuron.vth) == 131071)
        ends = membrane_bound(network, p, n_ticks) if silent else None
        for sign, limit in ((1, bound.highest), (-1, -bound.lowest)):
            for neuron in np.argsort(-limit)[:most]:
                if limit[neuron] <= 0:
                    continue
                row: dict[str, object] = {"population": p.name, "neuron": int(neuron), "sign": sign}
                kinds = [("", limit[neuron], False)]
                if ends is not None:
                    reach = ends.highest if sign > 0 else -ends.lowest
                    kinds.append(("v_", reach[neuron], True))
                for kind, bound, membrane in kinds:
                    seen = search(network, p, int(neuron), sign, n_ticks, rng, n_samples=48, rounds=rounds,
                                  membrane=membrane, steered=steered, bound=float(bound))  # fmt: skip
                    far = _far(seen, membrane, sign)[p.name][:, neuron]
                    row[f"{kind}bound"], row[f"{kind}found"] = float(bound), float(np.max(sign * far))
                rows.append(row)
    return rows


def shipped() -> dict[str, tuple[Network, int]]:
    """Networks of models/nets that have currents, and a sampled one, compiled."""
    from spikec.frontends import open_trained
    from spikec_train.recipes import load_recipe, train

    networks = {name: open_trained(NETS / f"{name}.npz") for name in ("yinyang-ttfs", "yinyang-ttfs-delays")}
    networks["digits-sampled"] = train(load_recipe("digits-sampled")).network
    compiled = {}
    for name, network in networks.items():
        program = compile_network(network, load_target("loihi2"), CompileOptions())
        assert program.n_ticks is not None
        compiled[name] = (program.network, program.n_ticks)
    return compiled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=30, help="of each search")
    parser.add_argument("--only", help="one network")
    options = parser.parse_args()
    for name, (network, n_ticks) in shipped().items():
        if options.only not in (None, name):
            continue
        rng = np.random.default_rng(options.seed)
        rows = tightness(network, n_ticks, rng, options.rounds)
        ratios: dict[str, float] = {}
        for row in rows:
            for kind in ("", "v_"):
                if row.get(f"{kind}found"):
                    key = f"{row['population']}.{'v' if kind else 'u'}.{'up' if row['sign'] == 1 else 'down'}"
                    ratio = float(str(row[f"{kind}bound"])) / float(str(row[f"{kind}found"]))
                    ratios[key] = min(ratio, ratios.get(key, np.inf))
        found = {"bench": "bounds", "network": name, "n_ticks": n_ticks, "bound_over_found": ratios}
        print(json.dumps({**found, "rows": rows} if options.json else found))


if __name__ == "__main__":
    main()
