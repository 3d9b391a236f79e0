# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app wants of Microsoft.App/containerApps: options, request bodies, rules."""

from __future__ import annotations

from typing import Any

from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Arm, Json, Operations
from .._core.plan import (
    ENUM,
    NUMBER,
    UNORDERED,
    WHOLE_BY_NAME,
    Plan,
    Rule,
    equal_whole,
    same,
    same_ignoring_case,
    same_number,
    without,
)
from .._core.resource import Params
from . import secrets as _container_secrets
from . import template as shared
from .template import CONFIGURATION, NAME, NUMBER_OPTION, SCALER, STRINGS, TEMPLATE, each, group, items, text

APPS = Operations(shared.CLIENT, "container_apps", "Microsoft.App")

_BOOL: dict[str, Any] = {"type": "bool"}
_ON: dict[str, Any] = {"type": "bool", "default": True}
OPTIONS: dict[str, Any] = {
    **IN_GROUP,
    **shared.OPTIONS,
    "revision_mode": text(choices=["Single", "Multiple"]),
    "max_inactive_revisions": NUMBER_OPTION,
    "ingress": group(
        enabled=_ON,
        external=_BOOL,
        target_port=NUMBER_OPTION,
        exposed_port=NUMBER_OPTION,
        transport=text(choices=["auto", "http", "http2", "tcp"]),
        allow_insecure=_BOOL,
        client_certificate_mode=text(choices=["ignore", "accept", "require"]),
        sticky_sessions=_BOOL,
        ip_security_restrictions=items(
            name=NAME,
            ip_address_range=text(required=True),
            action=text(choices=["Allow", "Deny"], default="Allow"),
            description=text(),
        ),
        cors=group(
            enabled=_ON,
            allowed_origins=STRINGS,
            allowed_methods=STRINGS,
            allowed_headers=STRINGS,
            expose_headers=STRINGS,
            max_age=NUMBER_OPTION,
            allow_credentials=_BOOL,
        ),
        custom_domains=items(
            name=NAME, certificate_id=text(), binding_type=text(choices=["Disabled", "SniEnabled", "Auto"])
        ),
        additional_port_mappings=items(
            target_port={"type": "int", "required": True},
            exposed_port=NUMBER_OPTION,
            external={"type": "bool", "default": False},
        ),
        traffic=items(weight=NUMBER_OPTION, revision_name=text(), latest_revision=_BOOL, label=text()),
    ),
    "dapr": group(
        enabled=_ON,
        app_id=text(),
        app_port=NUMBER_OPTION,
        app_protocol=text(choices=["http", "grpc"]),
        http_max_request_size=NUMBER_OPTION,
        http_read_buffer_size=NUMBER_OPTION,
        log_level=text(choices=["debug", "error", "info", "warn"]),
        enable_api_logging=_BOOL,
    ),
    "scale": group(
        min_replicas=NUMBER_OPTION,
        max_replicas=NUMBER_OPTION,
        cooldown_period=NUMBER_OPTION,
        polling_interval=NUMBER_OPTION,
        rules=items(
            name=NAME,
            http=group(**SCALER),
            tcp=group(**SCALER),
            custom=group(type=text(required=True), **SCALER),
        ),
    ),
    "revision_suffix": text(),
    "termination_grace_period_seconds": NUMBER_OPTION,
    **TAGS,
}

_INGRESS = f"{CONFIGURATION}.ingress"
# Azure answers null, or leaves out, what is switched off.
_OFF_IS_UNSET = Rule(compare=lambda wanted, current: bool(wanted) is bool(current))


def _unset_is(default: str) -> Rule:
    return Rule(compare=lambda wanted, current: same_ignoring_case(wanted, current or default))


