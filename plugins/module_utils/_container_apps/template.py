# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What container apps and their jobs have in common: containers, volumes, secrets and registries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from .._core import identity_option as _managed_identity
from .._core import names as _names
from .._core.errors import InvalidOption
from .._core.plan import (
    BY_NAME,
    ENUM,
    ID,
    LOCATION,
    NUMBER,
    QUANTITY,
    UNORDERED,
    WHOLE,
    WHOLE_BY_NAME,
    Rule,
    immutable,
    quantity_in_bytes,
)
from .._core.resource import READ_ONLY as READ_ONLY_EVERYWHERE
from .._core.resource import Params

CLIENT = "azure.mgmt.appcontainers:ContainerAppsAPIClient"
PACKAGES = {"azure.mgmt.appcontainers": "azure-mgmt-appcontainers"}
Spec = dict[str, Any]

_IDENTITY_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+/?",
    re.IGNORECASE,
)
_VAULT_SECRET = re.compile(r"https://[^/]+/secrets/[A-Za-z0-9-]+(/[A-Za-z0-9]*)?")
_GIB = 2**30
_MOST_FAILURES = {"Startup": 240, "Readiness": 48, "Liveness": 30}
_TIMES = {
    "initial_delay_seconds": (0, 60),
    "period_seconds": (1, 240),
    "timeout_seconds": (1, 240),
    "success_threshold": (1, 10),
}


def text(**rest: Any) -> Spec:
    return {"type": "str", **rest}


def items(**options: Spec) -> Spec:
    return {"type": "list", "elements": "dict", "options": options}


def group(**options: Spec) -> Spec:
    return {"type": "dict", "options": options}


STRINGS: Spec = {"type": "list", "elements": "str"}
NUMBER_OPTION: Spec = {"type": "int"}
NAME = text(required=True)
_REQUIRED_PORT: Spec = {"type": "int", "required": True}

PROCESS: dict[str, Spec] = {
    "name": NAME,
    "image": text(),
    "command": STRINGS,
    "args": STRINGS,
    "env": items(name=NAME, value=text(), secret_ref=text(no_log=False)),
    "cpu": {"type": "float"},
    "memory": text(),
}
_CONTAINER: dict[str, Spec] = {
    **PROCESS,
    "volume_mounts": items(volume_name=NAME, mount_path=text(required=True), sub_path=text()),
}
_PROBES = items(
    type=text(choices=["Startup", "Readiness", "Liveness"], required=True),
    http_get=group(
        path=text(),
        port=_REQUIRED_PORT,
        scheme=text(choices=["HTTP", "HTTPS"]),
        http_headers=items(name=NAME, value=text(required=True)),
    ),
    tcp_socket=group(port=_REQUIRED_PORT),
    initial_delay_seconds=NUMBER_OPTION,
    period_seconds=NUMBER_OPTION,
    timeout_seconds=NUMBER_OPTION,
    failure_threshold=NUMBER_OPTION,
    success_threshold=NUMBER_OPTION,
)
SCALER: dict[str, Spec] = {
    "metadata": {"type": "dict"},
    "auth": items(secret_ref=text(required=True, no_log=False), trigger_parameter=text(required=True)),
    "identity": text(),
}
OPTIONS: dict[str, Spec] = {
    "environment_id": text(),
    **_managed_identity.OPTION,
    "secrets": {
        **items(name=NAME, value=text(no_log=True), key_vault_url=text(no_log=False), identity=text()),
        "no_log": False,
    },
    "keep_secrets": {"type": "bool", "default": False, "no_log": False},
    "registries": items(
        server=text(required=True), identity=text(), username=text(), password_secret_ref=text(no_log=False)
    ),
    "containers": items(**_CONTAINER, probes=_PROBES),
    "init_containers": items(**_CONTAINER),
    "volumes": items(
        name=NAME,
        storage_type=text(choices=["EmptyDir", "AzureFile", "NfsAzureFile", "Secret"], required=True),
        storage_name=text(),
        mount_options=text(),
        secrets={**items(secret_ref=text(required=True, no_log=False), path=text()), "no_log": False},
    ),
    "workload_profile_name": text(),
}

