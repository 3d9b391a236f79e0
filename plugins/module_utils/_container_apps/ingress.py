# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option C(ingress) of a container app."""

from __future__ import annotations

from typing import Any

from .._core.addresses import check_cidr
from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import (
    ENUM,
    FLAG,
    NUMBER,
    UNORDERED,
    WHOLE_BY_NAME,
    Rule,
    Rules,
    defaults_to,
    same_ignoring_case,
    same_number,
)
from .options import (
    BOOLEAN,
    ENABLED,
    INTEGER,
    NAME,
    STRINGS,
    Spec,
    check_between,
    check_disabled,
    check_port,
    check_unique,
    each,
    group,
    items,
    text,
)

OPTIONS: dict[str, Spec] = {
    "ingress": group(
        enabled=ENABLED,
        external=BOOLEAN,
        target_port=INTEGER,
        exposed_port=INTEGER,
        transport=text(choices=["auto", "http", "http2", "tcp"]),
        allow_insecure=BOOLEAN,
        client_certificate_mode=text(choices=["ignore", "accept", "require"]),
        sticky_sessions=BOOLEAN,
        ip_security_restrictions=items(
            name=NAME,
            ip_address_range=text(required=True),
            action=text(choices=["Allow", "Deny"], default="Allow"),
            description=text(),
        ),
        cors=group(
            enabled=ENABLED,
            allowed_origins=STRINGS,
            allowed_methods=STRINGS,
            allowed_headers=STRINGS,
            expose_headers=STRINGS,
            max_age=INTEGER,
            allow_credentials=BOOLEAN,
        ),
        custom_domains=items(
            name=NAME, certificate_id=text(), binding_type=text(choices=["Disabled", "SniEnabled", "Auto"])
        ),
        additional_port_mappings=items(
            target_port={"type": "int", "required": True},
            exposed_port=INTEGER,
            external={"type": "bool", "default": False},
        ),
        traffic=items(weight=INTEGER, revision_name=text(), latest_revision=BOOLEAN, label=text()),
    )
}
_PATH = "properties.configuration.ingress"
RULES: Rules = {
    _PATH: Rule(removable=True),
    f"{_PATH}.additionalPortMappings": Rule(key="targetPort"),
    f"{_PATH}.additionalPortMappings[].external": FLAG,
    f"{_PATH}.clientCertificateMode": defaults_to("ignore", same_ignoring_case),
    f"{_PATH}.corsPolicy": Rule(removable=True),
    f"{_PATH}.corsPolicy.allowCredentials": FLAG,
    **{
        f"{_PATH}.corsPolicy.{name}": UNORDERED
        for name in ("allowedOrigins", "allowedMethods", "allowedHeaders", "exposeHeaders")
    },
    f"{_PATH}.customDomains": WHOLE_BY_NAME,
    f"{_PATH}.customDomains[].bindingType": defaults_to("Disabled", same_ignoring_case),
    f"{_PATH}.exposedPort": defaults_to(0, same_number),
    f"{_PATH}.ipSecurityRestrictions": WHOLE_BY_NAME,
    f"{_PATH}.ipSecurityRestrictions[].action": ENUM,
    f"{_PATH}.stickySessions.affinity": defaults_to("none", same_ignoring_case),
    f"{_PATH}.targetPort": NUMBER,
    f"{_PATH}.traffic": UNORDERED,
    f"{_PATH}.transport": ENUM,
}
READ_ONLY = (f"{_PATH}.fqdn",)


def desired(params: Params) -> dict[str, Any] | None:
    """Return the ingress as ARM JSON, {} to remove it."""
    ingress = params["ingress"]
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
        "traffic": each(ingress["traffic"], _traffic_weight),
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


