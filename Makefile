# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PYTHON=/path/to/python selects the Python. By default scripts/find-python selects it.

.DEFAULT_GOAL := help
.PHONY: help setup demo down test test-all check bench clean lock

BIN := .venv/bin
LINK := .ansible/collections/ansible_collections/mlops/mlflow_azure
# The folders whose tests share a sandbox, a deployment or a server come first, because one worker runs each of them.
TESTS := tests/sandbox tests/e2e tests/docker tests/client tests/image tests/contract tests/unit

help:
	@echo 'make demo           deploy MLflow to an Azure sandbox on this machine: no Azure, no Docker, no root'
	@echo 'make down           stop the demo and remove its files'
	@echo 'make test           run all tests that are not slow'
	@echo 'make test-all       run the slow tests (minutes each) and the Molecule scenarios'
	@echo 'make test-long      run the tests that take many minutes each'
	@echo 'make test-molecule  run the Molecule scenarios of extensions/molecule'
	@echo 'make test-setup     install what the tests need in .venv'
	@echo 'make test-units     run the unit tests with another Python: PYTHON=/usr/bin/python3 ENVIRONMENT=.cache/stock'
	@echo 'make test-versions  run the unit and contract tests with another ansible-core: ANSIBLE_CORE=2.20'
	@echo 'make check          run all linters'
	@echo 'make audit          list known vulnerabilities of the packages in the image'
	@echo 'make client         build the plugin of MLflow'"'"'s client in out/client'
	@echo 'make docs           build the documentation site in out/site'
	@echo 'make bench          run the benchmarks of the playbook and the sandbox'
	@echo 'make setup          create the environment for ansible-playbook in .venv'
	@echo 'make lock           update the lock files after a change of a requirements file; needs uv'
	@echo 'make clean          remove all files that these targets create'

# The environment for Ansible, and a link to this clone at the path where Ansible searches mlops.mlflow_azure.
setup:
	@python=$$(scripts/find-python) && "$$python" -m scripts.environment .venv requirements-dev.lock
	@mkdir -p $(dir $(LINK)) && ln -sfn ../../../.. $(LINK)

demo:
	@python=$$(scripts/find-python) && "$$python" scripts/prerequisites.py
	@$(MAKE) --no-print-directory setup
	@$(BIN)/python -m scripts.demo

down:
	@python=$$(scripts/find-python) && "$$python" -m sandbox down --purge
	@rm -rf out/sandbox .cache/tmp

# Slow tests mostly wait for a timer, a container or a replica, so three run in parallel. tests/support/grouping.py defines which tests share a worker.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder --durations 15 --durations-min 10 $(wildcard $(TESTS))

# PYTEST_ARGS passes options to pytest: make test PYTEST_ARGS='-k storage'
test: test-setup
	@$(PYTEST) -m 'not slow' $(PYTEST_ARGS)

test-all: test-setup
	@$(PYTEST) -m 'slow and not long' $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory test-molecule

# Clients of three releases in jobs, and an image whose base image contains another MLflow.
.PHONY: test-long
test-long: test-setup
	@$(PYTEST) -m long $(PYTEST_ARGS)

# One scenario for each role and one for site.yml: make test-molecule MOLECULE_ARGS='-s storage'
.PHONY: test-molecule
test-molecule: test-setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_HOME="$(CURDIR)/.ansible" molecule test $(or $(MOLECULE_ARGS),--all --workers 3)

# Unit tests only, with another Python and a separate environment: make test-units PYTHON=/usr/bin/python3 ENVIRONMENT=.cache/stock
ENVIRONMENT ?= .venv
.PHONY: test-units
test-units:
	@python=$$(scripts/find-python) && "$$python" -m scripts.environment $(ENVIRONMENT) requirements-dev.lock requirements-test.lock
	@mkdir -p $(dir $(LINK)) && ln -sfn ../../../.. $(LINK)
	@$(ENVIRONMENT)/bin/python -m pytest --numprocesses 2 --no-loadscope-reorder tests/unit -m 'not slow' $(PYTEST_ARGS)

# Unit and contract tests with another release of ansible-core, in an environment like that of a user: make test-versions ANSIBLE_CORE=2.20
.PHONY: test-versions
test-versions: VERSIONS = .cache/versions/$(ANSIBLE_CORE)
test-versions: setup
	@python=$$(scripts/find-python) && "$$python" -m venv $(VERSIONS)
	@$(VERSIONS)/bin/pip install --quiet --disable-pip-version-check -r requirements-test.txt 'ansible-core~=$(ANSIBLE_CORE).0'
	@$(VERSIONS)/bin/python -m pytest tests/unit tests/contract -m 'not slow' $(PYTEST_ARGS)

.PHONY: test-setup
test-setup: setup
	@python=$$(scripts/find-python) && "$$python" -m scripts.environment .venv requirements-test.lock

check:
	@python=$$(scripts/find-python) && "$$python" -m scripts.environment .cache/check requirements-check.lock \
	  && "$$python" -m scripts.environment .cache/importer requirements-importer.lock
	@.cache/check/bin/python scripts/check.py

# Known vulnerabilities of the packages in the image, from PyPI. docker/mlflow/README.md lists the accepted ones with the reason.
.PHONY: audit
audit:
	@test -x .cache/audit/bin/pip-audit || { python=$$(scripts/find-python) && "$$python" -m venv .cache/audit \
	  && .cache/audit/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'; }
	@.cache/audit/bin/pip-audit --strict --disable-pip --require-hashes -r docker/mlflow/requirements.lock $(AUDIT_ARGS)

# The documentation site in out/site.
.PHONY: docs
docs:
	@python=$$(scripts/find-python) && "$$python" -m scripts.environment .cache/check requirements-check.lock
	@.cache/check/bin/mkdocs build --strict

# The wheel of clients/mlflow-azure-auth in out/client.
.PHONY: client
client:
	@python=$$(scripts/find-python) && "$$python" -m venv .cache/client \
	  && .cache/client/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r docker/mlflow/build.lock \
	  && .cache/client/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir out/client clients/mlflow-azure-auth
	@ls out/client/*.whl

bench: setup
	@$(BIN)/python tests/benchmarks/modules.py
	@$(BIN)/python tests/benchmarks/site.py
	@$(BIN)/python tests/benchmarks/sandbox.py
	@$(BIN)/python tests/benchmarks/image.py
	@$(BIN)/python tests/benchmarks/client.py

# Update the lock files after a change of a requirements file. Requires `uv`.
lock:
	@UV=$${UV:-uv} scripts/lock

clean: down
	@rm -rf .venv .cache .ansible .mypy_cache .pytest_cache .ruff_cache out tests/output