CONFIGURATION = "properties.configuration"
TEMPLATE = "properties.template"
SECRETS = f"{CONFIGURATION}.secrets"


def _container_rules(path: str) -> dict[str, Rule]:
    return {
        path: BY_NAME,
        f"{path}[].env": WHOLE_BY_NAME,
        f"{path}[].probes": Rule(key="type"),
        f"{path}[].probes[]": Rule(exclusive=("httpGet", "tcpSocket")),
        f"{path}[].probes[].type": ENUM,
        f"{path}[].probes[].httpGet.scheme": ENUM,
        f"{path}[].probes[].httpGet.httpHeaders": UNORDERED,
        f"{path}[].resources.cpu": NUMBER,
        f"{path}[].resources.memory": QUANTITY,
        f"{path}[].volumeMounts": Rule(key="mountPath", whole=True),
    }


RULES = {
    "location": immutable("location", LOCATION),
    **_managed_identity.RULES,
    "properties.environmentId": immutable("environment_id", ID),
    f"{CONFIGURATION}.registries": Rule(key="server", whole=True),
    SECRETS: WHOLE_BY_NAME,
    **_container_rules(f"{TEMPLATE}.containers"),
    **_container_rules(f"{TEMPLATE}.initContainers"),
    f"{TEMPLATE}.volumes": WHOLE_BY_NAME,
    f"{TEMPLATE}.volumes[].storageType": ENUM,
    "properties.workloadProfileName": ENUM,
    "tags": WHOLE,
}
READ_ONLY = (
    *READ_ONLY_EVERYWHERE,
    *_managed_identity.READ_ONLY,
    "properties.eventStreamEndpoint",
    "properties.outboundIpAddresses",
    "properties.runningStatus",
    f"{TEMPLATE}.containers[].imageType",
    f"{TEMPLATE}.containers[].resources.ephemeralStorage",
    f"{TEMPLATE}.initContainers[].imageType",
    f"{TEMPLATE}.initContainers[].resources.ephemeralStorage",
)


def identity(params: Params) -> dict[str, Any] | None:
    """ARM JSON of the option identity."""
    return _managed_identity.desired(params)


def each(wanted: list[Any] | None, make: Callable[[Any], Any]) -> list[Any] | None:
    return None if wanted is None else [make(item) for item in wanted]


def configuration(params: Params) -> dict[str, Any]:
    """ARM JSON of the configuration, as far as apps and jobs share it."""
    return {"registries": each(params["registries"], _registry), "secrets": each(params["secrets"], _secret)}


