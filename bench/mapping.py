"""Message-hops of placements on Loihi 1: shipped and generated networks, each placed in all ways.

Each neuron spikes once a tick, and weights have 8 bits. `message_hops` are the routers that messages to other
cores pass (docs/placement.md), `bound` is what no placement avoids, `less_than_sequential` a share. Networks
are shipped, or have the shapes that papers measured (the NIR paper's N-MNIST and Braille networks, Heidelberg
digits 700-1024-20, Applied Brain Research's keyword network 390-256-256-29, also with 10 branches of 10
layers), or are convolutions of 3 x 3 one after the other, or sparse and recurrent (seed 0): without order, or
in shuffled communities. Each placement is counted anew and held against all rules; a row says so (`right`).
`gap` is the share of the message-hops above the bound, `seconds` CPU time of the placement alone. METIS is a
row where pymetis is installed. Prints one JSON object.

    python bench/mapping.py --json          # everything, in a quarter of an hour
    python bench/mapping.py --json --quick  # smaller networks of the same kinds, in under a minute
    python bench/mapping.py --table         # everything, as the table of RESULTS.md
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from spikec.frontends import open_network
from spikec.ir.connectivity import Connectivity, Convolution, Dense, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.placement.place import METHODS, METIS, place
from spikec.placement.rules import check_cores
from spikec.program import Program
from spikec.targets.target import load_target

ROOT = Path(__file__).parents[1]
NEURON = CubaFixed(100, 100, 100)
INSTALLED = (*METHODS[:-1], *((METIS,) if find_spec("pymetis") else ()), METHODS[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for symmetry with the command line: always so")
    parser.add_argument("--quick", action="store_true", help="leave the large networks out")
    parser.add_argument("--table", action="store_true", help="print Markdown")
    parser.add_argument("--only", nargs="*", help="names of networks")
    parser.add_argument("--methods", nargs="*", default=INSTALLED, choices=INSTALLED)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    place(Program(layers(2, 3), load_target("loihi1")))  # compiles what numba compiles
    place(Program(anywhere(2000, 2), load_target("loihi1")))
    rows: list[dict[str, Any]] = []
    for name, make in {**SMALL, **(MIDDLE if args.quick else LARGE)}.items():
        if not args.only or name in args.only:
            rows += measured(name, make(), args.methods, args.seed)
    if args.table:
        print(table(rows, args.methods))
        return
    versions = {"python": platform.python_version(), "processor": platform.machine()}
    print(
        json.dumps({"benchmark": "mapping", "target": "loihi1", "seed": args.seed, "rows": rows, **versions})
    )


def measured(name: str, network: Network, methods: list[str], seed: int) -> list[dict[str, Any]]:
    rows = []
    program = Program(network, load_target("loihi1"))
    for method in methods:
        began = process_time()
        found = place(program, method, seed)
        seconds = process_time() - began
        rows.append(
            {
                "network": name,
                "method": method,
                "message_hops": found.cost.message_hops,
                "messages": found.cost.messages,
                "bound": found.cost.bound,
                "gap": round(1 - found.cost.bound / max(found.cost.message_hops, 1e-9), 4),
                "cores": found.n_cores,
                "chips": found.grid.chips,
                "busiest": found.cost.busiest,
                "neurons": sum(p.n for p in network.populations if not p.is_source),
                "synapses": network.n_synapses,
                "right": not any(check_cores(found.assignment)),
                "seconds": round(seconds, 3),
            }
        )
    plain = {row["method"]: row["message_hops"] for row in rows}
    for row in rows:
        if plain.get("sequential"):
            row["less_than_sequential"] = round(1 - row["message_hops"] / plain["sequential"], 4)
    return rows


def table(rows: list[dict[str, Any]], methods: list[str]) -> str:
    """Message-hops, cores in brackets: a line a network, a column a method."""
    lines = [
        f"| network | {' | '.join(methods)} | against sequential | bound | gap | s |",
        "|" + "---|" * (len(methods) + 5),
    ]
    for name in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == name]
        cells = [f"{row['message_hops']:,.0f} ({row['cores']})" for row in own]
        last = own[-1]
        less = last.get("less_than_sequential", 0)
        cells += [f"{-less:.0%}", f"{last['bound']:,.0f}", f"{last['gap']:.0%}", f"{last['seconds']:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def joined(populations: Mapping[str, tuple[int, ...]], parts: list[tuple[str, str, Connectivity]]) -> Network:
    """A network of Loihi's neurons; the first population is the input, the last the output."""
    made = [Population(n, NEURON if k else Source(), s) for k, (n, s) in enumerate(populations.items())]
    projections = [Projection(f"q{k}", *part) for k, part in enumerate(parts)]
    return Network(tuple(made), tuple(projections), (made[0].name,), (made[-1].name,), Ticks(1e-3, LOIHI))


def zeros(*shape: int) -> Fixed:
    return Fixed(np.zeros(shape, np.int64), FixedFormat())


def layers(*sizes: int, recurrent: bool = False) -> Network:
    names = [f"l{k}" for k in range(len(sizes))]
    pairs = [(k, k + 1) for k in range(len(sizes) - 1)] + ([(1, 1)] if recurrent else [])
    parts = [(names[i], names[j], Dense(zeros(sizes[j], sizes[i]))) for i, j in pairs]
    return joined({name: (n,) for name, n in zip(names, sizes, strict=True)}, parts)


