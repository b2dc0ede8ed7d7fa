# Plain targets for GNU make 3.81 and later. Tool settings are in pyproject.toml.

SHELL = /bin/sh
VENV = .venv
BIN = $(VENV)/bin
ARGS =
SEED = 1
MINUTES = 5
WORKERS = 2
PYTHON =
CHECKED = $(wildcard consumer tests tools benchmarks)

# A virtual environment holds absolute paths: one of a moved or copied tree is made anew.
ifneq ($(shell cat $(VENV)/.made-in 2>/dev/null),$(CURDIR))
MADE_ELSEWHERE = made-elsewhere
endif

.PHONY: help demo test mutants agreement chaos drills rollout bench dashboards pictures format requirements clean made-elsewhere

help:
	@echo 'make demo          the whole flow on this machine, with a real Kafka (ARGS="--seconds 10 --json")'
	@echo 'make test          lint, format check, types and all tests (ARGS="-k touch": of the tests, only some; WORKERS=0: in one process)'
	@echo 'make mutants       breaks the attribution in every small way and counts what the tests notice'
	@echo 'make agreement     the product against the reference on many random orders (ARGS="--orders 200000 --seed 1")'
	@echo 'make chaos         breaks everything around the consumer under load (SEED=1 MINUTES=5 ARGS=--json)'
	@echo 'make drills        breaks things until each alert fires, and mends them (two hours; ARGS="--only loop-stuck")'
	@echo 'make rollout       replaces all pods one after the other under load, and measures how long orders wait (MINUTES=5 ARGS=--split)'
	@echo 'make bench         benchmarks (ARGS are handed on)'
	@echo 'make dashboards    write the Grafana dashboards anew'
	@echo 'make pictures      draw the dashboards with the data of a demo run into docs/dashboards'
	@echo 'make format        format the code and fix what can be fixed'
	@echo 'make requirements  lock the dependencies again (ARGS="--upgrade": the newest of all)'
	@echo 'make clean         remove the virtual environment and all caches of this folder'
	@echo
	@echo 'All but clean make the virtual environment $(VENV) when it is missing or out of date.'
	@echo 'PYTHON=/path/to/python3 chooses the Python for it (3.11 to 3.14).'

demo: $(VENV)/.demo-ready
	@$(BIN)/awin-consumer demo $(ARGS)

test: $(VENV)/.dev-ready
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy $(CHECKED)
	@$(BIN)/python -m consumer.demo.java
	@$(BIN)/python -m tests.examples.java_tools || [ -z "$$CI" ]
	@$(BIN)/python -m tests.registry.apicurio || [ -z "$$CI" ]
	@$(BIN)/python -m consumer.demo.prometheus_package || [ -z "$$CI" ]
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

mutants: $(VENV)/.dev-ready
	@$(BIN)/python tools/mutation.py $(ARGS)

agreement: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.agreement.run $(ARGS)

chaos: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.chaos.run --seed $(SEED) --minutes $(MINUTES) $(ARGS)

drills: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.drills.run $(ARGS)

rollout: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.rollout.run --minutes $(MINUTES) $(ARGS)

bench: $(VENV)/.dev-ready
	@$(BIN)/python -m benchmarks $(ARGS)

dashboards: $(VENV)/.dev-ready
	@$(BIN)/python -m tools.dashboards

pictures: $(VENV)/.dev-ready
	@$(BIN)/python -m tools.dashboards.photograph

format: $(VENV)/.dev-ready
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

requirements: $(VENV)/.dev-ready
	@sh tools/requirements.sh $(ARGS)

clean:
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist mutants
	find consumer tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.demo-ready: pyproject.toml requirements/build.txt requirements/demo.txt tools/venv.sh $(MADE_ELSEWHERE)
	@PYTHON='$(PYTHON)' sh tools/venv.sh $(VENV) demo

$(VENV)/.dev-ready: pyproject.toml requirements/dev.txt tools/venv.sh $(MADE_ELSEWHERE)
	@PYTHON='$(PYTHON)' sh tools/venv.sh $(VENV) dev

made-elsewhere:
