"""What quantisation did to a network, and which of its parts is to blame.

`stored` finds a compiled program's numbers for every synapse and neuron of the float network, `variants`
builds networks of which only some parts are quantised, `blame` runs them, `figures` says how good the numbers
are. Everything else than what is exchanged stays as precise as it can be.
"""
