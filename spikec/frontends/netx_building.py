"""What layers of a netx file become: populations and projections, one behind the other.

Values between layers are numbered as SLAYER's `flatten` does, row-major with channels first. So are the
neurons of a population, and a `flatten` only means that what follows gets no image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import NetworkError
from spikec.frontends.netx_file import Layer
from spikec.frontends.netx_layers import (
    NO_DELAY,
    delays_are_cut,
    dense_delays,
    exponent,
    image_delays,
    matrix,
    recurrent_matrix,
    shape_of,
    unread,
)
from spikec.frontends.netx_numbers import LARGEST_THRESHOLD, fixed_weights, neuron_of
from spikec.frontends.netx_windows import average, convolution, image_before
from spikec.ir.connectivity import Connectivity, DelayKind, Delays, Dense, simplest
from spikec.ir.conventions import Convention
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import Source

WINDOWS = ("conv", "pool")
SUPPORTED = ("input", *WINDOWS, "flatten", "dense", "dense_rec", "recurrent", "average")
"""Types of layers. ``recurrent`` is an old name of ``dense_rec``."""

MAX_NEURONS = 1 << 22
"""In a whole network: four times as many as a Loihi 2 has. Images of more are taken for damage."""

INPUT = "input"


@dataclass
class Building:
    """A network that grows by a layer at a time.

    Attributes:
        inclusive: Whether a membrane that reaches its threshold spikes.
        populations: So far; the source is the first, once its width is known.
        projections: So far.
        shape: Of what the next layer gets, () before the first; an image has three axes.
        waiting: Delays of the last population's axons, ``()`` or ``(n,)``.
        averaged: The layer of means, which must be the last.
        notes: What a user should know.
        lossy: Those of the notes that change spikes.
    """

    inclusive: bool
    populations: list[Population] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    waiting: IntArray = field(default_factory=lambda: NO_DELAY)
    averaged: Layer | None = None
    notes: list[str] = field(default_factory=list)
    lossy: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        """Add a layer behind the others."""
        for name in layer.strange:
            self.notes.append(f"{layer}: {name} was not read, for spikec does not know it")
        for name in unread(layer):
            self.notes.append(f"{layer}: {name} was not read, for such a layer has none")
        if self.averaged:
            raise NetworkError(
                f"{layer} gets the means of {self.averaged}, which are no spikes; leave out what follows them"
            )
        if delays_are_cut(layer):
            self.change(f"{layer}: delays were cut off to whole ticks, as SLAYER's export does")
        if layer.type == "input":
            self.add_input(layer)
        elif layer.type == "flatten":
            self.flatten(layer)
        elif layer.type in WINDOWS:
            self.add_windows(layer)
        elif layer.type == "average":
            self.add_average(layer)
        else:
            self.add_dense(layer)

    def add_input(self, layer: Layer) -> None:
        """Take the shape of the input."""
        if layer.index:
            raise NetworkError(f"{layer} must be the first; export the network again")
        self.populated(INPUT, Source(), shape_of(layer))
        self.notes.append(
            f"{layer}: SLAYER's input block hands spikes on a tick later, unless it was made with "
            "delay_shift=False; here it does not, nor in lava-dl's netx, so all layers spike a tick earlier"
        )

    def flatten(self, layer: Layer) -> None:
        """Forget that there was an image."""
        n = prod(shape_of(layer))
        if not self.populations:
            self.populated(INPUT, Source(), (n,))
        if n != prod(self.shape):
            raise NetworkError(f"{layer} gives {n} values, but gets {self.shape}; export the network again")
        self.shape = (n,)

    def add_dense(self, layer: Layer) -> None:
        """Add neurons, the weights in front of them, and those among them."""
        weight = matrix(layer)
        n_post, n_pre = weight.shape
        if not self.populations:
            self.populated(INPUT, Source(), (n_pre,))
        pre = self.populations[-1]
        if n_pre != pre.n:
            raise NetworkError(
                f"{layer} reads {n_pre} values, but {pre.name} has {pre.n} neurons, shape {pre.shape}; "
                "export the network again"
            )
        post = self.neurons(layer, (n_post,))
        before, after = dense_delays(layer, n_post, n_pre)
        if after.shape == (n_pre,) and n_pre > 1:
            self.notes.append(f"{layer}: delays are those of its own axons, as SLAYER writes them")
        fixed = self.weights(layer, weight, f"{post.name}.weight")
        self.project(pre, post, Dense(fixed), np.asarray(self.waiting + before))
        self.waiting = after
        recurrent = recurrent_matrix(layer, n_post)
        if recurrent is not None:
            among = Dense(self.weights(layer, recurrent, f"{post.name}.weight_rec"))
            self.project(post, post, among, NO_DELAY, "weight_rec")

    def add_windows(self, layer: Layer) -> None:
        """Add neurons that see an image through windows, all with the same weights."""
        if not self.populations:
            self.populated(INPUT, Source(), image_before(layer))
        pre = self.populations[-1]
        slid = convolution(layer, self.shape)
        post = self.neurons(layer, slid.output_shape)
        fixed = self.weights(layer, np.asarray(slid.weights), f"{post.name}.weight")
        self.project(pre, post, slid.with_weights(fixed), self.waiting)
        self.waiting = image_delays(layer, slid.output_shape)

    def add_average(self, layer: Layer) -> None:
        """Add readouts of equal groups of neurons, of which a tick leaves nothing to the next.

        A decay of 4095, the chip's largest, does so for membranes below 4096.
        """
        if not self.populations:
            raise NetworkError(f"{layer} has nothing before it; export the network again")
        pre = self.populations[-1]
        groups, size = average(layer, pre.n)
        neuron = CubaFixed(du=4095, dv=4095 if 64 * size < 4096 else 4096, vth=LARGEST_THRESHOLD)
        post = self.populated(f"layer{layer.index}", neuron, (groups.n_post,))
        self.project(pre, post, groups, self.waiting)
        self.waiting, self.averaged = NO_DELAY, layer
        self.notes.append(
            f"{layer} became readouts: a membrane, {post.name}.v, is {64 * size} times the mean that SLAYER "
            "gives a tick earlier"
        )

    def neurons(self, layer: Layer, shape: tuple[int, ...]) -> Population:
        """Add a layer's neurons."""
        self.check_size(str(layer), shape)
        neuron, notes = neuron_of(layer, shape, self.inclusive)
        self.change(*notes)
        if np.any(neuron.bias_mant):
            self.notes.append(
                f"{layer}: as in Lava its bias acts from the first tick on, in which no input can have "
                "arrived; in SLAYER both begin together"
            )
        return self.populated(f"layer{layer.index}", neuron, shape)

    def populated(self, name: str, neuron: CubaFixed | Source, shape: tuple[int, ...]) -> Population:
        """Add a population, whose values the next layer gets."""
        self.check_size(name, shape)
        self.populations.append(Population(name, neuron, shape))
        self.shape = shape
        return self.populations[-1]

    def check_size(self, what: str, shape: tuple[int, ...]) -> None:
        """Refuse more neurons than any network has, before memory is taken for them."""
        n = prod(shape) + sum(p.n for p in self.populations)
        if n > MAX_NEURONS:
            raise NetworkError(
                f"{what} has the shape {shape}, which makes {n} neurons, but at most {MAX_NEURONS} are "
                "possible; make images smaller"
            )

    def weights(self, layer: Layer, weight: FloatArray, name: str) -> Fixed:
        """Weights in a chip's format."""
        fixed, notes = fixed_weights(weight, exponent(layer), name)
        self.change(*notes)
        return fixed

    def project(
        self, pre: Population, post: Population, how: Connectivity, delays: IntArray, name: str = "weight"
    ) -> None:
        """Add a projection; delays are of shape (), (n_pre,) or the weights'."""
        self.projections.append(
            Projection(f"{post.name}.{name}", pre.name, post.name, how, _plainest(delays, how))
        )

    def change(self, *sentences: str) -> None:
        """Note what is not as in the file."""
        self.notes.extend(sentences)
        self.lossy.extend(sentences)

    def comparison_note(self, convention: Convention | None) -> str:
        """Which comparison with the threshold holds, and why."""
        if self.inclusive:
            why = "as in SLAYER until 0.2; newer SLAYER, Lava and Loihi need more: --convention lava"
            if convention is not None:
                why = "as the convention says"
            return f"a membrane that reaches its threshold spikes (v >= vth), {why}"
        return "a membrane must exceed its threshold to spike (v > vth), as in newer SLAYER, Lava and Loihi"

    def network(self, clock: Ticks) -> Network:
        """What has been built."""
        if len(self.populations) < 2:
            raise NetworkError(
                "the file has no dense, conv or pool layer, so there is nothing to run; export it again"
            )
        if np.any(self.waiting):
            self.notes.append(
                f"the delays of the last layer, up to {int(self.waiting.max())} ticks, act on nothing: its "
                "spikes come so much earlier than in SLAYER"
            )
        last = self.populations[-1].name
        return Network(tuple(self.populations), tuple(self.projections), (INPUT,), (last,), clock)


def _plainest(delays: IntArray, how: Connectivity) -> Delays:
    """Delays of shape (), (n_pre,) or the weights' in the plainest kind that can say them."""
    if delays.ndim > 1:
        return simplest(Delays(delays, DelayKind.SYNAPTIC), how)
    equal = bool(np.all(delays == delays.flat[0]))
    return Delays(np.asarray(delays.flat[0])) if equal else Delays(delays, DelayKind.AXONAL)
