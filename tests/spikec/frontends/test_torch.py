"""Torch modules read without torch: fakes with the frameworks' class names, run beside what was read."""

from __future__ import annotations

import numpy as np
import pytest

import spikec
from spikec.errors import NetworkError, UsageError
from spikec.ir.connectivity import Dense
from spikec.ir.network import Reset, Ticks
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout
from tests import fake_torch as f

N, T = 4, 30


def rng():
    return np.random.default_rng(11)


def linear(n_out, n_in, *, bias=True, scale=1.0):
    r = rng()
    return f.Linear(scale * r.normal(size=(n_out, n_in)), 0.2 * r.normal(size=n_out) if bias else None)


def raster(n, rate=0.4):
    return np.random.default_rng(5).random((N, T, n)) < rate


def their_spikes(module, x, *, whole=False):
    """What every layer of neurons gave, ``(n_samples, n_ticks, n)``, by name."""
    seen = {}

    def keep(name):
        return lambda m, given, out: seen.setdefault(name, []).append(
            (out[0] if isinstance(out, tuple) else out).array.copy()
        )

    for name, layer in module.named_children():
        layer.register_forward_hook(keep(name))
    if whole:
        module(f.Tensor(x))
        return {name: outs[0] for name, outs in seen.items()}
    for k in range(x.shape[1]):
        module(f.Tensor(x[:, k]))
    return {name: np.stack(outs, axis=1).reshape(N, x.shape[1], -1) for name, outs in seen.items()}


def assert_same(module, x, *, whole=False, shape=None):
    given = x.reshape(*x.shape[:2], *(shape or x.shape[2:]))
    sample = f.Tensor(given[:1] if whole else given[:1, 0])
    net = spikec.from_torch(module, sample)
    result = net.run(x, backend="reference")
    theirs = their_spikes(module, given, whole=whole)
    compared = [p.name for p in net.network.populations if p.name in theirs]
    assert compared
    for name in compared:
        np.testing.assert_array_equal(result.raster(name), theirs[name].reshape(N, T, -1), err_msg=name)
        assert 0.02 < theirs[name].mean(), name
    return net


LEAKY = {"beta": np.array([0.9, 0.8, 0.7, 0.95, 1.0])}


@pytest.mark.parametrize(
    ("neurons", "habits"),
    [
        (lambda: f.Leaky(**LEAKY), ("subtract", "next", "above")),
        (lambda: f.Leaky(0.9, threshold=np.linspace(0.5, 1.5, 5)), ("subtract", "next", "above")),
        (lambda: f.Leaky(0.9, reset="zero"), ("value", "next", "above")),
        (lambda: f.Leaky(0.9, reset="zero", reset_delay=False), ("value", "now", "above")),
        (lambda: f.Leaky(1.0), ("subtract", "next", "above")),
        (lambda: f.Leaky(0.0), ("subtract", "next", "above")),
        (lambda: f.Leaky(0.9, spike_grad=f.reach), ("subtract", "next", "reach")),
        (lambda: f.Synaptic(0.9, 0.5), ("subtract", "next", "above")),
        (lambda: f.Synaptic(1.0, 0.5), ("subtract", "next", "above")),
        (lambda: f.RLeaky(0.9, recurrent=linear(5, 5, scale=0.5)), ("subtract", "next", "above")),
        (lambda: f.RSynaptic(0.8, 0.5, recurrent=linear(5, 5)), ("subtract", "next", "above")),
    ],
)
def test_neurons_of_snntorch_spike_as_theirs(neurons, habits):
    net = assert_same(f.Sequential(linear(5, 7), neurons()), raster(7))
    convention = net.network.clock.convention
    assert (convention.reset, convention.reset_time, convention.comparison) == habits


def test_a_beta_beyond_one_is_clamped_as_snntorch_does():
    net = spikec.from_torch(f.Sequential(linear(5, 7), f.Leaky(1.5)), f.Tensor(np.ones((1, 7)))).network
    assert isinstance(net.population("1").neuron, If)


