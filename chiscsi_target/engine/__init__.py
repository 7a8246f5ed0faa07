"""Joins the core with storage drivers: hook calls, completions, timers, and what crosses sessions. Still no I/O."""