def _traffic_weight(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "weight": item["weight"],
        "label": item["label"],
        # Azure does not return false.
        "latestRevision": item["latest_revision"] or None,
        "revisionName": item["revision_name"],
    }


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    ingress = params["ingress"]
    if ingress is None:
        return
    if not ingress["enabled"]:
        check_disabled("ingress", ingress)
        return
    for option in ("target_port", "exposed_port"):
        check_port(f"ingress.{option}", ingress[option] or None)
    if ingress["exposed_port"] and ingress["transport"] in ("auto", "http", "http2"):
        raise InvalidOption(
            "ingress.exposed_port",
            ingress["exposed_port"],
            "only an app with transport tcp has one; HTTP is on 80 and 443.",
        )
    _validate_ip_restrictions(ingress["ip_security_restrictions"] or [])
    _validate_cors(ingress["cors"])
    _validate_custom_domains(ingress["custom_domains"] or [])
    _validate_port_mappings(ingress["additional_port_mappings"] or [])
    if ingress["sticky_sessions"] and params["revision_mode"] == "Multiple":
        raise InvalidOption("ingress.sticky_sessions", True, "it needs revision_mode Single.")
    _validate_traffic(params, ingress["traffic"] or [])


def _validate_ip_restrictions(restrictions: list[dict[str, Any]]) -> None:
    for restriction in restrictions:
        check_cidr("ingress.ip_security_restrictions.ip_address_range", restriction["ip_address_range"])
    check_unique("ingress.ip_security_restrictions.name", [item["name"] for item in restrictions])
    actions = {item["action"] for item in restrictions}
    if len(actions) > 1:
        raise InvalidOption(
            "ingress.ip_security_restrictions.action", sorted(actions), "all rules must have the same action."
        )


def _validate_cors(cors: dict[str, Any] | None) -> None:
    if cors is None:
        return
    if not cors["enabled"]:
        check_disabled("ingress.cors", cors)
        return
    if not cors["allowed_origins"]:
        raise InvalidOption("ingress.cors.allowed_origins", cors["allowed_origins"], "set at least one origin, or *.")
    if cors["allow_credentials"] and "*" in cors["allowed_origins"]:
        raise InvalidOption(
            "ingress.cors.allow_credentials", True, "browsers refuse credentials for any origin (*): list the origins."
        )


def _validate_custom_domains(domains: list[dict[str, Any]]) -> None:
    check_unique("ingress.custom_domains.name", [domain["name"] for domain in domains])
    for domain in domains:
        if domain["binding_type"] == "SniEnabled" and not domain["certificate_id"]:
            raise InvalidOption("ingress.custom_domains.binding_type", "SniEnabled", "it needs a certificate_id.")


def _validate_port_mappings(mappings: list[dict[str, Any]]) -> None:
    check_unique("ingress.additional_port_mappings.target_port", [str(item["target_port"]) for item in mappings])
    for mapping in mappings:
        check_port("ingress.additional_port_mappings.target_port", mapping["target_port"])
        check_port("ingress.additional_port_mappings.exposed_port", mapping["exposed_port"])


def _validate_traffic(params: Params, traffic: list[dict[str, Any]]) -> None:
    if not traffic:
        return
    weights = [item["weight"] for item in traffic]
    for item in traffic:
        revision = item["revision_name"]
        check_between("ingress.traffic.weight", item["weight"], 0, 100)
        if bool(item["latest_revision"]) == bool(revision):
            raise InvalidOption(
                "ingress.traffic", revision, "an entry has either latest_revision: true or a revision_name."
            )
        if revision and not revision.startswith(f"{params['name']}--"):
            raise InvalidOption(
                "ingress.traffic.revision_name",
                revision,
                f"a revision of this app has a name that begins with {params['name']}--.",
            )
        if revision and params["revision_mode"] == "Single":
            raise InvalidOption(
                "ingress.traffic.revision_name",
                revision,
                "with revision_mode Single all requests go to the latest revision: set Multiple, or remove traffic.",
            )
    if sum(weight or 0 for weight in weights) != 100:
        raise InvalidOption("ingress.traffic.weight", weights, "weights must sum to 100.")
    check_unique("ingress.traffic.label", [item["label"] for item in traffic if item["label"]])
