# What people and CI run. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where it is set, Ansible compiles every plugin anew for every task.
unexport PYTHONDONTWRITEBYTECODE
HOST ?= control-01
# What runs in the testbed's cluster: core or platform; a running testbed keeps its own.
PROFILE ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): $(LOCK) pyproject.toml scripts/python
	@python=$$(scripts/python); echo "python: $$python ($$($$python -V))"; \
	$$python -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e src/clawlaw
	@touch $@

.PHONY: venv
venv: $(STAMP) ## the Python environment, from the hash-locked requirements

.PHONY: up
up: venv ## eight hosts and the cluster on this machine, converged and verified
	@forge testbed up $(if $(PROFILE),--profile $(PROFILE))

.PHONY: platform
platform: venv ## the servers of the running testbed's cluster, by its profile
	@forge testbed platform $(if $(PROFILE),--profile $(PROFILE))

.PHONY: down
down: venv ## end the testbed of this checkout and everything it made
	@forge testbed down

.PHONY: status
status: venv ## what of the testbed runs, and how it is
	@forge testbed status

.PHONY: ssh
ssh: venv ## a shell on a host: make ssh HOST=worker-01
	@forge testbed ssh $(HOST)

.PHONY: site
site: venv ## run playbooks/site.yml on the running testbed again
	@forge testbed site

.PHONY: verify
verify: venv ## prove the running testbed by behaviour, restarts included
	@forge testbed verify

# Where `make drift` takes its hosts from: a path, or `testbed` for the one that runs.
INVENTORY ?= inventory/forge

.PHONY: drift
drift: venv ## what the machines are, beside what the inventory says; changes nothing
	@forge drift $(if $(filter testbed,$(INVENTORY)),--testbed,--inventory $(INVENTORY))

# The revision that `make plan` compares the checkout with.
FROM ?= main

.PHONY: plan
plan: venv ## what the change since FROM does to the room, and the verdict about it
	@scripts/plan $(FROM)

.PHONY: apply-tier1
apply-tier1: venv ## converge tier I with the access of its runner, and nothing else
	@scripts/tier1 apply

.PHONY: drift-tier1
drift-tier1: venv ## the drift of tier I, with the access of its runner
	@scripts/tier1 drift

.PHONY: check
check: venv ## formatting, types and lint of everything
	@scripts/check

.PHONY: test
test: venv ## everything: checks, unit tests, Molecule, the testbed from nothing to nothing
	@scripts/test

.PHONY: test-unit
test-unit: venv ## the tests that need no hosts
	@scripts/test unit

.PHONY: test-python
test-python: venv ## the gate's tests on the other Python (3.13 beside 3.12), decisions replayed
	@scripts/test-python

.PHONY: coverage
coverage: venv ## branches of the gate's core that its tests take; fails below 95 %
	@scripts/coverage

.PHONY: test-contract
test-contract: venv ## what K3s documents, against the K3s or stand-in that the testbed runs
	@scripts/test contract

.PHONY: test-macos
test-macos: venv ## every case of the modules for macOS by a playbook, on doubles of its tools
	@scripts/test macos

.PHONY: test-molecule
test-molecule: venv ## every role on clean hosts
	@scripts/test molecule

.PHONY: test-testbed
test-testbed: venv ## the testbed's own run: up, again, changes, faults, verify, down
	@scripts/test testbed

.PHONY: test-workflows
test-workflows: venv ## every step of every workflow in a clone, validate's for real: hours
	@FORGE_WORKFLOWS=real pytest tests/integration/workflows

.PHONY: test-faults
test-faults: venv ## broken disks, flooded sockets; log and gate are each killed 500 times
	@LOG_KILLS=500 CLAWLAW_KILLS=500 pytest tests/faults

.PHONY: test-upload
test-upload: venv ## a body that takes longer than a minute, through real Traefik
	@pytest tests/upload

.PHONY: test-platform
test-platform: venv ## roles of the platform: real object stores, real Argo CD and Kyverno in a cluster, a restore, a double of Harbor
	@forge artifacts fetch minio && pytest -n 2 tests/integration/object_store tests/integration/harbor
	@forge artifacts fetch k3s_standin etcd argocd registry kyverno velero velero_plugin_aws
	@MOLECULE_GLOB='molecule/platform/*/molecule.yml' molecule test --scenario-name argocd
	@pytest tests/platform
	@pytest tests/backup

.PHONY: test-policies
test-policies: venv ## every Kyverno policy judged by the real Kyverno, which is built first
	@forge artifacts fetch kyverno && pytest tests/gitops

.PHONY: thesis
thesis: venv ## objects that the real Kyverno admits one by one, and where the gate stops them
	@forge artifacts fetch kyverno && python -m forge.gitops.thesis

.PHONY: bench-gate
bench-gate: venv ## what a durable decision of the gate costs, beside the floor of the same run
	@python benchmarks/gate.py

.PHONY: bench-decide
bench-decide: venv ## what one decision of the gate costs, beside other policy engines
	@python benchmarks/decide.py

.PHONY: bench-plan
bench-plan: venv ## what planning a change costs, by number of hosts
	@python benchmarks/plan.py

.PHONY: bench-executor
bench-executor: venv ## what a sandbox costs, beside the plain shell
	@python benchmarks/executor.py

.PHONY: bench-evidence
bench-evidence: venv ## what recording a decision costs, beside a bare write and sync
	@python benchmarks/evidence.py

.PHONY: bench-verify
bench-verify: venv ## ten million entries written (2 GiB, deleted at the end) and verified
	@python benchmarks/evidence_long.py

.PHONY: artifacts
artifacts: venv ## fetch or build every pinned binary into the cache
	@forge artifacts fetch

.PHONY: pins
pins: venv ## look up unresolved digests, write them to versions.yml and the go.mod files
	@forge artifacts pins --write
	@forge artifacts resolve

.PHONY: lock
lock: venv ## write the requirement locks again from requirements/*.in
	@for part in runtime gate ansible dev bench compile mlx models; do \
	  uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    -o requirements/$$part.txt requirements/$$part.in; done

.PHONY: conformance
conformance: venv ## write docs/conformance.md from the suite's cases and matrix
	@scripts/conformance

.PHONY: wheels
wheels: venv ## build the two wheels into dist/
	@python -m build --no-isolation --wheel --outdir dist .
	@python -m build --no-isolation --wheel --outdir dist src/clawlaw

COMPILED := $(CURDIR)/build/compiled

.PHONY: compiled
compiled: venv ## the gate's wheel with its busiest modules compiled, into dist/ and build/compiled/
	@python -m forge.wheels.compiled --out dist --unpack $(COMPILED)

.PHONY: test-compiled
test-compiled: compiled ## the gate's tests on the compiled modules
	@PYTHONPATH=$(COMPILED) python -m pytest \
	  tests/unit/clawlaw tests/unit/change tests/conformance tests/adversarial

.PHONY: bench-compiled
bench-compiled: compiled ## bench-decide and bench-gate on the compiled modules
	@PYTHONPATH=$(COMPILED) python benchmarks/decide.py
	@PYTHONPATH=$(COMPILED) python benchmarks/gate.py
