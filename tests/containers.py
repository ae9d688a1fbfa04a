"""Objects of every class that files hold, and whether two are the same."""

from dataclasses import fields, is_dataclass, replace
from itertools import pairwise

import numpy as np

from spikec.coding import BinaryEncoding, Decoding, LatencyEncoding, Readout
from spikec.delta_encoding import DeltaEncoding
from spikec.errors import Violation
from spikec.events import from_dense_times, no_events
from spikec.ir.connectivity import Convolution, Delays, Dense, FixedInDegree, FixedOutDegree, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.iaf import IafPscDelta, IafPscExp, PoissonDrive
from spikec.ir.network import Continuous, Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, QifExp, Ramp, Source, Theta
from spikec.placed import Placement
from spikec.program import LogEntry, Program, Shard
from spikec.random.networks import random_program
from spikec.result import CoreCounts, Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec.targets.target import load_target


def float_network(clock=Continuous()):  # noqa: B008
    """One population of every float neuron, every kind of delays, a list and a matrix, all codings."""
    neurons = {
        "ramp": Ramp([1.0, 2.0], one_spike=True),
        "if": If(1.0, bias=-3.0),
        "lif": Lif([0.1, np.inf], 1.0, v_leak=0.5),
        "cuba": CubaLif(0.02, [0.01, 0.02], 1.0, current_bias=2.0),
        "out": LiReadout(bias=[1e-300, -0.0]),
    }
    populations = [Population("in", Source(one_spike=True), (1, 2)), Population("clock", Source(), (1,))]
    populations += [Population(name, k, (2,)) for name, k in neurons.items()]
    names = [p.name for p in populations if p.n == 2]
    delays = [
        Delays(),
        Delays([0.1, 0.2], "axonal"),
        Delays([0.3, 0.0], "dendritic"),
        Delays(np.ones((2, 2)), "synaptic"),
        Delays(np.array(0.5)),
    ]
    projections = [
        Projection(f"{a} → {b}", a, b, Dense([[0.1, np.pi], [-1.0, 1e-30]]), d)
        for (a, b), d in zip(pairwise(names), delays, strict=True)
    ]
    listed = sparse(1, 2, [0], [1], np.array([3.0]))
    projections.append(Projection("beat", "clock", "out", listed, Delays(np.zeros(1), "synaptic")))
    return Network(
        populations=tuple(populations),
        projections=tuple(projections),
        inputs=("in", "clock"),
        outputs=("out",),
        clock=clock,
        encoding=LatencyEncoding("in", 0.1, 16.0, False, "clock", 0.2),
        decoding=Decoding("out", Readout.MEMBRANE),
        notes=("a note with “quotes” and\nlines",),
    )


def _program():
    shards = {"lif": (Shard("lif.0", [0]), Shard("lif.1", [1]))}
    log = (
        LogEntry("fold", True, "nothing", {"error": 0.25, "endless": np.inf, "n": 3, "ticks": np.int64(7)}),
    )
    violations = (Violation("delay", "q", "70", "62", "shorten it"),)
    return Program(
        float_network(Ticks(1e-3, Convention("exact", "subtract", 1))),
        load_target("loihi1"),
        scales={"lif": np.array([1.0, 2.5])},
        n_ticks=64,
        shards=shards,
        source={"file": "net.nir", "sha256": "ab"},
        log=log,
        violations=violations,
    )


def _result():
    counters = Counters(2, 3, {"out": PopulationCounts(4, 6)}, {"q": ProjectionCounts(1, 2, 3, 4)})
    traces = {"out.v": np.arange(6, dtype=np.int64).reshape(2, 3, 1), "out.v.last": np.zeros((2, 0))}
    meta = {"seconds": 0.1, "labels": [1, 2], "nested": {"a": None, "b": True}}
    spikes = {"out": from_dense_times([[0.25], [np.inf]]), "in": no_events(2, 3)}
    return RunResult(spikes, traces, counters, meta)


def _core_counts():
    k = np.arange(2)
    hops = {"east": 1, "west": 2, "north": 3, "south": 0}
    mesh = {"columns": 2, "rows": 1, "cores_per_tile": 1, "chips": 1}
    return CoreCounts(
        mesh,
        k,
        {"net": k},
        k,
        k,
        k,
        k,
        k,
        k,
        k,
        {"dense": k},
        hops,
        1,
        np.ones((3, 2), np.int64),
        np.ones(3, np.int64),
    )


EXAMPLES = {
    "network": float_network(),
    "kernel": Convolution(Fixed([[[2, 4]]]), (Axis(3, 2, cut=1),)),
    "chip decays": Population("p", CubaTicks([1, 4096], 0, np.inf), (2,)),
    "oscillator": Population("p", Theta(0.01, [1.0, 2.0], phase=1e-3), (2,)),
    "pairs": (
        Population("p", ThetaFixed(32000, 100, [90, 80], -5, 16384, 7), (2,)),
        Population("q", QifFixed(100, 20000, 30, 160, 16000), (1,)),
    ),
    "decaying currents": (Population("p", QifExp(0.02), (1,)), Population("q", IfExp(0.01, 1.0), (1,))),
    "rules": (
        FixedInDegree(5, 6, 3, 1.5, 2**64 - 1),
        FixedOutDegree(5, 6, 3, -1.5, 0),
        Population("p", IafPscExp(0.02, 0.005, 0.01, 15.0, v_init=[1.0, 2.0]), (2,)),
        Population("q", IafPscDelta(0.02, 20.0, drive=PoissonDrive(100.0, 0.5, 3)), (2,)),
    ),
    "one moment": (BinaryEncoding("p", 127.5, 1e-4, 0.02),),
    "changes": (DeltaEncoding("p", 24, 100, 0.01, 0.005, 0.1, 1.05),),
    "program": _program(),
    "compiled program": random_program(np.random.default_rng(5)),
    "result": _result(),
    "failed result": RunResult({}),
    "placed program": replace(
        random_program(np.random.default_rng(5)),
        placement=Placement({"net.0": [0, 1], "net.1": [1, 0, 1]}, [3, 1], "random", 7),
    ),
    "placed result": RunResult({}, cores=_core_counts()),
    "events": from_dense_times([[0.25, np.inf], [0.0, 0.5]]),
    "inputs": {"in": no_events(1, 1), "clock": from_dense_times([[0.5]])},
}


def equal(a, b):
    """Whether two stored things are the same, looked at member by member."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if is_dataclass(a):
        return type(a) is type(b) and all(equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b and np.signbit(a) == np.signbit(b) if isinstance(a, float) else a == b
