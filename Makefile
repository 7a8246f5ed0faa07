# What people type. Each of these sets up what it needs, and does nothing twice.
#
#   make conform            the suites against the embedded target; leaves reports/out/<run>/index.html
#   make test               every test of the toolkit itself
#   make serve              our target, for real initiators
#   make bench              our target, tgt and istgt side by side; writes over the adapter and without it
#   make lint               formatting, lint rules, types, import contracts
#
# ARGS goes to the program behind: make conform ARGS="-k login", make test ARGS="tests/iscsi_wire -x".

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup peers conform test coverage serve bench lint lint-rules lint-format lint-types lint-imports format clean

BIN := .venv/bin
READY := .venv/.ready
ARGS ?=

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

setup: $(READY)

$(READY): pyproject.toml scripts/setup-venv
	@bash scripts/setup-venv

# Without its peers a test is skipped; where they are required that would be no success.
peers:
	@bash scripts/install-peers || test "$${CHISCSI_REQUIRE_PEERS:-0}" = 0

conform: $(READY)
	@$(BIN)/chiscsi conform $(ARGS)

# xdist_group keeps together the tests that share a program; the rest spread over all processors.
test: $(READY) peers
	@$(BIN)/pytest --numprocesses=auto --dist=loadgroup $(ARGS)

coverage: $(READY) peers
	@$(BIN)/pytest --numprocesses=auto --dist=loadgroup --cov --cov-report=term --cov-report=html:reports/out/coverage $(ARGS)

serve: ARGS = --mem 256M
serve: $(READY)
	@$(BIN)/chiscsi serve $(ARGS)

bench: $(READY) peers
	@$(BIN)/python -m benchmarks $(ARGS); status=$$?; $(BIN)/python -m benchmarks.offload; exit $$status

lint: lint-rules lint-format lint-types lint-imports

lint-rules: $(READY)
	@$(BIN)/ruff check .

lint-format: $(READY)
	@$(BIN)/ruff format --check .

lint-types: $(READY)
	@$(BIN)/mypy

lint-imports: $(READY)
	@$(BIN)/lint-imports --no-logo

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage* dist reports/out
