"""Held against recordings: networks with their inputs and what a simulator or chip made of them, as YAML."""
