"""What quantisation did, as tables."""

from __future__ import annotations

from spikec.blame.blame import Blame, Outcome
from spikec.blame.figures import Quantisation
from spikec.report.table import UNKNOWN, Table, accuracy_text, printable_table
from spikec.units import seconds_text, several


def quantisation_tables(found: Quantisation) -> tuple[Table, ...]:
    """All tables, in order; those without a run are left out."""
    tables = (_answers(found), _blame(found.blame), _times(found), _projections(found), _populations(found))
    return tuple(printable_table(t) for t in tables if t is not None and t.rows)


def headlines(found: Quantisation) -> list[tuple[str, str]]:
    """The few figures a reader looks for first."""
    shown = []
    for name, accuracy in (("float", found.accuracy_float), ("compiled", found.accuracy_compiled)):
        if accuracy is not None:
            shown.append((f"accuracy, {name}", accuracy_text(accuracy).split(" of ")[0]))
    if found.times is not None:
        shown.append(("median error of spike times", seconds_text(found.times.overall.median)))
    if found.blame is not None:
        shown.append(("most to blame", found.blame.culprit() or "no single part"))
    return shown


def _answers(found: Quantisation) -> Table | None:
    if found.accuracy_float is None or found.accuracy_compiled is None:
        return None
    rows = [("float", accuracy_text(found.accuracy_float)),
            ("compiled", accuracy_text(found.accuracy_compiled))]  # fmt: skip
    if found.discordant is not None:
        d = found.discordant
        rows.append(("right in one only", f"{d.only_float} float, {d.only_compiled} compiled"))
        rows.append(("by chance (McNemar, exact)", f"p = {d.p_value:.3g}"))
    title = "Answers" if found.samples is None else f"Answers, {found.samples}"
    notes = ("Passes decided from these samples; others, as a test set, may be answered worse.",)
    return Table(title, (), tuple(rows), notes=notes if found.seen else ())


def _blame(found: Blame | None) -> Table | None:
    if found is None:
        return None
    lines = [("float", found.exact, None), ("compiled", found.compiled, None),
             ("all, in real numbers", found.real, None)]  # fmt: skip
    lines += [(x.part, x.only, x.all_but) for x in found.lines]  # type: ignore[misc]
    header = ("part", "only it: accuracy", "median error", "wrong spikes", "all but it: accuracy",
              "median error", "wrong spikes")  # fmt: skip
    rows = tuple((name, *_outcome(only), *_outcome(rest)) for name, only, rest in lines)
    notes = (
        "Wrong spikes are missed or extra. What is not quantised stays as precise as it can be; the chip's "
        "arithmetic is what compiled adds to all in real numbers.",
    )
    return Table(f"Blame, {several(found.n_samples, 'sample')}", header, rows, notes=notes)


def _outcome(outcome: Outcome | None) -> tuple[str, str, str]:
    if outcome is None:
        return "", "", ""
    times = outcome.times
    accuracy = UNKNOWN if outcome.accuracy is None else f"{100 * outcome.accuracy:.2f} %"
    return accuracy, seconds_text(times.median), str(times.missed + times.extra)


def _times(found: Quantisation) -> Table | None:
    if found.times is None:
        return None
    orders = found.order_changes or {}
    rows = []
    for e in found.times.populations:
        changed, of = orders.get(e.name, (0, 0))
        order = f"{100 * changed / of:.3g} %" if of else UNKNOWN
        rows.append((e.name, str(e.n_a), str(e.missed), str(e.extra), seconds_text(e.median),
                     seconds_text(e.percentile_99), seconds_text(e.mean), order))  # fmt: skip
    header = ("population", "spikes", "missed", "extra", "median error", "99 %", "mean", "order changes")
    notes = ("Order changes: neighbours among the spikes of a sample that come the other way round.",)
    return Table("Spike times against the float network", header, tuple(rows), notes=notes)


def _projections(found: Quantisation) -> Table:
    rows = tuple(
        (q.name, str(q.n_synapses), str(q.bits), q.sign, str(q.exponent), f"{q.step:.3g}",
         f"{100 * q.clipped:.3g} %", f"{100 * q.to_zero:.3g} %", f"{q.error_rms:.3g}", f"{q.error_max:.3g}")
        for q in found.projections
    )  # fmt: skip
    header = ("projection", "synapses", "bits", "sign", "exponent", "step", "clipped", "to zero",
              "error rms", "error max")  # fmt: skip
    notes = ("A step is what a spike adds to the membrane (or its current) in a tick; errors are in steps.",)
    return Table("Weights", header, rows, notes=notes)


def _populations(found: Quantisation) -> Table:
    rows = tuple(
        (p.name, "–".join(dict.fromkeys(f"{s:.4g}" for s in p.scale)), _share(p.threshold_error),
         _share(p.bias_error), _share(p.current_decay_error), _share(p.membrane_decay_error))
        for p in found.populations
    )  # fmt: skip
    header = ("population", "scale", "threshold error", "bias error", "current's decay", "membrane's decay")
    notes = ("A scale is how many integers make one of the network's membrane units.",)
    return Table("Neurons", header, rows, notes=notes)


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.2g} %"
