# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validation of the names, probes and scale rules in a template.

Sources: the Azure REST API specification of Microsoft.App, and https://learn.microsoft.com/azure/container-apps/health-probes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import NameRule
from sandbox.messages import Json

_MAX_FAILURES = {"startup": 240, "readiness": 48, "liveness": 30}
_LIMITS = {
    "initialDelaySeconds": (0, 60),
    "periodSeconds": (1, 240),
    "timeoutSeconds": (1, 240),
    "successThreshold": (1, 10),
}

_INVALID = "InvalidParameterValueInContainerTemplate"
SECRET_NAME = NameRule(
    r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?",
    "ContainerAppSecretNameInvalid",
    "Invalid Request: Container app secret name '{name}' is invalid. A name must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character. The length must not be more than 253 characters.",
)
CONTAINER_NAME = NameRule(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    _INVALID,
    "lower case alphanumeric characters or '-', at most 63, starting and ending with an alphanumeric character.",
)
SCALE_RULE_NAME = NameRule(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?",
    _INVALID,
    "lower case alphanumeric characters, '-' or '.', starting and ending with an alphanumeric character.",
)
REVISION_SUFFIX = NameRule(
    r"(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?",
    _INVALID,
    "lower case alphanumeric characters or '-', without '--', starting and ending with an alphanumeric character.",
)


def check_template_names(template: Json) -> None:
    """Raise ArmError with all invalid names of containers, volumes and scale rules, and an invalid revision suffix."""
    _check_fields(_wrong_names(template))


def check_template_rules(template: Json) -> None:
    """Raise ArmError with all invalid fields of the probes and scale rules."""
    _check_fields([*_wrong_probes(template), *_wrong_rules(template)])


def _check_fields(fields: Iterable[tuple[str, Any, str]]) -> None:
    """Raise ArmError with the invalid fields, if any: each has a path, a value and a rule."""
    if wrong := list(fields):
        details = " ".join(
            f"Field '{field}' is invalid with details: 'Invalid value: \"{value}\": {rule}';."
            for field, value, rule in wrong
        )
        raise ArmError(
            400,
            _INVALID,
            f"The following field(s) are either invalid or missing. {details}",
            cause="",
        )


def _wrong_names(template: Json) -> Iterator[tuple[str, Any, str]]:
    listed = {
        **{
            f"template.{kind}": (template.get(kind), CONTAINER_NAME)
            for kind in ("containers", "initContainers", "volumes")
        },
        "template.scale.rules": ((template.get("scale") or {}).get("rules"), SCALE_RULE_NAME),
    }
    for field, (entries, rule) in listed.items():
        for entry in entries or []:
            if (name := entry.get("name")) is not None and not rule.accepts(name):
                yield f"{field}.{name}.name", name, rule.message
    if (suffix := template.get("revisionSuffix")) and not REVISION_SUFFIX.accepts(suffix):
        yield "template.revisionSuffix", suffix, REVISION_SUFFIX.message


def _wrong_probes(template: Json) -> Iterator[tuple[str, Any, str]]:
    for container in template.get("containers") or []:
        seen = set()
        for probe in container.get("probes") or []:
            field, kind = f"template.containers.{container.get('name')}.probes", str(probe.get("type") or "").lower()
            if kind not in _MAX_FAILURES or kind in seen:
                yield f"{field}.type", probe.get("type"), "one each of Liveness, Readiness and Startup."
                continue
            seen.add(kind)
            http, tcp = probe.get("httpGet"), probe.get("tcpSocket")
            if (http is None) == (tcp is None):
                yield field, probe["type"], "either httpGet or tcpSocket."
                continue
            limits = {**_LIMITS, "failureThreshold": (1, _MAX_FAILURES[kind])}
            numbers = {"port": (http or tcp or {}).get("port"), **{name: probe.get(name) for name in limits}}
            if numbers["port"] is None:
                yield f"{field}.port", None, "a number from 1 to 65535."
            for name, (least, most) in {"port": (1, 65535), **limits}.items():
                if numbers[name] is not None and not _within(numbers[name], least, most):
                    yield f"{field}.{name}", numbers[name], f"a number from {least} to {most}."


def _wrong_rules(template: Json) -> Iterator[tuple[str, Any, str]]:
    for rule in (template.get("scale") or {}).get("rules") or []:
        for kind, name in (("http", "concurrentRequests"), ("tcp", "concurrentConnections")):
            value = ((rule.get(kind) or {}).get("metadata") or {}).get(name)
            if value is not None and not _within(value, 1, 10**9):
                yield (
                    f"template.scale.rules.{rule.get('name')}.{kind}.metadata.{name}",
                    value,
                    "a number of at least 1.",
                )


def _within(value: Any, least: int, most: int) -> bool:
    text = str(value)
    return text.isdecimal() and least <= int(text) <= most
