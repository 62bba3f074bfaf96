"""Pure decisions: they take the time and a random source as arguments and touch nothing else."""
