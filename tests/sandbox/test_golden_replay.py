# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of the sandbox with recorded writes of Azure: the same request must have the same response.

tests/support/recordings.py says where the recordings are.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.arm.bodies import merge_patch
from tests.support.arm_paths import MINIMAL_BODIES, RESOURCE_ID, ancestors, type_of
from tests.support.recordings import GOLDEN, PRESENT, REGIONS
from tests.support.sandbox_in_process import Azure

pytestmark = pytest.mark.recordings
TYPES = (
    "microsoft.app__containerapps",
    "microsoft.app__containerapps__authconfigs",
    "microsoft.app__jobs",
    "microsoft.app__managedenvironments",
    "microsoft.app__managedenvironments__daprcomponents",
    "microsoft.app__managedenvironments__storages",
    "microsoft.authorization__roleassignments",
    "microsoft.authorization__roledefinitions",
    "microsoft.containerregistry__registries",
    "microsoft.insights__diagnosticsettings",
    "microsoft.keyvault__vaults",
    "microsoft.managedidentity__userassignedidentities",
    "microsoft.managedidentity__userassignedidentities__federatedidentitycredentials",
    "microsoft.storage__storageaccounts__managementpolicies",
    "microsoft.operationalinsights__workspaces",
    "microsoft.sql__servers",
    "microsoft.sql__servers__administrators",
    "microsoft.sql__servers__azureadonlyauthentications",
    "microsoft.sql__servers__connectionpolicies",
    "microsoft.sql__servers__databases",
    "microsoft.sql__servers__databases__backuplongtermretentionpolicies",
    "microsoft.sql__servers__firewallrules",
    "microsoft.sql__servers__virtualnetworkrules",
    "microsoft.storage__storageaccounts",
    "microsoft.storage__storageaccounts__blobservices",
    "microsoft.storage__storageaccounts__blobservices__containers",
    "resourcegroups",
)

# Features that the sandbox does not implement, so that their writes cannot be replayed: a part of the request, and the feature.
UNSUPPORTED = {
    "connectedEnvironments/": "environments on an Azure Arc cluster",
    '"service": {"type"': "add-on services of Container Apps",
    '"EdgeZone"': "storage accounts in an edge zone",
    '"name": "DataWarehouse"': "data warehouses",
    "servers/clitestservermatricalertA": "a server name with a capital letter, which the naming rules of Azure do not allow",
}
# Properties with a generated value: they must exist and have the same type.
GENERATED = set(
    "principalId clientId tenantId createdBy createdByType createdAt lastModifiedBy lastModifiedByType lastModifiedAt updatedBy createdOn "
    "updatedOn customerId etag defaultDomain staticIp fqdn latestRevisionName latestReadyRevisionName latestRevisionFqdn databaseId "
    "customDomainVerificationId creationDate keyCreationTime creationTime lastEnabledTime lastModifiedTime lastSkuUpdate modifiedDate "
    "createdDate quotaNextResetTime eventStreamEndpoint startTime lastUpdatedTime web outboundIpAddresses version infrastructureResourceGroup".split()
)


@dataclass(frozen=True)
class ToleratedDifference:
    """A tolerated difference between the responses. `before`: in older api-versions only; `cases`: in these cases only."""

    type: str
    path: str
    why: str
    before: str = "9999"
    cases: tuple[int | str, ...] = ()

    def covers(self, case: Case, difference: str) -> bool:
        path = difference.partition(": ")[0]
        return (
            case.type.rpartition("microsoft.")[2] == self.type
            and re.fullmatch(rf"(answer|settled)\.({self.path})", path) is not None
            and case.version < self.before
            and (not self.cases or case.number in self.cases)
        )