def template(params: Params) -> dict[str, Any]:
    """ARM JSON of the template, as far as apps and jobs share it."""
    return {
        "containers": each(params["containers"], container_json),
        "initContainers": each(params["init_containers"], container_json),
        "volumes": each(params["volumes"], _volume),
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


def container_json(item: dict[str, Any]) -> dict[str, Any]:
    """ARM JSON of a container."""
    resources = {"cpu": item["cpu"], "memory": item["memory"]}
    return {
        "name": item["name"],
        "image": item["image"],
        "command": item["command"],
        "args": item["args"],
        "env": each(item["env"], _variable),
        "resources": resources if any(value is not None for value in resources.values()) else None,
        "probes": each(item.get("probes"), _probe),
        "volumeMounts": each(item.get("volume_mounts"), _volume_mount),
    }


def _variable(item: dict[str, Any]) -> dict[str, Any]:
    if item["secret_ref"] is None and item["value"] is None:
        return {"name": item["name"], "value": ""}
    return {"name": item["name"], "value": item["value"], "secretRef": item["secret_ref"]}


def _probe(item: dict[str, Any]) -> dict[str, Any]:
    get, tcp = item["http_get"], item["tcp_socket"]
    return {
        "type": item["type"],
        "httpGet": None if get is None else _http_get(get),
        "tcpSocket": None if tcp is None else {"port": tcp["port"]},
        "initialDelaySeconds": item["initial_delay_seconds"],
        "periodSeconds": item["period_seconds"],
        "timeoutSeconds": item["timeout_seconds"],
        "failureThreshold": item["failure_threshold"],
        "successThreshold": item["success_threshold"],
    }


def _http_get(item: dict[str, Any]) -> dict[str, Any]:
    headers = each(item["http_headers"], lambda header: {"name": header["name"], "value": header["value"]})
    return {**{key: item[key] for key in ("path", "port", "scheme")}, "httpHeaders": headers}


def _volume_mount(item: dict[str, Any]) -> dict[str, Any]:
    return {"volumeName": item["volume_name"], "mountPath": item["mount_path"], "subPath": item["sub_path"]}


def _volume(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "storageType": item["storage_type"],
        "storageName": item["storage_name"],
        "mountOptions": item["mount_options"],
        "secrets": each(item["secrets"], lambda secret: {"secretRef": secret["secret_ref"], "path": secret["path"]}),
    }


def trigger(scaler: dict[str, Any]) -> dict[str, Any]:
    """ARM JSON of what a scale rule looks at."""
    metadata = scaler["metadata"]
    return {
        "type": scaler.get("type"),
        "metadata": None if metadata is None else {key: str(value) for key, value in metadata.items()},
        "auth": each(
            scaler["auth"],
            lambda auth: {"secretRef": auth["secret_ref"], "triggerParameter": auth["trigger_parameter"]},
        ),
        "identity": scaler["identity"],
    }


def check(params: Params) -> None:
    """Raises InvalidOption for what Azure would refuse of an app and of a job."""
    _managed_identity.check(params)
    _check_secrets(params)
    _check_registries(params)
    containers = params["containers"] or []
    check_containers(containers + (params["init_containers"] or []))
    if params["workload_profile_name"] == "Consumption":
        _check_size(containers)
    _check_volumes(params)


def check_unique(option: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidOption(option, name, "it occurs twice: names in a list are unique.")


def check_between(option: str, value: float | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise InvalidOption(option, value, f"use {least} to {most}.")


def check_port(option: str, port: int | None) -> None:
    if port is not None and not 1 <= port <= 65535:
        raise InvalidOption(option, port, "a port is 1 to 65535.")


def check_identity(params: Params, option: str, given: str | None) -> None:
    """An identity to act with: an id, or a word for the one that Azure makes. Raises InvalidOption."""
    if given is None or given.casefold() == "system-environment":
        return
    if given.casefold() != "system":
        if not _IDENTITY_ID.fullmatch(given):
            raise InvalidOption(
                option,
                given,
                "write the identity's resource id (/subscriptions/.../userAssignedIdentities/<name>), or system.",
            )
        return
    own = params["identity"]
    if own is not None and "SystemAssigned" not in own["type"]:
        raise InvalidOption(
            option, given, f"identity.type is {own['type']}: add SystemAssigned there, or write the id of one it has."
        )


def _check_secrets(params: Params) -> None:
    secrets = params["secrets"]
    if params["keep_secrets"] and secrets is None:
        raise InvalidOption(
            "keep_secrets", True, "it says what to do with others than those in secrets: give secrets too."
        )
    check_unique("secrets.name", [secret["name"] for secret in secrets or []])
    for secret in secrets or []:
        _names.check("secrets.name", secret["name"], _names.SECRET)
        if bool(secret["value"]) == bool(secret["key_vault_url"]):
            raise InvalidOption("secrets.name", secret["name"], "a secret has either a value or a key_vault_url.")
        if secret["key_vault_url"] and not secret["identity"]:
            raise InvalidOption(
                "secrets.identity", None, f"secret {secret['name']} has a key_vault_url, so it needs an identity."
            )
        if secret["key_vault_url"] and not _VAULT_SECRET.fullmatch(secret["key_vault_url"]):
            raise InvalidOption(
                "secrets.key_vault_url",
                secret["key_vault_url"],
                "write a secret's URL, as https://kv-mlflow.vault.azure.net/secrets/password.",
            )
        check_identity(params, "secrets.identity", secret["identity"])


def _check_registries(params: Params) -> None:
    registries = params["registries"] or []
    check_unique("registries.server", [registry["server"] for registry in registries])
    for registry in registries:
        if "://" in registry["server"]:
            raise InvalidOption("registries.server", registry["server"], "write the host name alone, without https://.")
        if bool(registry["identity"]) == bool(registry["username"]):
            raise InvalidOption("registries.server", registry["server"], "it needs either an identity or a username.")
        if bool(registry["username"]) != bool(registry["password_secret_ref"]):
            raise InvalidOption(
                "registries.server", registry["server"], "username and password_secret_ref go together."
            )
        check_identity(params, "registries.identity", registry["identity"])


def check_containers(containers: list[dict[str, Any]]) -> None:
    """What holds of each container, and of their names together. Raises InvalidOption."""
    check_unique("containers.name", [container["name"] for container in containers])
    for container in containers:
        _names.check("containers.name", container["name"], _names.CONTAINER)
        variables = container["env"] or []
        check_unique(f"containers[{container['name']}].env.name", [variable["name"] for variable in variables])
        for variable in variables:
            if variable["value"] is not None and variable["secret_ref"] is not None:
                raise InvalidOption(
                    f"containers[{container['name']}].env.name",
                    variable["name"],
                    "a variable has either a value or a secret_ref.",
                )
        probes = container.get("probes") or []
        check_unique(f"containers[{container['name']}].probes.type", [probe["type"] for probe in probes])
        for probe in probes:
            _check_probe(container["name"], probe)
        for mount in container.get("volume_mounts") or []:
            if not mount["mount_path"].startswith("/"):
                raise InvalidOption(
                    f"containers[{container['name']}].volume_mounts.mount_path",
                    mount["mount_path"],
                    "write the whole path, from / on.",
                )


def _check_probe(name: str, probe: dict[str, Any]) -> None:
    option = f"containers[{name}].probes.type"
    if (probe["http_get"] is None) == (probe["tcp_socket"] is None):
        raise InvalidOption(option, probe["type"], "a probe has either http_get or tcp_socket.")
    check_port(f"{option}.port", (probe["http_get"] or probe["tcp_socket"])["port"])
    failures, most = probe["failure_threshold"], _MOST_FAILURES[probe["type"]]
    if failures is not None and not 1 <= failures <= most:
        raise InvalidOption(
            f"containers[{name}].probes.failure_threshold",
            failures,
            f"a {probe['type']} probe takes 1 to {most}. For more time set a longer period_seconds.",
        )
    if probe["type"] != "Readiness" and probe["success_threshold"] not in (None, 1):
        raise InvalidOption(
            f"containers[{name}].probes.success_threshold",
            probe["success_threshold"],
            f"for a {probe['type']} probe it is 1; only Readiness can ask for more.",
        )
    for key, (least, longest) in _TIMES.items():
        check_between(f"containers[{name}].probes.{key}", probe[key], least, longest)


def _check_size(containers: list[dict[str, Any]]) -> None:
    """The containers of a replica together must have one of Azure's sizes: 0.25 to 4 cores, 2 Gi for each."""
    sized = [container for container in containers if container["cpu"] is not None or container["memory"] is not None]
    if not sized:
        return
    for container in sized:
        if container["cpu"] is None or container["memory"] is None:
            raise InvalidOption(
                f"containers[{container['name']}]", container["cpu"] or container["memory"], "set both cpu and memory."
            )
    cpu = sum((Decimal(str(container["cpu"] or "0.5")) for container in containers), Decimal(0))
    memory = sum((_memory(container) for container in containers), Decimal(0))
    if cpu % Decimal("0.25") or not Decimal("0.25") <= cpu <= 4 or memory != cpu * 2 * _GIB:
        raise InvalidOption(
            "containers",
            f"{cpu} cores and {memory / _GIB:g}Gi",
            "the containers of an app on the Consumption profile have together 0.25 to 4 cores, in steps of 0.25, and "
            f"twice as many Gi of memory (as 0.5 and 1Gi). For these cores set memory to {cpu * 2:g}Gi.",
        )


def _memory(container: dict[str, Any]) -> Decimal:
    value = container["memory"] or "1Gi"
    size = quantity_in_bytes(value)
    if size is None:
        raise InvalidOption(f"containers[{container['name']}].memory", value, "write gibibytes, as 1Gi or 0.5Gi.")
    return size


def _check_volumes(params: Params) -> None:
    volumes = params["volumes"]
    check_unique("volumes.name", [volume["name"] for volume in volumes or []])
    for volume in volumes or []:
        _names.check("volumes.name", volume["name"], _names.CONTAINER)
        stored = volume["storage_type"] in ("AzureFile", "NfsAzureFile")
        if stored != bool(volume["storage_name"]):
            raise InvalidOption(
                f"volumes[{volume['name']}].storage_name",
                volume["storage_name"],
                f"a volume of storage_type {volume['storage_type']} "
                + ("needs the name of one of the environment's storages." if stored else "has none."),
            )
        if volume["secrets"] and volume["storage_type"] != "Secret":
            raise InvalidOption(
                f"volumes[{volume['name']}].storage_type", volume["storage_type"], "only a Secret volume has secrets."
            )
    if volumes is None:
        return
    names = {volume["name"] for volume in volumes}
    for container in (params["containers"] or []) + (params["init_containers"] or []):
        mounts = container["volume_mounts"] or []
        check_unique(f"containers[{container['name']}].volume_mounts.mount_path", [m["mount_path"] for m in mounts])
        for mount in mounts:
            if mount["volume_name"] not in names:
                raise InvalidOption(
                    f"containers[{container['name']}].volume_mounts.volume_name",
                    mount["volume_name"],
                    f"volumes defines no such volume, only {', '.join(sorted(names)) or 'none'}.",
                )


def references(params: Params) -> Iterator[tuple[str, str]]:
    """Option and name of every secret that containers, registries and volumes refer to."""
    for container in (params["containers"] or []) + (params["init_containers"] or []):
        for variable in container["env"] or []:
            if variable["secret_ref"] is not None:
                yield f"containers[{container['name']}].env[{variable['name']}].secret_ref", variable["secret_ref"]
    for registry in params["registries"] or []:
        if registry["password_secret_ref"] is not None:
            yield f"registries[{registry['server']}].password_secret_ref", registry["password_secret_ref"]
    for volume in params["volumes"] or []:
        for secret in volume["secrets"] or []:
            yield f"volumes[{volume['name']}].secrets.secret_ref", secret["secret_ref"]


def trigger_references(option: str, scaler: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """The same for a scale rule."""
    for auth in (scaler or {}).get("auth") or []:
        yield f"{option}.auth.secret_ref", auth["secret_ref"]


def check_references(params: Params, found: Iterator[tuple[str, str]]) -> None:
    """Where the option secrets does not tell them all, those that stand are not known here, and Azure judges."""
    if params["secrets"] is None or params["keep_secrets"]:
        return
    defined = {secret["name"] for secret in params["secrets"]}
    for option, name in found:
        if name not in defined:
            raise InvalidOption(
                option, name, f"secrets defines no such secret, only {', '.join(sorted(defined)) or 'none'}."
            )


def check_create(params: Params) -> None:
    """What only a new app or job needs. Raises InvalidOption."""
    for option in ("environment_id", "containers"):
        if not params[option]:
            raise InvalidOption(option, params[option], "a new one needs it.")
    for container in params["containers"]:
        if not container["image"]:
            raise InvalidOption(f"containers[{container['name']}].image", None, "a new container needs it.")
    if params["workload_profile_name"] is None:
        # What stands may be on any profile; what is new without one is on Consumption.
        _check_size(params["containers"])
