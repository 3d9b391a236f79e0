# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions of container apps as resources, reconciled with their running replicas."""

from __future__ import annotations

import time

from sandbox.apps.containers import Replica
from sandbox.apps.replicas import Replicas
from sandbox.apps.scaling import Scale
from sandbox.apps.traffic import weights
from sandbox.store import Resource, Store

REVISIONS = "microsoft.app/containerapps/revisions"


def app_of(revision_key: str) -> str:
    """Return the key of the app of a revision."""
    return revision_key.partition("/revisions/")[0]


class Revisions:
    """Revisions in the store, with the states of their replicas."""

    def __init__(self, store: Store, replicas: Replicas) -> None:
        self._store = store
        self._replicas = replicas

    def get(self, revision_key: str) -> Resource | None:
        """Return a revision; None if it does not exist."""
        return self._store.get(revision_key)

    def of(self, app_id: str) -> list[Resource]:
        """Return the revisions of an app, oldest first."""
        return list(self._store.below(app_id, REVISIONS))

    def running(self, revision_key: str) -> list[Replica]:
        """Return the replicas of a revision that are not stopping."""
        return [replica for replica in self._replicas.of(revision_key) if not replica.stopping]

    def latest(self, app: Resource) -> Resource:
        """Return the revision of the app's template, and create it if it is new. Only the template distinguishes revisions, as on Azure."""
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
        """Write the provisioning state, health state and running state of a revision, with the reason."""
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
        """Write the traffic weights of an app into its revisions."""
        percents = weights(app)
        for revision in self.of(app.id):
            weight = percents.get(revision.name, 0)
            if revision.properties["trafficWeight"] != weight:
                revision.properties["trafficWeight"] = weight
                self._store.put(revision)

    def delete_inactive(self, app: Resource) -> None:
        """Delete the oldest inactive revisions beyond `maxInactiveRevisions`."""
        inactive = [revision for revision in self.of(app.id) if not revision.properties["active"]]
        for revision in inactive[: -int(app.properties["configuration"].get("maxInactiveRevisions") or 100)]:
            self._store.delete(revision.id)

    def scale(self, revision_key: str) -> Scale:
        """Return the scale of a revision's template; zero replicas for a deleted one."""
        revision = self._store.get(revision_key)
        app = self._store.get(app_of(revision_key))
        if revision is None or app is None:
            return Scale(0, 0, None, 0.0)
        ingress = bool(app.properties["configuration"].get("ingress"))
        return Scale.of(revision.properties["template"], ingress=ingress)

    def refresh(self, revision_key: str) -> None:
        """Update the states of a provisioned revision from its replicas."""
        revision = self._store.get(revision_key)
        if revision is None or not revision.properties["active"]:
            return
        properties = revision.properties
        if properties["provisioningState"] != "Provisioned" or properties["runningState"] in ("Processing", "Stopped"):
            return
        state = self.running_state(revision)
        if properties["runningState"] == "Failed" and state == "Degraded":
            # a failed revision stays failed, with its reason, during retries: a client that polls rarely must see it
            return
        crashes = [
            f"The container '{container.name}' ended with exit code {container.exit_code}."
            for replica in self.running(revision.key)
            for container in replica.containers
            if not container.ready and container.exit_code is not None
        ]
        health = "Healthy" if state in ("Running", "RunningAtMaxScale", "ScaledToZero") else "Unhealthy"
        details = crashes[0] if crashes else ""
        current = (health, state, details, len(self.running(revision.key)))
        names = ("healthState", "runningState", "runningStateDetails", "replicas")
        if current != tuple(properties.get(name) for name in names):
            self.mark(revision, "Provisioned", health, state, details)

    def running_state(self, revision: Resource) -> str:
        """Return the running state of a provisioned revision."""
        replicas = self.running(revision.key)
        if not replicas:
            return "ScaledToZero"
        if not any(replica.ready for replica in replicas):
            return "Degraded"
        scale = self.scale(revision.key)
        return "RunningAtMaxScale" if len(replicas) >= scale.maximum else "Running"

    def is_provisioning(self, revision_key: str) -> bool:
        """Return whether a revision is provisioning or deleted: it is not scaled then."""
        revision = self._store.get(revision_key)
        if revision is None:
            return True
        provisioned = revision.properties["provisioningState"] == "Provisioned"
        return not provisioned or revision.properties["runningState"] in ("Processing", "Activating")


def now() -> str:
    """Return the current time in the format of revisions."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
