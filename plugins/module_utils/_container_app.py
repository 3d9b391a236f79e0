# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app wants of Microsoft.App/containerApps: request bodies, rules, secrets."""

from __future__ import annotations

from typing import Any

from ._arm import Arm, Json, Operations
from ._plan import (
    BY_NAME,
    ENUM,
    ID,
    LOCATION,
    NUMBER,
    QUANTITY,
    UNORDERED,
    WHOLE,
    WHOLE_BY_NAME,
    Plan,
    Rule,
    immutable,
    same_keys,
    same_number,
    without,
)
from ._resource import READ_ONLY as READ_ONLY_EVERYWHERE
from ._resource import Params

CLIENT = "azure.mgmt.appcontainers:ContainerAppsAPIClient"
APPS = Operations(CLIENT, "container_apps", "Microsoft.App")

_CONFIGURATION = "properties.configuration"
_TEMPLATE = "properties.template"


def _container_rules(path: str) -> dict[str, Rule]:
    return {
        path: BY_NAME,
        f"{path}[].env": WHOLE_BY_NAME,
        f"{path}[].probes": Rule(key="type"),
        f"{path}[].probes[]": Rule(exclusive=("httpGet", "tcpSocket")),
        f"{path}[].probes[].type": ENUM,
        f"{path}[].probes[].httpGet.scheme": ENUM,
        f"{path}[].resources.cpu": NUMBER,
        f"{path}[].resources.memory": QUANTITY,
        f"{path}[].volumeMounts": Rule(key="mountPath", whole=True),
    }


RULES = {
    "location": immutable("location", LOCATION),
    "identity.type": ENUM,
    "identity.userAssignedIdentities": Rule(compare=same_keys),
    "properties.environmentId": immutable("environment_id", ID),
    f"{_CONFIGURATION}.activeRevisionsMode": ENUM,
    f"{_CONFIGURATION}.ingress.ipSecurityRestrictions": WHOLE_BY_NAME,
    f"{_CONFIGURATION}.ingress.ipSecurityRestrictions[].action": ENUM,
    f"{_CONFIGURATION}.ingress.exposedPort": NUMBER,
    f"{_CONFIGURATION}.ingress.targetPort": NUMBER,
    f"{_CONFIGURATION}.ingress.traffic": UNORDERED,
    f"{_CONFIGURATION}.ingress.transport": ENUM,
    f"{_CONFIGURATION}.registries": Rule(key="server", whole=True),
    f"{_CONFIGURATION}.secrets": WHOLE_BY_NAME,
    **_container_rules(f"{_TEMPLATE}.containers"),
    **_container_rules(f"{_TEMPLATE}.initContainers"),
    # Azure answers null where 0 was sent.
    f"{_TEMPLATE}.scale.minReplicas": Rule(compare=lambda wanted, current: same_number(wanted or 0, current or 0)),
    f"{_TEMPLATE}.scale.rules": WHOLE_BY_NAME,
    f"{_TEMPLATE}.volumes": WHOLE_BY_NAME,
    f"{_TEMPLATE}.volumes[].storageType": ENUM,
    "properties.workloadProfileName": ENUM,
    "tags": WHOLE,
}
READ_ONLY = (
    *READ_ONLY_EVERYWHERE,
    "identity.principalId",
    "identity.tenantId",
    "identity.userAssignedIdentities.*.principalId",
    "identity.userAssignedIdentities.*.clientId",
    "properties.customDomainVerificationId",
    "properties.delegatedIdentities",
    "properties.deploymentErrors",
    "properties.eventStreamEndpoint",
    "properties.latestReadyRevisionName",
    "properties.latestRevisionFqdn",
    "properties.latestRevisionName",
    # The older name of environmentId, which is always there too.
    "properties.managedEnvironmentId",
    "properties.outboundIpAddresses",
    "properties.runningStatus",
    f"{_CONFIGURATION}.ingress.fqdn",
    f"{_TEMPLATE}.containers[].imageType",
    f"{_TEMPLATE}.containers[].resources.ephemeralStorage",
    f"{_TEMPLATE}.initContainers[].imageType",
    f"{_TEMPLATE}.initContainers[].resources.ephemeralStorage",
)


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    return {
        "location": params["location"],
        "identity": _identity(params["identity"]),
        "properties": {
            "environmentId": params["environment_id"],
            "workloadProfileName": params["workload_profile_name"],
            "configuration": {
                "activeRevisionsMode": params["revision_mode"],
                "ingress": _ingress(params["ingress"]),
                "registries": _each(params["registries"], _registry),
                "secrets": _each(params["secrets"], _secret),
            },
            "template": {
                "containers": _each(params["containers"], _container),
                "initContainers": _each(params["init_containers"], _container),
                "revisionSuffix": params["revision_suffix"],
                "scale": _scale(params["scale"]),
                "terminationGracePeriodSeconds": params["termination_grace_period_seconds"],
                "volumes": _each(params["volumes"], _volume),
            },
        },
        "tags": params["tags"],
    }