RULES = {
    **shared.RULES,
    f"{CONFIGURATION}.activeRevisionsMode": ENUM,
    f"{CONFIGURATION}.dapr.appProtocol": _unset_is("http"),
    f"{CONFIGURATION}.dapr.enabled": _OFF_IS_UNSET,
    f"{CONFIGURATION}.dapr.logLevel": _unset_is("info"),
    _INGRESS: Rule(removable=True),
    f"{_INGRESS}.additionalPortMappings": Rule(key="targetPort"),
    f"{_INGRESS}.additionalPortMappings[].external": _OFF_IS_UNSET,
    f"{_INGRESS}.clientCertificateMode": _unset_is("ignore"),
    f"{_INGRESS}.corsPolicy": Rule(removable=True),
    f"{_INGRESS}.corsPolicy.allowCredentials": _OFF_IS_UNSET,
    **{
        f"{_INGRESS}.corsPolicy.{name}": UNORDERED
        for name in ("allowedOrigins", "allowedMethods", "allowedHeaders", "exposeHeaders")
    },
    f"{_INGRESS}.customDomains": WHOLE_BY_NAME,
    f"{_INGRESS}.customDomains[].bindingType": _unset_is("Disabled"),
    f"{_INGRESS}.exposedPort": Rule(compare=lambda wanted, current: same_number(wanted or 0, current or 0)),
    f"{_INGRESS}.ipSecurityRestrictions": WHOLE_BY_NAME,
    f"{_INGRESS}.ipSecurityRestrictions[].action": ENUM,
    f"{_INGRESS}.stickySessions.affinity": _unset_is("none"),
    f"{_INGRESS}.targetPort": NUMBER,
    f"{_INGRESS}.traffic": UNORDERED,
    f"{_INGRESS}.transport": ENUM,
    # Azure answers null where 0 was sent.
    f"{TEMPLATE}.scale.minReplicas": Rule(compare=lambda wanted, current: same_number(wanted or 0, current or 0)),
    f"{TEMPLATE}.scale.rules": WHOLE_BY_NAME,
    f"{TEMPLATE}.scale.rules[]": Rule(
        compare=lambda wanted, current: equal_whole(wanted, _with_queue_as_custom(current))
    ),
    # Azure shows a grace period only where one was set; nothing else is 30 s.
    f"{TEMPLATE}.terminationGracePeriodSeconds": Rule(
        compare=lambda wanted, current: same(wanted, 30 if current is None else current)
    ),
}
READ_ONLY = (
    *shared.READ_ONLY,
    "properties.customDomainVerificationId",
    "properties.delegatedIdentities",
    "properties.deploymentErrors",
    "properties.latestReadyRevisionName",
    "properties.latestRevisionFqdn",
    "properties.latestRevisionName",
    # The older name of environmentId, which is always there too.
    "properties.managedEnvironmentId",
    f"{_INGRESS}.fqdn",
)


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    return {
        "location": params["location"],
        "identity": shared.identity(params),
        "properties": {
            "environmentId": params["environment_id"],
            "workloadProfileName": params["workload_profile_name"],
            "configuration": {
                **shared.configuration(params),
                "activeRevisionsMode": params["revision_mode"],
                "dapr": _dapr(params["dapr"]),
                "ingress": _ingress(params["ingress"]),
                "maxInactiveRevisions": params["max_inactive_revisions"],
            },
            "template": {
                **shared.template(params),
                "revisionSuffix": params["revision_suffix"],
                "scale": _scale(params["scale"]),
                "terminationGracePeriodSeconds": params["termination_grace_period_seconds"],
            },
        },
        "tags": params["tags"],
    }


def _dapr(dapr: dict[str, Any] | None) -> dict[str, Any] | None:
    if dapr is None:
        return None
    return {
        "enabled": dapr["enabled"],
        "appId": dapr["app_id"],
        "appPort": dapr["app_port"],
        "appProtocol": dapr["app_protocol"],
        "httpMaxRequestSize": dapr["http_max_request_size"],
        "httpReadBufferSize": dapr["http_read_buffer_size"],
        "logLevel": dapr["log_level"],
        "enableApiLogging": dapr["enable_api_logging"],
    }


