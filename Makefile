# Every target makes the virtual environment first if it is not there: any Python 3.10-3.13 that is found.
#   make venv PYTHON=3.11     with another Python
#   make test VENV=.venv-x    in another environment
#   make test JOBS=8          with more processes

VENV ?= .venv
PYTHON ?=
JOBS ?= 2
BIN = $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-long test-random test-matrix lint conformance-live bench bench-peers recipes recipes-long clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '%-20s%s\n' "$$target" "$$text"; done

venv: ## make the environment: spikec, its tools and Lava
	@.ci/install "$(VENV)" "$(PYTHON)"

demo: venv ## train, compile, run and compare one network, on the CPU and in Lava
	@$(BIN)/spikec demo

test: lint ## lint, then every test but the long ones
	$(BIN)/python -m pytest -n $(JOBS)

test-long: venv ## only the tests that take minutes
	$(BIN)/python -m pytest -m long

test-random: venv ## every test but the long ones, its random examples drawn anew
	$(BIN)/python -m pytest -n $(JOBS) --hypothesis-profile random

test-matrix: ## `make test` on each Python 3.10-3.13 that is found, each in its own environment
	@.ci/find-python --all | { failed=; n=0; while IFS= read -r python; do \
		version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		n=$$((n + 1)); echo "== Python $$version"; \
		$(MAKE) --no-print-directory test VENV=".venv-$$version" PYTHON="$$python" </dev/null \
			|| failed="$$failed $$version"; \
	done; echo "== $$n versions of Python; failed:$${failed:- none}"; [ $$n -gt 0 ] && [ -z "$$failed" ]; }

# mypy's verdict hangs on numpy's stubs, and Python 3.10 and 3.11 have an older numpy with other ones.
lint: venv ## ruff, and mypy where Python is 3.12 or later
	$(BIN)/ruff check
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then set -x; $(BIN)/mypy; \
		else echo "mypy left out: it needs the numpy of Python 3.12 or later"; fi

conformance-live: venv ## hold spikec against snnTorch, Norse, SpikingJelly and sinabs, each installed with torch
	@$(BIN)/python tests/conformance_live/run.py

bench: venv ## every benchmark of ours, one JSON line a figure
	@$(BIN)/python bench/run.py

bench-peers: venv ## ours beside other simulators, each installed in an environment of its own
	@$(BIN)/python bench/peers/install.py
	@$(BIN)/python bench/peers/compare.py

recipes: venv ## train the recipes that take less than a minute, and hold them to what they promise
	@$(BIN)/python bench/recipes.py

recipes-long: venv ## train all recipes (MNIST and spoken digits: name their folder in SPIKEC_DATA)
	@$(BIN)/python bench/recipes.py --long

clean: ## remove the environments, caches and builds
	rm -rf .venv .venv-3.* .venv-live-* .venv-peers-* .venv*.lock .venv*.old build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
