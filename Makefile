# What can be done in a checkout; `make help` lists it. Needs Python 3.11 to 3.13 and make, nothing else:
# everything else is a wheel from the package index, of a version and with a hash that requirements/ names.

PYTHON ?= python3
OTHER_PYTHONS ?= 3.12 3.13
VENV := .venv
BIN := $(VENV)/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What a machine happens to have on its paths must not become part of the environment.
unexport PYTHONPATH
unexport PYTHONHOME
unexport PIP_TARGET
unexport PIP_PREFIX
unexport PIP_USER
unexport PIP_CONSTRAINT
unexport PIP_BUILD_CONSTRAINT

# Wheels alone: a source distribution would need whatever compiler and headers the machine has, or has not.
# (setuptools warns at length about every editable installation.)
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --only-binary :all:
# What others made: only what a lock lists, and only if its hash is right.
LOCKED := $(PIP) --require-hashes --no-deps --requirement
# What is ours: nothing is fetched, not even to build with. All that it asks for must be there by then, so a lock that is
# out of date is noticed.
OWN := PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= $(PIP) --no-index --no-build-isolation
BUILD := PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= $(BIN)/python -m pip wheel --quiet --no-deps --no-index --no-build-isolation
STALE := || { echo "If a setup.cfg asks for more than requirements/ has: make lock"; exit 1; }
PLUGINS := $(filter-out plugins/agentos-local/,$(sort $(dir $(wildcard plugins/*/setup.cfg))))
LOCAL := $(dir $(wildcard plugins/agentos-local/setup.cfg))
# What our packages were called before: on the package index these names belong to others. The folders keep them.
FORMER := agentos $(notdir $(patsubst %/,%,$(PLUGINS) $(LOCAL)))
# The pytest fixtures: a distribution of its own, which only tests have.
TESTING := $(dir $(wildcard testing/setup.cfg))
DECLARED := setup.cfg setup.py $(wildcard requirements/*.txt plugins/*/setup.cfg testing/setup.cfg)

# Real services for tests; where the platform has no wheel of one, its tests skip and say so.
PARTS := $(wildcard requirements/part-*.txt)

CHECK_DOCS ?= $(BIN)/python docs/generate.py --check

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help install run wheels test test-pythons soak bench bench-quick check checks check-format check-lint check-types check-imports check-openapi check-docs \
	bench-peers conformance guests browser docs client format lock audit clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.installed  ## Create .venv with the server, its plugins and a small local model.

run: $(VENV)/.installed  ## Install, migrate an SQLite file, and serve on 127.0.0.1:8080.
	@$(BIN)/agentos db upgrade
	@exec $(BIN)/gunicorn -c gunicorn.conf.py wsgi:app

wheels: $(VENV)/.installed  ## Build what would be published, into dist/.
	rm -rf dist build/lib build/bdist.* plugins/*/build testing/build
	$(BUILD) --wheel-dir dist . $(patsubst %,./%,$(PLUGINS) $(LOCAL) $(TESTING))
	rm -rf build/lib build/bdist.* plugins/*/build testing/build

# Four parts side by side, each in a process of its own, which take about as long: servers and some of the faults; the other faults
# and what executes runs; what users see, and the plugins; the rest.
RUNS := $(wildcard tests/faults/test_[p-z]*.py) $(addprefix tests/,execution services)
SERVERS := $(addprefix tests/,serving hostile fuzz faults) $(patsubst %,--ignore %,$(RUNS))
USED := $(addprefix tests/,docs e2e guests cli conformance) $(wildcard plugins testing)
REST := tests $(patsubst %,--ignore %,$(sort $(filter-out tests/faults/%,$(filter tests/%,$(SERVERS) $(RUNS) $(USED)))))

test: $(VENV)/.tested  ## Install what tests need and run the whole suite, in four parts side by side.
	@.ci/suites "$(VENV) $(SERVERS)" "$(VENV) $(RUNS)" "$(VENV) $(USED)" "$(VENV) $(REST)"

# Without what says little about a version of Python: faults, hostile clients, the API asked at length, pages, the benchmark, who may
# do what, guests (their own side is tried on every Python), and the long tests of storage. What the newest version alone runs is
# in two parts of its own: what starts servers, and storage, HTTP and commands.
UNVERSIONED := faults hostile fuzz docs benchmark access architecture conformance guests \
	$(addprefix storage/test_,contract_postgresql.py contract_redis.py redis.py attachments.py indexes.py)
NEWEST := $(lastword $(sort $(OTHER_PYTHONS)))
SERVED := $(addprefix tests/,serving e2e) plugins testing
STORED := $(addprefix tests/,storage api cli)
VERSIONED := tests $(patsubst %,--ignore %,$(addprefix tests/,$(UNVERSIONED)) $(filter tests/%,$(SERVED)) $(STORED))
test-pythons:  ## Run what may depend on the version of Python on 3.12 and 3.13, where they are installed, each in an environment of its own.
	@status=0; set --; \
	for version in $(OTHER_PYTHONS); do \
		python=$$(.ci/python $$version) || { echo "Python $$version is not installed: skipped"; continue; }; \
		environment=build/venv-$$version; \
		$(MAKE) --no-print-directory VENV=$$environment PYTHON="$$python" $$environment/.tested || { status=1; continue; }; \
		set -- "$$@" "$$environment $(VERSIONED)"; \
		if [ $$version = $(NEWEST) ]; then \
			set -- "$$@" "$$environment $(SERVED)" "$$environment $(STORED) $(patsubst %,--ignore tests/%,$(UNVERSIONED))"; \
		fi; \
	done; \
	.ci/suites "$$@" || status=1; exit $$status

soak: $(VENV)/.tested  ## The fault and property tests with their loops in full, and the API asked at length.
	@AGENTOS_SOAK=1 $(BIN)/pytest tests/faults tests/storage/test_promises.py tests/hostile tests/fuzz --timeout 3600

bench: $(VENV)/.benched  ## Measure the server against its floor and its targets (ten minutes), into benchmarks/RESULTS.md.
	@$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.benched  ## Is a ratio to the floor worse than recorded? (About a minute, with nothing else running.)
	@$(BIN)/python -m benchmarks --quick

bench-peers: $(VENV)/.benched  ## Measure other servers beside this one, into benchmarks/PEERS.md; installs each in a cache of its own.
	@$(BIN)/python -m benchmarks.peers

conformance: $(VENV)/.tested  ## Run clients that people use against the real server (SUITES="openai npm": these); installs each in a cache.
	@PYTHONPATH=tests $(BIN)/python -m conformance $(SUITES)

guests: $(VENV)/.tested  ## Run agents of other frameworks in guests of the real server (FRAMEWORKS="agno": these); installs each in a cache.
	@PYTHONPATH=tests $(BIN)/python -m guests.frameworks $(FRAMEWORKS)

# Two parts side by side, as the suite: they wait more than they compute. TESTS="-k approve" runs some, in one part.
BROWSER := --timeout 180 --session-timeout 1320
LONG_BROWSER := $(patsubst %,tests/browser/test_%.py,chat decisions sessions speed streams)

browser: build/browser-packages/.installed  ## Use the console in Chromium, if that is installed; pictures of it go to build/browser/.
	@export PYTHONPATH=$(CURDIR)/build/browser-packages; $(if $(TESTS), \
		.ci/suite $(VENV) tests/browser --quiet $(BROWSER) $(TESTS), \
		.ci/suites "$(VENV) $(BROWSER) $(LONG_BROWSER)" "$(VENV) $(BROWSER) tests/browser $(patsubst %,--ignore %,$(LONG_BROWSER))")

check: checks test  ## Everything that must hold before a commit: format, lint, types, layers, docs, tests.

checks: check-format check-lint check-types check-imports check-openapi check-docs

check-format: $(VENV)/.checked  ## Is everything formatted?
	$(BIN)/ruff format --check .

check-lint: $(VENV)/.checked  ## Is the code clean to the linter?
	$(BIN)/ruff check .

check-types: $(VENV)/.checked  ## Do the types agree (mypy --strict), in the server, in each plugin and in the test kit?
	$(BIN)/mypy --strict agentos
	@set -e; for plugin in $(dir $(wildcard plugins/*/agentos_*/__init__.py testing/agentos_*/__init__.py)); do echo "mypy --strict $$plugin"; $(BIN)/mypy --strict "$$plugin"; done

check-imports: $(VENV)/.checked  ## Does every layer import downwards only?
	$(BIN)/lint-imports

check-openapi: $(VENV)/.checked  ## Is openapi.yaml what the code says, and are the TypeScript client's types made from it?
	$(BIN)/flask agentos openapi --check openapi.yaml
	$(BIN)/python clients/typescript/generate.py --check

check-docs: $(VENV)/.checked  ## Is the generated reference what the code says?
	$(CHECK_DOCS)

docs: $(VENV)/.checked  ## Render docs/reference/ and openapi.yaml from the code.
	$(BIN)/python docs/generate.py
	$(BIN)/flask agentos openapi --output openapi.yaml

client: $(VENV)/.tested  ## Make the TypeScript client's types from openapi.yaml; installs Node.js in a cache.
	PYTHONPATH=tests $(BIN)/python clients/typescript/generate.py

console:  ## Check and build the console's page from plugins/agentos-console/web; needs Node.js 20 and npm. Commit what it builds.
	cd plugins/agentos-console/web && npm ci --no-audit --no-fund && npm run check && npm run build

format: $(VENV)/.checked  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: build/tools/.installed  ## Lock the newest accepted version of everything, with hashes, in requirements/; clients of conformance tests too.
	build/tools/bin/python requirements/lock.py

audit: build/tools/.installed  ## Ask a public database for known vulnerabilities of what is locked.
	@build/tools/bin/python requirements/audit.py

clean:  ## Remove .venv and what tools left; databases stay.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("AgentOS needs Python 3.11 to 3.13, and $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.installed: $(DECLARED) | $(BIN)/python
	$(LOCKED) requirements/build.txt
	$(LOCKED) requirements/server.txt
	@$(BIN)/python -m pip uninstall --quiet --yes $(FORMER) 2>/dev/null
	@rm -rf *.egg-info plugins/*/*.egg-info
	@$(OWN) --editable '.[postgresql]' $(patsubst %,--editable %,$(PLUGINS)) $(STALE)
	@$(LOCKED) requirements/local.txt && $(OWN) $(patsubst %,--editable %,$(LOCAL)) \
		|| echo "The local model could not be installed (pip says why above); without a key, the assistant only echoes."
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(LOCKED) requirements/test.txt
	@rm -rf testing/*.egg-info
	@$(OWN) --editable '.[test]' $(patsubst %,--editable %,$(TESTING)) $(STALE)
	@for part in $(PARTS); do $(LOCKED) $$part || echo "$$part could not be installed (pip says why above); its tests skip."; done
	@touch $@

$(VENV)/.checked: $(VENV)/.tested
	$(LOCKED) requirements/check.txt
	@$(OWN) --editable '.[check]' $(STALE)
	@touch $@

$(VENV)/.benched: $(VENV)/.tested
	$(LOCKED) requirements/bench.txt
	@$(OWN) --editable '.[bench]' $(STALE)
	@touch $@

# Beside the environment and not in it: tests of the browser alone have it on their path.
build/browser-packages/.installed: requirements/browser.txt $(VENV)/.tested
	rm -rf build/browser-packages
	$(LOCKED) requirements/browser.txt --target build/browser-packages
	@touch $@

# In an environment of their own: what these tools need shall not decide which versions the server has.
build/tools/.installed: requirements/tools.txt
	$(PYTHON) -m venv --clear build/tools
	build/tools/bin/python -m pip install --quiet --only-binary :all: --require-hashes --no-deps --requirement requirements/tools.txt
	@touch $@
