"""Where the neurons go: cores that hold them, and places of these cores on the chip's mesh.

A placement says for every neuron its core, and for every core its place. It rewrites nothing, so it loses
nothing. `place` makes one; `rules` says what a core holds, `cost` what the messages between cores take.
"""
