# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.ContainerRegistry/registries."""

from __future__ import annotations

from typing import Any

from .._core import identity_option, names
from .._core.addresses import check_ipv4_cidr, same_networks
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json, Operations
from .._core.errors import InvalidOption
from .._core.plan import CREATE, ENUM, LOCATION, NUMBER, WHOLE, Plan, Rule, immutable
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource

REGISTRIES = Operations(
    "azure.mgmt.containerregistry:ContainerRegistryManagementClient", "registries", "Microsoft.ContainerRegistry"
)
# Azure requires a sku; this one costs least.
NEW_SKU = "Basic"
_SWITCH = {"type": "str", "choices": ["Enabled", "Disabled"]}


def _status(default: str) -> Rule:
    """Return the rule for the status of a policy: Azure leaves it out of registries that are older than the policy."""
    return Rule(compare=lambda desired, current: str(desired).lower() == str(current or default).lower())


class ContainerRegistry(Resource):
    """A container registry."""

    name = "container_registry"
    type = "Microsoft.ContainerRegistry/registries"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    address = ("resource_group", "name")
    operations = REGISTRIES
    packages = {"azure.mgmt.containerregistry": "azure-mgmt-containerregistry"}
    create_method = "begin_create"
    update_method = "begin_update"
    partial = True
    wait_timeout = 600
    options = {
        **IN_GROUP,
        "sku": {"type": "str", "choices": ["Basic", "Standard", "Premium"]},
        "admin_user_enabled": {"type": "bool", "default": False},
        "anonymous_pull_enabled": {"type": "bool"},
        "public_network_access": _SWITCH,
        "zone_redundancy": _SWITCH,
        "data_endpoint_enabled": {"type": "bool"},
        "network_rule_set": {
            "type": "dict",
            "options": {
                "default_action": {"type": "str", "choices": ["Allow", "Deny"], "required": True},
                "ip_rules": {"type": "list", "elements": "str"},
            },
        },
        "network_rule_bypass_options": {"type": "str", "choices": ["AzureServices", "None"]},
        "retention_policy": {
            "type": "dict",
            "options": {"enabled": {"type": "bool", "required": True}, "days": {"type": "int"}},
        },
        "quarantine_policy_enabled": {"type": "bool"},
        "export_policy_enabled": {"type": "bool"},
        "azure_ad_authentication_as_arm_enabled": {"type": "bool"},
        **identity_option.OPTION,
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        **identity_option.RULES,
        "location": immutable("location", LOCATION),
        "sku.name": ENUM,
        "properties.networkRuleBypassOptions": ENUM,
        "properties.networkRuleSet.defaultAction": ENUM,
        "properties.networkRuleSet.ipRules": Rule(compare=same_networks),
        "properties.policies.azureADAuthenticationAsArmPolicy.status": _status("enabled"),
        "properties.policies.exportPolicy.status": _status("enabled"),
        "properties.policies.quarantinePolicy.status": _status("disabled"),
        "properties.policies.retentionPolicy.days": NUMBER,
        "properties.policies.retentionPolicy.status": _status("disabled"),
        "properties.publicNetworkAccess": ENUM,
        "properties.zoneRedundancy": immutable("zone_redundancy", ENUM),
        "tags": WHOLE,
    }
    read_only = (
        *READ_ONLY,
        *identity_option.READ_ONLY,
        "properties.policies.retentionPolicy.lastUpdatedTime",
        "properties.policies.softDeletePolicy.lastUpdatedTime",
        "sku.tier",
    )

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", params["name"], names.REGISTRY)
        identity_option.check(params)
        if params["sku"] not in (None, "Premium"):
            self._validate_without_premium(params["sku"])
        if params["export_policy_enabled"] is False and params["public_network_access"] == "Enabled":
            raise InvalidOption(
                "export_policy_enabled", False, "it needs public_network_access: Disabled, not Enabled."
            )
        days = (params["retention_policy"] or {}).get("days")
        if days is not None and not 0 <= days <= 365:
            raise InvalidOption("retention_policy.days", days, "use 0 to 365 days.")
        for cidr in (params["network_rule_set"] or {}).get("ip_rules") or []:
            check_ipv4_cidr("network_rule_set.ip_rules", cidr)

    def validate_create(self) -> None:
        params = self.params
        if params["sku"] is None:
            self._validate_without_premium(NEW_SKU)
        if params["export_policy_enabled"] is False and params["public_network_access"] != "Disabled":
            raise InvalidOption("export_policy_enabled", False, "it needs public_network_access: Disabled.")

    def _validate_without_premium(self, sku: str) -> None:
        """Raise InvalidOption for options that the sku does not have."""
        params = self.params
        if params["anonymous_pull_enabled"] and sku == "Basic":
            raise InvalidOption("anonymous_pull_enabled", True, "it needs sku Standard or Premium, sku is Basic.")
        retention = params["retention_policy"] or {}
        premium = (
            ("public_network_access", params["public_network_access"], "Disabled"),
            ("zone_redundancy", params["zone_redundancy"], "Enabled"),
            ("data_endpoint_enabled", params["data_endpoint_enabled"], True),
            ("quarantine_policy_enabled", params["quarantine_policy_enabled"], True),
            ("export_policy_enabled", params["export_policy_enabled"], False),
            ("retention_policy.enabled", retention.get("enabled"), True),
            ("network_rule_set", params["network_rule_set"] is not None, True),
        )
        for option, value, premium_only in premium:
            if value == premium_only:
                raise InvalidOption(option, params.get(option, value), f"it needs sku Premium, sku is {sku}.")

    def desired(self) -> dict[str, Any]:
        params = self.params
        rules, retention = params["network_rule_set"], params["retention_policy"]
        policies = {
            "azureADAuthenticationAsArmPolicy": _policy(params["azure_ad_authentication_as_arm_enabled"]),
            "exportPolicy": _policy(params["export_policy_enabled"]),
            "quarantinePolicy": _policy(params["quarantine_policy_enabled"]),
            "retentionPolicy": retention and {**(_policy(retention["enabled"]) or {}), "days": retention["days"]},
        }
        return {
            "location": params["location"],
            "sku": None if params["sku"] is None else {"name": params["sku"]},
            "identity": identity_option.desired(params),
            "properties": {
                "adminUserEnabled": params["admin_user_enabled"],
                "anonymousPullEnabled": params["anonymous_pull_enabled"],
                "dataEndpointEnabled": params["data_endpoint_enabled"],
                "networkRuleBypassOptions": params["network_rule_bypass_options"],
                "networkRuleSet": None if rules is None else _network_rules(rules),
                "policies": policies if any(policies.values()) else None,
                "publicNetworkAccess": params["public_network_access"],
                "zoneRedundancy": params["zone_redundancy"],
            },
            "tags": self.tags,
        }

    def request_body(self, planned: Plan) -> Json:
        if planned.action == CREATE:
            return {"sku": {"name": NEW_SKU}, **planned.body}
        return identity_option.patched(planned.before, planned.body)


def _policy(enabled: bool | None) -> dict[str, str] | None:
    return None if enabled is None else {"status": "enabled" if enabled else "disabled"}


def _network_rules(rules: dict[str, Any]) -> dict[str, Any]:
    ips = rules["ip_rules"]
    return {
        "defaultAction": rules["default_action"],
        "ipRules": None if ips is None else [{"action": "Allow", "value": ip} for ip in ips],
    }
