"""Compiler and simulator for spiking neural networks whose information is in *when* neurons spike."""
