# The commands of the README. Everything runs in environments of its own, each with exactly what its file in locks/
# names: .venv; .venv-engine for the CloudFormation engine, which pins another botocore; .venv-lambda for Lambda's
# runtime client; .venv-cdk for the CDK. uv makes them: the one on the PATH, or else one that pip installs in .uv.
# They stay as they are until PYTHON names an interpreter of another version.
PYTHON ?= python3
READY := .uv/.ready$(if $(filter-out file,$(origin PYTHON)),-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
BIN := .venv/bin
UV := $(PYTHON) -m packager.uv
# Most of .venv is never imported, so it is compiled by the imports, which therefore must keep what they compile.
unexport PYTHONDONTWRITEBYTECODE
# The output of each target in one piece, where make can do that.
SYNC := --no-print-directory $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help setup setup-demo lock demo register-demo test lint types unit project sandbox stack torture-quick torture cdk clients editors .editors-ready page-test contract contract-package generate property package bench start clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: setup-demo .venv-lambda/.ready ## make the three environments

setup-demo: .venv/.ready .venv-engine/.ready
	@:

$(READY): locks/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is Python %d.%d, and 3.11 or newer is needed: make PYTHON=/path/to/python" % sys.version_info[:2])'
	rm -rf .uv
	$(UV)
	@mkdir -p .uv && touch .uv/.ready $@

.venv/.ready: pyproject.toml locks/dev.txt $(READY)
	$(UV) venv --quiet --clear .venv
	$(UV) pip sync --quiet --require-hashes --build-constraints locks/dev.txt --python .venv locks/dev.txt
	$(UV) pip install --quiet --no-deps --python .venv --editable .
	@touch $@

.venv-%/.ready: locks/%.txt $(READY)
	$(UV) venv --quiet --clear $(python) .venv-$*
	$(UV) pip sync --quiet --require-hashes --compile-bytecode --python .venv-$* locks/$*.txt
	@touch $@

# With the Python that the type is registered for, if this machine has it.
.venv-lambda/.ready: python = --python "$$($(PYTHON) -m packager.interpreter || command -v $(PYTHON))"
.venv-lambda/.ready: .rpdk-config

# The tools of `make clients` in Python, each locked by itself.
CLIENTS_PYTHON := aws sam sceptre ansible runway sagemaker
# What is locked already stays as it is, unless pyproject.toml or UPGRADE=1 asks for something else.
compile := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'
lock: $(READY) ## write locks/ and requirements.txt after a change in pyproject.toml (UPGRADE=1: the newest of what its packages need)
	$(compile) $(if $(UPGRADE),--upgrade) pyproject.toml --output-file requirements.txt
	$(compile) $(if $(UPGRADE),--upgrade) pyproject.toml --group dev --constraints requirements.txt --output-file locks/dev.txt
	$(compile) $(if $(UPGRADE),--upgrade) --group page --constraints locks/dev.txt --output-file locks/page.txt
	for group in engine lambda cdk uv linter-oldest linter-newest $(CLIENTS_PYTHON:%=clients-%); do \
		$(compile) $(if $(UPGRADE),--upgrade) --group $$group --output-file locks/$$group.txt || exit; \
	done

# TEMPLATE reaches the command through the environment, so that no quoting can break on the way.
export TEMPLATE
demo: ## deploy the examples here (TEMPLATE=path PARAMETERS="Name=value ...": your own template)
	@$(MAKE) --no-print-directory --jobs=2 setup-demo
	$(BIN)/python -m sandbox demo $(if $(TEMPLATE),--template "$$TEMPLATE") \
		$(if $(PARAMETERS),--parameters $(PARAMETERS))

register-demo: ## register the type under a name of its own here, by `cfn submit` and the AWS CLI; upgrade, go back, remove
	@$(MAKE) --no-print-directory --jobs=2 setup
	$(BIN)/python -m sandbox demo --registry

# The longest first, three at a time on two processors: the contract tests sleep most of their time.
test: ## everything that must hold
	@$(MAKE) --no-print-directory --jobs=2 setup
	$(MAKE) --jobs=3 $(SYNC) sandbox stack project torture-quick unit contract-package contract types lint

lint: setup ## ruff; rumdl for Markdown and its links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/rumdl check --quiet .

types: setup ## mypy, strict
	$(BIN)/mypy

unit: setup ## tests of the handlers, with coverage of src/
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=95 tests/unit

project: setup ## tests of the schema, generated files, the package, the guides and the benchmark
	$(BIN)/python -m pytest --ignore=tests/unit --ignore=tests/sandbox --ignore=tests/faults --ignore=tests/stack --ignore=tests/mistakes --ignore=tests/registration --ignore=tests/torture

sandbox: setup ## tests of the sandbox
	$(BIN)/python -m pytest tests/sandbox tests/faults

stack: setup ## tests of stacks, drift, imports, Cloud Control, the registry and wrong templates in the sandbox
	$(BIN)/python -m pytest tests/stack tests/registration tests/mistakes

torture-quick: setup ## a small part of `make torture`
	$(BIN)/python -m pytest tests/torture

# SEED reaches the command through the environment as well. One part alone: make torture-faults, for example.
export SEED
TORTURE := $(patsubst tests/torture/test_%.py,%,$(wildcard tests/torture/test_*.py))
torture: setup ## faults, interruptions, drawn templates, fuzzed events, scale, leaks (SEED=n: drawn differently)
	$(MAKE) --jobs=2 --keep-going $(SYNC) $(TORTURE:%=torture-%)

torture-%: setup
	$(BIN)/python -m pytest tests/torture/test_$*.py --long --show-capture=no $(if $(SEED),--seed "$$SEED")

# No part of `make test`: without Node, or without the CDK, it says so in one line and is no failure.
export CDK_REQUIRED
cdk: ## the CDK example, synthesized and deployed here; needs Node (CDK_REQUIRED=1: fails without it)
	@$(PYTHON) -m tests.cdk "$(MAKE_COMMAND)"

# No part of `make test` either, where cfn-lint itself is tested with our rules.
export EDITORS_REQUIRED
editors: ## what guides/editors.md offers, in other tools: the oldest and the newest cfn-lint, each alone, the CDK's validator, yaml-language-server; needs Node (EDITORS_REQUIRED=1: fails without it)
	@$(PYTHON) -m tests.editors "$(MAKE_COMMAND)"

.editors-ready: .venv-linter-oldest/.ready .venv-linter-newest/.ready .npm-editors/.ready
	@:

# No part of `make test` either: eight tools, most in an environment of their own. What cannot be installed is a line of its own.
export CLIENTS CLIENTS_REQUIRED CLIENTS_GUIDE
clients: ## the tools that people deploy with, unmodified, against a sandbox: a table (CLIENTS=aws,cdk: these alone)
	@$(PYTHON) -m tests.clients "$(MAKE_COMMAND)"

# npm ci checks the hashes of the lock file, and runs no script of a package.
.npm-clients-cdk/.ready: locks/clients-cdk-cli/package.json locks/clients-cdk-cli/package-lock.json
.npm-editors/.ready: locks/editors/package.json locks/editors/package-lock.json
.npm-%/.ready:
	rm -rf .npm-$* && mkdir .npm-$* && cp $^ .npm-$*
	cd .npm-$* && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# No part of `make test` either, for the same reason: it needs Chromium.
export BROWSER_REQUIRED CHROMIUM
page-test: ## the sandbox's page in headless Chromium (BROWSER_REQUIRED=1: fails without it; CHROMIUM=path)
	@$(PYTHON) -m tests.page "$(MAKE_COMMAND)"

.venv/.page-ready: locks/page.txt .venv/.ready
	$(UV) pip install --quiet --require-hashes --python .venv --requirement locks/page.txt
	@touch $@

contract: setup ## the real `cfn test` over inputs/, offline
	$(BIN)/python -m sandbox.contract

contract-package: setup ## the same over the package under another name, under Lambda's runtime client
	$(BIN)/python -m packager --type-name Example::SageMaker::ModelPackage --output build/contract
	$(BIN)/python -m sandbox.contract --project build/contract/build/example-sagemaker-modelpackage

generate: setup ## rewrite what follows from the schema (its transforms, models.py, docs/, resource-role.yaml, constraints, the editors' schema, the API descriptions), registration.yaml, and the table in guides/comparison.md
	$(BIN)/python -m packager.transforms
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cfn generate
	$(BIN)/python -m packager.cli_role
	$(BIN)/python -m packager.constraints
	$(BIN)/python -m packager.editor
	$(BIN)/python -m packager.api_description
	$(BIN)/python -m packager.registration
	$(BIN)/python -m tests.aws_schema

export NAME
property: setup ## what a property or a member still lacks, file by file (NAME=ModelLifeCycle)
	@$(BIN)/python -m packager.property "$$NAME"

# Read before it is exported, which defines it: an empty name is a mistake, none is our own.
has_type_name := $(filter-out undefined,$(origin TYPE_NAME))
export TYPE_NAME
package: setup ## the package for CloudFormation's registry (TYPE_NAME=Acme::SageMaker::ModelPackage: its name)
	$(BIN)/python -m packager $(if $(has_type_name),--type-name "$$TYPE_NAME")

export AGAINST
bench: setup ## what an invocation costs and what is shipped, beside the CLI's template (AGAINST=commit: its build as well)
	$(BIN)/python -m benchmarks $(if $(AGAINST),--against "$$AGAINST")

start: setup ## run SageMaker, the Invoke API, CloudFormation and Cloud Control here until Ctrl-C
	$(BIN)/python -m sandbox start

clean: ## remove the environments and everything built
	rm -rf $(notdir $(wildcard build/*/*.zip build/*/*.sha256 build/*/*.cdx.json)) aws-sagemaker-modelpackage.zip .uv .venv .venv-engine .venv-lambda .venv-cdk .venv-clients-* .venv-linter-* .npm-* build examples/cdk/cdk.out .pytest_cache .mypy_cache .ruff_cache .coverage rpdk.log*