@pytest.mark.parametrize(
    ("neurons", "whole"),
    [
        (lambda: f.Leaky(0.5), False),
        (lambda: f.LIFNode(2.0), False),
        (lambda: f.IFNode(v_reset=None), False),
        (lambda: f.LIF(0.5, norm_input=False), True),
        (lambda: f.LIF(1.0, norm_input=False, spike_fn=f.SingleSpike), True),
    ],
)
def test_membranes_that_meet_their_threshold_exactly_go_their_frameworks_way(neurons, whole):
    weights = np.random.default_rng(2).integers(-3, 5, (5, 7)) / 4
    assert_same(f.Sequential(f.Linear(weights), neurons()), raster(7).astype(float), whole=whole)


def test_graded_spikes_are_weights_behind_their_neurons():
    module = f.Sequential(
        linear(5, 7), f.Leaky(0.8, graded_spikes_factor=f.Tensor(0.5)), linear(3, 5, scale=3), f.Leaky(0.9)
    )
    net = spikec.from_torch(module, f.Tensor(np.ones((1, 7))))
    result = net.run(raster(7), backend="reference")
    theirs = their_spikes(module, raster(7).astype(float))
    np.testing.assert_array_equal(result.raster("1"), theirs["1"] / 0.5)
    np.testing.assert_array_equal(result.raster("3"), theirs["3"])
    assert any("graded_spikes_factor" in note for note in net.network.notes)


def test_a_layer_of_snntorch_without_reset_is_a_readout():
    module = f.Sequential(linear(5, 7), f.Leaky(0.8), linear(3, 5), f.Leaky(0.9, reset="none"))
    net = spikec.from_torch(module, f.Tensor(np.ones((1, 7))))
    assert isinstance(net.network.population("3").neuron, LiReadout)
    x = raster(7)
    v = net.run(x, backend="reference", record=["3.v.last"]).traces["3.v.last"]
    their_spikes(module, x.astype(float))
    np.testing.assert_allclose(v, getattr(module, "3").mem, atol=1e-12)


def parameters(**more):
    values = {"tau_mem_inv": 150.0, "tau_syn_inv": 300.0, "v_leak": 0.0, "v_th": 0.3, "v_reset": 0.0}
    return f.Named(**{**values, **more})


@pytest.mark.parametrize(
    ("cell", "reset"),
    [
        (lambda: f.LIFCell(parameters()), "value"),
        (lambda: f.LIFCell(parameters(v_leak=0.1, v_reset=-0.2)), "value"),
        (lambda: f.LIFCell(parameters(v_th=np.linspace(0.1, 0.4, 5)), dt=2e-3), "value"),
        (lambda: f.LIFCell(parameters(reset_method=f.reset_subtract)), "subtract"),
    ],
)
def test_cells_of_norse_spike_as_theirs_and_hold_their_time_step(cell, reset):
    made = cell()
    net = assert_same(f.Sequential(linear(5, 7), made), raster(7))
    assert net.network.dt == made.dt
    assert net.network.reset == reset
    with pytest.raises(UsageError, match="leave out dt"):
        spikec.from_torch(f.Sequential(linear(5, 7), cell()), f.Tensor(np.ones((1, 7))), dt=0.5)


def test_recurrent_cells_of_norse_bring_their_weights():
    r = rng()
    cell = f.LIFRecurrentCell(r.normal(size=(5, 7)), r.normal(size=(5, 5)), parameters())
    net = assert_same(f.Sequential(cell), raster(7))
    assert net.network.population("input").n == 7
    assert [q.name for q in net.network.projections] == ["0.input", "0.recurrent"]


