# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_registry wants of Microsoft.ContainerRegistry/registries."""

from __future__ import annotations

from typing import Any

from .._core import identity_option as _managed_identity
from .._core import names as _names
from .._core.addresses import check_ipv4_cidr, same_networks
from .._core.arm import Arm, Json
from .._core.errors import InvalidOption
from .._core.plan import CREATE, ENUM, LOCATION, NUMBER, WHOLE, Plan, Rule, immutable
from .._core.resource import READ_ONLY as RESOURCE_READ_ONLY
from .._core.resource import Params

# Azure wants to be told; this one costs least.
NEW_SKU = "Basic"
_ENABLED = {"type": "bool", "required": True}
OPTIONS: dict[str, Any] = {
    "data_endpoint_enabled": {"type": "bool"},
    "network_rule_set": {
        "type": "dict",
        "options": {
            "default_action": {"type": "str", "choices": ["Allow", "Deny"], "required": True},
            "ip_rules": {"type": "list", "elements": "str"},
        },
    },
    "network_rule_bypass_options": {"type": "str", "choices": ["AzureServices", "None"]},
    "retention_policy": {"type": "dict", "options": {"enabled": _ENABLED, "days": {"type": "int"}}},
    "quarantine_policy_enabled": {"type": "bool"},
    "export_policy_enabled": {"type": "bool"},
    "azure_ad_authentication_as_arm_enabled": {"type": "bool"},
}


def _status(default: str) -> Rule:
    """Registries that never heard of a policy show none."""
    return Rule(compare=lambda wanted, current: str(wanted).lower() == str(current or default).lower())


RULES = {
    **_managed_identity.RULES,
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
READ_ONLY = (
    *RESOURCE_READ_ONLY,
    *_managed_identity.READ_ONLY,
    "properties.policies.retentionPolicy.lastUpdatedTime",
    "properties.policies.softDeletePolicy.lastUpdatedTime",
    "sku.tier",
)


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.REGISTRY)
    _managed_identity.check(params)
    if params["sku"] not in (None, "Premium"):
        _check_without_premium(params, params["sku"])
    if params["export_policy_enabled"] is False and params["public_network_access"] == "Enabled":
        raise InvalidOption("export_policy_enabled", False, "it needs public_network_access: Disabled, not Enabled.")
    days = (params["retention_policy"] or {}).get("days")
    if days is not None and not 0 <= days <= 365:
        raise InvalidOption("retention_policy.days", days, "use 0 to 365 days.")
    for cidr in (params["network_rule_set"] or {}).get("ip_rules") or []:
        check_ipv4_cidr("network_rule_set.ip_rules", cidr)


def check_new(params: Params) -> None:
    """What a new registry cannot have, which is of NEW_SKU where no option says otherwise. Raises InvalidOption."""
    if params["sku"] is None:
        _check_without_premium(params, NEW_SKU)
    if params["export_policy_enabled"] is False and params["public_network_access"] != "Disabled":
        raise InvalidOption("export_policy_enabled", False, "it needs public_network_access: Disabled.")


def _check_without_premium(params: Params, sku: str) -> None:
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
    for option, value, wanting in premium:
        if value == wanting:
            raise InvalidOption(option, params.get(option, value), f"it needs sku Premium, sku is {sku}.")


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
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
        "identity": _managed_identity.desired(params),
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
        "tags": params["tags"],
    }


def _policy(enabled: bool | None) -> dict[str, str] | None:
    return None if enabled is None else {"status": "enabled" if enabled else "disabled"}


def _network_rules(rules: dict[str, Any]) -> dict[str, Any]:
    ips = rules["ip_rules"]
    return {
        "defaultAction": rules["default_action"],
        "ipRules": None if ips is None else [{"action": "Allow", "value": ip} for ip in ips],
    }


def body(_arm: Arm, _params: Params, planned: Plan) -> Json:
    """The request of a write."""
    if planned.action == CREATE:
        return {"sku": {"name": NEW_SKU}, **planned.body}
    return _managed_identity.patched(planned.before, planned.body)
