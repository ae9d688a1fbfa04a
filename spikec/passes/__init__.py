"""Rewrites of programs, one a file, and the pipelines made of them."""
