"""What every backend must fulfil in its dialect; each backend's tests call these functions.

The judge is the reference interpreter, and `hand_cases` judge that one too: networks small enough to work
out with pencil and paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest

from spikec.backend import Backend
from spikec.errors import EventsError, NetworkError
from spikec.events import Events, from_rows, no_events, same
from spikec.ir.connectivity import Connectivity, DelayKind, Delays, Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed, FixedNeuron, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.random_networks import CONTINUOUS, random_continuous, random_inputs, random_program, random_spikes
from spikec.reference import ReferenceBackend
from spikec.result import ProjectionCounts, RunResult
from spikec.targets.target import load_target

M = 1 << 23
VTH_MAX = 131071


def drawn(seed: int, *, n_samples: int = 4, n_ticks: int = 40) -> tuple[Program, dict[str, Events]]:
    """A random program and inputs for it."""
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    return program, random_inputs(rng, program, n_samples, n_ticks)


def all_membranes(program: Program) -> list[str]:
    """Record keys of every membrane, in every tick and in the last one."""
    names = [p.name for p in program.network.populations if not p.is_source]
    return [f"{name}.v{last}" for name in names for last in ("", ".last")]


def assert_same_results(got: RunResult, expected: RunResult) -> None:
    """Spikes of all populations, all recorded membranes and all counters are equal to the bit."""
    assert set(got.spikes) == set(expected.spikes)
    for name, events in expected.spikes.items():
        assert same(got.spikes[name], events), f"spikes of {name} differ"
    assert set(got.traces) == set(expected.traces)
    for key, membrane in expected.traces.items():
        np.testing.assert_array_equal(got.traces[key], membrane, err_msg=key)
    assert got.counters is not None
    assert expected.counters is not None
    assert asdict(got.counters) == asdict(expected.counters)


def assert_equals_reference(
    backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int
) -> None:
    """A backend gives what the reference gives, and says who it is."""
    assert backend.unsupported(program) == []
    record = all_membranes(program)
    expected = ReferenceBackend().prepare(program).run(inputs, n_ticks, record)
    got = _run(backend, program, inputs, n_ticks, record)
    assert_same_results(got, expected)
    assert got.meta["backend"] == backend.name
    assert got.meta["seconds"] >= 0


def drawn_continuous(
    seed: int, types: Sequence[str] = CONTINUOUS, *, n_samples: int = 3, until: float = 6.0
) -> tuple[Program, dict[str, Events]]:
    """A random continuous network and inputs for it."""
    rng = np.random.default_rng(seed)
    program = random_continuous(rng, types=types)
    return program, random_spikes(rng, program, n_samples, until)


def assert_exact(
    backend: Backend, program: Program, inputs: Mapping[str, Events], until: float = 8.0
) -> RunResult:
    """A backend gives the reference's spike times and maxima to 1e-9, and the membranes at the end."""
    assert backend.unsupported(program) == []
    record = [f"{p.name}.v.last" for p in program.network.populations if not p.is_source]
    tops = [f"{p.name}.v.max" for p in program.network.populations if not p.neuron.spikes]
    expected = ReferenceBackend().prepare(program).run(inputs, until, [*record, *tops])
    got = _run(backend, program, inputs, until, [*record, *tops])
    for key in tops:
        np.testing.assert_allclose(got.traces[key], expected.traces[key], rtol=1e-9, atol=1e-9, err_msg=key)
        assert np.all(got.traces[key] >= expected.traces[f"{key.removesuffix('max')}last"] - 1e-9)
    assert list(got.spikes) == [p.name for p in program.network.populations]
    for name, events in expected.spikes.items():
        np.testing.assert_array_equal(got.spikes[name].counts(), events.counts(), err_msg=name)
        np.testing.assert_allclose(
            _by_neuron(got.spikes[name]), _by_neuron(events), rtol=1e-9, atol=1e-12, err_msg=name
        )
    for key in record:
        np.testing.assert_allclose(
            np.arctan(got.traces[key]), np.arctan(expected.traces[key]), rtol=0, atol=1e-7, err_msg=key
        )
    assert got.counters is None
    return got


def _by_neuron(events: Events) -> Any:
    return events.times[np.lexsort((events.times, events.neurons, events.sample_of_event()))]


def assert_repeatable(backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int) -> None:
    """Two runs of one executable give the same: nothing is left over from the first."""
    executable = backend.prepare(program)
    try:
        record = all_membranes(program)
        first = executable.run(inputs, n_ticks, record)
        assert_same_results(executable.run(inputs, n_ticks, record), first)
    finally:
        executable.close()


