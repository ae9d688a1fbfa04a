"""What there is to choose from: `list`."""

from __future__ import annotations

from spikec.backend import availability, backend_names
from spikec.commands.export import EXPORTERS
from spikec.conventions import load_preset, preset_names
from spikec.energy_tables.table import load_table, table_names
from spikec.errors import UsageError
from spikec.passes.pipelines import CompileOptions, loihi
from spikec.targets.target import load_target, target_names


def listing(what: str) -> list[dict[str, str]]:
    """What there is of one kind, a name and a sentence each.

    Raises:
        UsageError: There is no such kind.
    """
    if what not in KINDS:
        raise UsageError(f"cannot list {what!r}; choose one of {', '.join(KINDS)}")
    return KINDS[what]()


def _targets() -> list[dict[str, str]]:
    return [{"name": n, "is": load_target(n).title} for n in target_names()]


def _backends() -> list[dict[str, str]]:
    return [{"name": n, "is": availability(n) or "ready"} for n in backend_names()]


def _frontends() -> list[dict[str, str]]:
    return [
        {"name": "spikec", "is": "networks written by spikec (.npz)"},
        {
            "name": "netx",
            "is": "lava-dl files (.net, HDF5) of dense, recurrent, conv and pool layers of CUBA neurons",
        },
        {"name": "nir", "is": "NIR files (HDF5) of dense layers, convolutions, neurons, delays and cycles"},
    ]


def _exporters() -> list[dict[str, str]]:
    return [{"name": n, "is": what} for n, what in EXPORTERS.items()]


def _passes() -> list[dict[str, str]]:
    return [
        {"name": p.name, "is": (type(p).__doc__ or "").splitlines()[0]}
        for p in loihi(CompileOptions(split_signs=True))
    ]


def _recipes() -> list[dict[str, str]]:
    from spikec_train.recipes import load_recipe, recipe_names

    return [{"name": n, "is": load_recipe(n).title} for n in recipe_names()]


def _datasets() -> list[dict[str, str]]:
    from spikec_train.datasets import dataset_names

    return [{"name": n, "is": f"samples with labels; {n}:20 for the first 20"} for n in dataset_names()]


def _energy_tables() -> list[dict[str, str]]:
    return [{"name": n, "is": load_table(n).title} for n in table_names()]


def _conventions() -> list[dict[str, str]]:
    return [{"name": n, "is": load_preset(n).title} for n in preset_names()]


KINDS = {
    "targets": _targets,
    "backends": _backends,
    "frontends": _frontends,
    "exporters": _exporters,
    "passes": _passes,
    "recipes": _recipes,
    "datasets": _datasets,
    "energy-tables": _energy_tables,
    "conventions": _conventions,
}
"""What can be listed."""