def shipped(name: str) -> Network:
    """A network of `models/nets` as it lies on a chip: same synapses, 8 bits each."""
    network = open_network(ROOT / "models" / "nets" / f"{name}.npz")
    projections = [
        replace(q, connectivity=q.connectivity.with_weights(zeros(*q.connectivity.weights.shape)))
        for q in network.projections
    ]
    return network.with_projections({q.name: q for q in projections})


def convolutions(
    shape: tuple[int, int, int], *kernels: tuple[int, int, int, int], dense: tuple[int, ...] = ()
) -> Network:
    """Square convolutions ``(channels, kernel, stride, padding)``, then dense layers."""
    populations, parts, last = {"in": shape}, [], "in"
    for k, (channels, kernel, stride, padding) in enumerate(kernels):
        c_in, *pixels = populations[last]
        axes = tuple(Axis(n, kernel, stride, padding, padding) for n in pixels)
        c = Convolution(zeros(channels, c_in, kernel, kernel), axes)
        populations[f"c{k}"] = c.output_shape
        parts.append((last, f"c{k}", c))
        last = f"c{k}"
    for k, n in enumerate(dense):
        populations[f"d{k}"] = (n,)
        parts.append((last, f"d{k}", Dense(zeros(n, int(np.prod(populations[last]))))))
        last = f"d{k}"
    return joined(populations, parts)


def vgg(pixels: int, *layers: tuple[int, int]) -> Network:
    """Kernels of 3 x 3 as ``(channels, stride)`` over two channels of square images, then ten outputs."""
    return convolutions((2, pixels, pixels), *((c, 3, stride, 1) for c, stride in layers), dense=(10,))


def keywords(branches: int) -> Network:
    """390-256, so many branches of 10 layers of 256 side by side, 256-29."""
    populations, parts = {"in": (390,), "first": (256,)}, [("in", "first", Dense(zeros(256, 390)))]
    for b in range(branches):
        last = "first"
        for k in range(10):
            populations[f"b{b}.{k}"] = (256,)
            parts.append((last, f"b{b}.{k}", Dense(zeros(256, 256))))
            last = f"b{b}.{k}"
    populations |= {"last": (256,), "out": (29,)}
    parts += [(f"b{b}.9", "last", Dense(zeros(256, 256))) for b in range(branches)]
    parts.append(("last", "out", Dense(zeros(29, 256))))
    return joined(populations, parts)


def listed(n: int, fan_out: int, reach: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> Network:
    """A recurrent network whose neurons are shuffled, with ten inputs to every hundredth neuron."""
    rng = np.random.default_rng(0)
    pre = np.repeat(np.arange(n), fan_out)
    post = reach(rng, pre)
    pairs = np.unique(pre * n + post)
    name = rng.permutation(n)
    pre, post = name[pairs // n], name[pairs % n]
    fed = np.arange(0, n, 100)
    first = sparse(10, n, np.repeat(np.arange(10), fed.size), np.tile(fed, 10), zeros(10 * fed.size))
    back = sparse(n, n, pre, post, zeros(pre.size))
    return joined({"in": (10,), "a": (n,)}, [("in", "a", first), ("a", "a", back)])


def anywhere(n: int, fan_out: int) -> Network:
    return listed(n, fan_out, lambda rng, pre: rng.integers(0, n, pre.size))


def communities(n: int, fan_out: int, size: int, inside: float) -> Network:
    """Most synapses stay within communities of some neurons."""

    def reach(rng: np.random.Generator, pre: np.ndarray) -> np.ndarray:
        near = pre // size * size + rng.integers(0, size, pre.size)
        return np.where(rng.random(pre.size) < inside, near, rng.integers(0, n, pre.size))

    return listed(n, fan_out, reach)


SMALL: dict[str, Callable[[], Network]] = {
    "digits 64-512-10": lambda: layers(64, 512, 10),
    "mnist-theta (shipped)": lambda: shipped("mnist-theta"),
    "nmnist conv": lambda: convolutions(
        (2, 34, 34), (16, 5, 2, 1), (16, 3, 1, 1), (8, 6, 2, 2), dense=(256, 10)
    ),
    "convolutions, 1e4 neurons": lambda: vgg(24, (8, 1), (16, 2), (16, 1), (32, 2), (32, 2)),
    "braille 12-38-2 recurrent": lambda: layers(12, 38, 2, recurrent=True),
    "shd 700-1024-20 recurrent": lambda: layers(700, 1024, 20, recurrent=True),
    "keyword 390-256-256-29": lambda: layers(390, 256, 256, 29),
    "recurrent 4096, no order": lambda: anywhere(4096, 32),
    "recurrent 4096, communities": lambda: communities(4096, 32, 128, 0.9),
}
"""What `--quick` places, too."""

MIDDLE: dict[str, Callable[[], Network]] = {
    "recurrent 10,000, communities": lambda: communities(10_000, 60, 125, 0.9)
}
"""A smaller one of the largest kind, for `--quick`."""

LARGE: dict[str, Callable[[], Network]] = {
    "keyword, 10 branches": lambda: keywords(10),
    "convolutions, 1e5 neurons": lambda: vgg(96, (4, 1), (8, 2), (8, 1), (16, 2), (16, 1), (16, 2), (16, 2)),
    "convolutions, 1e6 neurons": lambda: vgg(
        256, (8, 1), (8, 2), (8, 1), (16, 2), (16, 1), (16, 1), (32, 2), (32, 2), (32, 2)
    ),
    "recurrent 1e5, 1e7 synapses": lambda: communities(100_000, 157, 125, 0.9),
}

if __name__ == "__main__":
    main()
