"""No placement is cheaper than the bound: all placements of tiny networks, and bounds worked out by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.connectivity import Convolution, Dense, sparse
from spikec.ir.convolution import Axis
from spikec.placement import apart, bound, halo, spectrum
from spikec.placement.cost import traffic
from spikec.placement.grid import Grid
from spikec.placement.place import place
from spikec.placement.rules import Assignment
from tests.spikec.placement.nets import fixed, layers, network, program, small_target

GRID = Grid(columns=2, rows=2, cores_per_tile=1)
PAIRED = Grid(columns=2, rows=1, cores_per_tile=2)


def partitions(n, most):
    """Every way to put n neurons on cores of at most so many, the cores numbered as they first occur."""
    found = [[]]
    for _ in range(n):
        found = [
            [*cores, c] for cores in found for c in range(max(cores, default=-1) + 2) if cores.count(c) < most
        ]
    return found


def least_of_all(net, target, grid, rates):
    """The fewest message-hops of all placements on a mesh, each counted."""
    names = [p.name for p in net.populations if not p.is_source]
    ends = np.cumsum([net.population(name).n for name in names])[:-1]
    best = np.inf
    for cores in partitions(
        sum(net.population(name).n for name in names), int(target.limits.neurons_per_core.value)
    ):
        n_cores = max(cores) + 1
        if n_cores > grid.n_places:
            continue
        of = dict(zip(names, np.split(np.array(cores), ends), strict=True))
        t = traffic(Assignment(net, target, of, n_cores), rates)
        where = np.array(list(permutations(range(grid.n_places), n_cores)))
        x, y = (axis[where] for axis in grid.tiles)
        routers = np.abs(x[:, :, None] - x[:, None]) + np.abs(y[:, :, None] - y[:, None]) + 1
        routers[:, np.arange(n_cores), np.arange(n_cores)] = 0
        within = (routers * t.between.toarray()).sum(axis=(1, 2))
        best = min(best, float((within + (1 + x + y) @ t.from_outside).min()))
    return best


def _listed(rng, n):
    at = np.argwhere(rng.random((n, n)) < rng.choice([0.3, 0.6, 1.0]))
    first = np.argwhere(rng.random((2, n)) < 0.5)
    return network({"in": 2, "a": n}, {
        "q": ("in", "a", sparse(2, n, first[:, 0], first[:, 1], fixed(len(first)))),
        "r": ("a", "a", sparse(n, n, at[:, 0], at[:, 1], fixed(len(at)))),
    })  # fmt: skip


def _image(rng, n):
    axes = (Axis(n, 2, 1, int(rng.integers(0, 2))), Axis(1, 1))
    first = Convolution(fixed(1, 2, 2, 1), axes)
    second = Convolution(fixed(1, 1, 2, 1), (Axis(first.output_shape[1], 2, 1, 1), Axis(1, 1)))
    return network({"in": (2, n, 1), "a": first.output_shape, "b": second.output_shape}, {
        "q": ("in", "a", first), "r": ("a", "b", second)})  # fmt: skip


@settings(max_examples=60)
@given(
    st.integers(0, 10_000), st.sampled_from(["listed", "joined", "image"]), st.sampled_from([GRID, PAIRED])
)
def test_no_placement_of_a_tiny_network_costs_less_than_the_bound(seed, kind, grid):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    make = {"listed": lambda: _listed(rng, n), "image": lambda: _image(rng, 2),
            "joined": lambda: layers(2, n, recurrent=True)}  # fmt: skip
    net = make[kind]()
    target = small_target(neurons_per_core=int(rng.integers(2, 4)))
    rates = {p.name: rng.choice([0.0, 0.5, 1.0, 3.0], p.n) if seed % 2 else 1.0 for p in net.populations}
    cores = {p.name: np.zeros(p.n, np.int64) for p in net.populations if not p.is_source}
    least = least_of_all(net, target, grid, rates)
    assert bound.lower_bound(Assignment(net, target, cores, 1), grid, rates) <= least * (1 + 1e-9) + 1e-9


def test_sixteen_cores_are_least_apart_in_four_tiles_that_form_a_square():
    # from each core three others in its tile, eight in the tiles beside, four across: 3 + 8 * 2 + 4 * 3
    assert apart.least_apart(Grid(8, 4, 4), 16) == 16 * (3 + 16 + 12)
    assert apart.least_apart(Grid(8, 4, 4), 5) == 4 * 3 + 2 * 4 * 2  # a tile, and one beside it
    assert apart.least_apart(Grid(1, 3, 1), 3) == 2 * (2 + 2 + 3)  # in a column


@pytest.mark.parametrize("grid", [Grid(3, 2, 1), Grid(2, 2, 2), Grid(2, 3, 1)])
def test_no_cores_are_less_apart_than_the_bound(grid):
    for k in range(1, grid.n_places + 1):
        where = np.array(list(permutations(range(grid.n_places), k)))[:2000]
        east, south = grid.hops(where[:, :, None], where[:, None])
        routers = (east + south + 1).sum(axis=(1, 2)) - k
        assert apart.least_apart(grid, k) <= routers.min()


def test_all_that_are_joined_all_to_all_reach_the_same_square():
    # a core holds 4 of 16 neurons: four cores, one a tile, each with others at 2, 2 and 3 routers; two inputs
    # reach them with 1, 2, 2, 3
    a = Assignment(
        layers(2, 16, recurrent=True), small_target(neurons_per_core=4), {"p1": np.arange(16) // 4}, 4
    )
    assert bound.lower_bound(a, GRID) == 16 * 7 + 2 * 8


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_outputs_never_read_fewer_inputs_than_the_bound_of_an_axis_and_of_an_image(seed):
    rng = np.random.default_rng(seed)
    axes = []
    for _ in range(2):
        kernel, before = int(rng.integers(1, 5)), int(rng.integers(0, 3))
        axes.append(
            Axis(
                int(rng.integers(kernel, 7)), kernel, int(rng.integers(1, 4)), before, int(rng.integers(0, 3))
            )
        )
    c = Convolution(fixed(1, 1, axes[0].kernel, axes[1].kernel), tuple(axes))
    matrix = np.zeros((c.n_post, c.n_pre), bool)
    matrix[c.synapses()[1], c.synapses()[0]] = True
    for _ in range(30):
        some = rng.choice(c.n_post, int(rng.integers(1, c.n_post + 1)), replace=False)
        read = matrix[some].any(axis=0).sum()
        assert halo.pixels_read(c, np.array([some.size]))[0] <= read + 1e-9
    for axis in axes:
        output, _, inputs = axis.taps()
        reads = np.zeros((axis.n_out, axis.n), bool)
        reads[output, inputs] = True
        subsets = np.array([[bool(k >> j & 1) for j in range(axis.n_out)] for k in range(1, 1 << axis.n_out)])
        found = [(reads[s].any(axis=0).sum(), s.sum()) for s in subsets]
        for t, fewest in enumerate(halo.fewest_read(axis), start=1):
            assert fewest == min(n for n, size in found if size == t)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_images_are_never_placed_below_their_bound(seed):
    rng = np.random.default_rng(seed)
    axes = [Axis(8, 3, 1, 1, 1), Axis(7, 3, int(rng.integers(1, 3)), 1, 1)]
    first = Convolution(fixed(2, 2, 3, 3), tuple(axes))
    second = Convolution(fixed(3, 2, 3, 3), tuple(Axis(n, 3, 1, 1, 1) for n in first.output_shape[1:]))
    shapes = {"in": (2, 8, 7), "a": first.output_shape, "b": second.output_shape}
    net = network(shapes, {"q": ("in", "a", first), "r": ("a", "b", second)})
    target = small_target(neurons_per_core=int(rng.integers(12, 80)))
    for method in ("hilbert", "greedy"):
        c = place(program(net, target), method, seed).cost
        assert 0 < c.bound <= c.message_hops


def test_the_pixels_that_a_kernel_of_three_reads_are_nearly_a_square_and_its_border():
    c = Convolution(fixed(1, 1, 3, 3), (Axis(100, 3, 1, 1, 1), Axis(100, 3, 1, 1, 1)))
    read = halo.pixels_read(c, np.array([16.0]))[0]
    assert 24 < read <= 25  # 4 x 4 in a corner read 5 x 5


def test_a_network_without_order_reaches_more_than_its_own_core():
    rng = np.random.default_rng(0)
    n, fan_out = 400, 40
    pairs = np.unique(np.repeat(np.arange(n), fan_out) * n + rng.integers(0, n, n * fan_out))
    c = sparse(n, n, pairs // n, pairs % n, fixed(pairs.size))
    pairs_found = spectrum.fewest_pairs(c, np.ones(n), 100)
    by_chance = 4 * n
    assert 2 * n < pairs_found < by_chance


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_no_cut_of_a_list_of_synapses_reaches_fewer_cores(seed, most):
    rng = np.random.default_rng(seed)
    n_pre, n = int(rng.integers(1, 7)), int(rng.integers(2, 7))
    at = np.argwhere(rng.random((n_pre, n)) < rng.choice([0.3, 0.7, 1.0]))
    c = sparse(n_pre, n, at[:, 0], at[:, 1], fixed(len(at)))
    rate = rng.choice([0.0, 1.0, 2.5], n_pre)
    dense = np.zeros((n_pre, n))
    dense[at[:, 0], at[:, 1]] = 1
    least = min(
        sum(rate @ dense[:, np.array(cores) == b].any(axis=1) for b in range(max(cores) + 1))
        for cores in partitions(n, most)
    )
    assert spectrum.fewest_pairs(c, rate, most) <= least + 1e-9


def test_a_dense_layer_of_its_own_rates_is_bounded_by_the_most_a_core_may_send():
    # rates 3, 3, 1, 1 in cores of two: W = 6, so one full core and a rest of 2, a router apart: 6 + 2
    assert bound.compact(PAIRED, np.array([3.0, 3.0, 1.0, 1.0]), 2, bound.distances(PAIRED).near) == 8
    assert isinstance(layers(1, 2, recurrent=True).projections[1].connectivity, Dense)