@pytest.mark.parametrize(
    "node",
    [
        lambda: f.LIFNode(2.5),
        lambda: f.LIFNode(2.5, v_threshold=0.5, v_reset=None),
        lambda: f.LIFNode(2.5, v_reset=-0.3),
        lambda: f.LIFNode(2.5, decay_input=False),
        lambda: f.IFNode(),
        lambda: f.IFNode(v_reset=0.25),
        lambda: f.IFNode(v_reset=None),
    ],
)
def test_nodes_of_spikingjelly_spike_as_theirs(node):
    made = node()
    net = assert_same(f.Sequential(linear(5, 7, scale=2.0), made), raster(7))
    assert net.network.reset is (Reset.SUBTRACT if made.v_reset is None else Reset.VALUE)
    assert net.network.clock.convention.comparison == "reach"


def test_spikingjellys_recurrent_container_feeds_spikes_of_the_step_before():
    container = f.LinearRecurrentContainer(f.LIFNode(2.0), linear(5, 10))
    module = f.Sequential(linear(5, 7, scale=2.0), container)
    net = spikec.from_torch(module, f.Tensor(np.ones((1, 7))))
    x = raster(7)
    ours = net.run(x, backend="reference").raster("1.sub_module")
    np.testing.assert_array_equal(ours, their_spikes(module, x.astype(float))["1"])
    assert ours.mean() > 0.05


@pytest.mark.parametrize(
    ("layer", "habits"),
    [
        (lambda: f.LIF(0.8), ("subtract", True, None)),
        (lambda: f.LIF(np.linspace(0.5, 0.9, 5), norm_input=False, min_v_mem=-0.5), ("subtract", True, -0.5)),
        (lambda: f.LIF(0.8, threshold=0.5, min_v_mem=-1.0), ("subtract", True, -2.0)),
        (lambda: f.LIF(0.8, alpha_syn=0.6, norm_input=False), ("subtract", True, None)),
        (lambda: f.LIF(1.0, norm_input=False), ("subtract", True, None)),
        (lambda: f.LIF(0.8, spike_fn=f.SingleSpike), ("subtract", False, None)),
        (lambda: f.LIF(0.8, spike_fn=f.MaxSpike(1)), ("subtract", False, None)),
        (lambda: f.LIF(0.8, spike_fn=f.SingleSpike, reset_fn=f.MembraneReset()), ("value", False, None)),
    ],
)
def test_layers_of_sinabs_spike_as_theirs(layer, habits):
    net = assert_same(f.Sequential(linear(5, 7, scale=2.5), layer()), raster(7).astype(float), whole=True)
    convention = net.network.clock.convention
    assert (convention.reset, convention.multi_spike, convention.clamp) == habits


def test_sinabs_bias_of_recurrent_weights_comes_a_tick_late():
    layer = f.LIFRecurrent(0.8, norm_input=False, rec=linear(5, 5, scale=0.5))
    net = assert_same(f.Sequential(linear(5, 7), layer), raster(7).astype(float), whole=True)
    assert net.network.clock.convention.recurrent_bias == "late"


def test_convolutions_pools_and_normalisations_are_composed():
    r = rng()
    module = f.Sequential(
        f.Conv2d(r.normal(size=(3, 2, 3, 3)), r.normal(size=3), padding=1),
        f.Leaky(0.8),
        f.AvgPool2d(2, divisor_override=3),
        f.Conv2d(r.normal(size=(4, 3, 2, 2))),
        f.Leaky(np.full((4, 1, 1), 0.5)),
        f.Flatten(),
        f.Dropout(),
        linear(5, 16),
        f.BatchNorm1d(r.normal(size=5), r.uniform(0.5, 1, 5), r.normal(size=5), r.normal(size=5)),
        f.Leaky(0.9),
    )
    x = raster(2 * 36)
    net = spikec.from_torch(module, f.Tensor(np.ones((1, 2, 6, 6))))
    assert net.network.population("input").shape == (2, 6, 6)
    assert net.network.population("1").shape == (3, 6, 6)
    result = net.run(x, backend="reference")
    theirs = their_spikes(module.eval(), x.astype(float).reshape(N, T, 2, 6, 6))
    for name in ("1", "4", "9"):
        np.testing.assert_array_equal(result.raster(name), theirs[name])