def _each(items: list[Any] | None, make: Any) -> list[Any] | None:
    return None if items is None else [make(item) for item in items]


def _identity(identity: dict[str, Any] | None) -> dict[str, Any] | None:
    if identity is None:
        return None
    ids = identity["user_assigned_identities"]
    return {"type": identity["type"], "userAssignedIdentities": {id_: {} for id_ in ids} if ids else None}


def _ingress(ingress: dict[str, Any] | None) -> dict[str, Any] | None:
    if ingress is None:
        return None
    return {
        "external": ingress["external"],
        "targetPort": ingress["target_port"],
        "exposedPort": ingress["exposed_port"],
        "transport": ingress["transport"],
        "allowInsecure": ingress["allow_insecure"],
        "ipSecurityRestrictions": _each(ingress["ip_security_restrictions"], _ip_restriction),
        "traffic": _each(ingress["traffic"], _traffic),
    }


def _ip_restriction(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "ipAddressRange": item["ip_address_range"],
        "action": item["action"],
        "description": item["description"],
    }


def _traffic(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "weight": item["weight"],
        "label": item["label"],
        # Azure drops a false one.
        "latestRevision": item["latest_revision"] or None,
        "revisionName": item["revision_name"],
    }


def _registry(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "server": item["server"],
        "identity": item["identity"],
        "username": item["username"],
        "passwordSecretRef": item["password_secret_ref"],
    }


def _secret(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "value": item["value"],
        "keyVaultUrl": item["key_vault_url"],
        "identity": item["identity"],
    }


def _container(item: dict[str, Any]) -> dict[str, Any]:
    resources = {"cpu": item["cpu"], "memory": item["memory"]}
    return {
        "name": item["name"],
        "image": item["image"],
        "command": item["command"],
        "args": item["args"],
        "env": _each(item["env"], _variable),
        "resources": resources if any(value is not None for value in resources.values()) else None,
        "probes": _each(item.get("probes"), _probe),
        "volumeMounts": _each(item["volume_mounts"], _volume_mount),
    }


def _variable(item: dict[str, Any]) -> dict[str, Any]:
    if item["secret_ref"] is None and item["value"] is None:
        return {"name": item["name"], "value": ""}
    return {"name": item["name"], "value": item["value"], "secretRef": item["secret_ref"]}


def _probe(item: dict[str, Any]) -> dict[str, Any]:
    get, tcp = item["http_get"], item["tcp_socket"]
    return {
        "type": item["type"],
        "httpGet": None if get is None else {key: get[key] for key in ("path", "port", "scheme")},
        "tcpSocket": None if tcp is None else {"port": tcp["port"]},
        "initialDelaySeconds": item["initial_delay_seconds"],
        "periodSeconds": item["period_seconds"],
        "timeoutSeconds": item["timeout_seconds"],
        "failureThreshold": item["failure_threshold"],
        "successThreshold": item["success_threshold"],
    }


