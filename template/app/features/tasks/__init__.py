"""Background work: what became of a task that the caller started."""