OLDER = "older api-versions omit it or return other values; the sandbox responds to all callers like the newest one"
TOLERATED = (
    ToleratedDifference(
        "app__jobs",
        r".*\.resources\.ephemeralStorage",
        "Azure returns '', '1Gi', '2Gi' or nothing for the same request",
    ),
    ToleratedDifference(
        "app__jobs",
        r".*(registries\[\d+\]\.\w+|env\[\d+\]\.value)",
        "after a PATCH Azure returns lists as they were sent",
        "9999",
        (11, 13),
    ),
    ToleratedDifference(
        "app__containerapps", r".*\.resources\.\w+", "a write between the two is not recorded", "9999", (6,)
    ),
    ToleratedDifference("app__jobs", r".*\.(imageType|runningStatus)", OLDER, "2025-10"),
    ToleratedDifference("app__jobs", r".*\.(identitySettings|outboundIpAddresses)", OLDER, "2025"),
    ToleratedDifference(
        "app__containerapps",
        r".*\.(identitySettings|imageType|patchingMode|revisionTransitionThreshold|runtime|targetLabel|targetPortHttpScheme)",
        OLDER,
        "2025",
    ),
    ToleratedDifference("app__containerapps", r".*\.scale\.(cooldownPeriod|pollingInterval)", OLDER, "2025"),
    ToleratedDifference(
        "app__containerapps",
        r".*\.ingress\.(targetPort|transport)",
        "the immediate response repeats the null of the request",
        "2025",
    ),
    ToleratedDifference(
        "app__containerapps",
        r".*\.maxInactiveRevisions",
        "null after an update without it; the sandbox keeps Azure's default",
        "9999",
        (
            *(f"cli__test_containerapp_e2e#{position}" for position in (1, 2, 3)),
            *(f"ext__test_containerapp_update#{position}" for position in (1, 2)),
        ),
    ),
    ToleratedDifference(
        "app__containerapps",
        r".*\.resources\.memory",
        "the immediate response repeats the '1.0Gi' of the request",
        "9999",
        ("cli__test_containerapp_e2e#1", "ext__test_containerapp_update#1"),
    ),
    ToleratedDifference(
        "app__managedenvironments",
        r".*\.(appInsightsConfiguration|availabilityZones|certificateKeyVaultProperties|diskEncryptionConfiguration|enableFips|"
        r"ingressConfiguration|openTelemetryConfiguration|peerTrafficConfiguration|publicNetworkAccess)",
        OLDER,
        "2025",
    ),
    ToleratedDifference(
        "insights__diagnosticsettings",
        r"location",
        "the sandbox does not serve virtual networks, so it has no location of one",
        "9999",
        (0, 1),
    ),
    ToleratedDifference(
        "insights__diagnosticsettings",
        r"properties\.metrics",
        "a network security group has no metrics; the sandbox does not serve its type",
        "9999",
        ("cli__test_monitor_diagnostic_settings_scenario#2",),
    ),
    ToleratedDifference(
        "keyvault__vaults",
        r"properties\.privateEndpointConnections",
        "private endpoints are not implemented",
        "9999",
        ("cli__test_private_endpoint_connection_keyvault#3",),
    ),
    ToleratedDifference(
        "sql__servers__databases__backuplongtermretentionpolicies", r"properties\.timeBasedImmutability", OLDER, "2021"
    ),
    ToleratedDifference(
        "storage__storageaccounts",
        r"properties\.(allowBlobPublicAccess|networkAcls\.(bypass|ipv6Rules))",
        OLDER,
        "2022",
    ),
    ToleratedDifference(
        "app__managedenvironments", r".*(dapr|keda)Configuration\.version", "null until Azure has installed it"
    ),
    ToleratedDifference(
        "app__managedenvironments",
        r".*customDomainConfiguration\.(expirationDate|subjectName|thumbprint)",
        "content of the certificate: the recording lacks it, and the sandbox does not parse it",
    ),
    ToleratedDifference(
        "containerregistry__registries", r".*\.(autoGeneratedDomainNameLabelScope|roleAssignmentMode)", OLDER, "2025"
    ),
    ToleratedDifference(
        "containerregistry__registries",
        r".*\.encryption(\..*)?",
        "customer-managed keys are not implemented",
        "9999",
        (8, 9),
    ),
    ToleratedDifference("keyvault__vaults", r".*\.enabledFor(DiskEncryption|TemplateDeployment)", OLDER, "2025"),
    ToleratedDifference("keyvault__vaults", r".*\.(publicNetworkAccess|softDeleteRetentionInDays)", OLDER, "2022"),
    ToleratedDifference(
        "keyvault__vaults", r"properties\.accessPolicies", "another client added a policy before the GET", "9999", (8,)
    ),
    ToleratedDifference(
        "operationalinsights__workspaces", r"etag|id|properties\.sku\.name|properties\.source", OLDER, "2022"
    ),
    ToleratedDifference(
        "operationalinsights__workspaces",
        r"properties\.provisioningState",
        "Updating once, Succeeded otherwise",
        "9999",
        (1,),
    ),
    ToleratedDifference("sql__servers", r"properties\.(minimalTlsVersion|retentionDays)", OLDER, "2025"),
    ToleratedDifference(
        "sql__servers__databases", r"properties\.earliestRestoreDate", "exists after the first backup in Azure"
    ),
    ToleratedDifference(
        "sql__servers__databases",
        r"properties\.(autoPauseDelay|availabilityZone)",
        OLDER,
        "2023",
        (20, 22, 23, 24, "cli__test_sql_db_long_term_retention#1"),
    ),
    ToleratedDifference("sql__servers__databases", r"properties\..*", OLDER, "2020"),
    ToleratedDifference(
        "sql__servers__databases",
        r"kind|sku\..*|properties\..*",
        "a canary region, where the default is another sku",
        "9999",
        (6,),
    ),
    ToleratedDifference(
        "sql__servers__databases",
        r"kind|properties\..*",
        "recorded while the migration to Hyperscale was pending",
        "9999",
        (19,),
    ),
    ToleratedDifference(
        "storage__storageaccounts",
        r"properties\.(allowCrossTenantDelegationSas|allowCrossTenantReplication|minimumTlsVersion)",
        OLDER,
        "2025",
    ),
    ToleratedDifference(
        "storage__storageaccounts",
        r"properties\.geoReplicationStats",
        "returned only with a query parameter",
        "9999",
        (5,),
    ),
    ToleratedDifference(
        "storage__storageaccounts__blobservices__containers",
        r"properties\.(defaultEncryptionScope|denyEncryptionScopeOverride)",
        "encryption scopes are not implemented",
        "9999",
        tuple(f"cli__test_storage_container_using_rm_main_scenario#{position}" for position in (0, 2)),
    ),
    ToleratedDifference("storage__storageaccounts__blobservices", r"properties\.staticWebsite", OLDER, "2025"),
)
CREATED_WITH_ANOTHER_STATUS = (
    "storage__storageaccounts",
    "operationalinsights__workspaces",
    "userassignedidentities",
    "federatedidentitycredentials",
    "resourcegroups",
)


