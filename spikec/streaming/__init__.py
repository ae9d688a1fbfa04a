"""Runs of more samples than memory holds: chunk by chunk, into a folder, and on from where they ended."""
