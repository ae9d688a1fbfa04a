"""Why two runs part: from the first differing spike back to the synaptic events that reached its neuron.

`first` finds the spike, `arrivals` lists what reached a neuron, `courses` says what each arrival did to its
membrane, and `diff` holds both sides against each other, so that the parts add up to the whole.
"""