def _volume_mount(item: dict[str, Any]) -> dict[str, Any]:
    return {"volumeName": item["volume_name"], "mountPath": item["mount_path"], "subPath": item["sub_path"]}


def _volume(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "storageType": item["storage_type"],
        "storageName": item["storage_name"],
        "mountOptions": item["mount_options"],
        "secrets": _each(item["secrets"], lambda secret: {"secretRef": secret["secret_ref"], "path": secret["path"]}),
    }


def _scale(scale: dict[str, Any] | None) -> dict[str, Any] | None:
    if scale is None:
        return None
    return {
        "minReplicas": scale["min_replicas"],
        "maxReplicas": scale["max_replicas"],
        "rules": _each(scale["rules"], _scale_rule),
    }


def _scale_rule(item: dict[str, Any]) -> dict[str, Any]:
    kinds = {kind: _trigger(item[kind]) for kind in ("http", "tcp", "custom")}
    return {"name": item["name"], **kinds}


def _trigger(trigger: dict[str, Any] | None) -> dict[str, Any] | None:
    if trigger is None:
        return None
    metadata = trigger["metadata"]
    return {
        "type": trigger.get("type"),
        "metadata": None if metadata is None else {key: str(value) for key, value in metadata.items()},
        "auth": _each(
            trigger["auth"],
            lambda auth: {"secretRef": auth["secret_ref"], "triggerParameter": auth["trigger_parameter"]},
        ),
        "identity": trigger["identity"],
    }


def with_secret_values(arm: Arm, params: Params, app: Json) -> Json:
    """The app with the values of its secrets, which only listSecrets tells, where they are to be compared."""
    return app if params["secrets"] is None else _filled(arm, params, app)


def body(arm: Arm, params: Params, planned: Plan) -> Json:
    """The request: with all secrets (Azure refuses one without its value), and without a suffix that is used up."""
    request = _filled(arm, params, planned.body) if planned.before else planned.body
    if params["revision_suffix"] is None:
        return without(request, [f"{_TEMPLATE}.revisionSuffix"])
    return request


def _filled(arm: Arm, params: Params, app: Json) -> Json:
    secrets = _secrets(app)
    if all(_is_complete(secret) for secret in secrets):
        return app
    answer = arm.call(APPS, "list_secrets", params["resource_group"], params["name"])
    values = {item["name"]: item.get("value") for item in answer.get("value") or []}
    filled = [secret if _is_complete(secret) else {**secret, "value": values.get(secret["name"])} for secret in secrets]
    return _with_secrets(app, filled)


def _is_complete(secret: Json) -> bool:
    return bool(secret.get("value") or secret.get("keyVaultUrl"))


def _secrets(app: Json) -> list[Json]:
    configuration = (app.get("properties") or {}).get("configuration") or {}
    return list(configuration.get("secrets") or [])


def _with_secrets(app: Json, secrets: list[Json]) -> Json:
    properties = app["properties"]
    configuration = {**properties["configuration"], "secrets": secrets}
    return {**app, "properties": {**properties, "configuration": configuration}}


def public(app: Json) -> Json:
    """The app without the values of its secrets."""
    secrets = _secrets(app)
    if not secrets:
        return app
    return _with_secrets(app, [{key: item for key, item in secret.items() if key != "value"} for secret in secrets])


def public_diff(before: Json, after: Json) -> tuple[Json, Json]:
    """Both sides without values, but a value that changes is marked."""
    old = {secret["name"]: secret.get("value") for secret in _secrets(before)}
    after_public = public(after)
    marked = [
        {**shown, "value": "(hidden, changed)"}
        if secret["name"] in old and "value" in secret and secret["value"] != old[secret["name"]]
        else shown
        for shown, secret in zip(_secrets(after_public), _secrets(after), strict=True)
    ]
    return public(before), _with_secrets(after_public, marked) if marked else after_public
