"""Benchmarks: ratios of medians, measured in turn in one run. They print, they never judge."""
