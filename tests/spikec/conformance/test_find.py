"""Where YAML files are looked for, and which of their rows are wanted."""

import pytest

from spikec.conformance.find import chosen_cases, find_cases, without_case
from spikec.errors import UsageError

ROWS = """
rows:
  - against: {0}
    network: nets/{0}.nir
    input: {{kind: raster, file: a.npy}}
    expected: {{kind: count, spikes: 1}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "all" / "nets").mkdir(parents=True)
    for name in ("norse.nir", "lost.nir", "old.net", "notes.txt"):
        (tmp_path / "all" / "nets" / name).write_text("")
    return tmp_path / "all"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A working directory that is no checkout."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def test_what_is_given_goes_before_what_lies_beside_the_networks(folder, tmp_path):
    (folder / "nets" / "norse.conformance.yaml").write_text(ROWS.format("norse"))
    (folder / "nets" / "norse.yaml").write_text("like: norse\n")
    given = tmp_path / "given"
    given.mkdir()
    (given / "b.yaml").write_text(ROWS.format("spyx"))
    (given / "a.yaml").write_text(ROWS.format("lava"))
    assert [p.name for p in find_cases(folder, given).files] == ["a.yaml", "b.yaml"]
    assert [p.name for p in find_cases(folder, given / "b.yaml").files] == ["b.yaml"]
    found = find_cases(folder)
    assert [p.name for p in found.files] == ["norse.conformance.yaml"]
    assert "beside the networks" in found.origin


def test_a_checkout_brings_its_own(folder, elsewhere):
    shipped = find_cases(folder)
    assert {"lif.yaml", "oxford.yaml"} <= {p.name for p in shipped.files}
    mine = elsewhere / "tests" / "conformance"
    mine.mkdir(parents=True)
    (mine / "mine.yaml").write_text(ROWS.format("norse"))
    assert find_cases(folder).files == shipped.files
    (elsewhere / "pyproject.toml").write_text("")
    assert [p.name for p in find_cases(folder).files] == ["mine.yaml"]


def test_rows_are_chosen_by_a_part_of_a_name_or_a_pattern(folder, tmp_path):
    (tmp_path / "a.yaml").write_text(ROWS.format("Norse"))
    found = find_cases(folder, tmp_path / "a.yaml")
    for only, n in ((None, 1), ("NORSE", 1), ("nets/n*.nir", 1), ("a.yaml", 1), ("lava", 0)):
        assert len(list(chosen_cases(found, only))) == n, only


def test_networks_without_a_row_are_known(folder, tmp_path):
    (tmp_path / "a.yaml").write_text(ROWS.format("norse"))
    cases = list(chosen_cases(find_cases(folder, tmp_path / "a.yaml"), None))
    assert without_case(folder, cases) == ["nets/lost.nir", "nets/old.net"]


def test_nothing_to_be_found_is_told(folder, tmp_path, elsewhere, monkeypatch):
    with pytest.raises(UsageError, match="there is no folder gone"):
        find_cases(elsewhere.relative_to(elsewhere) / "gone")
    with pytest.raises(UsageError, match=r"there is no \.yaml file in"):
        find_cases(folder, tmp_path / "elsewhere")
    monkeypatch.setattr("spikec.conformance.find.__file__", str(tmp_path / "x" / "y" / "find.py"))
    with pytest.raises(UsageError, match="give --cases DIR"):
        find_cases(folder)
