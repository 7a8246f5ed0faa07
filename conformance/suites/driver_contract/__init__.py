"""Whether somebody's LUN classes keep the guide's contract: the contract kit, a case for each scenario."""
