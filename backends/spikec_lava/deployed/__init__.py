"""What runs in Lava's process: it knows Lava, numpy and scipy, and nothing of the compiler.

`spikec_lava.emit` copies this folder into every package it writes, and `spikec_lava.backend` runs its
programs from just such a package: what a user deploys is what the tests check.
"""
