"""The real torch and snnTorch, where they are installed; `make conformance-live` has all frameworks."""

import numpy as np
import pytest

import spikec

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")


def test_a_module_spikes_as_in_snntorch():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(6, 4), snn.Leaky(beta=0.5, init_hidden=True))
    with torch.no_grad():
        module[0].weight.copy_(torch.round(8 * module[0].weight) / 4)  # sums are exact
        module[0].bias.zero_()
    raster = np.random.default_rng(1).random((5, 20, 6)) < 0.5
    net = spikec.from_torch(module, torch.zeros(1, 6))
    ticks = torch.as_tensor(raster, dtype=torch.float32)
    with torch.no_grad():
        theirs = np.stack([module(ticks[:, k]).numpy() for k in range(20)], axis=1)
    np.testing.assert_array_equal(net.run(raster, precision=32).raster("1"), theirs)
