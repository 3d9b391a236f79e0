# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which app a host name means, and which of its revisions takes a request. Pure.

Sources: https://learn.microsoft.com/azure/container-apps/traffic-splitting and
https://learn.microsoft.com/azure/container-apps/revisions#labels
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.arm.resource_type import Json
from sandbox.store import Resource


@dataclass(frozen=True)
class Way:
    """What a host name leads to: an app, and where the name is a label's or a revision's, that one."""

    app: Resource
    label: str | None = None
    revision: str | None = None


def way_to(host: str, apps: Iterable[Resource]) -> Way | None:
    """`<app>.<domain>`, `<app>---<label>.<domain>` or `<revision>.<domain>`; None where it is no name of these apps."""
    first, _dot, domain = host.lower().partition(".")
    for app in apps:
        ingress = app.properties["configuration"].get("ingress")
        if not ingress or not ingress.get("fqdn"):
            continue
        own, _dot, own_domain = str(ingress["fqdn"]).lower().partition(".")
        if domain != own_domain:
            continue
        if first == own:
            return Way(app)
        if first.startswith(own + "---"):
            return Way(app, label=first.removeprefix(own + "---"))
        if first.startswith(own + "--"):
            return Way(app, revision=first)
    return None


def weights(app: Resource) -> dict[str, int]:
    """The share of each revision, in percent, by its name. `latestRevision` stands for the latest one that is ready."""
    properties = app.properties
    latest = properties.get("latestReadyRevisionName")
    if properties["configuration"]["activeRevisionsMode"] == "Single":
        return {latest: 100} if latest else {}
    found: dict[str, int] = {}
    for entry in _traffic(app):
        name = latest if entry.get("latestRevision") else entry.get("revisionName")
        if name and entry.get("weight"):
            found[name] = found.get(name, 0) + int(entry["weight"])
    return found


def labelled(app: Resource, label: str) -> str | None:
    """The name of the revision that has a label."""
    for entry in _traffic(app):
        if str(entry.get("label") or "").lower() == label:
            latest = app.properties.get("latestReadyRevisionName")
            name = latest if entry.get("latestRevision") else entry.get("revisionName")
            return str(name) if name else None
    return None


def shares(way: Way) -> dict[str, int]:
    """The revisions that a request may go to, with their weights."""
    if way.label is not None:
        name = labelled(way.app, way.label)
        return {name: 100} if name else {}
    if way.revision is not None:
        return {way.revision: 100}
    return weights(way.app)


def _traffic(app: Resource) -> list[Json]:
    ingress = app.properties["configuration"].get("ingress") or {}
    found: list[Json] = ingress.get("traffic") or []
    return found
