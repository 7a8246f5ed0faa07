"""The emulated adapter: which data it places, which it leaves to the host; nobody can tell by the result."""
