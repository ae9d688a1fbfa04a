"""The graph: networks of populations and projections, in three dialects."""
