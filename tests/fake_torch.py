"""As much of torch and of four frameworks as `spikec.frontends.torch` looks at, in plain numpy.

Classes have the names and packages of the real ones, parameters under the same names, and compute one tick as
the frameworks' documentation says, so that what spikec reads from them can be run beside them.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import correlate2d


class Tensor:
    """An array that answers what torch's tensors answer."""

    def __init__(self, array):
        self.array = np.asarray(array, np.float64)
        self._version = 0

    @property
    def shape(self):
        return self.array.shape

    @property
    def ndim(self):
        return self.array.ndim

    def numel(self):
        return self.array.size

    def is_contiguous(self):
        return self.array.flags.c_contiguous

    def data_ptr(self):
        return self.array.ctypes.data

    def untyped_storage(self):
        base = self.array
        while isinstance(base.base, np.ndarray):
            base = base.base
        return Tensor(base) if base is self.array else _Storage(base)

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array

    def any(self):
        return self.array.any()

    def sigmoid(self):
        return Tensor(1 / (1 + np.exp(-self.array)))

    def new_tensor(self, values):
        return Tensor(values)

    def view(self, *shape):
        return Tensor(self.array.reshape(shape))

    def moved(self):
        return Tensor(self.array.T)

    def __getitem__(self, index):
        return Tensor(self.array[index])

    def __mul__(self, other):
        return Tensor(self.array * other)

    __rmul__ = __mul__


class _Storage:
    def __init__(self, base):
        self.base = base

    def data_ptr(self):
        return self.base.ctypes.data


class _Handle:
    def __init__(self, hooks, hook):
        self.hooks, self.hook = hooks, hook

    def remove(self):
        self.hooks.remove(self.hook)


class Module:
    """A module: children are attributes, hooks run after `forward`."""

    def __init__(self):
        self.hooks = []
        self.training = True

    def named_children(self):
        return [(n, k) for n, k in vars(self).items() if isinstance(k, Module)]

    def children(self):
        return [k for _, k in self.named_children()]

    def modules(self):
        yield self
        for child in self.children():
            yield from child.modules()

    def eval(self):
        for k in self.modules():
            k.training = False
        return self

    def register_forward_hook(self, hook, *, with_kwargs=False):
        kept = hook if with_kwargs else lambda module, given, named, result: hook(module, given, result)
        self.hooks.append(kept)
        return _Handle(self.hooks, kept)

    def __call__(self, *given, **named):
        result = self.forward(*given, **named)
        for hook in list(self.hooks):
            hook(self, given, named, result)
        return result


def of(package):
    """Put a class into a package."""

    def put(cls):
        cls.__module__ = package
        return cls

    return put


Module.__module__ = "torch.nn.modules.module"


@of("torch.nn.modules.container")
class Sequential(Module):
    def __init__(self, *layers):
        super().__init__()
        for k, layer in enumerate(layers):
            setattr(self, str(k), layer)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


@of("torch.nn.modules.linear")
class Linear(Module):
    def __init__(self, weight, bias=None):
        super().__init__()
        self.weight, self.bias = Tensor(weight), None if bias is None else Tensor(bias)

    def forward(self, x):
        return Tensor(x.array @ self.weight.array.T + (0 if self.bias is None else self.bias.array))


@of("torch.nn.modules.conv")
class Conv2d(Module):
    def __init__(self, weight, bias=None, padding=0, padding_mode="zeros"):
        super().__init__()
        self.weight, self.bias = Tensor(weight), None if bias is None else Tensor(bias)
        self.stride, self.padding, self.dilation, self.groups = (1, 1), (padding, padding), (1, 1), 1
        self.padding_mode = padding_mode

    def forward(self, x):
        p, w = self.padding[0], self.weight.array
        padded = np.pad(x.array, ((0, 0), (0, 0), (p, p), (p, p)))
        rows = [
            [sum(correlate2d(image[c], w[o, c], "valid") for c in range(w.shape[1])) for o in range(len(w))]
            for image in padded
        ]
        bias = 0 if self.bias is None else self.bias.array[:, None, None]
        return Tensor(np.array(rows) + bias)


