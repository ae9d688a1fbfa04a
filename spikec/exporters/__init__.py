"""Exporters: from a network or a program to files that others read.

They know nothing of passes and backends. An exporter may ask the frontend of its format what it would read.
"""
