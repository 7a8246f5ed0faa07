"""The storage-driver API of a target in this process: hooks, completions, buffers and aborts beside the wire."""
