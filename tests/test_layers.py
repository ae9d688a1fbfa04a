"""The layers of the house, read from the imports: nothing knows of what is above it, and help stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "spikec": ROOT / "spikec",
    "spikec_cpu": ROOT / "backends" / "spikec_cpu",
    "spikec_lava": ROOT / "backends" / "spikec_lava",
    "spikec_train": ROOT / "models" / "spikec_train",
}

LAYERS = (
    (
        "spikec.errors",
        "spikec.arrays",
        "spikec.units",
        "spikec.words",
        "spikec.catalogue",
        "spikec.zip_files",
    ),
    (
        "spikec.bits",
        "spikec.dense_times",
        "spikec.events",
        "spikec.rasters",
        "spikec.delta_encoding",
        "spikec.coding",
    ),
    ("spikec.ir",),
    ("spikec.targets",),
    (
        "spikec.program",
        "spikec.inputs",
        "spikec.placed",
        "spikec.records",
        "spikec.shards",
        "spikec.result",
        "spikec.counting",
        "spikec.precision",
    ),
    (
        "spikec.backend",
        "spikec.reference",
        "spikec.container",
        "spikec.random",
        "spikec.targets.rules",
    ),
    (
        "spikec.passes",
        "spikec.frontends",
        "spikec.exporters",
        "spikec.placement",
        "spikec",
    ),  # and all tools not named here
    ("spikec.commands",),
    ("spikec.cli",),
)
"""From the bottom to the top; the longest name that fits a module counts."""

UPWARD = {"spikec.program": {"spikec.api"}}
"""`Program.run` is for users: it imports what knows the backends when it is called."""


def modules() -> dict[str, Path]:
    """All modules of all packages, by name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *(p for p in parts if p != "__init__")))] = path
    return found


MODULES = modules()


