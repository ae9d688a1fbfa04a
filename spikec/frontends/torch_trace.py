"""Which layer of a torch module feeds which, found by running the module once on a sample.

Torch is not imported: hooks are methods of the module that is given. Every layer that spikec knows by its
class (`kind_of`) tells what it takes and gives; a tensor that a layer takes must be one that another gave, or
the sample, as it is, as a view with its numbers in the same order, or tick by tick from the first on.
Whatever else a ``forward`` does to a tensor would go unseen, so a layer that takes any other is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from spikec.errors import NetworkError, SpikecError

FRAMEWORKS = ("torch", "snntorch", "norse", "spikingjelly", "sinabs", "rockpool")
"""Packages whose classes are known or refused by name."""

WRAPPERS = {"norse.Lift": "lifted_module"}
"""Modules that run another in every tick, and the attribute that holds that one."""

SAMPLE = ""
"""The name of whatever gave the sample."""


@dataclass(frozen=True, eq=False)
class Call:
    """A layer that ran.

    Attributes:
        name: Of the layer, with dots, as torch names it.
        kind: Package and class, as ``"torch.Linear"``.
        module: The layer.
        source: Name of the layer whose output it took, `SAMPLE` for the sample.
        takes: Shape of the tensor that it took.
        gives: Shape of the tensor that it gave.
    """

    name: str
    kind: str
    module: Any
    source: str
    takes: tuple[int, ...]
    gives: tuple[int, ...]


def kind_of(module: Any) -> str:
    """The framework's class that a module is or inherits from, as ``"snntorch.Leaky"``.

    A class of a user's own that has another ``forward`` computes something else: it has only its own name.
    """
    classes = type(module).__mro__
    computes = next((k for k in classes if "forward" in vars(k)), object)
    base = next((k for k in classes if _package(k) in FRAMEWORKS), object)
    if _package(computes) not in FRAMEWORKS:
        return type(module).__name__
    return f"{_package(base)}.{base.__name__}"


def trace(module: Any, sample: Any, known: Mapping[str, object]) -> list[Call]:
    """Run a module once in evaluation mode and write down what its layers did; its state stays as it was.

    Args:
        module: The module.
        sample: One input as the module takes it.
        known: Kinds of layers that are known; those that hold others read them themselves.

    Returns:
        Every layer that ran, in order, each once.

    Raises:
        NetworkError: The module fails on the sample, holds layers that are not known, or does between its
            layers what cannot be seen.
    """
    _refuse_others(module)
    tracer = _Tracer(sample)
    with _as_it_was(module):
        module.eval()
        leaves: dict[int, tuple[str, Any]] = {}
        for name, layer in _leaves(module, "", known):
            leaves.setdefault(id(layer), (name, layer))  # one may have several names
        handles = [
            layer.register_forward_hook(tracer.hook(name, layer, known), with_kwargs=True)
            for name, layer in leaves.values()
        ]
        try:
            module(sample)
        except SpikecError:
            raise
        except Exception as error:  # whatever a user's forward raises
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise NetworkError(
                f"the module fails on the sample of shape {tuple(sample.shape)}: {cause}; give a sample as "
                "the module takes it, and reset its state first"
            ) from error
        finally:
            for handle in handles:
                handle.remove()
    if not tracer.calls:
        raise NetworkError("the module ran none of its layers on the sample; give the module that holds them")
    return list(tracer.calls.values())


def _refuse_others(module: Any) -> None:
    """Refuse what cannot be watched while it runs."""
    kind = kind_of(module)
    if kind.startswith("rockpool."):
        raise NetworkError(
            f"{kind} is a module of Rockpool, which spikec does not read; export it to NIR, which holds "
            "feed-forward ones"
        )
    if not hasattr(module, "register_forward_hook") or "Script" in type(module).__name__:
        raise NetworkError(
            f"a {type(module).__name__} was given; a torch.nn.Module that is not scripted is needed"
        )


def _leaves(module: Any, name: str, known: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
    """Layers by name: those that are known, and those that hold no others."""
    kind = kind_of(module)
    children = list(module.named_children())
    if kind in known or kind in WRAPPERS or not children:
        yield name or type(module).__name__.lower(), module
        return
    for child, layer in children:
        yield from _leaves(layer, f"{name}.{child}" if name else child, known)


class _Given(NamedTuple):
    """A tensor, how often it had been changed in place, the layer that gave it, and in which of its runs."""

    tensor: Any
    version: int
    giver: str
    run: int = 0


class _Tracer:
    """What was given by whom, and what took it."""

    def __init__(self, sample: Any) -> None:
        self.calls: dict[str, Call] = {}
        self.runs: dict[str, int] = {}
        self.given = [_Given(sample, _version(sample), SAMPLE)]
        self.states: dict[str, list[_Given]] = {}

    def hook(self, name: str, module: Any, known: Mapping[str, object]) -> Any:
        """The hook of one layer."""
        inner = getattr(module, WRAPPERS.get(kind_of(module), ""), module)
        kind = kind_of(inner)

        def after(layer: Any, given: tuple[Any, ...], named: Mapping[str, Any], result: Any) -> None:
            if kind not in known:
                raise NetworkError(
                    f"layer {name} is a {kind}, which spikec cannot read; docs/python.md lists what it can"
                )
            taken, outputs = _tensors([*given, *named.values()]), _tensors(result)
            if not taken or not outputs:
                raise NetworkError(f"layer {name} takes or gives no tensor; use it as its framework means it")
            source = self.source(taken[0], name)
            shapes = tuple(taken[0].shape), tuple(outputs[0].shape)
            call = Call(name, kind, inner, source.giver, *shapes)
            self.check_source(self.calls.setdefault(name, call), call)
            self.check_time(call, taken[0], source)
            self.check_state(call, taken[1:])
            run = self.runs.get(name, 0)
            self.runs[name] = run + 1
            self.given.append(_Given(outputs[0], _version(outputs[0]), name, run))
            self.states[name] = [_Given(k, _version(k), name) for k in outputs]

        return after

    def source(self, tensor: Any, name: str) -> _Given:
        """What a tensor was given as, and by whom."""
        storage, run = _storage(tensor), self.runs.get(name, 0)
        for given in self.given[::-1]:
            if _storage(given.tensor) != storage:
                continue
            giver = _called(given.giver)
            if _version(tensor) != given.version:
                raise NetworkError(
                    f"layer {name} takes the output of {giver}, which was changed in place; change it by a "
                    "layer of its own"
                )
            begins = run > 0 or tensor.data_ptr() == given.tensor.data_ptr()
            if not begins or not (tensor.is_contiguous() or tensor[0].is_contiguous()):
                raise NetworkError(
                    f"layer {name} takes a piece of the output of {giver}, or one whose axes were moved; "
                    "pass it on as it is, or tick by tick (give a sample of one, if axes of samples and time "
                    "change places)"
                )
            return given
        raise NetworkError(
            f"layer {name} takes a tensor that no layer gave: forward does something between layers, which "
            "spikec cannot see; use layers for it (recurrence: those of the framework), and give spikes, "
            "not what is encoded inside"
        )

    def check_source(self, first: Call, call: Call) -> None:
        """Refuse a layer that runs on another input than it did first."""
        if first.source != call.source:
            raise NetworkError(
                f"layer {call.name} runs on the output of {_called(first.source)} and of "
                f"{_called(call.source)}; give each a layer of its own"
            )

    def check_time(self, call: Call, tensor: Any, source: _Given) -> None:
        """Refuse spikes of another tick: the n-th run takes the n-th output, or a piece of a longer one."""
        run = self.runs.get(call.name, 0)
        piece = tensor.numel() < source.tensor.numel()
        if source.giver != SAMPLE and source.run != run and not piece:
            raise NetworkError(
                f"layer {call.name} takes in run {run} what layer {source.giver} gave in its run "
                f"{source.run}; let both run once a tick, and leave delays to layers that have them"
            )

    def check_state(self, call: Call, states: list[Any]) -> None:
        """Refuse states that are not at rest at first, or not as the layer gave them in its last run."""
        if call.name not in self.states:
            if any(bool(k.any()) for k in states):
                raise NetworkError(
                    f"layer {call.name} starts from a state of its own; let it start from rest"
                )
            return
        lost = call.kind.startswith("norse.") and not states
        last = [(_storage(k.tensor), k.version) for k in self.states[call.name]]
        if lost or any((_storage(k), _version(k)) not in last for k in states):
            raise NetworkError(
                f"layer {call.name} gets another state than it gave in the tick before; pass on its states "
                "as they are"
            )


@contextmanager
def _as_it_was(module: Any) -> Iterator[None]:
    """Put all attributes, buffers and memories of a module and its layers back at the end."""
    saved = [
        (layer, dict(vars(layer)), {n: dict(d) for n, d in vars(layer).items() if isinstance(d, dict)})
        for layer in module.modules()
    ]
    try:
        yield
    finally:
        for layer, attributes, inner in saved:
            vars(layer).clear()
            vars(layer).update(attributes)
            for name, values in inner.items():
                vars(layer)[name].clear()
                vars(layer)[name].update(values)


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _tensors(given: Any) -> list[Any]:
    """The tensors in what a layer takes or gives, in order."""
    if isinstance(given, tuple | list):
        return [tensor for part in given for tensor in _tensors(part)]
    return [given] if hasattr(given, "data_ptr") else []


def _storage(tensor: Any) -> int:
    return int(tensor.untyped_storage().data_ptr())


def _version(tensor: Any) -> int:
    """How often a tensor was changed in place; 0 where torch does not count it."""
    try:
        return int(tensor._version)
    except RuntimeError:
        return 0


def _called(name: str) -> str:
    return f"layer {name}" if name != SAMPLE else "the sample"
