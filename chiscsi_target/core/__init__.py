"""The protocol without I/O and without a clock: bytes, completions and `now` go in; bytes, hook calls and timers come out."""
