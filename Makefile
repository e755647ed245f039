# SPDX-License-Identifier: GPL-3.0-or-later
# `make` alone lists the targets. Each one installs what it is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv lab lab-setup lab-down ha-drill vm-lab vm-lab-down test test-quick test-lab test-full stories hosts networks modules lint types unit contract integration molecule molecule-hosts molecule-api sanity sanity-quick trixie bench docs build matrix simulator clean

VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MOLECULE_GLOB := molecule/*/molecule.yml
PORT ?= 18080
# each a long story on three hosts, one after the other on the same lab
STORIES := $(sort $(wildcard tests/integration/test_site*.py))
# changes of a network, on hosts that each of these makes for itself
NETWORKS := $(addprefix tests/integration/,test_broken_kinds.py test_bridge_rollback.py test_network_order.py)
# hosts with a kernel of their own, which they take from the Debian mirror: a room has no way there
KERNELS := $(addprefix tests/integration/,test_network_vm.py test_evpn_vm.py)
# unit tests in a process of their own: where the controller's side of Ansible is loaded, a module's warnings go elsewhere
CONTROLLER_SIDE := tests/unit/plugins/action tests/unit/plugins/callback
# what the machine must have for tests that boot hosts
LAB_NEEDS := /dev/kvm /dev/net/tun /dev/fuse
SCENARIO ?=
# scenarios that have more to do with CloudStack than with their host; and the others
MOLECULE_API := cluster host_ha oobm
# the back ends of other distributions, each with two boots: only in `make molecule`, `test-full` and `trixie`
MOLECULE_FULL := network_backends
MOLECULE_HOSTS := $(filter-out $(MOLECULE_API) $(MOLECULE_FULL),$(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))

# What Ansible has built of a module, a run leaves for the next ones, whichever part runs them (tests/callback/built_modules.py).
stories hosts networks molecule molecule-hosts molecule-api modules: export BUILT_MODULES := $(CURDIR)/.build/modules
stories hosts networks molecule molecule-hosts molecule-api modules: export ANSIBLE_CALLBACK_PLUGINS := $(CURDIR)/tests/callback
stories hosts networks molecule molecule-hosts molecule-api modules: export ANSIBLE_CALLBACKS_ENABLED := built_modules

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: $(VENV)/.stamp ## the Python environment, with everything the tests need
$(VENV)/.stamp: pyproject.toml scripts/venv
	@scripts/venv $(VENV)
	@touch $@

lab-setup: venv ## packages, base image and package pool for the lab (no hosts yet)
	@mkdir -p .build
	@flock -o .build/lab-setup.lock sh -ec 'lab/labctl setup; lab/labctl build' # parts of `make test` that run side by side all ask for it

lab: lab-setup ## fresh machine -> three hosts Up, host HA Available: boot the lab, run site.yml and enable_ha.yml on it, show the result
	@lab/labctl up
	@lab/labctl play playbooks/site.yml
	@lab/labctl play playbooks/enable_ha.yml
	@lab/labctl result

ha-drill: ## on the lab that `make lab` made: five hosts die, one after the other, and their guests come back (half an hour)
	@lab/labctl canary
	@lab/labctl drill
	@lab/labctl result

lab-down: ## remove everything that `make lab` made
	@lab/labctl down

vm-lab: venv ## the same playbook on QEMU guests with real kernels, real KVM and real NFS mounts (slow)
	@lab/vm/vmctl lab

vm-lab-down: ## remove the QEMU guests and everything made for them
	@lab/vm/vmctl down

# Side by side in lanes, each target of a lane after the other, those that boot hosts first. Three, not four: the stories, which nothing can
# divide, would get less of two cores and end long after the rest.
# why the tests that boot hosts cannot run here; empty where they can
LACKS = $(shell for each in $(LAB_NEEDS); do [ -e $$each ] || echo $$each; done; [ "$$(id -u)" = 0 ] || echo "to be root")
SKIPPED = $(if $(LACKS),echo "SKIPPED: the tests that boot hosts cannot run here$(comma) they need $(LACKS)")
comma := ,

test: venv ## set up what is missing and run every test side by side (about half an hour); takes over a lab that is up
	@scripts/parts.py "$(if $(LACKS),,lab-setup stories) types contract build" "$(if $(LACKS),,hosts networks molecule-api) unit" "$(if $(LACKS),,molecule-hosts) modules sanity-quick lint"
	@$(SKIPPED)
	@echo "make test: everything passed, but for what is said above to be skipped"

test-quick: venv ## every test that boots no host (about ten minutes)
	@scripts/parts.py "lint types sanity build" "unit contract modules"

test-lab: venv ## the tests that boot hosts: playbooks on the lab, and every role in molecule (about twenty minutes)
	@$(if $(LACKS),$(SKIPPED),scripts/parts.py "lab-setup stories" "molecule-hosts molecule-api hosts" networks)

lint: venv ## ruff and ansible-lint (profile production)
	@ruff check .
	@ansible-lint

types: venv ## mypy over plugins, lab and scripts
	@mypy

unit: venv ## pure rules and module edges, no root
	@pytest -q -n 2 --dist loadfile tests/unit $(addprefix --ignore ,$(CONTROLLER_SIDE))
	@pytest -q $(CONTROLLER_SIDE)

contract: venv ## the simulator against the recorded answers of a real CloudStack 4.22.1
	@scripts/ensure-packages openipmi ipmitool
	@pytest -q -s tests/contract

test-full: test ## everything of `make test`, and what is long by nature (hours)
	@lab/labctl canary --build
	@scripts/sanity --test pylint
	@scripts/beside full pytest -q -m full tests $(addprefix --ignore ,$(CONTROLLER_SIDE) $(KERNELS))
	@pytest -q -m full $(KERNELS)
	@scripts/molecule $(MOLECULE_FULL)
	@$(MAKE) --no-print-directory trixie

trixie: venv ## the main job, bare hosts to Up, and every role in molecule on Debian 13
	@RELEASE=trixie $(MAKE) --no-print-directory lab-setup
	@RELEASE=trixie scripts/beside trixie sh -ec 'lab/labctl up; lab/labctl play playbooks/site.yml; lab/labctl play playbooks/enable_ha.yml; lab/labctl result'
	@RELEASE=trixie scripts/molecule

modules: venv ## API modules, the register and join flows and an outside client, against the simulator; paths on namespaces, if root
	@[ "$$(id -u)" != 0 ] || scripts/ensure-packages nftables iproute2 iputils-ping openssh-client openssh-server
	@pytest -q -m "not lab and not full" tests/integration

integration: stories networks hosts ## playbooks against the simulator and the lab

stories: lab-setup ## the stories of site.yml, in a lab beside the machine's
	@scripts/beside stories pytest -q $(STORIES)

networks: lab-setup ## changes of a host's network that go wrong, in a room of their own
	@scripts/beside networks pytest -q -m "lab and not full" $(NETWORKS)

hosts: lab-setup ## all other tests that boot hosts, in the machine's lab
	@pytest -q -m "lab and not full" tests/integration $(addprefix --ignore ,$(STORIES) $(NETWORKS))

molecule: lab-setup ## every role in systemd containers: check, converge, idempotence, verify. SCENARIO=name for one
	@scripts/molecule $(SCENARIO)

molecule-hosts: lab-setup
	@scripts/molecule $(MOLECULE_HOSTS)

molecule-api: lab-setup
	@MOLECULE_ROOM=molecule-api scripts/molecule $(MOLECULE_API)

sanity: venv ## ansible-test sanity, no ignores
	@scripts/sanity

sanity-quick: venv # without what takes half of its time, and of which ruff finds most
	@scripts/sanity --skip-test pylint

bench: venv ## timings as ratios; prints, never asserts
	@for b in benchmarks/*.py; do echo "== $$b"; python $$b; done

docs: venv ## pages made from argument_specs (roles), checks, the policy and the causes of failed joins
	@python scripts/role_docs.py
	@python scripts/check_docs.py
	@python scripts/join_docs.py

build: venv ## wheel, sdist and galaxy tarball, each installed and tried
	@scripts/build

matrix: venv ## the wheel with each ansible-core and Python that go together, as far as the interpreters are there (ten minutes)
	@scripts/matrix

simulator: venv ## the CloudStack API simulator alone, an empty cloud: PORT=18080
	@exec python -m lab.simulator --port $(PORT)

clean: ## build products (not the lab: make lab-down)
	@rm -rf .build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
