# The commands of the README. Everything runs in environments of its own: .venv, and .venv-engine for the
# CloudFormation engine, which pins another botocore.
PYTHON ?= python3
BIN := .venv/bin
ENGINE = $(shell $(PYTHON) -c "import tomllib; \
	print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['engine'])")

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types unit contract generate start clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready .venv-engine/.ready ## make the two environments

.venv/.ready: pyproject.toml requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 must be 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.venv-engine/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-engine
	.venv-engine/bin/python -m pip install --quiet --disable-pip-version-check $(ENGINE)
	touch $@

# TEMPLATE reaches the command through the environment, so that no quoting can break on the way.
export TEMPLATE
demo: setup ## deploy the examples here (TEMPLATE=path PARAMETERS="Name=value ...": your own template)
	$(BIN)/python -m sandbox demo $(if $(TEMPLATE),--template "$$TEMPLATE") \
		$(if $(PARAMETERS),--parameters $(PARAMETERS))

test: lint types unit contract ## everything that must hold

lint: setup ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

unit: setup ## unit, generated-files, sandbox and stack tests, with coverage of src/
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=95

contract: setup ## the real `cfn test` over inputs/, offline
	$(BIN)/python -m sandbox.contract

generate: setup ## rewrite models.py, docs/ and resource-role.yaml from the schema
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cfn generate

start: setup ## run SageMaker, the Invoke API, CloudFormation and Cloud Control here until Ctrl-C
	$(BIN)/python -m sandbox start

clean: ## remove the environments and everything built
	rm -rf .venv .venv-engine build .pytest_cache .mypy_cache .ruff_cache .coverage rpdk.log*
