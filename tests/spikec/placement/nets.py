"""Small networks for tests of placement, and what they cost, counted synapse by synapse."""

from dataclasses import replace
from math import ceil

import numpy as np

from spikec.ir.connectivity import Convolution, Delays, Dense, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.targets.target import Figure, load_target

NEURON = CubaFixed(100, 100, 100)


def fixed(*shape, bits=8):
    return Fixed(np.zeros(shape, np.int64), FixedFormat(bits))


def small_target(base="loihi1", **limits):
    """A chip with other limits; None takes one away."""
    target = load_target(base)
    figures = {k: None if v is None else Figure(v, "a test") for k, v in limits.items()}
    return replace(target, limits=replace(target.limits, **figures))


def network(populations, projections):
    """From ``{name: n, shape or population}``, first the input, and ``{name: (pre, post, synapses)}``."""
    made = []
    for k, (name, what) in enumerate(populations.items()):
        if isinstance(what, Population):
            made.append(what)
        else:
            shape = what if isinstance(what, tuple) else (what,)
            made.append(Population(name, NEURON if k else Source(), shape))
    joined = [
        Projection(name, pre, post, c, Delays(np.array(0))) for name, (pre, post, c) in projections.items()
    ]
    return Network(tuple(made), tuple(joined), (made[0].name,), (made[-1].name,), Ticks(1e-3, LOIHI))


def layers(*sizes, recurrent=False, bits=8):
    names = [f"p{k}" for k in range(len(sizes))]
    joined = {
        f"q{k}": (names[k], names[k + 1], Dense(fixed(sizes[k + 1], sizes[k], bits=bits)))
        for k in range(len(sizes) - 1)
    }
    if recurrent:
        joined["back"] = ("p1", "p1", Dense(fixed(sizes[1], sizes[1], bits=bits)))
    return network(dict(zip(names, sizes, strict=True)), joined)


def images(rng, channels=3, size=6):
    """A convolution, a grouped convolution with a stride, and a dense layer."""
    first = Convolution(fixed(channels, 2, 3, 3), (Axis(size, 3, 1, 1, 1), Axis(size, 3, 1, 1, 1)))
    second = Convolution(fixed(channels, 1, 2, 2), (Axis(size, 2, 2), Axis(size, 2, 2)), groups=channels)
    n = second.n_post
    return network(
        {"in": (2, size, size), "a": first.output_shape, "b": second.output_shape, "c": 5},
        {"q": ("in", "a", first), "r": ("a", "b", second), "s": ("b", "c", Dense(fixed(5, n)))},
    )


def random_network(seed):
    """Lists of synapses, dense parts, two projections between one pair, and cycles."""
    rng = np.random.default_rng(seed)
    if seed % 4 == 0:
        return images(rng, channels=int(rng.integers(1, 5)), size=int(rng.integers(2, 8)))
    sizes = {"in": int(rng.integers(1, 9)), **{f"p{k}": int(rng.integers(1, 12)) for k in range(3)}}
    names = list(sizes)
    joined = {}
    for k in range(int(rng.integers(1, 7))):
        pre, post = names[rng.integers(0, 4)], names[rng.integers(1, 4)]
        if rng.random() < 0.3:
            c = Dense(fixed(sizes[post], sizes[pre]))
        else:
            at = np.argwhere(rng.random((sizes[pre], sizes[post])) < 0.3)
            c = sparse(
                sizes[pre], sizes[post], at[:, 0], at[:, 1], fixed(len(at), bits=int(rng.integers(1, 9)))
            )
        joined[f"q{k}"] = (pre, post, c)
    return network(sizes, joined)


def program(net, target=None):
    return Program(net, target or load_target("loihi1"))


def axons_by_hand(net, cores):
    """``{(population, neuron): cores that it reaches}``, from the list of all synapses."""
    found = {}
    for q in net.projections:
        for pre, post in zip(*q.connectivity.synapses(), strict=True):
            found.setdefault((q.pre, int(pre)), set()).add(int(cores[q.post][post]))
    return found


def hops_by_hand(net, cores, grid, place, rates):
    """Message-hops, messages, and hops between tiles, one message after the other."""
    x, y = grid.tiles
    total = messages = between = 0
    for (name, neuron), reached in axons_by_hand(net, cores).items():
        for core in reached:
            rate = np.broadcast_to(rates.get(name, 1), net.population(name).n)[neuron]
            if name in cores:
                at = place[cores[name][neuron]]
                far = abs(x[at] - x[place[core]]) + abs(y[at] - y[place[core]])
                total += rate * (0 if cores[name][neuron] == core else 1 + far)
            else:
                far = x[place[core]] + y[place[core]]
                total += rate * (1 + far)
            messages += rate
            between += rate * far
    return total, messages, between


def words_by_hand(n, bits):
    """Bits that n synapses of one axon take: blocks of 64 with 10 bits each, rounded up to words of 64."""
    total = 0
    while n > 0:
        block = min(n, 64)
        total += 64 * ceil((block * bits + 10) / 64)
        n -= block
    return total
