"""Put programs on the cores of their chip: what `compile` and `place` share, here and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spikec import backend
from spikec.errors import TargetError, UsageError
from spikec.events import Events
from spikec.execute import DEFAULT
from spikec.input_arrays import Spikes, inputs_from
from spikec.inputs import default_until
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.targets.rules import check_all


def place(
    program: Program,
    method: str = "search",
    *,
    inputs: Mapping[str, Spikes] | Spikes | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """Put the neurons of a program in integers on the cores of its chip; nothing else of it changes.

    Args:
        program: Compiled, or read in integers.
        method: One of `spikec.placement.place.METHODS`.
        inputs: Input spikes or samples, as for `run`, with which the program runs first: neurons then count
            as often as they spike. Without, each counts as much.
        seed: What the search begins with.
        progress: Told what happens.

    Raises:
        NetworkError: Its network contradicts itself.
        TargetError: It breaks limits of its chip, or a core would hold more than it can, however the network
            is cut.
        UsageError: It is in no chip's integers, there is no such method, or the target has no mesh.
        EventsError: The inputs do not fit the network.
    """
    check_program(program)
    given = None if inputs is None else inputs_from(program.network, inputs)[0]
    return placed(program, method, seed, given, progress)


def check_program(program: Program) -> None:
    """Check that a program can be placed.

    Raises:
        NetworkError: Its network contradicts itself, as one written by hand may.
        TargetError: It breaks limits of its chip; all at once.
        UsageError: It is in no chip's integers.
    """
    verify(program.network)
    if not program.is_compiled or program.target.formats is None:
        raise UsageError(
            "this network is in no chip's integers yet; `spikec compile FILE --target loihi1 --place search` "
            "compiles and places it"
        )
    broken = check_all(program)
    if broken:
        raise TargetError(program.target.name, broken)


def placed(
    program: Program,
    method: str,
    seed: int = 0,
    inputs: Mapping[str, Events] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """A program within the limits of its chip, with every neuron on a core.

    Args:
        program: In integers.
        method: One of `spikec.placement.place.METHODS`.
        seed: What the search begins with.
        inputs: Spikes in the program's ticks, with which it runs first; None to count all neurons alike.
        progress: Told what happens.

    Raises:
        TargetError: A core would hold more than it can, however the network is cut.
        UsageError: There is no such method, or the target has no mesh.
    """
    from spikec.placement import place as places  # late, for it loads scipy

    places.check_method(method)
    rates = None
    if inputs is not None:
        progress("running on the samples")
        n_ticks = int(default_until(program, inputs))
        ran = backend.run(backend.find_backend(DEFAULT), program, inputs, n_ticks)
        rates = places.rates_of_spikes(program, ran.spikes, n_ticks)
    progress("placing")
    return places.place_program(program, method, seed, rates)