class Custom(f.Module):
    """A network with a forward of its own, as users write them: a loop over time."""

    def __init__(self, between=lambda x: x, width=5):
        super().__init__()
        self.fc1, self.lif1 = linear(5, 7), f.Leaky(0.9)
        self.fc2, self.lif2 = linear(3, width), f.Leaky(0.8)
        self.between = between

    def forward(self, x):
        return [self.lif2(self.fc2(self.between(self.lif1(self.fc1(x[:, k]))))) for k in range(x.shape[1])]


def test_a_forward_of_ones_own_is_followed():
    net = spikec.from_torch(Custom(), f.Tensor(np.ones((1, 3, 7)))).network
    assert [p.name for p in net.populations] == ["input", "lif1", "lif2"]
    assert [(q.name, q.pre, q.post) for q in net.projections] == [
        ("fc1", "input", "lif1"),
        ("fc2", "lif1", "lif2"),
    ]
    assert net.outputs == ("lif2",)


class Looping(f.Module):
    """States, delays and held inputs, each as one could write them by hand."""

    def __init__(self, step):
        super().__init__()
        self.fc, self.lif, self.out = linear(5, 7), f.LIFCell(parameters()), linear(3, 5)
        self.step = step

    def forward(self, x):
        kept = None
        for k in range(x.shape[1]):
            kept = self.step(self, x[:, k], kept)


def passed_on(net, x, kept):
    spikes, state = net.lif(net.fc(x), kept)
    net.out(spikes)
    return state


def forgotten(net, x, kept):
    return net.lif(net.fc(x))


def halved(net, x, kept):
    _, (v, i) = net.lif(net.fc(x), kept)
    return f.Tensor(v.array / 2), i


def begun_elsewhere(net, x, kept):
    return net.lif(net.fc(x), (f.Tensor(np.ones(5)), f.Tensor(np.zeros(5))) if kept is None else kept)[1]


def delayed(net, x, kept):
    before, state = (None, None) if kept is None else kept
    spikes, state = net.lif(net.fc(x), state)
    net.out(spikes if before is None else before)
    return spikes, state


def test_states_may_be_passed_on_by_hand():
    net = spikec.from_torch(Looping(passed_on), f.Tensor(np.ones((1, 3, 7)))).network
    assert [p.name for p in net.populations] == ["input", "lif", "output"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (forgotten, "layer lif gets another state than it gave in the tick before"),
        (halved, "layer lif gets another state than it gave in the tick before"),
        (begun_elsewhere, "layer lif starts from a state of its own"),
        (delayed, "layer out takes in run 1 what layer lif gave in its run 0"),
    ],
)
def test_what_happens_to_states_and_between_ticks_is_refused(step, words):
    with pytest.raises(NetworkError, match=words):
        spikec.from_torch(Looping(step), f.Tensor(np.ones((1, 3, 7))))


def test_the_network_holds_the_modules_numbers():
    module = f.Sequential(linear(5, 7), f.Leaky(0.75), linear(3, 5), f.Synaptic(0.5, 0.25))
    program = spikec.from_torch(module, f.Tensor(np.ones((1, 7))), dt=2e-3)
    net = program.network
    assert net.clock == Ticks(2e-3, net.clock.convention)
    lif, cuba = net.population("1").neuron, net.population("3").neuron
    assert isinstance(lif, Lif)
    assert isinstance(cuba, CubaLif)
    np.testing.assert_allclose(lif.tau, 2e-3 / 0.25)
    np.testing.assert_allclose(cuba.tau_syn, 2e-3 / 0.75)
    first = net.projections[0].connectivity
    assert isinstance(first, Dense)
    np.testing.assert_allclose(first.weights, getattr(module, "0").weight.array, rtol=1e-15)
    np.testing.assert_allclose(lif.bias * 2e-3, getattr(module, "0").bias.array, rtol=1e-12)
    assert program.source == {"module": "Sequential"}
    assert isinstance(
        spikec.from_torch(f.Sequential(linear(5, 7), f.IFNode()), f.Tensor(np.ones((1, 7))))
        .network.population("1")
        .neuron,
        If,
    )


