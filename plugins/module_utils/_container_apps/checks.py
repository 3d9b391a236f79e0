# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Azure Container Apps would refuse of an app, found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import names as _names
from .._core.addresses import check_cidr
from .._core.errors import InvalidOption
from .._core.resource import Params
from . import template as shared
from .template import check_between, check_port, check_unique

_MOST_REPLICAS = 1000
_LONGEST_REVISION = 54


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.CONTAINER_APP)
    if params["state"] == "absent":
        return
    shared.check(params)
    check_between("max_inactive_revisions", params["max_inactive_revisions"], 0, 100)
    check_between("termination_grace_period_seconds", params["termination_grace_period_seconds"], 0, 600)
    _check_suffix(params)
    _check_ingress(params)
    _check_dapr(params["dapr"])
    _check_scale(params)
    shared.check_references(params, _references(params))


def _check_suffix(params: Params) -> None:
    suffix = params["revision_suffix"]
    if suffix is None:
        return
    _names.check("revision_suffix", suffix, _names.REVISION_SUFFIX)
    length = len(params["name"]) + len(suffix)
    if length > _LONGEST_REVISION:
        raise InvalidOption(
            "revision_suffix",
            suffix,
            f"with the app's name it has {length} characters, use {_LONGEST_REVISION} at most.",
        )


def _check_ingress(params: Params) -> None:
    ingress = params["ingress"]
    if ingress is None:
        return
    if not ingress["enabled"]:
        _check_alone("ingress", ingress)
        return
    for option in ("target_port", "exposed_port"):
        check_port(f"ingress.{option}", ingress[option] or None)
    if ingress["exposed_port"] and ingress["transport"] in ("auto", "http", "http2"):
        raise InvalidOption(
            "ingress.exposed_port",
            ingress["exposed_port"],
            "only an app with transport tcp has one; HTTP is on 80 and 443.",
        )
    _check_ip_restrictions(ingress["ip_security_restrictions"] or [])
    _check_cors(ingress["cors"])
    check_unique("ingress.custom_domains.name", [item["name"] for item in ingress["custom_domains"] or []])
    for domain in ingress["custom_domains"] or []:
        if domain["binding_type"] == "SniEnabled" and not domain["certificate_id"]:
            raise InvalidOption("ingress.custom_domains.binding_type", "SniEnabled", "it needs a certificate_id.")
    mappings = ingress["additional_port_mappings"] or []
    check_unique("ingress.additional_port_mappings.target_port", [str(item["target_port"]) for item in mappings])
    for mapping in mappings:
        check_port("ingress.additional_port_mappings.target_port", mapping["target_port"])
        check_port("ingress.additional_port_mappings.exposed_port", mapping["exposed_port"])
    if ingress["sticky_sessions"] and params["revision_mode"] == "Multiple":
        raise InvalidOption("ingress.sticky_sessions", True, "it needs revision_mode Single.")
    _check_traffic(params, ingress["traffic"] or [])


def _check_alone(option: str, given: dict[str, Any]) -> None:
    """What is switched off has no settings."""
    others = sorted(key for key, value in given.items() if key != "enabled" and value is not None)
    if others:
        raise InvalidOption(
            f"{option}.enabled", False, f"then {option} has no other settings: remove {', '.join(others)}."
        )


def _check_ip_restrictions(restrictions: list[dict[str, Any]]) -> None:
    for restriction in restrictions:
        check_cidr("ingress.ip_security_restrictions.ip_address_range", restriction["ip_address_range"])
    check_unique("ingress.ip_security_restrictions.name", [item["name"] for item in restrictions])
    actions = {item["action"] for item in restrictions}
    if len(actions) > 1:
        raise InvalidOption(
            "ingress.ip_security_restrictions.action", sorted(actions), "all rules must have the same action."
        )


def _check_cors(cors: dict[str, Any] | None) -> None:
    if cors is None:
        return
    if not cors["enabled"]:
        _check_alone("ingress.cors", cors)
        return
    if not cors["allowed_origins"]:
        raise InvalidOption("ingress.cors.allowed_origins", cors["allowed_origins"], "name at least one origin, or *.")
    if cors["allow_credentials"] and "*" in cors["allowed_origins"]:
        raise InvalidOption(
            "ingress.cors.allow_credentials", True, "browsers refuse credentials for any origin (*): name the origins."
        )


def _check_traffic(params: Params, traffic: list[dict[str, Any]]) -> None:
    if not traffic:
        return
    weights = [item["weight"] for item in traffic]
    for item in traffic:
        check_between("ingress.traffic.weight", item["weight"], 0, 100)
        if bool(item["latest_revision"]) == bool(item["revision_name"]):
            raise InvalidOption(
                "ingress.traffic",
                item["revision_name"],
                "an entry has either latest_revision: true or a revision_name.",
            )
        if item["revision_name"] and not item["revision_name"].startswith(f"{params['name']}--"):
            raise InvalidOption(
                "ingress.traffic.revision_name",
                item["revision_name"],
                f"a revision of this app has a name that begins with {params['name']}--.",
            )
        if item["revision_name"] and params["revision_mode"] == "Single":
            raise InvalidOption(
                "ingress.traffic.revision_name",
                item["revision_name"],
                "with revision_mode Single all requests go to the latest: set Multiple, or leave traffic out.",
            )
    if sum(weight or 0 for weight in weights) != 100:
        raise InvalidOption("ingress.traffic.weight", weights, "weights must sum to 100.")
    check_unique("ingress.traffic.label", [item["label"] for item in traffic if item["label"]])


def _check_dapr(dapr: dict[str, Any] | None) -> None:
    if dapr is None:
        return
    if not dapr["enabled"]:
        _check_alone("dapr", dapr)
        return
    if not dapr["app_id"]:
        raise InvalidOption("dapr.app_id", dapr["app_id"], "Dapr finds the app by it: give one, or say enabled: false.")
    check_port("dapr.app_port", dapr["app_port"])


def _check_scale(params: Params) -> None:
    scale = params["scale"]
    if scale is None:
        return
    least, most = scale["min_replicas"], scale["max_replicas"]
    check_between("scale.min_replicas", least, 0, _MOST_REPLICAS)
    check_between("scale.max_replicas", most, 1, _MOST_REPLICAS)
    for option in ("cooldown_period", "polling_interval"):
        if scale[option] is not None and scale[option] < 1:
            raise InvalidOption(f"scale.{option}", scale[option], "use at least 1 second.")
    if least is not None and most is not None and least > most:
        raise InvalidOption("scale.min_replicas", least, f"it is more than scale.max_replicas ({most}).")
    for rule in scale["rules"] or []:
        _names.check("scale.rules.name", rule["name"], _names.SCALE_RULE)
        for kind in ("http", "tcp", "custom"):
            if rule[kind] is not None:
                shared.check_identity(params, f"scale.rules[{rule['name']}].{kind}.identity", rule[kind]["identity"])
        if sum(rule[kind] is not None for kind in ("http", "tcp", "custom")) != 1:
            raise InvalidOption("scale.rules.name", rule["name"], "a rule has exactly one of http, tcp and custom.")
    check_unique("scale.rules.name", [rule["name"] for rule in scale["rules"] or []])


def _references(params: Params) -> Iterator[tuple[str, str]]:
    """Option and name of every secret that is referred to."""
    yield from shared.references(params)
    for rule in (params["scale"] or {}).get("rules") or []:
        for kind in ("http", "tcp", "custom"):
            yield from shared.trigger_references(f"scale.rules[{rule['name']}].{kind}", rule[kind])
