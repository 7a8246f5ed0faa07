"""Joins the core with storage drivers: queued hook calls, completions, timers, and what crosses sessions. Still no I/O."""