def test_the_module_is_left_as_it_was():
    module = f.Sequential(linear(5, 7), f.Leaky(0.9), f.Dropout())
    module(f.Tensor(np.ones((1, 7))))
    before = [dict(vars(k)) for k in module.modules()]
    spikec.from_torch(module, f.Tensor(np.ones((1, 7))))
    for layer, kept in zip(module.modules(), before, strict=True):
        assert vars(layer) == kept
        assert layer.hooks == []
        assert layer.training


def test_a_module_that_was_read_compiles():
    module = f.Sequential(linear(5, 7), f.Leaky(0.9, reset="zero"), linear(3, 5), f.Leaky(0.8, reset="zero"))
    compiled = spikec.compile(spikec.from_torch(module, f.Tensor(np.ones((1, 7)))), "loihi2", ticks=T)
    assert compiled.run(raster(7), ticks=T).spikes["3"].n_events > 0


class OwnLeaky(f.Leaky):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (lambda: f.Sequential(linear(5, 7), f.ReLU()), "layer 1 is a torch.ReLU, which spikec cannot read"),
        (lambda: f.Sequential(linear(5, 7), f.Lapicque(0.9)), "snntorch.Lapicque"),
        (lambda: f.Sequential(linear(5, 7), OwnLeaky(0.9)), "layer 1 is a OwnLeaky, which"),
        (lambda: f.Sequential(linear(5, 7), f.Leaky(0.9, inhibition=True)), "layer 1 uses inhibition"),
        (lambda: f.Sequential(linear(5, 7), f.Leaky(0.9, state_quant=True)), "state_quant"),
        (lambda: f.Sequential(linear(5, 7), f.Leaky(0.9, reset_delay=False)), "above two thresholds"),
        (
            lambda: f.Sequential(linear(5, 7), f.Synaptic(0.9, 0.5, reset="zero")),
            "also loses what it takes up",
        ),
        (
            lambda: f.Sequential(linear(5, 7), f.Leaky(0.9, reset_mechanism_val=f.Tensor(1))),
            "another reset_mechanism",
        ),
        (
            lambda: f.Sequential(linear(5, 7), f.Leaky(0.9, spike_grad=lambda x: x)),
            "a surrogate whose forward is a step",
        ),
        (
            lambda: f.Sequential(linear(5, 7), f.LIFCell(parameters(tau_mem_inv=1500.0))),
            "keeps -0.5 to -0.5 of the membrane",
        ),
        (
            lambda: f.Sequential(linear(5, 7), f.Leaky(0.9), linear(3, 5), f.Leaky(0.9, reset="zero")),
            "layers 1 and 3 have different habits .reset is subtract and value",
        ),
        (
            lambda: f.Sequential(
                linear(5, 7), f.LIFCell(parameters()), linear(3, 5), f.LIFCell(parameters(), dt=2e-3)
            ),
            "different time steps, 0.001 s .1., 0.002 s .3.",
        ),
        (lambda: Custom(lambda x: f.Tensor(2 * x.array)), "layer fc2 takes a tensor that no layer gave"),
        (lambda: Custom(lambda x: f.Tensor(x.array[:, ::-1])), "whose axes were moved"),
        (lambda: Custom(lambda x: f.Tensor(x.array[:, 1:]), 4), "takes a piece of the output of layer lif1"),
        (lambda: Custom(lambda x: f.Tensor(x.array[:, :3]), 3), "takes 3; make them equal"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(module, words):
    made = module()
    sample = np.ones((1, 2, 7)) if isinstance(made, Custom) else np.ones((1, 7))
    with pytest.raises(NetworkError, match=words):
        spikec.from_torch(made, f.Tensor(sample))


def test_tensors_changed_in_place_are_seen():
    def change(x):
        x._version += 1
        return x

    with pytest.raises(NetworkError, match="fc2 takes the output of layer lif1, which was changed"):
        spikec.from_torch(Custom(change), f.Tensor(np.ones((1, 2, 7))))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: f.LIF(0.8, spike_fn=f.MaxSpike(3)), "MaxSpike, 3 times at most"),
        (lambda: f.LIF(0.8, reset_fn=f.MembraneReset(0.5)), "layer 1 resets by"),
        (lambda: f.LIF(0.8, reset_fn=f.MembraneSubtract(0.5)), "layer 1 resets by"),
        (
            lambda: f.LIF(0.8, threshold=np.linspace(0.5, 1, 5), min_v_mem=-1.0),
            "min_v_mem of -2 to -1 thresholds",
        ),
    ],
)
def test_what_of_sinabs_cannot_be_said_is_refused_by_name(layer, words):
    with pytest.raises(NetworkError, match=words):
        spikec.from_torch(f.Sequential(linear(5, 7), layer()), f.Tensor(np.ones((1, 3, 7))))


