"""Chips as data: limits, formats and prices, each figure with its source."""
