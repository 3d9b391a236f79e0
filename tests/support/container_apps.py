# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container app, its revision and a job as Azure returns them."""

from __future__ import annotations

from typing import Any

from tests.support.fake_azure import GROUP

APP = f"{GROUP}/providers/Microsoft.App/containerApps/app1"
REVISION = f"{APP}/revisions/app1--0000001"
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env1"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
JOB = f"{GROUP}/providers/Microsoft.App/jobs/job1"


def app(latest: str = "app1--0000001", ready: str = "app1--0000001", state: str = "Succeeded") -> dict[str, Any]:
    """Return the app, with values in Azure's spelling and settings of other clients."""
    identity = IDENTITY.replace("resourceGroups", "resourcegroups")
    return {
        "id": APP.replace("containerApps", "containerapps"),
        "name": "app1",
        "type": "Microsoft.App/containerApps",
        "location": "West Europe",
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {identity: {"clientId": "c", "principalId": "p"}},
        },
        "properties": {
            "provisioningState": state,
            "environmentId": ENVIRONMENT,
            "managedEnvironmentId": ENVIRONMENT,
            "latestRevisionName": latest,
            "latestReadyRevisionName": ready,
            "configuration": {
                "activeRevisionsMode": "Single",
                "maxInactiveRevisions": 100,
                "secrets": [{"name": "uri"}],
                "registries": [
                    {"server": "cr1.azurecr.io", "username": "", "passwordSecretRef": "", "identity": identity}
                ],
                "ingress": {
                    "fqdn": "app1.x.io",
                    "external": True,
                    "targetPort": 5000,
                    "transport": "Http",
                    "corsPolicy": {"allowedOrigins": ["https://theirs"]},
                },
            },
            "template": {
                "revisionSuffix": "",
                "containers": [
                    {
                        "name": "mlflow",
                        "image": "cr1.azurecr.io/mlflow@sha256:1",
                        "imageType": "ContainerImage",
                        "env": [{"name": "PORT", "value": "5000"}, {"name": "URI", "secretRef": "uri"}],
                        "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
                        "probes": [
                            {"type": "Liveness", "httpGet": {"path": "/health", "port": 5000}, "periodSeconds": 10}
                        ],
                    }
                ],
                "scale": {"minReplicas": None, "maxReplicas": 1, "pollingInterval": 30},
            },
        },
    }


def revision(provisioning: str = "Provisioned", running: str = "Running", **more: Any) -> dict[str, Any]:
    """Return the latest revision of the app."""
    return {
        "id": REVISION,
        "name": "app1--0000001",
        "properties": {"active": True, "provisioningState": provisioning, "runningState": running, **more},
    }


def job(state: str = "Succeeded") -> dict[str, Any]:
    """Return the job, with values in Azure's spelling and settings of other clients."""
    return {
        "id": JOB,
        "name": "job1",
        "type": "Microsoft.App/jobs",
        "location": "West Europe",
        "identity": {"type": "None"},
        "properties": {
            "provisioningState": state,
            "runningStatus": "Ready",
            "environmentId": ENVIRONMENT.lower(),
            "workloadProfileName": "Consumption",
            "configuration": {
                "secrets": [{"name": "uri"}],
                "triggerType": "Schedule",
                "replicaTimeout": 300,
                "replicaRetryLimit": 4,
                "manualTriggerConfig": None,
                "scheduleTriggerConfig": {
                    "replicaCompletionCount": 1,
                    "cronExpression": "*/10 * * * *",
                    "parallelism": 1,
                },
                "eventTriggerConfig": None,
                "registries": None,
                "identitySettings": [],
            },
            "template": {
                "containers": [
                    {
                        "name": "probe",
                        "image": "i",
                        "imageType": "ContainerImage",
                        "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
                    }
                ],
                "initContainers": None,
                "volumes": None,
            },
            "eventStreamEndpoint": "https://x/eventstream",
        },
    }