def _ingress(ingress: dict[str, Any] | None) -> dict[str, Any] | None:
    if ingress is None:
        return None
    if not ingress["enabled"]:
        return {}
    sticky = ingress["sticky_sessions"]
    return {
        "external": ingress["external"],
        "targetPort": ingress["target_port"],
        "exposedPort": ingress["exposed_port"],
        "transport": ingress["transport"],
        "allowInsecure": ingress["allow_insecure"],
        "clientCertificateMode": ingress["client_certificate_mode"],
        "stickySessions": None if sticky is None else {"affinity": "sticky" if sticky else "none"},
        "ipSecurityRestrictions": each(ingress["ip_security_restrictions"], _ip_restriction),
        "corsPolicy": _cors(ingress["cors"]),
        "customDomains": each(ingress["custom_domains"], _custom_domain),
        "additionalPortMappings": each(ingress["additional_port_mappings"], _port_mapping),
        "traffic": each(ingress["traffic"], _traffic),
    }


def _ip_restriction(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "ipAddressRange": item["ip_address_range"],
        "action": item["action"],
        "description": item["description"],
    }


def _cors(cors: dict[str, Any] | None) -> dict[str, Any] | None:
    if cors is None:
        return None
    if not cors["enabled"]:
        return {}
    return {
        "allowedOrigins": cors["allowed_origins"],
        "allowedMethods": cors["allowed_methods"],
        "allowedHeaders": cors["allowed_headers"],
        "exposeHeaders": cors["expose_headers"],
        "maxAge": cors["max_age"],
        "allowCredentials": cors["allow_credentials"],
    }


def _custom_domain(item: dict[str, Any]) -> dict[str, Any]:
    binding = item["binding_type"] or ("SniEnabled" if item["certificate_id"] else "Disabled")
    return {"name": item["name"], "certificateId": item["certificate_id"], "bindingType": binding}


def _port_mapping(item: dict[str, Any]) -> dict[str, Any]:
    return {"external": item["external"], "targetPort": item["target_port"], "exposedPort": item["exposed_port"]}


def _traffic(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "weight": item["weight"],
        "label": item["label"],
        # Azure drops a false one.
        "latestRevision": item["latest_revision"] or None,
        "revisionName": item["revision_name"],
    }


def _scale(scale: dict[str, Any] | None) -> dict[str, Any] | None:
    if scale is None:
        return None
    return {
        "minReplicas": scale["min_replicas"],
        "maxReplicas": scale["max_replicas"],
        "cooldownPeriod": scale["cooldown_period"],
        "pollingInterval": scale["polling_interval"],
        "rules": each(scale["rules"], _scale_rule),
    }


def _with_queue_as_custom(rule: Json) -> Json:
    """Azure turns a custom rule of type azure-queue into a form of its own (azureQueue), which the options do not have."""
    queue = rule.get("azureQueue")
    if not queue:
        return rule
    metadata = {key: str(queue[key]) for key in ("accountName", "queueName", "queueLength") if queue.get(key)}
    custom = {"type": "azure-queue", "metadata": metadata, "auth": queue.get("auth"), "identity": queue.get("identity")}
    return {**rule, "azureQueue": None, "custom": custom}


def _scale_rule(item: dict[str, Any]) -> dict[str, Any]:
    triggers = {kind: item[kind] and shared.trigger(item[kind]) for kind in ("http", "tcp", "custom")}
    return {"name": item["name"], **triggers}


_complete = _container_secrets.completer(APPS)


def body(arm: Arm, params: Params, planned: Plan) -> Json:
    """The request: with all secrets, and without a suffix that is used up."""
    request = _complete(arm, params, planned)
    if params["revision_suffix"] is None:
        return without(request, [f"{TEMPLATE}.revisionSuffix"])
    return request