@dataclass(frozen=True, eq=False)
class Case:
    """A recorded write: the request, its immediate response, and the final GET.

    number: the position in the file of the type; in a file of one test, the file and the position.
    """

    type: str
    number: int | str
    method: str
    url: str
    version: str
    existed: bool
    status: int
    body: Any
    immediate: Any
    settled: Any
    earlier: Any = None  # the final GET of the previous write to the same resource, where it is recorded

    @property
    def path(self) -> str:
        return self.url.partition("?")[0].removeprefix("https://management.azure.com")

    @property
    def name(self) -> str:
        return f"{self.type}-{self.number}"


def read(file: Path) -> Iterator[Case]:
    """Yield the recorded writes of a file: of one type, or of one test, whose writes have a type each."""
    text = file.read_text(encoding="utf-8")
    for found, replacement in REGIONS.items():
        text = text.replace(found, replacement)
    settled_before: dict[tuple[str, str], Any] = {}
    for position, one in enumerate(json.loads(text)):
        if any(part in json.dumps(one) for part in UNSUPPORTED):
            continue
        kind, number = file.stem, position
        if "type" in one:
            kind, number = one["type"].replace("/", "__"), f"{file.stem}#{position}"
        status = one["status"]
        existed = one["method"] == "PATCH" or one["existed_before"]
        if existed is None:  # not recorded: derive it from the response
            operation = (one["immediate_response"] or {}).get("operation", "")
            existed = operation.startswith("UpdateLogical") or (
                status == 200 and kind.endswith(CREATED_WITH_ANOTHER_STATUS)
            )
        yield Case(
            kind,
            number,
            one["method"],
            one["url"],
            one["api_version"],
            bool(existed),
            status,
            one["request_body"],
            one["immediate_response"],
            one["settled_get"],
            settled_before.get((one["source"].partition("#")[0], one["url"])),
        )
        settled_before[one["source"].partition("#")[0], one["url"]] = one["settled_get"]


CASES = (
    [case for folder in GOLDEN for file in sorted(folder.glob("*.json")) for case in read(file) if case.type in TYPES]
    if PRESENT
    else []
)


# the state before a recorded write


def location_of(case: Case) -> str:
    return str((case.body or {}).get("location") or ((case.settled or {}).get("location")) or "eastus")


# Properties that the parent needs, by the type of the recorded write.
PARENT_PROPERTIES: dict[str, Any] = {
    "microsoft.sql__servers__azureadonlyauthentications": {
        "administrators": {"login": "admins", "sid": "00000000-0000-0000-0000-00000000000d"}
    },
    "microsoft.storage__storageaccounts__blobservices__containers": {"allowBlobPublicAccess": True},
}