@cache
def imports(name: str, *, only_when_loaded: bool = False) -> set[str]:
    """Names of what a module imports, wherever the import stands, or only what is loaded with it."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    found: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= _from(name, node)
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        checked = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not (only_when_loaded and (lazy or checked)):
            pending.extend(ast.iter_child_nodes(node))
    return found


def _from(name: str, node: ast.ImportFrom) -> set[str]:
    base = node.module or ""
    if node.level:
        package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *([base] if base else [])])
    inner = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
    return {base, *inner}


def layer(name: str) -> int:
    """The layer of a module of the core."""
    fits = [
        (len(prefix), k)
        for k, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    return max(fits)[1]


def of_core(names: set[str]) -> set[str]:
    return {n for n in names if n == "spikec" or n.startswith("spikec.")}


CORE = sorted(of_core(set(MODULES)))


def test_all_packages_are_found():
    assert {name.partition(".")[0] for name in MODULES} == set(PACKAGES)
    assert {"spikec.ir.network", "spikec.cli", "spikec.passes.fold", "spikec_cpu.lower"} <= set(MODULES)
    assert "spikec.ir.network" in imports("spikec.passes.fold")


@pytest.mark.parametrize("name", CORE)
def test_a_module_imports_nothing_from_above(name):
    above = {i for i in of_core(imports(name)) - {"spikec"} if layer(i) > layer(name)}
    above -= UPWARD.get(name, set())
    assert not above, f"{name} lies below {above}; move what it needs down, or the module up"


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_no_backend_and_trains_only_on_command(name):
    roots = {i.partition(".")[0] for i in imports(name)}
    assert not roots & {"spikec_cpu", "spikec_lava", "lava", "torch", "tests"}
    if not name.startswith(("spikec.commands", "spikec.cli")):
        assert "spikec_train" not in roots


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(CORE)))
def test_backends_and_training_keep_to_themselves_and_below_the_commands(name):
    root = name.partition(".")[0]
    for i in imports(name):
        other = i.partition(".")[0]
        assert other == root or other not in PACKAGES or other == "spikec", f"{name} imports {i}"
        assert not i.startswith(("spikec.commands", "spikec.cli")), f"{name} imports {i}"
        if root != "spikec_train":
            assert not i.startswith(("spikec.passes", "spikec.frontends")), f"{name} imports {i}"


@pytest.mark.parametrize("name", [n for n in CORE if n.startswith(("spikec.passes", "spikec.frontends"))])
def test_passes_and_frontends_do_not_know_each_other_nor_energy(name):
    theirs = ("spikec.frontends", "spikec.energy", "spikec.report")
    theirs = (*theirs, "spikec.passes") if name.startswith("spikec.frontends") else theirs
    own = "spikec.frontends" if name.startswith("spikec.frontends") else "spikec.passes"
    assert not {i for i in imports(name) if i.startswith(theirs) and not i.startswith(own)}


@pytest.mark.parametrize("name", [n for n in CORE if n.startswith("spikec.exporters")])
def test_exporters_know_frontends_and_prices_but_neither_passes_nor_estimates(name):
    above = ("spikec.passes", "spikec.energy", "spikec.report")
    assert not {i for i in imports(name) if i.startswith(above) and not i.startswith("spikec.energy_tables")}


def test_frontends_know_no_exporters():
    frontends = [n for n in CORE if n.startswith("spikec.frontends")]
    assert not {i for n in frontends for i in imports(n) if i.startswith("spikec.exporters")}


def test_no_modules_import_each_other_in_a_circle():
    graph = nx.DiGraph()
    for name in MODULES:
        inner = (imports(name, only_when_loaded=True) & MODULES.keys()) - {name}  # a package names its parts
        graph.add_edges_from((name, i) for i in inner if not name.startswith(f"{i}."))
    assert list(nx.simple_cycles(graph)) == []


def test_no_import_relies_on_our_folders():
    """`backends`, `models` and `tests` are folders of the repository, not packages anybody installs."""
    for name in MODULES:
        assert not {i for i in imports(name) if i.partition(".")[0] in ("backends", "models", "tests")}


def _loaded(command: str) -> set[str]:
    script = f"import sys\n{command}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    modules = set(done.stdout.splitlines()[-1].split())
    return modules | {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    "command",
    [
        "import spikec",
        "import spikec.cli",
        "import typer.testing as t; from spikec.cli import app; t.CliRunner().invoke(app, ['--help'])",
    ],
)
def test_help_loads_nothing_heavy(command):
    heavy = {"numba", "lava", "scipy", "sklearn", "matplotlib", "h5py", "nir", "torch", "networkx"}
    assert not heavy & _loaded(command)


def test_check_loads_neither_numba_nor_lava():
    """They compile and simulate; a list of limits needs neither."""
    call = ["check", str(ROOT / "models" / "nets" / "yinyang-ttfs.npz")]
    command = f"import typer.testing as t; from spikec.cli import app; t.CliRunner().invoke(app, {call})"
    assert not {"numba", "lava", "sklearn", "matplotlib", "torch"} & _loaded(command)


def test_a_run_loads_only_what_it_needs():
    call = ["run", str(ROOT / "models" / "nets" / "yinyang-ttfs.npz"), "--data", "yinyang:test:3"]
    command = f"import typer.testing as t; from spikec.cli import app; t.CliRunner().invoke(app, {call})"
    loaded = _loaded(command)
    assert "spikec_cpu.exact" in loaded
    assert not {"networkx", "h5py", "nir", "lava", "sklearn", "matplotlib", "torch"} & loaded
    rooms = ("passes", "exporters", "placement", "report.summary", "reference", "conventions", "search")
    assert not {f"spikec.{room}" for room in rooms} & loaded


def test_the_core_loads_no_backend():
    loaded = _loaded(
        "import spikec.passes.pipelines, spikec.frontends.open, spikec.container, spikec.backend"
    )
    assert not {"numba", "lava", "spikec_cpu", "spikec_lava", "spikec_train", "sklearn"} & loaded