@of("torch.nn.modules.pooling")
class AvgPool2d(Module):
    def __init__(
        self, kernel_size, padding=0, count_include_pad=True, divisor_override=None, ceil_mode=False
    ):
        super().__init__()
        self.kernel_size = self.stride = kernel_size
        self.padding, self.count_include_pad = padding, count_include_pad
        self.divisor_override, self.ceil_mode = divisor_override, ceil_mode

    def forward(self, x):
        k, p = self.kernel_size, self.padding
        padded = np.pad(x.array, ((0, 0), (0, 0), (p, p), (p, p)))
        b, c, h, w = padded.shape
        cut = padded[:, :, : h // k * k, : w // k * k].reshape(b, c, h // k, k, w // k, k)
        return Tensor(cut.sum((3, 5)) / (self.divisor_override or k * k))


@of("torch.nn.modules.flatten")
class Flatten(Module):
    start_dim = 1

    def forward(self, x):
        return x.view(x.shape[0], -1)


@of("torch.nn.modules.dropout")
class Dropout(Module):
    def forward(self, x):
        return Tensor(x.array * np.nan) if self.training else x


@of("torch.nn.modules.activation")
class ReLU(Module):
    def forward(self, x):
        return Tensor(np.maximum(x.array, 0))


@of("torch.nn.modules.batchnorm")
class BatchNorm1d(Module):
    def __init__(self, mean, var, weight, bias, eps=1e-5):
        super().__init__()
        self.running_mean, self.running_var = Tensor(mean), Tensor(var)
        self.weight, self.bias, self.eps = Tensor(weight), Tensor(bias), eps

    def forward(self, x):
        normal = (x.array - self.running_mean.array) / np.sqrt(self.running_var.array + self.eps)
        return Tensor(normal * self.weight.array + self.bias.array)


def above(x):
    return Tensor((x.array > 0).astype(float))


def reach(x):
    return Tensor((x.array >= 0).astype(float))


@of("snntorch._neurons.neurons")
class _Snn(Module):
    def __init__(self, beta, alpha=None, threshold=1.0, reset="subtract", reset_delay=True, **more):
        super().__init__()
        self.beta, self.threshold = Tensor(beta), Tensor(threshold)
        self.alpha = None if alpha is None else Tensor(alpha)
        kinds = ("subtract", "zero", "none")
        self.reset_mechanism_val, self.reset_delay = Tensor(kinds.index(reset)), reset_delay
        functions = (self._base_sub, self._base_zero, self._base_int)
        self.state_function = functions[kinds.index(reset)]
        self.inhibition, self.state_quant, self.spike_grad = False, False, above
        self.graded_spikes_factor, self.recurrent = Tensor(1.0), None
        self.mem = self.syn = self.spk = None
        vars(self).update(more)

    def forward(self, x):
        if self.mem is None:
            self.mem, self.syn, self.spk = (np.zeros(x.shape) for _ in range(3))
        taken = x.array if self.recurrent is None else x.array + self.recurrent(Tensor(self.spk)).array
        self.was_above = self.mem > self.threshold.array
        self.mem = self.state_function(taken)
        self.spk = (self.mem > self.threshold.array).astype(float)
        if not self.reset_delay:
            self.mem = np.where(self.spk > 0, 0.0, self.mem)
        return Tensor(self.spk * self.graded_spikes_factor.array)

    def state(self, mem, taken):
        if self.alpha is None:
            return self.beta.array * mem + taken
        self.syn = self.alpha.array * self.syn + taken
        return self.beta.array * mem + self.syn

    def _base_sub(self, taken):
        return self.state(self.mem, taken) - self.was_above * self.threshold.array

    def _base_zero(self, taken):
        return self.state(np.where(self.was_above, 0.0, self.mem), taken)

    def _base_int(self, taken):
        return self.state(self.mem, taken)


@of("snntorch._neurons.leaky")
class Leaky(_Snn):
    pass


@of("snntorch._neurons.synaptic")
class Synaptic(_Snn):
    pass


@of("snntorch._neurons.rleaky")
class RLeaky(_Snn):
    pass


@of("snntorch._neurons.rsynaptic")
class RSynaptic(_Snn):
    pass


@of("snntorch._neurons.lapicque")
class Lapicque(_Snn):
    pass


class Named:
    """Parameters by name, as Norse keeps them."""

    def __init__(self, **values):
        self.reset_method = reset_value
        vars(self).update({k: v if callable(v) else Tensor(v) for k, v in values.items()})


def reset_value(z, v, reset, threshold):
    return np.where(z > 0, reset, v)


def reset_subtract(z, v, reset, threshold):
    return v - z * threshold


@of("norse.torch.module.lif")
class LIFCell(Module):
    input_weights = recurrent_weights = None

    def __init__(self, p, dt=1e-3):
        super().__init__()
        self.p, self.dt, self.v, self.i, self.z = p, dt, None, 0.0, 0.0

    def forward(self, x, state=None):
        taken = x.array if self.input_weights is None else x.array @ self.input_weights.array.T
        if self.recurrent_weights is not None:
            taken = taken + self.z @ self.recurrent_weights.array.T if np.ndim(self.z) else taken
        p, self.v = self.p, self.p.v_leak.array if self.v is None else self.v
        jumped = self.i + taken
        v = self.v + self.dt * p.tau_mem_inv.array * (p.v_leak.array - self.v + jumped)
        self.i = jumped - self.dt * p.tau_syn_inv.array * jumped
        self.z = (v > p.v_th.array).astype(float)
        self.v = p.reset_method(self.z, v, p.v_reset.array, p.v_th.array)
        return Tensor(self.z), (Tensor(self.v), Tensor(self.i))


@of("norse.torch.module.lif")
class LIFRecurrentCell(LIFCell):
    def __init__(self, input_weights, recurrent_weights, p, dt=1e-3):
        super().__init__(p, dt)
        self.input_weights, self.recurrent_weights = Tensor(input_weights), Tensor(recurrent_weights)


@of("spikingjelly.activation_based.neuron.base_node")
class _Node(Module):
    step_mode = "s"

    def __init__(self, tau=None, v_threshold=1.0, v_reset=0.0, decay_input=True):
        super().__init__()
        self.v_threshold, self.v_reset, self.surrogate_function = v_threshold, v_reset, reach
        self.tau, self.decay_input, self.v = tau, decay_input, v_reset or 0.0

    def forward(self, x):
        rest = self.v_reset or 0.0
        if self.tau is None:
            v = self.v + x.array
        else:
            v = self.v + (x.array if self.decay_input else 0.0) / self.tau - (self.v - rest) / self.tau
            v = v if self.decay_input else v + x.array
        spikes = (v >= self.v_threshold).astype(float)
        self.v = v - spikes * self.v_threshold if self.v_reset is None else np.where(spikes > 0, rest, v)
        return Tensor(spikes)


@of("spikingjelly.activation_based.neuron.lif")
class LIFNode(_Node):
    pass


@of("spikingjelly.activation_based.neuron.integrate_and_fire")
class IFNode(_Node):
    pass


@of("spikingjelly.activation_based.layer.container")
class LinearRecurrentContainer(Module):
    step_mode = "s"

    def __init__(self, sub_module, rc):
        super().__init__()
        self.sub_module, self.rc, self.y = sub_module, rc, None

    def forward(self, x):
        y = np.zeros((x.shape[0], self.rc.weight.shape[0])) if self.y is None else self.y
        out = self.sub_module(self.rc(Tensor(np.concatenate([x.array, y], axis=-1))))
        self.y = out.array
        return out


class MultiSpike:
    pass


class SingleSpike:
    pass


class MaxSpike:
    def __init__(self, most):
        self.max_num_spikes_per_bin = most


class MembraneSubtract:
    def __init__(self, subtract_value=None):
        self.subtract_value = subtract_value


class MembraneReset:
    def __init__(self, reset_value=0.0):
        self.reset_value = reset_value


@of("sinabs.layers.lif")
class LIF(Module):
    """Takes ``(batch, time, n)``."""

    def __init__(
        self, alpha, threshold=1.0, alpha_syn=None, norm_input=True, min_v_mem=None, rec=None, **rules
    ):
        super().__init__()
        self.alpha_mem_calculated, self.spike_threshold = Tensor(alpha), Tensor(threshold)
        self.alpha_syn_calculated = None if alpha_syn is None else Tensor(alpha_syn)
        self.norm_input, self.min_v_mem = norm_input, None if min_v_mem is None else Tensor(min_v_mem)
        self.spike_fn, self.reset_fn = (
            rules.get("spike_fn", MultiSpike),
            rules.get("reset_fn", MembraneSubtract()),
        )
        self.rec_connect = rec

    def forward(self, x):
        alpha, threshold = self.alpha_mem_calculated.array, self.spike_threshold.array
        v, current, back, spikes = 0.0, 0.0, 0.0, []
        for taken in np.moveaxis(x.array, 1, 0):
            i = taken + back
            if self.alpha_syn_calculated is not None:
                i = current = self.alpha_syn_calculated.array * (current + i)
            v = alpha * v + ((1 - alpha) if self.norm_input else 1.0) * i
            multi = self.spike_fn is MultiSpike
            s = np.floor(np.maximum(v, 0) / threshold) if multi else (v >= threshold).astype(float)
            subtract = isinstance(self.reset_fn, MembraneSubtract)
            v = v - s * threshold if subtract else np.where(s > 0, 0.0, v)
            v = v if self.min_v_mem is None else np.maximum(v, self.min_v_mem.array)
            back = 0.0 if self.rec_connect is None else self.rec_connect(Tensor(s)).array
            spikes.append(s)
        return Tensor(np.stack(spikes, axis=1))


@of("sinabs.layers.lif")
class LIFRecurrent(LIF):
    pass
