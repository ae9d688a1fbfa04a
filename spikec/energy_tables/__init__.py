"""Published prices of single events as data: one file a source, each figure with its origin."""
