import pytest

from spikec_train.blocks import N_BLOCKS, in_blocks, processors


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n_samples", [0, 1, 7, 8, 37])
def test_every_sample_is_in_one_block_whatever_the_number_of_threads(n_samples, n_threads):
    blocks = in_blocks(n_samples, n_threads, lambda k, first, last: (k, list(range(first, last))))
    assert [s for _, samples in blocks for s in samples] == list(range(n_samples))
    assert all(samples for _, samples in blocks)
    assert [k for k, _ in blocks] == sorted({k for k, _ in blocks})
    assert len(blocks) == min(n_samples, N_BLOCKS)


def test_there_is_a_processor():
    assert processors() >= 1
