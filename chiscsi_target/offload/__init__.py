"""The Terminator: its TCP, and direct data placement by tags and page pods, as the card and its driver would do it."""