def assert_samples_are_independent(
    backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int
) -> None:
    """A sample's result depends neither on its neighbours nor on its place."""
    n = next(iter(inputs.values())).n_samples
    executable = backend.prepare(program)
    try:
        record = all_membranes(program)
        together = executable.run(inputs, n_ticks, record)
        turned = executable.run({k: reversed_samples(e) for k, e in inputs.items()}, n_ticks, record)
        for k in range(n):
            alone = executable.run({key: e.select(k, k + 1) for key, e in inputs.items()}, n_ticks, record)
            for name, events in alone.spikes.items():
                assert same(together.spikes[name].select(k, k + 1), events)
                assert same(turned.spikes[name].select(n - 1 - k, n - k), events)
            for key, membrane in alone.traces.items():
                np.testing.assert_array_equal(together.traces[key][k], membrane[0])
                np.testing.assert_array_equal(turned.traces[key][n - 1 - k], membrane[0])
    finally:
        executable.close()


def assert_refuses_bad_inputs(backend: Backend) -> None:
    """Inputs that do not fit the network are refused before anything runs."""
    program = _case("inputs", Dense(Fixed(np.full((1, 2), 2))), CubaFixed(du=0, dv=0, vth=1), [], 4).program
    good = no_events(2, 2)
    seconds = Events(np.zeros(0), good.neurons, good.sample_starts, 2)
    executable = backend.prepare(program)
    try:
        for inputs in (
            {},
            {"in": no_events(2, 3)},
            {"other": good},
            {"in": good, "x": good},
            {"in": seconds},
        ):
            with pytest.raises(EventsError):
                executable.run(inputs, 4)
    finally:
        executable.close()


def assert_refuses_bad_keys(backend: Backend) -> None:
    """What cannot be recorded is refused before anything runs."""
    program, inputs = drawn(0)
    executable = backend.prepare(program)
    try:
        for key in ("net.0.u", "net.0", "nowhere.v", "in0.v"):
            with pytest.raises(NetworkError):
                executable.run(inputs, 4, [key])
    finally:
        executable.close()


def reversed_samples(events: Events) -> Events:
    """The same samples, the last one first."""
    samples = events.n_samples - 1 - events.sample_of_event()
    return from_rows(
        samples, events.times, events.neurons, n_samples=events.n_samples, n_neurons=events.n_neurons
    )


@dataclass(frozen=True)
class HandCase:
    """A network with one sample, and what must come out.

    Attributes:
        name: What it shows.
        program: Source "in", population "out", projection "in_out".
        inputs: One sample.
        n_ticks: Length of the run.
        spikes: Ticks in which each neuron of "out" must spike.
        membranes: Membrane of each neuron of "out" after every tick, ``(n, n_ticks)``, if worked out.
        counts: Of projection "in_out", if worked out.
    """

    name: str
    program: Program
    inputs: Mapping[str, Events]
    n_ticks: int
    spikes: Sequence[Sequence[int]] = ((),)
    membranes: Sequence[Sequence[int]] | None = None
    counts: ProjectionCounts | None = None


def assert_hand_case(backend: Backend, case: HandCase) -> None:
    """A backend comes to the numbers worked out by hand."""
    result = _run(backend, case.program, case.inputs, case.n_ticks, ["out.v"])
    out = result.spikes["out"]
    assert [out.times[out.neurons == j].tolist() for j in range(out.n_neurons)] == [*map(list, case.spikes)]
    if case.membranes is not None:
        assert result.traces["out.v"][0].T.tolist() == [*map(list, case.membranes)]
    if case.counts is not None:
        assert result.counters is not None
        assert result.counters.projections["in_out"] == case.counts


