"""The race explorer: every order in which the inputs of a small scenario can reach the target, checked step by step."""
