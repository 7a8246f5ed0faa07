"""The protocol without I/O and without a clock: octets, completions and `now` in; octets, hook calls, timers out."""
