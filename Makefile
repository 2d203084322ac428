# The commands of the README. Everything runs in environments of its own: .venv; .venv-engine for the
# CloudFormation engine, which pins another botocore; .venv-lambda for Lambda's runtime client, by itself;
# .venv-cdk, of `make cdk` alone, for the CDK.
PYTHON ?= python3
BIN := .venv/bin
group = $(shell $(PYTHON) -c "import tomllib; \
	print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['$(1)'])")

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types unit stack quick torture cdk page-test contract contract-package generate package bench start clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready .venv-engine/.ready .venv-lambda/.ready ## make the three environments

.venv/.ready: pyproject.toml requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 must be 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.venv-engine/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-engine
	.venv-engine/bin/python -m pip install --quiet --disable-pip-version-check $(call group,engine)
	touch $@

# The Python that the type is registered for, or else the one there is.
.venv-lambda/.ready: pyproject.toml .rpdk-config
	"$$($(PYTHON) -m packager.interpreter || echo $(PYTHON))" -m venv --clear .venv-lambda || \
		$(PYTHON) -m venv --clear .venv-lambda
	.venv-lambda/bin/python -m pip install --quiet --disable-pip-version-check $(call group,lambda)
	touch $@

# TEMPLATE reaches the command through the environment, so that no quoting can break on the way.
export TEMPLATE
demo: .venv/.ready .venv-engine/.ready ## deploy the examples here (TEMPLATE=path PARAMETERS="Name=value ...": your own template)
	$(BIN)/python -m sandbox demo $(if $(TEMPLATE),--template "$$TEMPLATE") \
		$(if $(PARAMETERS),--parameters $(PARAMETERS))

# Two at a time, each one's output in one piece: most of this waits for one of two processors.
test: ## everything that must hold
	$(MAKE) --no-print-directory --jobs=2 setup
	$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) stack unit lint types contract contract-package quick

lint: setup ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

unit: setup ## unit, schema, generated-files and package tests, with coverage of src/
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=95 --ignore=tests/sandbox --ignore=tests/stack --ignore=tests/mistakes --ignore=tests/torture

stack: setup ## tests of the sandbox, and of stacks, drift, imports, Cloud Control and wrong templates in it
	$(BIN)/python -m pytest tests/sandbox tests/stack tests/mistakes

quick: setup ## a quick cut of `make torture`
	$(BIN)/python -m pytest tests/torture

# SEED reaches the command through the environment as well. One part alone: make torture-faults, for example.
export SEED
TORTURE := $(patsubst tests/torture/test_%.py,%,$(wildcard tests/torture/test_*.py))
torture: setup ## faults, interruptions, drawn templates, fuzzed events, scale, leaks (SEED=n: drawn differently)
	$(MAKE) --no-print-directory --jobs=2 --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(TORTURE:%=torture-%)

torture-%: setup
	$(BIN)/python -m pytest tests/torture/test_$*.py --long --show-capture=no $(if $(SEED),--seed "$$SEED")

# No part of `make test`: without Node, or without the CDK, it says so in one line and is no failure.
export CDK_REQUIRED
cdk: ## the CDK example, synthesized and deployed here; needs Node (CDK_REQUIRED=1: fails without it)
	@$(PYTHON) -m tests.cdk "$(MAKE_COMMAND)"

.venv-cdk/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-cdk
	.venv-cdk/bin/python -m pip install --quiet --disable-pip-version-check $(call group,cdk)
	touch $@

# No part of `make test` either, for the same reason: it needs Chromium.
export BROWSER_REQUIRED CHROMIUM
page-test: ## the sandbox's page in headless Chromium (BROWSER_REQUIRED=1: fails without it; CHROMIUM=path)
	@$(PYTHON) -m tests.page "$(MAKE_COMMAND)"

.venv/.page-ready: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(call group,page)
	touch $@

contract: setup ## the real `cfn test` over inputs/, offline
	$(BIN)/python -m sandbox.contract

contract-package: setup ## the same over the package under another name, under Lambda's runtime client
	$(BIN)/python -m packager --type-name Example::SageMaker::ModelPackage --output build/contract
	$(BIN)/python -m sandbox.contract --project build/contract/build/example-sagemaker-modelpackage

generate: setup ## rewrite what follows from the schema: models.py, docs/, both roles, limits, the editors' schema, the API descriptions
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cfn generate
	$(BIN)/python -m packager.role
	$(BIN)/python -m packager.constraints
	$(BIN)/python -m packager.editor
	$(BIN)/python -m packager.api_description

# Looked at before it is exported, which defines it: an empty name is a mistake, none is our own.
named := $(filter-out undefined,$(origin TYPE_NAME))
export TYPE_NAME
package: setup ## the package for CloudFormation's registry (TYPE_NAME=Acme::SageMaker::ModelPackage: its name)
	$(BIN)/python -m packager $(if $(named),--type-name "$$TYPE_NAME")

bench: setup ## what an invocation costs and what is shipped, beside the usual way (build/bench.json)
	$(BIN)/python -m benchmarks

start: setup ## run SageMaker, the Invoke API, CloudFormation and Cloud Control here until Ctrl-C
	$(BIN)/python -m sandbox start

clean: ## remove the environments and everything built
	rm -rf $(notdir $(wildcard build/*/*.zip)) aws-sagemaker-modelpackage.zip .venv .venv-engine .venv-lambda .venv-cdk build examples/cdk/cdk.out .pytest_cache .mypy_cache .ruff_cache .coverage rpdk.log*
