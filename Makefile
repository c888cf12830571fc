.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FROM ?= 0
INPUTS ?= 100000
MINUTES ?= 5
ORDERS ?= 1000
SEEDS ?= 500
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-peers/.ready
LOCKS := requirements/bootstrap.txt requirements/dev.txt

# A service is started far more often than it is changed: its bytecode is kept, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test tests proofs lint format unit contract e2e simulate prove chaos fuzz bench bench-scale lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9_-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv from the hashed lock files

$(READY): requirements/setup.sh $(LOCKS)
	@PYTHON="$(PYTHON)" sh requirements/setup.sh .venv

$(PEERS): requirements/setup.sh requirements/bootstrap.txt requirements/peers.txt
	@PYTHON="$(PYTHON)" sh requirements/setup.sh .venv-peers peers

demo: $(READY) ## Run real orders through five services (ORDERS=1000)
	@$(BIN)/oms demo --orders $(ORDERS)

test: $(READY) ## Run every check, every test and a part of every long proof
	@$(MAKE) --no-print-directory --jobs 3 lint tests unit proofs

tests: $(READY) ## Run the end-to-end and contract tests
	$(BIN)/pytest -q -n 3 --dist loadgroup --no-loadscope-reorder tests/e2e tests/contract

proofs: $(READY) ## Run a short chaos, and a part of simulation and hostile input with the time that others leave
	$(BIN)/pytest -q tests/chaos
	nice -n 10 $(BIN)/pytest -q -n 2 --timeout 900 tests/simulation tests/hostile

lint: $(READY) ## Run ruff, mypy --strict and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict .
	$(BIN)/lint-imports

format: $(READY) ## Format the code and fix what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

unit: $(READY) ## Run the unit tests
	nice -n 10 $(BIN)/pytest -q -n 2 tests/unit

contract: $(READY) ## Run the contract tests
	$(BIN)/pytest tests/contract

e2e: $(READY) ## Run the end-to-end tests
	$(BIN)/pytest tests/e2e

simulate: $(READY) ## Run simulated worlds (SEEDS=500 FROM=0), or replay one (SEED=7)
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(FROM))

prove: export PROVE = whole
prove: $(READY) ## Run the whole of every long proof: simulation, hostile input, flash sale, two of everything, chaos
	$(BIN)/pytest -q -n 2 tests/simulation tests/hostile
	$(BIN)/pytest -q tests/e2e/test_flash_sale.py tests/e2e/test_two_of_everything.py tests/e2e/test_hostile_input.py
	$(BIN)/pytest -q tests/chaos

chaos: $(READY) ## Break the real stack under load (MINUTES=5)
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES)

fuzz: $(READY) ## Send hostile input to the intake (INPUTS=100000 SEED=0)
	@$(BIN)/python -m tests.hostile --inputs $(INPUTS) --seed $(or $(SEED),0)

bench: $(READY) $(PEERS) ## Measure the speed beside the machine's own ceiling (ONLY=saga,http JSON=FILE)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON))

bench-scale: ORDERS = 1000000
bench-scale: $(READY) ## Measure what the saga costs with a history (ORDERS=1000000)
	@$(BIN)/python -m benchmarks.scale --orders $(ORDERS) $(if $(JSON),--json $(JSON))

lock: $(READY) ## Bring every lock file up to date
	BIN=$(BIN) sh requirements/lock.sh
	$(BIN)/python -m deploy.local.jars

clean: ## Remove .venv and everything generated
	rm -rf .venv .venv-peers .state .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
