"""Benchmark E: recordings a second of the NIR paper's convolutional network on N-MNIST.

Network and recordings are those of `bench/nmnist.py`, which says where to get them. A recording comes as a
list of pixels' events, each with its frame of 1 ms. `8-bit integers` is the network compiled for Loihi 2,
`float64` and `float32` are it in float ticks. An answer is right if every spike of the first recordings is
that of the reference interpreter, and if all recordings are answered rightly, as the network does.

    SPIKEC_NETS=FOLDER python bench/convolution.py --only E:8-bit
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from harness import Case, Missing, Work, main, per_second

if TYPE_CHECKING:
    from spikec.events import Events

FOLDER = Path(os.environ.get("SPIKEC_NETS") or Path(__file__).parents[2] / "shared" / "nets" / "nmnist")

QUICK_TICKS = 60
"""Of a recording, that the reference runs in quick runs."""

DENSE = (256, 512)
"""Of the layer with most weights; the limit is that of rows of dense weights, for events of all layers."""


def prepared(precision: int | None, threads: int) -> Callable[[bool], Work]:
    """The network in float ticks of so many bits, or in 8-bit integers."""

    def prepare(quick: bool) -> Work:
        from nmnist import answers, recordings
        from rooflines import tick_floor

        from spikec.backend import find_backend
        from spikec.events import from_rows, same
        from spikec.frontends import open_network
        from spikec.ir.network import Convention
        from spikec.passes.pipelines import CompileOptions, compile_network
        from spikec.program import Program
        from spikec.targets.target import load_target

        files = [FOLDER / "cnn_sinabs.nir", FOLDER / "test100.npz"]
        if missing := [f.name for f in files if not f.is_file()]:
            raise Missing(f"no {' and '.join(missing)}; give their folder in SPIKEC_NETS")
        given, labels, ticks = recordings(files[1])
        if quick:
            given, labels = given.select(0, 10), labels[:10]
        network = open_network(files[0], dt=1e-3, convention=Convention(if_gain="step"))
        if precision is None:
            ticks += len(network.populations) - 1  # a hop takes a tick
            options = CompileOptions(n_ticks=ticks, bits=8, input_counts=given.most_at_once())
            program = compile_network(network, load_target("loihi2"), options)
            choice: dict[str, Any] = {}
        else:
            program, choice = Program(network, load_target("ideal")), {"precision": precision}
        (source,) = network.inputs
        compared = QUICK_TICKS if quick else ticks
        few = before(given.select(0, 1 if quick else 3), compared)
        reference = find_backend("reference", **choice).prepare(program).run({source: few}, compared)
        engine = find_backend("cpu", threads=threads, **choice).prepare(program)
        counters = engine.run({source: given}, ticks).counters
        rows = given.sample_of_event(), given.times, given.neurons.astype(np.int64)
        shape = {"n_samples": given.n_samples, "n_neurons": given.n_neurons, "multiple": True}

        def check(result: Any) -> dict[str, Any]:
            right = int(np.sum(answers(program.network, result.spikes) == labels))
            exact = all(
                same(before(result.spikes[name].select(0, few.n_samples), compared), e)
                for name, e in reference.spikes.items()
            )
            return {"answer_ok": exact and right == len(labels), "right": right}

        assert counters is not None
        events, updates = (counters.total(k) for k in ("synaptic_events", "neuron_updates"))
        facts = {"recordings": given.n_samples, "ticks": ticks, "input_events": given.n_events}
        return Work(
            run=lambda: engine.run({source: from_rows(*rows, **shape)}, ticks),
            check=check,
            figures={"recordings/s": per_second(given.n_samples)},
            floor=tick_floor([np.ones(DENSE, int)], events, updates) if precision is None else None,
            facts=facts,
        )

    return prepare


def before(events: Events, end: int) -> Events:
    """What happens in the first ticks."""
    return events.keep(events.times < end)


CASES = [
    *(Case("E", "8-bit integers", prepared(None, threads), threads) for threads in (1, 2)),
    *(Case("E", f"float{bits}", prepared(bits, 1)) for bits in (64, 32)),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
