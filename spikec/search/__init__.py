"""The search for ticks and bits that keep a budget.

`budget` says what may be lost, `candidates` what was tried and what it costs, `measure` runs programs on
samples, `search` decides what to try, `checkpoint` remembers it over an interruption.
"""
