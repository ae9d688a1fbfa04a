"""The CPU backend: runs a compiled program with numba kernels, exactly and fast."""