def hand_cases() -> list[HandCase]:
    """Every corner of the arithmetic, one at a time. Neurons of one population show variants of one case."""
    forgetful = {"du": 4095, "dv": 4096}  # u and v are what this tick brings
    return [
        _case(
            "a current leaks even with du of 0, toward zero from both sides",
            Dense(Fixed([[100], [-100]])),
            CubaFixed(du=0, dv=4096, vth=VTH_MAX),
            [(0, 0)],
            4,
            spikes=((), ()),
            membranes=((0, 6400, 6398, 6396), (0, -6400, -6398, -6396)),  # 6400 * 4095 / 4096 = 6398.4
        ),
        _case(
            "a membrane keeps what dv leaves, cut off toward zero",
            Dense(Fixed([[100], [-100]])),
            CubaFixed(du=4095, dv=1, vth=VTH_MAX),
            [(0, 0)],
            4,
            spikes=((), ()),
            membranes=((0, 6400, 6398, 6396), (0, -6400, -6398, -6396)),
        ),
        _case(
            "the threshold must be exceeded, not met",
            Dense(Fixed([[100], [100]])),
            CubaFixed(**forgetful, vth=100, bias_mant=[0, 1]),
            [(0, 0)],
            3,
            spikes=((), (1,)),
            membranes=((0, 6400, 0), (1, 0, 1)),
        ),
        _case(
            "a bias is shifted, and to the right toward minus infinity",
            Dense(Fixed([[0]] * 4)),
            CubaFixed(**forgetful, vth=VTH_MAX, bias_mant=[3, -3, 3, -3], bias_exp=[2, 2, -1, -1]),
            [],
            1,
            spikes=((),) * 4,
            membranes=((12,), (-12,), (1,), (-2,)),
        ),
        _case(
            "a current wraps once, but 2**23 itself stays",
            Dense(Fixed([[254] * 4 + [8], [-256] * 4 + [0], [254] * 4 + [10]], FixedFormat(8, "mixed", 7))),
            CubaFixed(**forgetful, vth=VTH_MAX, bias_mant=-100),
            [(0, j) for j in range(5)],
            2,
            spikes=((), (), ()),
            # 1024 << 13 = M stays, and -M becomes M; 1026 << 13 wraps
            membranes=((-100, M - 100), (-100, M - 100), (-100, (1026 << 13) - 2 * M - 100)),
        ),
        _case(
            "a current that is more than one turn away stays outside",
            Dense(Fixed([[255] * 13], FixedFormat(8, "excitatory", 7))),
            CubaFixed(du=2047, dv=4096, vth=VTH_MAX),
            [(0, j) for j in range(13)],
            3,
            # 13 * 255 << 13 = 27156480, minus 2M is 10379264 > M; half of that is left in the next tick
            spikes=((1,),),
            membranes=((0, 0, 5189632),),
        ),
        _case(
            "a current beyond 32 bits wraps as 32-bit integers do",
            Dense(Fixed(np.full((1, 2056), 255), FixedFormat(8, "excitatory", 7))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, j) for j in range(2056)],
            2,
            # 2056 * 255 << 13 = 2**32 - 65536
            membranes=((0, -65536),),
        ),
        _case(
            "a membrane saturates, and above that it spikes at any threshold",
            Dense(Fixed([[255] * 4], FixedFormat(8, "excitatory", 7))),
            CubaFixed(du=4095, dv=0, vth=VTH_MAX),
            [(t, j) for t in range(2) for j in range(4)],
            3,
            # 4 * 255 << 13 = 8355840 is below the largest threshold; twice that is above M - 1
            spikes=((2,),),
            membranes=((0, 8355840, 0),),
        ),
        _case(
            "a negative exponent shifts the sum of a tick toward minus infinity, not each weight",
            Dense(Fixed([[-2, -2], [6, 6]], FixedFormat(8, "mixed", -3))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (0, 1), (2, 0)],
            4,
            spikes=((), ()),
            membranes=(
                (0, -64, 0, -64),
                (0, 64, 0, 0),
            ),  # -4 >> 3 = -1, -2 >> 3 = -1; 12 >> 3 = 1, 6 >> 3 = 0
        ),
        _case(
            "a negative exponent shifts apart what left in different ticks, though it arrives together",
            Dense(Fixed([[-2, -2], [6, 6]], FixedFormat(8, "mixed", -3))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (1, 1)],
            3,
            delays=Delays([1, 0], DelayKind.AXONAL),
            spikes=((), ()),
            membranes=((0, 0, -128), (0, 0, 0)),
        ),
        _case(
            "a negative exponent shifts apart what has different delays, though it left together",
            sparse(2, 1, [0, 1], [0, 0], Fixed([6, 6], FixedFormat(8, "mixed", -3))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (0, 1)],
            3,
            delays=Delays([0, 1], DelayKind.SYNAPTIC),
            membranes=((0, 0, 0),),
        ),
        _case(
            "a delay of 62 comes on top of the tick that every hop takes",
            Dense(Fixed([[100], [100]])),
            CubaFixed(**forgetful, vth=10),
            [(0, 0), (1, 0), (3, 0)],
            66,
            delays=Delays([62, 0], DelayKind.DENDRITIC),
            spikes=((63, 64), (1, 2, 4)),
        ),
        _case(
            "counts tell synapses from stored zeros, and know what is still on its way",
            sparse(3, 2, [0, 0, 2], [0, 1, 0], Fixed([2, 0, 4])),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (1, 0), (1, 1), (2, 2)],
            3,
            delays=Delays([0, 1, 3], DelayKind.SYNAPTIC),
            spikes=((), ()),
            counts=ProjectionCounts(synaptic_events=3, zero_weight_events=2, messages=3, delay_writes=1),
        ),
        _self_loop(0, (1, 2, 3, 4, 5, 6, 7)),
        _self_loop(2, (1, 4, 7)),
    ]


