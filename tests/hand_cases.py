"""Networks small enough to work out with pencil and paper: every corner of the integer arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikec.events import Events, from_rows
from spikec.ir.connectivity import Connectivity, Convolution, DelayKind, Delays, Dense, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed, FixedNeuron
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.result import ProjectionCounts
from spikec.targets.target import load_target

M = 1 << 23
VTH_MAX = 131071


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


def case(
    name: str,
    connectivity: Connectivity,
    neuron: FixedNeuron,
    spikes_in: Sequence[tuple[int, int]],
    n_ticks: int,
    *,
    delays: Delays | None = None,
    loop: Projection | None = None,
    most_at_once: int = 1,
    **expected: Any,
) -> HandCase:
    """A case of one population behind one source; `spikes_in` are ticks and neurons, in any number."""
    n_pre, n_post = connectivity.n_pre, connectivity.n_post
    projections = [Projection("in_out", "in", "out", connectivity, delays or Delays(0))]
    network = Network(
        (Population("in", Source(False, most_at_once), (n_pre,)), Population("out", neuron, (n_post,))),
        (*projections, *([loop] if loop else [])),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )
    ticks, neurons = [t for t, _ in spikes_in], [j for _, j in spikes_in]
    events = from_rows(
        [0] * len(ticks),
        np.array(ticks, np.int64),
        neurons,
        n_samples=1,
        n_neurons=n_pre,
        multiple=most_at_once > 1,
    )
    return HandCase(name, Program(network, load_target("loihi2")), {"in": events}, n_ticks, **expected)


def hand_cases() -> list[HandCase]:
    """Every corner of the arithmetic, one at a time. Neurons of one population show variants of one case."""
    forgetful = {"du": 4095, "dv": 4096}  # u and v are what this tick brings
    return [
        case(
            "several spikes of an input in one tick count one by one",
            Dense(Fixed([[100, 0], [-60, 2]], FixedFormat(8, "mixed", -3))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (0, 0), (0, 0), (0, 1), (1, 1), (1, 1)],
            3,
            spikes=((), ()),
            # 64 times 300 >> 3 = 37 and (-180 + 2) >> 3 = -23; then 0 and 4 >> 3 = 0
            membranes=((0, 2368, 0), (0, -1472, 0)),
            counts=ProjectionCounts(synaptic_events=9, zero_weight_events=3, messages=6, delay_writes=0),
            most_at_once=3,
        ),
        case(
            "a kernel of three entries slides over four pixels by two, one zero in front",
            Convolution(Fixed([[[2, 4, 6]], [[8, 10, 0]]]), (Axis(4, 3, 2, 1),)),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (1, 1), (2, 2), (3, 3)],
            5,
            spikes=((),) * 4,
            membranes=(  # output y reads pixels 2y - 1, 2y, 2y + 1 with entries 0, 1, 2
                (0, 256, 384, 0, 0),
                (0, 0, 128, 256, 384),
                (0, 640, 0, 0, 0),
                (0, 0, 512, 640, 0),
            ),
            counts=ProjectionCounts(synaptic_events=8, zero_weight_events=2, messages=4, delay_writes=0),
        ),
        case(
            "groups of channels, and delays of pixels, in two dimensions",
            Convolution(Fixed([[[[2, 4]]], [[[6, 8]]]]), (Axis(1, 1), Axis(2, 2)), 2),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (0, 1), (0, 2), (0, 3)],
            4,
            delays=Delays([0, 1, 2, 0], DelayKind.AXONAL),
            spikes=((), ()),
            membranes=((0, 128, 256, 0), (0, 512, 0, 384)),
            counts=ProjectionCounts(synaptic_events=4, zero_weight_events=0, messages=4, delay_writes=2),
        ),
        case(
            "a current leaks even with du of 0, toward zero from both sides",
            Dense(Fixed([[100], [-100]])),
            CubaFixed(du=0, dv=4096, vth=VTH_MAX),
            [(0, 0)],
            4,
            spikes=((), ()),
            membranes=((0, 6400, 6398, 6396), (0, -6400, -6398, -6396)),  # 6400 * 4095 / 4096 = 6398.4
        ),
        case(
            "a membrane keeps what dv leaves, cut off toward zero",
            Dense(Fixed([[100], [-100]])),
            CubaFixed(du=4095, dv=1, vth=VTH_MAX),
            [(0, 0)],
            4,
            spikes=((), ()),
            membranes=((0, 6400, 6398, 6396), (0, -6400, -6398, -6396)),
        ),
        case(
            "the threshold must be exceeded, not met",
            Dense(Fixed([[100], [100]])),
            CubaFixed(**forgetful, vth=100, bias_mant=[0, 1]),
            [(0, 0)],
            3,
            spikes=((), (1,)),
            membranes=((0, 6400, 0), (1, 0, 1)),
        ),
        case(
            "a bias is shifted, and to the right toward minus infinity",
            Dense(Fixed([[0]] * 4)),
            CubaFixed(**forgetful, vth=VTH_MAX, bias_mant=[3, -3, 3, -3], bias_exp=[2, 2, -1, -1]),
            [],
            1,
            spikes=((),) * 4,
            membranes=((12,), (-12,), (1,), (-2,)),
        ),
        case(
            "a current wraps once, but 2**23 itself stays",
            Dense(Fixed([[254] * 4 + [8], [-256] * 4 + [0], [254] * 4 + [10]], FixedFormat(8, "mixed", 7))),
            CubaFixed(**forgetful, vth=VTH_MAX, bias_mant=-100),
            [(0, j) for j in range(5)],
            2,
            spikes=((), (), ()),
            # 1024 << 13 = M stays, and -M becomes M; 1026 << 13 wraps
            membranes=((-100, M - 100), (-100, M - 100), (-100, (1026 << 13) - 2 * M - 100)),
        ),
        case(
            "a current that is more than one turn away stays outside",
            Dense(Fixed([[255] * 13], FixedFormat(8, "excitatory", 7))),
            CubaFixed(du=2047, dv=4096, vth=VTH_MAX),
            [(0, j) for j in range(13)],
            3,
            # 13 * 255 << 13 = 27156480, minus 2M is 10379264 > M; half of that is left in the next tick
            spikes=((1,),),
            membranes=((0, 0, 5189632),),
        ),
        case(
            "a current beyond 32 bits wraps as 32-bit integers do",
            Dense(Fixed(np.full((1, 2056), 255), FixedFormat(8, "excitatory", 7))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, j) for j in range(2056)],
            2,
            # 2056 * 255 << 13 = 2**32 - 65536
            membranes=((0, -65536),),
        ),
        case(
            "a membrane saturates, and above that it spikes at any threshold",
            Dense(Fixed([[255] * 4], FixedFormat(8, "excitatory", 7))),
            CubaFixed(du=4095, dv=0, vth=VTH_MAX),
            [(t, j) for t in range(2) for j in range(4)],
            3,
            # 4 * 255 << 13 = 8355840 is below the largest threshold; twice that is above M - 1
            spikes=((2,),),
            membranes=((0, 8355840, 0),),
        ),
        case(
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
        case(
            "a negative exponent shifts apart what left in different ticks, though it arrives together",
            Dense(Fixed([[-2, -2], [6, 6]], FixedFormat(8, "mixed", -3))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (1, 1)],
            3,
            delays=Delays([1, 0], DelayKind.AXONAL),
            spikes=((), ()),
            membranes=((0, 0, -128), (0, 0, 0)),
        ),
        case(
            "a negative exponent shifts apart what has different delays, though it left together",
            sparse(2, 1, [0, 1], [0, 0], Fixed([6, 6], FixedFormat(8, "mixed", -3))),
            CubaFixed(**forgetful, vth=VTH_MAX),
            [(0, 0), (0, 1)],
            3,
            delays=Delays([0, 1], DelayKind.SYNAPTIC),
            membranes=((0, 0, 0),),
        ),
        case(
            "a delay of 62 comes on top of the tick that every hop takes",
            Dense(Fixed([[100], [100]])),
            CubaFixed(**forgetful, vth=10),
            [(0, 0), (1, 0), (3, 0)],
            66,
            delays=Delays([62, 0], DelayKind.DENDRITIC),
            spikes=((63, 64), (1, 2, 4)),
        ),
        case(
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


def _self_loop(delay: int, spikes: tuple[int, ...]) -> HandCase:
    return case(
        f"a neuron that feeds itself after {delay} ticks more spikes on",
        Dense(Fixed([[100]])),
        CubaFixed(du=4095, dv=4096, vth=10),
        [(0, 0)],
        8,
        spikes=(spikes,),
        loop=Projection("out_out", "out", "out", Dense(Fixed([[100]])), Delays(delay)),
    )
