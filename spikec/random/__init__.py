"""Networks, neurons and spikes drawn at random, for tests and for `spikec selftest`."""
