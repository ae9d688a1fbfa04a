"""What the command line does, one module a group of commands; `spikec.cli` only parses and prints."""