def prepare(azure: Azure, case: Case) -> None:
    """Create the resource group, the parents and the references of a write."""
    known = json.dumps([case.path, case.body, before(case) if case.existed else None])
    for group in {"/".join(match[0].split("/")[:5]) for match in RESOURCE_ID.finditer(known)}:
        azure.put(group, {"location": location_of(case)}, "2021-04-01")
    parents = ancestors(case.path)
    referred = {one for match in RESOURCE_ID.finditer(known) for one in (*ancestors(match[0]), match[0])} - {
        case.path,
        *parents,
    }
    for wanted in [*parents, *sorted(referred, key=len)]:
        kind = type_of(wanted)
        if kind == "microsoft.app/containerapps" and wanted in parents:
            prepare_app(azure, case, wanted)
        elif kind in MINIMAL_BODIES:
            version, body = MINIMAL_BODIES[kind]
            changes = {"properties": PARENT_PROPERTIES[case.type]} if case.type in PARENT_PROPERTIES else {}
            azure.put(wanted, {"location": location_of(case), **merge_patch(body, changes)}, version)
    properties = (case.body or {}).get("properties") or {}
    if "principalId" in properties:
        azure.add_principal(properties["principalId"])
    analytics = (properties.get("appLogsConfiguration") or {}).get("logAnalyticsConfiguration")
    if analytics:
        azure.add_workspace(analytics["customerId"], analytics["sharedKey"])
    if properties.get("createMode") == "recover":  # of a vault that was deleted
        kept = {"createMode": "default", "accessPolicies": case.settled["properties"]["accessPolicies"]}
        azure.put(case.path, {**case.body, "properties": {**properties, **kept}}, case.version)
        azure.request("DELETE", case.url)


def prepare_app(azure: Azure, case: Case, path: str) -> None:
    environment = "/".join(path.split("/")[:5]) + "/providers/Microsoft.App/managedEnvironments/env-of-ours"
    azure.put(environment, {"location": "eastus", "properties": {}}, "2025-07-01")
    named = re.findall(r'SettingName": "([^"]+)"', json.dumps(case.body))
    secrets = [{"name": name, "value": "x"} for name in named]
    template = {"containers": [{"name": "main", "image": "example.invalid/app:1"}]}
    properties = {"environmentId": environment, "configuration": {"secrets": secrets}, "template": template}
    azure.put(path, {"location": "eastus", "properties": properties}, "2025-07-01")


# Required properties; an update that contains them changes something else.
REQUIRED = set(
    "environmentId managedEnvironmentId containers triggerType replicaTimeout tenantId sku login sid accessPolicies componentType version "
    "issuer subject audiences policy enableRbacAuthorization enablePurgeProtection softDeleteRetentionInDays enableSoftDelete".split()
)


def before(case: Case) -> Any:
    """Return the body of the resource before an update: the recorded one, or the final one without the properties of the update."""
    settled = copy.deepcopy(case.earlier or case.settled or case.immediate or case.body)
    for name in ("id", "name", "type", "systemData", "etag"):
        settled.pop(name, None)
    requested = {
        name: value for name, value in (case.body or {}).items() if name not in ("location", "sku", "kind", "id")
    }
    if case.earlier is None:
        remove(settled, requested)
    return settled


def remove(target: Any, requested: Any) -> None:
    for name, value in requested.items():
        if name in REQUIRED:
            continue
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            remove(target[name], value)
        else:
            target.pop(name, None)


def create_previous(azure: Azure, case: Case) -> None:
    body = before(case)
    properties = body.get("properties") or {}
    if case.type == "microsoft.sql__servers":
        properties.update(
            administratorLogin=case.settled["properties"]["administratorLogin"],
            administratorLoginPassword="Pa55-w0rd-of-ours",
        )
    for secret in (properties.get("configuration") or {}).get("secrets") or []:
        secret["value"] = "x"
    if case.type == "resourcegroups":
        body.pop("properties", None)
    azure.put(case.path, body, case.version)


