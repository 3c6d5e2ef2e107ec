"""Finished runs as a fleet: tables, history, rollout, clusters of cause, one page to look at.

Reads run folders (``docs/run-folder.md``) with pandas and never the engine or the parsers, so that results of last year
can be asked too. What a run does not hold is unknown: a missing column is a gap, not a zero.
"""

from __future__ import annotations


class FleetError(ValueError):
    """A run folder or device list that cannot be used; the message says which and why."""