def pair_cases() -> list[HandCase]:
    """The same for neurons that Loihi 1 has not. Where those that keep pairs are is written as (a, b)."""
    wide = FixedFormat(8, "mixed", 7)
    quarter: dict[str, Any] = {"cos": 0, "sin_a": 1, "sin_b": 1}  # (a, b) becomes (b, -a)
    still: dict[str, Any] = {"du": 4095, "gain": 0, "shift": 0, "turn": 8192, "keep": 8192}
    return [
        _case(
            "an inclusive threshold need only be met",
            Dense(Fixed([[100], [100], [98]])),
            CubaFixed(du=4095, dv=4096, vth=100, inclusive=[0, 1, 1]),
            [(0, 0)],
            3,
            spikes=((), (1,), ()),
            membranes=((0, 6400, 0), (0, 0, 0), (0, 6272, 0)),
        ),
        _case(
            "a quarter turn a tick: from zero to infinity, where it spikes, and on from the other side",
            Dense(Fixed([[0]])),
            ThetaFixed(**quarter, a_init=0, b_init=16384, shift=0),
            [],
            5,
            spikes=((1, 3),),
            # (16384, 0) has 15 bits; then (0, -8192), turned around
            membranes=(_words((8192, 0), (0, 8192), (8192, 0), (0, 8192), (8192, 0)),),
        ),
        _case(
            "a turn by the angle of 3, 4, 5, and one on an ellipse",
            Dense(Fixed([[0], [0]])),
            ThetaFixed(cos=3, sin_a=[4, 8], sin_b=[4, 2], a_init=0, b_init=16384, shift=0),
            [],
            3,
            spikes=((1,), (1,)),
            membranes=(
                # (65536, 49152) >> 3; (49152, -14336) turned around, >> 2; (-22528, 59904) >> 2
                _words((8192, 6144), (-12288, 3584), (-5632, 14976)),
                # (131072, 49152) >> 4; (49152, -7168) turned, >> 2; (-22528, 29952) >> 1
                _words((8192, 3072), (-12288, 1792), (-11264, 14976)),
            ),
        ),
        _case(
            "halves are rounded up, whatever their sign",
            Dense(Fixed([[0], [0]])),
            ThetaFixed(cos=16384, sin_a=1, sin_b=1, a_init=[0, -2], b_init=16384, shift=0),
            [],
            1,
            spikes=((), ()),
            membranes=(_words((1, 8192)), _words((0, 8192))),  # 16384 and -16384 of 32768
        ),
        _case(
            "a pair is scaled up and down to 14 bits, and rounding may bring it to 2**14",
            Dense(Fixed([[0], [0]])),
            ThetaFixed(cos=0, sin_a=[1, 32767], sin_b=[1, 32767], a_init=[3, 0], b_init=[5, 16384], shift=0),
            [],
            2,
            spikes=((0,), (1,)),
            membranes=(_words((-5 << 11, 3 << 11), (6144, 10240)), _words((16384, 0), (0, 16384))),
        ),
        _case(
            "a kick moves a by b times the weight, and its halves are rounded up",
            Dense(Fixed([[6], [-6], [2], [-2], [6], [-6]])),
            ThetaFixed(**quarter, a_init=-16384, b_init=0, shift=[2, 2, 15, 15, 15, 15]),
            [(0, 0)],
            2,
            spikes=((1,), (), (1,), (), (1,), ()),
            # In tick 1 from (0, 8192): a becomes 12288, -12288; then 0.5, -0.5, 1.5, -1.5 rounded
            membranes=tuple(
                _words((0, 8192), end)
                for end in [(-8192, 12288), (8192, 12288), (-8192, 1), (8192, 0), (-8192, 2), (8192, 1)]
            ),
        ),
        _case(
            "a kick at infinity moves nothing",
            Dense(Fixed([[254], [-256]], wide)),
            ThetaFixed(**quarter, a_init=0, b_init=16384, shift=[0, 31]),
            [(0, 0)],
            2,
            spikes=((1,), (1,)),
            membranes=(_words((8192, 0), (0, 8192)),) * 2,
        ),
        _case(
            "a stops at 24 bits",
            Dense(Fixed([[254], [-254]], wide)),
            ThetaFixed(**quarter, a_init=-16384, b_init=0, shift=0),
            [(0, 0)],
            2,
            spikes=((1,), ()),
            # 254 * 128 * 8192 is more than 2**23 - 1; (8192, -8388607) turned around, >> 9
            membranes=(_words((0, 8192), (-16, 16384)), _words((0, 8192), (16, 16384))),
        ),
        _case(
            "without a current V = 1 stays, less of it decays, and more of it spikes, infinity too",
            Dense(Fixed([[0]] * 5)),
            QifFixed(**still, a_init=[8192, -8192, 16384, 16384, -16384], b_init=[8192, 8192, 4096, 0, 0]),
            [],
            1,
            spikes=((), (), (0,), (0,), ()),
            # With both divided by 2**27: (a, 2 b - a)
            membranes=(
                _words((8192, 8192)),
                _words((-4096, 12288)),
                _words((-8192, 4096)),
                _words((-8192, 8192)),
                _words((-8192, 8192)),
            ),
        ),
        _case(
            "a current decays and turns the pair",
            Dense(Fixed([[100]])),
            QifFixed(du=2047, gain=3, shift=1, turn=16384, keep=16384),
            [(0, 0)],
            3,
            # u = 6400, p = 9600, c = 16384 - 3200; then u = 3200, p = 4800, c = 16384 - 1600,
            # (14784 * 9600 + 4800 * 13184, 14784 * 13184 - 16384 * 9600) = (12525, 2296.5) << 14
            membranes=(_words((0, 8192), (9600, 13184), (12525, 2297)),),
        ),
        _case(
            "the first current decays before it acts, toward zero",
            Dense(Fixed([[0], [0]])),
            QifFixed(du=2047, gain=3, shift=1, turn=16384, keep=16384, u_init=[12800, -12801]),
            [],
            1,
            spikes=((), ()),
            membranes=(_words((9600, 13184)), _words((-4800, 9792))),  # u = 6400, -6400; c = 13184, 19584
        ),
        _case(
            "a current stops at 24 bits, and p at 15",
            Dense(Fixed(np.array([[254], [-254], [254], [-254]]).repeat(5, axis=1), wide)),
            QifFixed(4095, gain=[1, 1, 32767, 32767], shift=[9, 9, 0, 0], turn=16384, keep=16384),
            [(0, j) for j in range(5)],
            2,
            spikes=((),) * 4,
            # u = 5 * 254 << 13 is 8388607; p = 16384, c = 10923; -16384, 21845; 32767, 5462; -32767, 27306
            membranes=tuple(
                _words((0, 8192), end)
                for end in [(8192, 5462), (-8192, 10923), (16384, 2731), (-16383, 13653)]
            ),
        ),
    ]


