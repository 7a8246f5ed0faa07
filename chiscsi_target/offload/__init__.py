"""The Terminator, emulated: its TCP, and direct data placement by tags and page pods, as card and driver would do it."""
