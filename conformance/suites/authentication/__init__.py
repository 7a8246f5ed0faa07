"""CHAP: the choice of the method, the exchange step by step, both directions, and everything that must not let in."""