def _words(*pairs: tuple[int, int]) -> tuple[int, ...]:
    """Pairs as membranes."""
    return tuple(65536 * a + b for a, b in pairs)


def _self_loop(delay: int, spikes: tuple[int, ...]) -> HandCase:
    return _case(
        f"a neuron that feeds itself after {delay} ticks more spikes on",
        Dense(Fixed([[100]])),
        CubaFixed(du=4095, dv=4096, vth=10),
        [(0, 0)],
        8,
        spikes=(spikes,),
        loop=Projection("out_out", "out", "out", Dense(Fixed([[100]])), Delays(delay)),
    )


def _case(
    name: str,
    connectivity: Connectivity,
    neuron: FixedNeuron,
    spikes_in: Sequence[tuple[int, int]],
    n_ticks: int,
    *,
    delays: Delays | None = None,
    loop: Projection | None = None,
    **expected: Any,
) -> HandCase:
    n_pre, n_post = connectivity.n_pre, connectivity.n_post
    projections = [Projection("in_out", "in", "out", connectivity, delays or Delays(0))]
    network = Network(
        (Population("in", Source(), (n_pre,)), Population("out", neuron, (n_post,))),
        (*projections, *([loop] if loop else [])),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )
    ticks, neurons = [t for t, _ in spikes_in], [j for _, j in spikes_in]
    events = from_rows([0] * len(ticks), np.array(ticks, np.int64), neurons, n_samples=1, n_neurons=n_pre)
    return HandCase(name, Program(network, load_target("loihi2")), {"in": events}, n_ticks, **expected)


def _run(
    backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int, record: Sequence[str]
) -> RunResult:
    executable = backend.prepare(program)
    try:
        return executable.run(inputs, n_ticks, record)
    finally:
        executable.close()
