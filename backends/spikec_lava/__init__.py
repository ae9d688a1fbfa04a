"""The Lava backend: runs a compiled program in Intel's Lava framework, spike for spike."""
