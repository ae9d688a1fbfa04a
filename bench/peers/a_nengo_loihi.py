"""Benchmark A in the emulator of nengo-loihi, with its chip's integers written into its blocks.

Its discretisation would choose other weights and thresholds, so the blocks get ours: the answers
are exact. An input spike takes a tick to arrive, and so does a hop; current and membrane are set back to zero
between samples.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from harness import Case, Work, main, per_second
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput
from nengo_loihi.probe import LoihiProbe
from workloads import CURRENT_DECAY, MEMBRANE_DECAY, N_TICKS, TICK_CASES, TickLayers, tick_layers

LARGEST_MEMBRANE = (1 << 23) - 1


class Emulator:
    """The network in the emulator."""

    def __init__(self, work: TickLayers) -> None:
        model = Model()
        self.input = SpikeInput(work.weights[0].shape[1])
        model.add_input(self.input)
        before: Any = self.input
        for weights, threshold in zip(work.weights, work.thresholds, strict=True):
            block = _block(weights, threshold)
            axon = Axon(weights.shape[1])
            axon.target = block.synapses[0]
            axon.set_compartment_axon_map(np.arange(weights.shape[1]))
            before.add_axon(axon)
            model.add_block(block)
            before = block
        self.probe = LoihiProbe(target=before, key="spiked")
        model.add_probe(self.probe)
        self.interface = EmulatorInterface(model, seed=0)
        self.ticks = N_TICKS + len(work.weights)

    def counts(self, raster: np.ndarray) -> np.ndarray:
        """Output counts of each sample, ``(n, n_out)``."""
        counts = []
        for sample in raster:
            for tick, spikes in enumerate(sample, start=self.interface.t + 1):
                self.input.add_spikes(tick, np.flatnonzero(spikes))
            self.interface.run_steps(self.ticks)
            counts.append(np.sum(self.interface.collect_probe_output(self.probe), axis=0))
            state = self.interface.compartment
            state.current[:] = state.voltage[:] = 0
            state.spiked[:] = False
        return np.array(counts)


def _block(weights: np.ndarray, threshold: int) -> LoihiBlock:
    """A layer, as discretisation would leave it: whole numbers."""
    n_post, n_pre = weights.shape
    block = LoihiBlock(n_post)
    c = block.compartment
    c.decay_u = np.full(n_post, CURRENT_DECAY - 1, np.int32)  # the chip takes one more
    c.decay_v = np.full(n_post, MEMBRANE_DECAY, np.int32)
    c.scale_u = c.scale_v = False
    c.vth = np.full(n_post, 64 * threshold, np.int32)
    c.bias = np.zeros(n_post, np.int32)
    c.vmin, c.vmax = -LARGEST_MEMBRANE, LARGEST_MEMBRANE
    c.noise_exp, c.noise_offset = 1, 0
    synapse = Synapse(n_pre)
    synapse.set_weights(weights.T.astype(np.float32))
    synapse.weights = [row.astype(np.int32) * 64 for row in synapse.weights]
    block.add_synapse(synapse)
    return block


def prepare(quick: bool) -> Work:
    warnings.simplefilter("ignore")
    work = tick_layers(*TICK_CASES["784-256-10/5%"], 2 if quick else 5)
    emulator = Emulator(work)
    return Work(
        run=lambda: emulator.counts(work.raster),
        check=lambda counts: _check(work, counts),
        figures={"samples/s": per_second(work.n_samples)},
        facts={"samples": work.n_samples},
    )


def _check(work: TickLayers, counts: np.ndarray) -> dict[str, float]:
    agreement = work.agreement(counts)
    return {"answer_ok": agreement["exact_samples"] == 1, **agreement}


CASES = [Case("A", "784-256-10/5%", prepare, simulator="nengo-loihi", packages=("numpy", "nengo-loihi"))]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