def test_layers_whose_options_are_not_linear_are_refused_by_name():
    image = f.Tensor(np.ones((1, 2, 6, 6)))
    for layer, words in (
        (f.Conv2d(np.ones((1, 2, 3, 3)), padding=1, padding_mode="reflect"), "pads with 'reflect'"),
        (f.AvgPool2d(2, padding=1, count_include_pad=False), "leaves padding out of its means"),
        (f.AvgPool2d(2, ceil_mode=True), "ceil_mode"),
    ):
        with pytest.raises(NetworkError, match=words):
            spikec.from_torch(f.Sequential(layer, f.Leaky(0.9)), image)


def test_a_normalisation_needs_weights_of_its_own_in_front():
    norm = f.BatchNorm1d(np.zeros(5), np.ones(5), np.ones(5), np.zeros(5))
    for layers in ((linear(5, 7), f.Leaky(0.9), norm), (linear(5, 7), f.Dropout(), norm)):
        with pytest.raises(NetworkError, match="layer 2 normalises what no Linear or convolution gives"):
            spikec.from_torch(f.Sequential(*layers), f.Tensor(np.ones((1, 7))))


def test_a_layer_with_two_names_is_one_layer_and_cannot_be_in_two_places():
    module = f.Sequential(linear(5, 7), f.Leaky(0.9))
    module.again = getattr(module, "0")
    module.forward = lambda x: getattr(module, "1")(module.again(x))
    net = spikec.from_torch(module, f.Tensor(np.ones((1, 7)))).network
    assert len(net.populations) == 2
    shared = linear(5, 5)
    twice = f.Sequential(shared, f.Leaky(0.9), shared, f.Leaky(0.9))
    with pytest.raises(NetworkError, match="runs on the output of the sample and of layer 1; give each"):
        spikec.from_torch(twice, f.Tensor(np.ones((1, 5))))


def test_a_sample_that_the_module_cannot_take_is_one_sentence():
    with pytest.raises(NetworkError, match=r"fails on the sample of shape \(1, 3\)"):
        spikec.from_torch(f.Sequential(linear(5, 7), f.Leaky(0.9)), f.Tensor(np.ones((1, 3))))
    with pytest.raises(UsageError, match="a time step of 0 s is impossible"):
        spikec.from_torch(f.Sequential(linear(5, 7), f.Leaky(0.9)), f.Tensor(np.ones((1, 7))), dt=0)
