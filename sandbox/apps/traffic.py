# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ingress traffic: the app of a host name, and the weights of its revisions. Pure.

Sources: https://learn.microsoft.com/azure/container-apps/traffic-splitting and
https://learn.microsoft.com/azure/container-apps/revisions#labels
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.messages import Json
from sandbox.store import Resource


@dataclass(frozen=True)
class Destination:
    """Destination of a host name: an app, with the label or the revision in the name."""

    app: Resource
    label: str | None = None
    revision: str | None = None


def resolve(host: str, apps: Iterable[Resource]) -> Destination | None:
    """Return the destination of `<app>.<domain>`, `<app>---<label>.<domain>` or `<revision>.<domain>`; None for another name."""
    first, _dot, domain = host.lower().partition(".")
    for app in apps:
        ingress = app.properties["configuration"].get("ingress")
        if not ingress or not ingress.get("fqdn"):
            continue
        app_label, _dot, app_domain = str(ingress["fqdn"]).lower().partition(".")
        if domain != app_domain:
            continue
        if first == app_label:
            return Destination(app)
        if first.startswith(app_label + "---"):
            return Destination(app, label=first.removeprefix(app_label + "---"))
        if first.startswith(app_label + "--"):
            return Destination(app, revision=first)
    return None


def weights(app: Resource) -> dict[str, int]:
    """Return the weight of each revision in percent, by name. `latestRevision` is the latest ready revision."""
    properties = app.properties
    latest = properties.get("latestReadyRevisionName")
    if properties["configuration"]["activeRevisionsMode"] == "Single":
        return {latest: 100} if latest else {}
    percents: dict[str, int] = {}
    for entry in _traffic(app):
        name = latest if entry.get("latestRevision") else entry.get("revisionName")
        if name and entry.get("weight"):
            percents[name] = percents.get(name, 0) + int(entry["weight"])
    return percents


def revision_of_label(app: Resource, label: str) -> str | None:
    """Return the name of the revision with a label."""
    for entry in _traffic(app):
        if str(entry.get("label") or "").lower() == label:
            latest = app.properties.get("latestReadyRevisionName")
            name = latest if entry.get("latestRevision") else entry.get("revisionName")
            return str(name) if name else None
    return None


def shares(destination: Destination) -> dict[str, int]:
    """Return the weights of the revisions that may receive a request to a destination."""
    if destination.label is not None:
        name = revision_of_label(destination.app, destination.label)
        return {name: 100} if name else {}
    if destination.revision is not None:
        return {destination.revision: 100}
    return weights(destination.app)


def _traffic(app: Resource) -> list[Json]:
    ingress = app.properties["configuration"].get("ingress") or {}
    entries: list[Json] = ingress.get("traffic") or []
    return entries
