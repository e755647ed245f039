# SPDX-License-Identifier: GPL-3.0-or-later
# `make` alone lists the targets. Each one installs what it is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv lab lab-setup lab-down vm-lab vm-lab-down test test-quick test-lab test-full modules lint types unit contract integration molecule sanity bench docs build simulator clean

VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MOLECULE_GLOB := molecule/*/molecule.yml
PORT ?= 18080
# the integration tests that boot no host
LABLESS := $(addprefix tests/integration/test_,cs_client.py gate.py modules_cycle.py register_cluster.py kvm_ssh.py management_server_check.py cluster_info.py report_chromium.py path_mtu.py path_mtu_end.py path_check.py)
# what the machine must have for tests that boot hosts
LAB_NEEDS := /dev/kvm /dev/net/tun /dev/fuse
SCENARIO ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: $(VENV)/.stamp ## the Python environment, with everything the tests need
$(VENV)/.stamp: pyproject.toml scripts/venv
	@scripts/venv $(VENV)
	@touch $@

lab-setup: venv ## packages, base image and package pool for the lab (no hosts yet)
	@lab/labctl setup
	@lab/labctl build

lab: lab-setup ## fresh machine -> three hosts Up: boot the lab, run playbooks/site.yml on it, show the result
	@lab/labctl up
	@lab/labctl play playbooks/site.yml
	@lab/labctl result

lab-down: ## remove everything that `make lab` made
	@lab/labctl down

vm-lab: venv ## the same playbook on QEMU guests with real kernels, real KVM and real NFS mounts (slow)
	@lab/vm/vmctl lab

vm-lab-down: ## remove the QEMU guests and everything made for them
	@lab/vm/vmctl down

test: test-quick test-lab ## set up what is missing and run every test (about three quarters of an hour); takes over a lab that is up
	@echo "make test: everything passed, but for what is said above to be skipped"

test-quick: lint types unit contract modules sanity build ## every test that boots no host (about ten minutes)

test-lab: ## the tests that boot hosts: playbooks on the lab, and every role in molecule (about half an hour)
	@missing=$$(for each in $(LAB_NEEDS); do [ -e $$each ] || echo $$each; done; [ "$$(id -u)" = 0 ] || echo "to be root"); \
	if [ "$$missing" ]; then echo "SKIPPED: the tests that boot hosts cannot run here, they need" $$missing; else $(MAKE) integration molecule; fi

lint: venv ## ruff and ansible-lint (profile production)
	@ruff check .
	@ansible-lint

types: venv ## mypy over module_utils
	@mypy

unit: venv ## pure rules and module edges, no root
	@pytest -q tests/unit --ignore tests/unit/plugins/action
	@pytest -q tests/unit/plugins/action # a process of its own: where the controller's side is loaded, a module's warnings go elsewhere

contract: venv ## the simulator against the recorded answers of a real CloudStack 4.22.1
	@scripts/ensure-packages openipmi ipmitool
	@pytest -q -s tests/contract

test-full: test ## everything of `make test`, and what is long by nature (hours)
	@pytest -q -m full tests

modules: venv ## API modules, the register and join flows and an outside client, against the simulator; paths on namespaces, if root
	@[ "$$(id -u)" != 0 ] || scripts/ensure-packages nftables iproute2 iputils-ping openssh-client
	@pytest -q $(LABLESS)

integration: lab-setup ## playbooks against the simulator and the lab
	@pytest -q tests/integration $(addprefix --ignore ,$(LABLESS))

molecule: lab-setup ## every role in systemd containers: check, converge, idempotence, verify. SCENARIO=name for one
	@scripts/molecule $(SCENARIO)

sanity: venv ## ansible-test sanity, no ignores
	@scripts/sanity

bench: venv ## timings as ratios; prints, never asserts
	@for b in benchmarks/*.py; do echo "== $$b"; python $$b; done

docs: venv ## pages made from argument_specs (roles), checks and the policy
	@python scripts/role_docs.py
	@python scripts/check_docs.py

build: venv ## wheel, sdist and galaxy tarball, each installed and tried
	@scripts/build

simulator: venv ## the CloudStack API simulator alone, an empty cloud: PORT=18080
	@exec python -m lab.simulator --port $(PORT)

clean: ## build products (not the lab: make lab-down)
	@rm -rf .build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
