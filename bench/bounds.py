"""How tight the proven bounds of currents and membranes are: inputs that push them far, found by search.

    .venv/bin/python bench/bounds.py --json

Each row is one population of a shipped network, its current or, where it never spikes, its membrane, pushed
up or down; ratios are those of the worst of the neurons with the widest bounds.

* `bound_over_found`: the proven bound over the farthest that annealing (`bounds_attack.py`) took the
  integers. What it finds is a lower limit of the worst case, the bound an upper one.
* `boxed_over_found`: the same with the bound of `spikec.ir.boxes`, where inputs are few.
* `bound_over_free`: the bound over what happens if the neurons in front spike whenever they like, none before
  it can. What is above 1 here is lost by arithmetic, the rest by taking these neurons as independent.
* `share`: the bound as a share of 24 bits.

Relays are left out, which repeat single spikes. `search` pushes neurons of any network, with less effect:
`tests/bench/test_bounds.py` attacks random ones with it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from bounds_attack import anneal, freed
from scipy.sparse import csr_array

from spikec.arrays import FloatArray, IntArray
from spikec.ir.bounds import CurrentBound, current_bound, membrane_bound, once_spiking
from spikec.ir.boxes import boxed_current_bound
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population
from spikec.ir.one_layer import OneLayer, one_layer
from spikec.ir.own_inhibition import repeats
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target

NETS = Path(__file__).parents[1] / "models" / "nets"
M = 1 << 23
FEW = 8
"""Inputs up to which boxes are halved."""


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
                        left = spikes[q.pre][:, t - 1 - d] if t > d else np.zeros(())
                        if left.any():
                            summed = (left @ matrix).astype(np.int64)
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
) -> Extremes:
    """Push one neuron's current up (sign 1) or down (-1); the extremes of all that was tried.

    It begins with what the weights suggest - every input that excites the neuron spikes, once or in every
    tick, so that all arrive together - and changes a few spikes of the best at a time.

    Args:
        network: In the fixed dialect.
        population: Where the neuron is.
        neuron: Its number.
        sign: Which way.
        n_ticks: Length of a sample.
        rng: Where chance comes from.
        n_samples: Inputs tried in a round.
        rounds: How often the best are changed and tried again.
    """
    rasters = {
        name: _first_tries(network, name, population, neuron, sign, n_ticks, rng, n_samples)
        for name in network.inputs
    }
    tried = []
    for _ in range(rounds):
        found = simulate(network, rasters, n_ticks)
        tried.append(found)
        far = (found.highest if sign > 0 else found.lowest)[population.name][:, neuron]
        best = np.argsort(-sign * far, kind="stable")[: max(n_samples // 4, 1)]
        rasters = {
            name: _changed(network, name, raster[best], n_samples, rng) for name, raster in rasters.items()
        }
    return Extremes(
        *(
            {name: np.concatenate([getattr(f, kind)[name] for f in tried]) for name in tried[0].lowest}
            for kind in ("lowest", "highest", "v_lowest", "v_highest")
        )
    )


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
    """Weights of each delay as a matrix ``(n_pre, n_post)``, sparse where little is stored."""
    assert isinstance(q.connectivity.weights, Fixed)
    pre, post = q.connectivity.synapses()
    delay, stored = q.delays.per_synapse(q.connectivity), q.connectivity.stored()
    matrices = []
    for d in np.unique(delay):
        matrix = np.zeros((q.connectivity.n_pre, q.connectivity.n_post))
        matrix[pre[delay == d], post[delay == d]] = stored[delay == d]
        some = np.count_nonzero(matrix) < matrix.size / 8
        matrices.append((int(d), csr_array(matrix) if some else matrix))
    return matrices


def _decay(x: IntArray, d: object) -> IntArray:
    return np.sign(x) * ((np.abs(x) * (4096 - np.asarray(d))) >> 12)


@dataclass(frozen=True)
class Target:
    """What is pushed: the current or the membrane of a population, up (sign 1) or down (-1)."""

    population: Population
    membrane: bool
    sign: int

    def limit(self, bound: CurrentBound) -> FloatArray:
        """How far each neuron can go this way."""
        return bound.highest if self.sign > 0 else -bound.lowest

    def far(self, found: Extremes, neuron: int) -> float:
        """How far one went at most."""
        ends = (found.v_lowest, found.v_highest) if self.membrane else (found.lowest, found.highest)
        return float(np.max(self.sign * ends[self.sign > 0][self.population.name][:, neuron]))


@dataclass(frozen=True)
class Effort:
    """How much a table may cost: neurons of each row, moves for each input, starts, boxes."""

    neurons: int
    moves: int
    starts: int
    boxes: int


def rows(
    name: str, network: Network, n_ticks: int, effort: Effort, rng: np.random.Generator
) -> Iterator[dict[str, object]]:
    """The rows of one network."""
    for p in network.populations:
        if not isinstance(p.neuron, CubaFixed) or any(repeats(network, q) for q in network.incoming(p.name)):
            continue
        layer = one_layer(network, p, n_ticks)
        assert layer is not None, f"{p.name} is not behind one layer that spikes once"
        few = sum(layer.inputs.values()) <= FEW
        boxed = boxed_current_bound(network, p, n_ticks, effort.boxes) if few else None
        silent = np.all(np.asarray(p.neuron.vth) == 131071)
        for membrane in (False, True) if silent else (False,):
            bound = (membrane_bound if membrane else current_bound)(network, p, n_ticks)
            for sign in (1, -1):
                target = Target(p, membrane, sign)
                limit = target.limit(bound)
                if not np.any(limit > 0):
                    continue
                start, ratios = process_time(), dict[str, float]()
                for neuron in np.argsort(-limit)[: effort.neurons]:
                    found = _farthest(network, layer, target, int(neuron), float(limit[neuron]), effort, rng)
                    each = {"bound_over_found": limit[neuron] / found}
                    if boxed is not None and not membrane:
                        each["boxed_over_found"] = target.limit(boxed)[neuron] / found
                    if p.name not in once_spiking(network, n_ticks):
                        free = _free(network, layer, target, int(neuron))
                        each["bound_over_free"] = limit[neuron] / free
                    ratios = {key: float(max(ratio, ratios.get(key, 0.0))) for key, ratio in each.items()}
                yield {
                    "bench": "bounds",
                    "network": name,
                    "population": p.name,
                    "of": "membrane" if membrane else "current",
                    "way": "up" if sign > 0 else "down",
                    "neurons": min(effort.neurons, p.n),
                    **{key: round(ratio, 3) for key, ratio in ratios.items()},
                    "share": round(bound.share, 4),
                    "cpu_seconds": round(process_time() - start, 1),
                }


def _farthest(
    network: Network,
    layer: OneLayer,
    target: Target,
    neuron: int,
    bound: float,
    effort: Effort,
    rng: np.random.Generator,
) -> float:
    """How far annealing takes a neuron of the integers."""
    n_moves = effort.moves * sum(layer.inputs.values())
    tries = [
        anneal(layer, target.population, neuron, target.sign, target.membrane, bound, n_moves, rng)
        for _ in range(effort.starts)
    ]
    rasters = {
        name: np.stack([_raster(network, name, t[name], layer.n_ticks) for t in tries]) for name in tries[0]
    }
    return target.far(simulate(network, rasters, layer.n_ticks), neuron)


def _free(network: Network, layer: OneLayer, target: Target, neuron: int) -> float:
    """How far a neuron goes if those in front spike when it suits the push, but not before they can."""
    loose, ticks = freed(network, layer, target.population, neuron, target.sign, target.membrane)
    rasters = {name: _raster(loose, name, k, layer.n_ticks)[None] for name, k in ticks.items()}
    return target.far(simulate(loose, rasters, layer.n_ticks), neuron)


def _raster(network: Network, name: str, ticks: IntArray, n_ticks: int) -> FloatArray:
    """One spike of each neuron, or as many at once as it can have, ``(n_ticks, n)``."""
    return (np.arange(n_ticks)[:, None] == ticks) * float(network.population(name).neuron.most_at_once)


def shipped() -> Iterator[tuple[str, Network, int]]:
    """Networks of models/nets that have currents, and a sampled one, compiled."""
    from spikec.frontends import open_trained
    from spikec_train.recipes import load_recipe, train

    networks = {name: open_trained(NETS / f"{name}.npz") for name in ("yinyang-ttfs", "yinyang-ttfs-delays")}
    networks["digits-sampled"] = train(load_recipe("digits-sampled")).network
    for name, network in networks.items():
        program = compile_network(network, load_target("loihi2"), CompileOptions())
        assert program.n_ticks is not None
        yield name, program.network, program.n_ticks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--neurons", type=int, default=3, help="of each row, those with the widest bounds")
    parser.add_argument("--moves", type=int, default=3000, help="of each start, for each input")
    parser.add_argument("--starts", type=int, default=2, help="of annealing")
    parser.add_argument("--boxes", type=int, default=20_000, help="to look into, where inputs are few")
    parser.add_argument("--only", help="one network")
    options = parser.parse_args()
    effort = Effort(options.neurons, options.moves, options.starts, options.boxes)
    for name, network, n_ticks in shipped():
        if options.only in (None, name):
            for row in rows(name, network, n_ticks, effort, np.random.default_rng(options.seed)):
                print(
                    json.dumps(row) if options.json else "  ".join(f"{k} {v}" for k, v in row.items()),
                    flush=True,
                )


if __name__ == "__main__":
    main()
