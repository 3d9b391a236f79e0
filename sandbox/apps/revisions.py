# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The revisions of container apps as resources: made, and kept in step with the replicas that run of them."""

from __future__ import annotations

import time

from sandbox.apps.containers import Replica
from sandbox.apps.replicas import Replicas
from sandbox.apps.scaling import Scale
from sandbox.apps.traffic import weights
from sandbox.store import Resource, Store

REVISIONS = "microsoft.app/containerapps/revisions"


def app_of(revision_key: str) -> str:
    """The key of the app that a revision is of."""
    return revision_key.partition("/revisions/")[0]


class Revisions:
    """The revisions in the store. What runs of them is told by `replicas`."""

    def __init__(self, store: Store, replicas: Replicas) -> None:
        self._store = store
        self._replicas = replicas

    def get(self, revision_key: str) -> Resource | None:
        return self._store.get(revision_key)

    def of(self, app_id: str) -> list[Resource]:
        """An app's revisions, the oldest first."""
        return list(self._store.below(app_id, REVISIONS))

    def running(self, revision_key: str) -> list[Replica]:
        """The replicas of a revision that are not being ended."""
        return [replica for replica in self._replicas.of(revision_key) if not replica.stopping]

    def latest(self, app: Resource) -> Resource:
        """The revision of the app's template, made where it is new; told apart by the template alone, as on Azure."""
        name = app.properties["latestRevisionName"]
        revision_id = f"{app.id.replace('/containerapps/', '/containerApps/')}/revisions/{name}"
        existing = self._store.get(revision_id)
        if existing is not None:
            if app.properties["configuration"]["activeRevisionsMode"] == "Single":
                existing.properties.update(active=True)
                self._store.put(existing)
            return existing
        revision = Resource(
            revision_id,
            REVISIONS,
            name,
            {
                "properties": {
                    "createdTime": now(),
                    "fqdn": app.properties.get("latestRevisionFqdn") or "",
                    "template": app.properties["template"],
                    "active": True,
                    "replicas": 0,
                    "trafficWeight": 0,
                    "healthState": "None",
                    "provisioningState": "Provisioning",
                    "runningState": "Activating",
                }
            },
        )
        self._store.put(revision)
        return revision

    def mark(self, revision: Resource, provisioning: str, health: str, running: str, details: str) -> None:
        """Writes a revision's states, in Azure's words, with why."""
        revision.properties.update(
            provisioningState=provisioning,
            healthState=health,
            runningState=running,
            runningStateDetails=details,
            replicas=len(self.running(revision.key)),
        )
        revision.properties.pop("provisioningError", None)
        if provisioning == "Failed":
            revision.properties["provisioningError"] = details
        self._store.put(revision)

    def share_traffic(self, app: Resource) -> None:
        """Writes the weights of the app's traffic into its revisions."""
        shown = weights(app)
        for revision in self.of(app.id):
            weight = shown.get(revision.name, 0)
            if revision.properties["trafficWeight"] != weight:
                revision.properties["trafficWeight"] = weight
                self._store.put(revision)

    def forget_inactive(self, app: Resource) -> None:
        """Azure keeps as many inactive revisions as the app says, the latest ones."""
        inactive = [revision for revision in self.of(app.id) if not revision.properties["active"]]
        for revision in inactive[: -int(app.properties["configuration"].get("maxInactiveRevisions") or 100)]:
            self._store.delete(revision.id)

    def scale(self, revision_key: str) -> Scale:
        """The scale that a revision's template asks for; none at all for one that is gone."""
        revision = self._store.get(revision_key)
        app = self._store.get(app_of(revision_key))
        if revision is None or app is None:
            return Scale(0, 0, None, 0.0)
        ingress = bool(app.properties["configuration"].get("ingress"))
        return Scale.of(revision.properties["template"], ingress=ingress)

    def show_running(self, revision_key: str) -> None:
        """Keeps a provisioned revision's state in step with its replicas."""
        revision = self._store.get(revision_key)
        if revision is None or not revision.properties["active"]:
            return
        properties = revision.properties
        if properties["provisioningState"] != "Provisioned" or properties["runningState"] in ("Processing", "Stopped"):
            return
        state = self.running_state(revision)
        if properties["runningState"] == "Failed" and state == "Degraded":
            # what could not be started stays failed, with why, while it is tried again: whoever looks seldom must see it too
            return
        crashed = [
            f"The container '{container.name}' ended with exit code {container.exit_code}."
            for replica in self.running(revision.key)
            for container in replica.containers
            if not container.ready and container.exit_code is not None
        ]
        health = "Healthy" if state in ("Running", "RunningAtMaxScale", "ScaledToZero") else "Unhealthy"
        details = crashed[0] if crashed else ""
        shown = (health, state, details, len(self.running(revision.key)))
        names = ("healthState", "runningState", "runningStateDetails", "replicas")
        if shown != tuple(properties.get(name) for name in names):
            self.mark(revision, "Provisioned", health, state, details)

    def running_state(self, revision: Resource) -> str:
        """A provisioned revision's runningState."""
        replicas = self.running(revision.key)
        if not replicas:
            return "ScaledToZero"
        if not any(replica.ready for replica in replicas):
            return "Degraded"
        scale = self.scale(revision.key)
        return "RunningAtMaxScale" if len(replicas) >= scale.maximum else "Running"

    def is_coming_up(self, revision_key: str) -> bool:
        """Whether a revision is being started, or is gone: no time to scale it."""
        revision = self._store.get(revision_key)
        if revision is None:
            return True
        provisioned = revision.properties["provisioningState"] == "Provisioned"
        return not provisioned or revision.properties["runningState"] in ("Processing", "Activating")


def now() -> str:
    """This moment, as revisions show it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