# comparison


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Yield the differences of two bodies: the path, the expected and the actual value."""
    name = path.rpartition(".")[2]
    cloud_login = str(expected).startswith("CloudSA") and str(found).startswith("CloudSA")
    if (name in GENERATED or cloud_login) and (expected is None) == (found is None) and type(expected) is type(found):
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            inner = f"{path}.{key}".lstrip(".")
            if key not in found:
                yield f"{inner}: {expected[key]!r} is missing"
            elif key not in expected:
                yield f"{inner}: {found[key]!r} is too much"
            else:
                yield from differences(expected[key], found[key], inner)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif expected != found or isinstance(expected, bool) is not isinstance(found, bool):
        yield f"{path}: {expected!r} is {found!r}"


# The recorded polling headers of asynchronous writes, by type and status.
POLLED_BY_STATUS_URL = {"Azure-AsyncOperation", "Retry-After"}
POLLED_BY_BOTH = {"Azure-AsyncOperation", "Location", "Retry-After"}
POLLED_BY_LOCATION = {"Location", "Retry-After"}
HEADERS = {
    ("microsoft.app__containerapps", 201): POLLED_BY_STATUS_URL,
    ("microsoft.app__containerapps", 202): POLLED_BY_BOTH,
    ("microsoft.app__jobs", 201): POLLED_BY_STATUS_URL,
    ("microsoft.app__jobs", 202): POLLED_BY_LOCATION,
    ("microsoft.app__managedenvironments", 201): POLLED_BY_STATUS_URL,
    ("microsoft.app__managedenvironments", 202): POLLED_BY_LOCATION,
    ("microsoft.containerregistry__registries", 201): POLLED_BY_STATUS_URL,
    ("microsoft.operationalinsights__workspaces", 201): POLLED_BY_BOTH,
    ("microsoft.storage__storageaccounts", 202): POLLED_BY_LOCATION,
    **{(kind, 202): POLLED_BY_BOTH for kind in TYPES if kind.startswith("microsoft.sql__")},
}


def replay(azure: Azure, case: Case) -> list[str]:
    """Replay a write, and return the differences from the responses of Azure."""
    prepare(azure, case)
    if case.existed:
        create_previous(azure, case)
    answer = azure.request(case.method, case.url, case.body)
    body = json.loads(answer.body) if answer.body else None
    if answer.status != case.status:
        return [f"status: {case.status} is {answer.status} {answer.body[:300]!r}"]
    found = []
    expected = HEADERS.get((case.type, case.status), set())
    if expected != (polled := POLLED_BY_BOTH & set(answer.headers)):
        found.append(f"headers: {sorted(expected)} are {sorted(polled)}")
    if case.immediate is not None:
        found += [f"answer.{one}" for one in differences(case.immediate, body)]
    azure.finish_all()
    if case.settled is not None:
        response = azure.request("GET", case.url)
        found += [f"settled.{one}" for one in differences(case.settled, json.loads(response.body))]
    return found


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, list[str]]:
    """Return the differences of each recorded write."""
    folder = tmp_path_factory.mktemp("replay")
    found = {}
    for case in CASES:
        (folder / case.name).mkdir()
        azure = Azure(folder / case.name, folder / "directory.key")
        found[case] = replay(azure, case)
        azure.close()
    return found


@pytest.mark.parametrize("kind", TYPES)
def test_the_sandbox_responds_like_azure(
    kind: str, replayed: dict[Case, list[str]], report_count: Callable[[str], None]
) -> None:
    wrong = {}
    for case, found in replayed.items():
        if case.type == kind and (
            left := [one for one in found if not any(row.covers(case, one) for row in TOLERATED)]
        ):
            wrong[case.name] = left
    total = sum(case.type == kind for case in replayed)
    report_count(f"{kind}: {total - len(wrong)}/{total}")
    assert total > 0
    assert not wrong, json.dumps(wrong, indent=2)


def test_all_recorded_writes_match(replayed: dict[Case, list[str]], report_count: Callable[[str], None]) -> None:
    exact = sum(not found for found in replayed.values())
    matched = sum(
        all(any(row.covers(case, one) for row in TOLERATED) for one in found) for case, found in replayed.items()
    )
    report_count(f"recorded writes: {matched}/{len(replayed)} matched, {exact} of them to the letter")
    assert matched == len(replayed)


@pytest.mark.parametrize("row", TOLERATED, ids=lambda row: f"{row.type}-{row.path}")
def test_each_tolerated_difference_occurs(row: ToleratedDifference, replayed: dict[Case, list[str]]) -> None:
    assert any(row.covers(case, one) for case, found in replayed.items() for one in found)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"location": "westus"}, "settled.location: 'eastus' is 'westus'"),
        ({"tags": {"a": "c"}}, "settled.tags.a: 'b' is 'c'"),
        ({"tags": {"a": "b", "d": "e"}}, "settled.tags.d: 'e' is too much"),
    ],
)
def test_a_difference_is_detected(change: dict[str, Any], difference: str, tmp_path: Path) -> None:
    """Check the comparison itself with a recording that differs from the request."""
    url = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x?api-version=2021-04-01"
    sent = {"location": "eastus", "tags": {"a": "b"}}
    response = {
        "id": url.partition("?")[0].removeprefix("https://management.azure.com"),
        "name": "x",
        "type": "Microsoft.Resources/resourceGroups",
        **sent,
        "properties": {"provisioningState": "Succeeded"},
    }
    case = Case("resourcegroups", 0, "PUT", url, "2021-04-01", False, 201, {**sent, **change}, None, response)
    azure = Azure(tmp_path, tmp_path / "directory.key")
    found = replay(azure, case)
    azure.close()
    assert difference in found
