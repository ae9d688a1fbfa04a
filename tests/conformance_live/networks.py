"""Torch modules of four frameworks, feed-forward, recurrent and convolutional, with random weights.

Each builder gives a module, and the layers whose spikes are compared; `run` feeds it rasters the way its
framework wants them. Weights are drawn so that neurons spike in some ten to thirty percent of all ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

N_IN, N_HIDDEN, N_OUT = 24, 40, 10
N_TICKS = 40
IMAGE = (2, 10, 10)


@dataclass(frozen=True)
class Case:
    """One module under test.

    Attributes:
        framework: Its package.
        kind: Which network it is.
        make: Builds the module; torch's seed is set before.
        shape: Of one tick of the input.
        time_first: Whether it takes ``(time, batch, ...)``; else a tick at a time, or as `batch_first` says.
        batch_first: Whether it takes ``(batch, time, ...)``.
        squeezed: Whether it takes ``(batch * time, ...)``.
    """

    framework: str
    kind: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (N_IN,)
    time_first: bool = False
    batch_first: bool = False
    squeezed: bool = False


def stronger(module: nn.Module, factor: float) -> nn.Module:
    """Multiply all weights of Linear and Conv2d layers, so that there is something to compare."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.weight *= factor
    return module


def on_a_grid(module: nn.Module, factor: float = 2.0) -> nn.Module:
    """Round weights and biases to quarters: sums are exact, and membranes often meet their thresholds."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.copy_(torch.round(4 * factor * layer.weight) / 4)
                layer.bias.copy_(torch.round(4 * factor * layer.bias) / 4)
    return module


def reset(module: nn.Module) -> None:
    """Bring every layer to rest, in whatever way its framework has."""
    for layer in module.modules():
        for name in ("reset_mem", "reset_states"):
            if hasattr(layer, name):
                getattr(layer, name)()
        if type(layer).__module__.startswith("spikingjelly") and hasattr(layer, "_memories"):
            layer.reset()


def sample_of(case: Case, raster: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    """Rasters ``(n_samples, n_ticks, n)`` as one call of the module takes them."""
    x = torch.as_tensor(raster, dtype=dtype).reshape(*raster.shape[:2], *case.shape)
    if case.squeezed:
        return x.reshape(-1, *case.shape)
    if case.batch_first:
        return x
    return x.transpose(0, 1).contiguous() if case.time_first else x[:, 0]


def run(case: Case, module: nn.Module, layers: list[str], raster: np.ndarray, dtype: torch.dtype) -> dict:
    """Spikes of some layers, ``(n_samples, n_ticks, n)`` each."""
    n_samples, n_ticks = raster.shape[:2]
    reset(module)
    with recorded(module, layers) as seen, torch.no_grad():
        if case.squeezed or case.batch_first or case.time_first:
            module(sample_of(case, raster, dtype))
        elif case.framework == "norse":
            state = None
            for k in range(n_ticks):
                _, state = module(sample_of(case, raster[:, k : k + 1], dtype), state)
        else:
            for k in range(n_ticks):
                module(sample_of(case, raster[:, k : k + 1], dtype))
    reset(module)
    return {name: _by_sample(case, outputs, n_samples, n_ticks) for name, outputs in seen.items()}


def _by_sample(case: Case, outputs: list[torch.Tensor], n_samples: int, n_ticks: int) -> np.ndarray:
    if len(outputs) == n_ticks and not (case.time_first or case.batch_first or case.squeezed):
        return np.stack([o.reshape(n_samples, -1).numpy() for o in outputs], axis=1)
    (one,) = outputs
    if case.time_first:
        return one.reshape(n_ticks, n_samples, -1).transpose(0, 1).numpy()
    return one.reshape(n_samples, n_ticks, -1).numpy()


@contextmanager
def recorded(module: nn.Module, layers: list[str]) -> Iterator[dict[str, list[torch.Tensor]]]:
    """What layers give while the block runs."""
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in layers}
    found = dict(module.named_modules())

    def keep(name: str) -> Any:
        return lambda layer, given, result: seen[name].append(
            (result[0] if isinstance(result, tuple) else result).detach().clone()
        )

    handles = [found[name].register_forward_hook(keep(name)) for name in layers]
    yield seen
    for handle in handles:
        handle.remove()


def snntorch_cases() -> Iterator[Case]:
    import snntorch as snn

    hidden = {"init_hidden": True}

    def forward(**options: Any) -> Callable[[], nn.Module]:
        return lambda: stronger(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                snn.Leaky(beta=torch.rand(N_HIDDEN) * 0.3 + 0.65, **options, **hidden),
                nn.Linear(N_HIDDEN, N_OUT),
                snn.Synaptic(alpha=0.7, beta=0.85, **hidden),
            ),
            3.0,
        )

    def zero() -> nn.Module:
        return stronger(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                snn.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False, **hidden),
                nn.Linear(N_HIDDEN, N_OUT),
                snn.Synaptic(alpha=0.7, beta=0.85, reset_mechanism="zero", reset_delay=False, **hidden),
            ),
            3.0,
        )

    def recurrent() -> nn.Module:
        return stronger(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                snn.RLeaky(beta=0.8, linear_features=N_HIDDEN, **hidden),
                nn.Linear(N_HIDDEN, N_OUT),
                snn.RSynaptic(alpha=0.6, beta=0.8, linear_features=N_OUT, **hidden),
            ),
            2.0,
        )

    def convolutional() -> nn.Module:
        return stronger(
            nn.Sequential(
                nn.Conv2d(2, 4, 3, padding=1),
                snn.Leaky(beta=0.8, **hidden),
                nn.AvgPool2d(2),
                nn.Conv2d(4, 6, 3, stride=2, bias=False),
                snn.Leaky(beta=torch.tensor(0.7), threshold=0.8, **hidden),
                nn.Flatten(),
                nn.Linear(24, N_OUT),
                snn.Leaky(beta=0.9, **hidden),
            ),
            3.0,
        )

    def grid() -> nn.Module:
        return on_a_grid(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                snn.Leaky(beta=0.5, **hidden),
                nn.Linear(N_HIDDEN, N_OUT),
                snn.Leaky(beta=0.5, **hidden),
            )
        )

    yield Case("snntorch", "feed-forward, on a grid", grid)
    yield Case("snntorch", "feed-forward, subtract", forward())
    yield Case("snntorch", "feed-forward, zero", zero)
    yield Case("snntorch", "recurrent", recurrent)
    yield Case("snntorch", "convolutional", convolutional, IMAGE)


def norse_cases() -> Iterator[Case]:
    import norse.torch as norse
    from norse.torch.functional.reset import reset_subtract

    p = norse.LIFParameters(tau_mem_inv=torch.as_tensor(150.0), tau_syn_inv=torch.as_tensor(300.0))

    def forward() -> nn.Module:
        return stronger(
            norse.SequentialState(
                nn.Linear(N_IN, N_HIDDEN), norse.LIFCell(p), nn.Linear(N_HIDDEN, N_OUT), norse.LIFCell(p)
            ),
            8.0,
        )

    def box() -> nn.Module:
        q = norse.LIFBoxParameters(tau_mem_inv=torch.as_tensor(200.0), reset_method=reset_subtract)
        return stronger(
            norse.SequentialState(
                nn.Linear(N_IN, N_HIDDEN),
                norse.LIFBoxCell(q),
                nn.Linear(N_HIDDEN, N_OUT),
                norse.LIFBoxCell(q),
            ),
            8.0,
        )

    def recurrent() -> nn.Module:
        net = norse.SequentialState(
            norse.LIFRecurrentCell(N_IN, N_HIDDEN, p), norse.LIFRecurrentCell(N_HIDDEN, N_OUT, p)
        )
        with torch.no_grad():
            for cell in net:
                cell.input_weights *= 3
        return net

    def convolutional() -> nn.Module:
        return stronger(
            norse.SequentialState(
                nn.Conv2d(2, 4, 3, padding=1),
                norse.IAFCell(),
                nn.AvgPool2d(2),
                nn.Conv2d(4, 6, 3, stride=2, bias=False),
                norse.LIFCell(p),
                nn.Flatten(),
                nn.Linear(24, N_OUT),
                norse.LIFCell(p),
            ),
            5.0,
        )

    def grid() -> nn.Module:
        q = norse.LIFBoxParameters(tau_mem_inv=torch.as_tensor(500.0))
        return on_a_grid(
            norse.SequentialState(
                nn.Linear(N_IN, N_HIDDEN),
                norse.LIFBoxCell(q),
                nn.Linear(N_HIDDEN, N_OUT),
                norse.LIFBoxCell(q),
            ),
            6.0,
        )

    yield Case("norse", "feed-forward, on a grid", grid)
    yield Case("norse", "feed-forward", forward)
    yield Case("norse", "feed-forward, box, subtract", box)
    yield Case("norse", "recurrent", recurrent)
    yield Case("norse", "convolutional", convolutional, IMAGE)


def spikingjelly_cases() -> Iterator[Case]:
    from spikingjelly.activation_based import functional, layer, neuron

    def forward(v_reset: float | None) -> Callable[[], nn.Module]:
        return lambda: stronger(
            nn.Sequential(
                layer.Linear(N_IN, N_HIDDEN),
                neuron.LIFNode(tau=3.0, v_reset=v_reset),
                layer.Linear(N_HIDDEN, N_OUT),
                neuron.ParametricLIFNode(init_tau=2.5, v_reset=v_reset, decay_input=False),
            ),
            5.0,
        )

    def recurrent() -> nn.Module:
        return stronger(
            nn.Sequential(
                layer.Linear(N_IN, N_HIDDEN),
                layer.LinearRecurrentContainer(neuron.LIFNode(tau=2.0), N_HIDDEN, N_HIDDEN),
                layer.Linear(N_HIDDEN, N_OUT),
                neuron.IFNode(),
            ),
            3.0,
        )

    def convolutional() -> nn.Module:
        net = nn.Sequential(
            layer.Conv2d(2, 4, 3, padding=1, bias=False),
            layer.BatchNorm2d(4),
            neuron.IFNode(),
            layer.AvgPool2d(2),
            layer.Conv2d(4, 6, 3, stride=2),
            neuron.LIFNode(tau=2.0, v_reset=-0.1),
            layer.Flatten(),
            layer.Linear(24, N_OUT),
            neuron.LIFNode(tau=2.0),
        )
        with torch.no_grad():
            net[1].running_mean.normal_(std=0.1)
            net[1].running_var.uniform_(0.5, 1.5)
        functional.set_step_mode(net, "m")
        return stronger(net, 4.0)

    def grid() -> nn.Module:
        return on_a_grid(
            nn.Sequential(
                layer.Linear(N_IN, N_HIDDEN),
                neuron.LIFNode(tau=2.0),
                layer.Linear(N_HIDDEN, N_OUT),
                neuron.LIFNode(tau=2.0),
            ),
            6.0,
        )

    yield Case("spikingjelly", "feed-forward, on a grid", grid)
    yield Case("spikingjelly", "feed-forward, hard reset", forward(0.0))
    yield Case("spikingjelly", "feed-forward, soft reset", forward(None))
    yield Case("spikingjelly", "recurrent", recurrent)
    yield Case("spikingjelly", "convolutional, many steps", convolutional, IMAGE, time_first=True)


def sinabs_cases() -> Iterator[Case]:
    import sinabs.layers as sl
    from sinabs.activation import MembraneReset, SingleSpike

    def forward() -> nn.Module:
        return stronger(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                sl.LIF(tau_mem=torch.rand(N_HIDDEN) * 5 + 3, min_v_mem=-1.0),
                nn.Linear(N_HIDDEN, N_OUT),
                sl.LIF(tau_mem=8.0, tau_syn=3.0, norm_input=False, min_v_mem=-1.0),
            ),
            8.0,
        )

    def single() -> nn.Module:
        one = {"spike_fn": SingleSpike, "reset_fn": MembraneReset()}
        return stronger(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                sl.LIF(tau_mem=10.0, norm_input=False, **one),
                nn.Linear(N_HIDDEN, N_OUT),
                sl.IAF(**one),
            ),
            2.0,
        )

    def recurrent() -> nn.Module:
        back = nn.Linear(N_HIDDEN, N_HIDDEN)
        return stronger(
            nn.Sequential(
                nn.Linear(N_IN, N_HIDDEN),
                sl.LIFRecurrent(tau_mem=5.0, rec_connect=back, norm_input=False),
                nn.Linear(N_HIDDEN, N_OUT),
                sl.IAF(),
            ),
            1.5,
        )

    def convolutional() -> nn.Module:
        squeezed = {"num_timesteps": N_TICKS, "min_v_mem": -1.0}
        return stronger(
            nn.Sequential(
                nn.Conv2d(2, 4, 3, padding=1, bias=False),
                sl.IAFSqueeze(**squeezed),
                sl.SumPool2d(2),
                nn.Conv2d(4, 6, 3, stride=2, bias=False),
                sl.IAFSqueeze(**squeezed),
                nn.Flatten(),
                nn.Linear(24, N_OUT, bias=False),
                sl.IAFSqueeze(**squeezed),
            ),
            2.0,
        )

    def grid() -> nn.Module:
        return on_a_grid(
            nn.Sequential(nn.Linear(N_IN, N_HIDDEN), sl.IAF(), nn.Linear(N_HIDDEN, N_OUT), sl.IAF())
        )

    yield Case("sinabs", "feed-forward, on a grid", grid, batch_first=True)
    yield Case("sinabs", "feed-forward, many spikes a tick", forward, batch_first=True)
    yield Case("sinabs", "feed-forward, one spike a tick", single, batch_first=True)
    yield Case("sinabs", "recurrent", recurrent, batch_first=True)
    yield Case("sinabs", "convolutional, many spikes a tick", convolutional, IMAGE, squeezed=True)


CASES = {
    "snntorch": snntorch_cases,
    "norse": norse_cases,
    "spikingjelly": spikingjelly_cases,
    "sinabs": sinabs_cases,
}
