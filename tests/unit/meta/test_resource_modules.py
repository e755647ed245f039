# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of CloudStack's objects: what Ansible cannot share with a fragment is held to the object's fields
here."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model import resource as model
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import HaHost, Scope
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host import DesiredHost, host_result
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import (
    ha_result,
    info_result,
    scope_result,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.oobm import Bmc, oobm_result
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.resource import predict, resource_result
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import mapping_of

ROOT = Path(__file__).parents[3]
MODULES = ROOT / "plugins" / "modules"
RESOURCES = {each.option: each for each in vars(model).values() if isinstance(each, model.Resource)}
MODULE_OF = {"primary_storage": "storage_pool"}  # the object's title in messages is not the module's name
WITH_FRAGMENT = {path.stem for path in MODULES.glob("*.py") if "cloudstack.kvm.cloudstack.resource" in path.read_text()}


def _module(name: str):
    return importlib.import_module(f"ansible_collections.cloudstack.kvm.plugins.modules.{name}")


def _returned(name: str) -> dict:
    return yaml.safe_load(_module(name).RETURN)


def test_every_resource_has_its_module():
    assert {MODULE_OF.get(option, option) for option in RESOURCES} == WITH_FRAGMENT


@pytest.mark.parametrize(("option", "resource"), RESOURCES.items(), ids=RESOURCES)
def test_a_module_returns_what_it_documents(option, resource):
    name = MODULE_OF.get(option, option)
    documented = _returned(name)
    assert set(documented) == {name}
    fields = set(documented[name]["contains"])
    assert fields == set(resource_result(resource, "x", {"id": "1"}))
    assert fields == set(predict(resource, "x", {}, None))


@pytest.mark.parametrize(("option", "resource"), RESOURCES.items(), ids=RESOURCES)
def test_a_field_is_an_option(option, resource):
    module = _module(MODULE_OF.get(option, option))
    assert set(resource.options) <= set(module.ARGUMENT_SPEC)
    assert "state" in module.ARGUMENT_SPEC


def test_host_returns_what_it_documents():
    host = DesiredHost("192.0.2.11", "zone1", "pod1", "cluster1", None, None, None)
    assert set(host_result({}, host)) == set(_returned("host")["host"]["contains"])


def test_oobm_returns_what_it_documents():
    bmc = Bmc("ipmitool", "198.51.100.11", "623", "ADMIN", "secret")
    assert set(oobm_result(bmc, "On")) == set(_returned("oobm")["oobm"]["contains"])


def test_host_ha_returns_what_it_documents():
    host = HaHost("192.0.2.11")
    assert set(ha_result(host)) == set(_returned("host_ha")["host_ha"]["contains"])
    assert set(info_result(host)) == set(_returned("host_ha_info")["hosts"]["contains"])
    assert set(scope_result(Scope("zone"))) == set(_returned("ha_scope")["ha_scope"]["contains"])


def test_cluster_info_returns_what_it_documents():
    documented = _returned("cluster_info")["cluster"]["contains"]
    assert set(mapping_of(Cluster(zone="zone1", pod="pod1", name="cluster1"))) == set(documented)
