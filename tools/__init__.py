"""Scripts that make files of the project: code table, samples, event logs."""
