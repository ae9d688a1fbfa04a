"""A classifier, its samples, and a run of it in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikec.container import save
from spikec.ir.network import Network
from spikec.program import Program
from spikec.targets.target import load_target
from tests.classifier import classifier


@pytest.fixture
def network() -> Network:
    return classifier(1.0)


@pytest.fixture
def program(network) -> Program:
    return Program(network, load_target("ideal"))


@pytest.fixture
def net(network, tmp_path) -> Path:
    """As a file; it reads `digits`."""
    save(network, tmp_path / "net.npz")
    return tmp_path / "net.npz"
