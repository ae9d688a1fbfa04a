"""What a run gave, for people and programs: one summary, shown in the terminal, as a page or as JSON."""
