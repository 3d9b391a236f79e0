# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container apps: secrets, revisions, and comparison of settings."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption

from tests.support.container_apps import APP, ENVIRONMENT, IDENTITY, REVISION, app, revision
from tests.support.fake_azure import (
    ACCEPTED,
    ANY,
    NOT_FOUND,
    FakeAzure,
    delete,
    get,
    module,
    options,
    poll,
    post,
    put,
    run,
)

WANTED: dict[str, Any] = {
    "resource_group": "rg",
    "name": "app1",
    "location": "westeurope",
    "environment_id": ENVIRONMENT,
    "identity": {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]},
    "registries": [{"server": "cr1.azurecr.io", "identity": IDENTITY}],
    "secrets": [{"name": "uri", "value": "sql-secret-1"}],
    "ingress": {"external": True, "target_port": 5000, "transport": "http"},
    "containers": [
        {
            "name": "mlflow",
            "image": "cr1.azurecr.io/mlflow@sha256:1",
            "cpu": 0.5,
            "memory": "1Gi",
            "env": [{"name": "URI", "secret_ref": "uri"}, {"name": "PORT", "value": "5000"}],
            "probes": [{"type": "Liveness", "http_get": {"path": "/health", "port": 5000}}],
        }
    ],
    "scale": {"min_replicas": 0, "max_replicas": 1},
}


def secrets(value: str = "sql-secret-1") -> Any:
    return post(f"{APP}/listSecrets", 200, {"value": [{"name": "uri", "value": value}]})


def wanted(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(WANTED), **changes}


def wanted_container(**changes: Any) -> dict[str, Any]:
    return wanted(containers=[{**copy.deepcopy(WANTED["containers"][0]), **changes}])


def on_consumption(**changes: Any) -> dict[str, Any]:
    return {**wanted_container(**changes), "workload_profile_name": "Consumption"}


def probe(kind: str, failures: int) -> dict[str, Any]:
    return {"type": kind, "http_get": {"path": "/health", "port": 5000}, "failure_threshold": failures}


def test_no_change_is_two_reads() -> None:
    with FakeAzure(get(APP, 200, app()), secrets()) as azure:
        result = run("container_app", azure, **WANTED)
    assert result["changed"] is False
    assert result["container_app"] == app()
    assert "sql-secret" not in str(result)


def test_without_secrets_no_change_is_one_read() -> None:
    given = wanted()
    del given["secrets"]
    with FakeAzure(get(APP, 200, app())) as azure:
        assert run("container_app", azure, **given)["changed"] is False


def test_create_waits_until_the_revision_runs() -> None:
    with FakeAzure(
        get(APP, 404, NOT_FOUND),
        put(APP, 201, app(state="InProgress"), headers=ACCEPTED),
        poll("InProgress"),
        poll("Succeeded"),
        get(APP, 200, app(ready="")),
        get(REVISION, 200, revision("Provisioning", "Activating")),
        get(REVISION, 200, revision()),
        get(APP, 200, app()),
    ) as azure:
        result = run("container_app", azure, **WANTED)
    assert result["container_app"]["properties"]["latestReadyRevisionName"] == "app1--0000001"
    assert "sql-secret" not in str(result)


def test_an_update_keeps_what_others_set_and_sends_all_secrets() -> None:
    given = wanted_container(image="cr1.azurecr.io/mlflow@sha256:2")
    del given["secrets"]
    azure = FakeAzure(
        get(APP, 200, app()),
        secrets(),
        put(APP, 201, app(state="InProgress"), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    )
    bodies: list[Any] = []
    real = azure.session.request

    def request(method: str, url: str, data: Any = None, **rest: Any) -> Any:
        bodies.append((method, data))
        return real(method, url, data, **rest)

    azure.session.request = request  # type: ignore[method-assign]
    with azure:
        result = run("container_app", azure, **given)
    sent = next(json.loads(data) for method, data in bodies if method == "PUT")
    configuration, template = sent["properties"]["configuration"], sent["properties"]["template"]
    assert configuration["secrets"] == [{"name": "uri", "value": "sql-secret-1"}]
    assert configuration["ingress"]["corsPolicy"] == {"allowedOrigins": ["https://theirs"]}
    assert configuration["maxInactiveRevisions"] == 100
    assert template["containers"][0]["image"].endswith("sha256:2")
    assert template["containers"][0]["probes"][0]["periodSeconds"] == 10
    for gone in ("revisionSuffix", "fqdn", "imageType", "ephemeralStorage", "clientId", "latestRevisionName"):
        assert gone not in str(sent)
    assert result["changed"] is True
    assert "sql-secret" not in str(result)


def test_a_rotated_secret_is_seen_and_the_running_revision_restarted() -> None:
    with FakeAzure(
        get(APP, 200, app()),
        secrets("sql-secret-0"),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        post(f"{REVISION}/restart", 200, sent=ANY),
        get(REVISION, 200, revision()),
    ) as azure:
        result = run("container_app", azure, **WANTED)
    after = result["diff"]["after"]["properties"]["configuration"]["secrets"]
    assert after == [{"name": "uri", "value": "(hidden, changed)"}]
    assert "sql-secret" not in str(result)


def test_a_removed_secret_is_a_change() -> None:
    current = app()
    current["properties"]["configuration"]["secrets"].append({"name": "old"})
    values = {"value": [{"name": "uri", "value": "sql-secret-1"}, {"name": "old", "value": "x"}]}
    with FakeAzure(get(APP, 200, current), post(f"{APP}/listSecrets", 200, values)) as azure:
        result = run("container_app", azure, check_mode=True, **WANTED)
    assert result["changed"] is True
    assert result["container_app"]["properties"]["configuration"]["secrets"] == [{"name": "uri"}]


def test_check_mode_shows_no_secret() -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure:
        result = run("container_app", azure, check_mode=True, **WANTED)
    assert result["changed"] is True
    assert "sql-secret" not in str(result)


FAILED = {"error": {"code": "ContainerAppOperationError", "message": "Failed to provision revision."}}


def test_a_failed_deployment_tells_what_the_revision_says() -> None:
    details = "unable to pull image using Managed identity"
    with (
        FakeAzure(
            get(APP, 404, NOT_FOUND),
            put(APP, 201, app(state="InProgress"), headers=ACCEPTED),
            poll("Failed", body=FAILED),
            get(APP, 200, app(state="Failed")),
            get(REVISION, 200, revision("Failed", "Failed", runningStateDetails=details)),
        ) as azure,
        pytest.raises(ArmError) as caught,
    ):
        run("container_app", azure, **WANTED)
    assert caught.value.code == "ContainerAppOperationError"
    assert details in str(caught.value)


def test_a_revision_that_fails_after_the_deployment_fails_the_task() -> None:
    failed = revision("Failed", "Failed", provisioningError="The image could not be pulled: UNAUTHORIZED")
    with (
        FakeAzure(
            get(APP, 404, NOT_FOUND),
            put(APP, 201, app(), headers=ACCEPTED),
            poll("Succeeded"),
            get(APP, 200, app(ready="")),
            get(REVISION, 200, failed),
        ) as azure,
        pytest.raises(ArmError, match="AcrPull"),
    ):
        run("container_app", azure, **WANTED)


def test_a_revision_that_never_gets_ready_ends_at_the_deadline_with_its_state() -> None:
    waiting = revision("Provisioned", "Degraded", healthState="Unhealthy", runningStateDetails="1 crashing: exit 1")
    azure = FakeAzure(
        get(APP, 404, NOT_FOUND),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app(ready="")),
        *[get(REVISION, 200, waiting)] * 50,
        wait_timeout=60,
    )
    with pytest.raises(Failure, match="1 crashing: exit 1") as caught:
        run("container_app", azure, **WANTED)
    assert caught.value.fields["revision"] == waiting


def test_a_failed_app_is_deployed_again_though_nothing_differs() -> None:
    with FakeAzure(
        get(APP, 200, app(state="Failed")),
        secrets(),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    ) as azure:
        assert run("container_app", azure, **WANTED)["changed"] is True


def test_an_environment_that_is_not_ready_is_waited_for() -> None:
    early = {"error": {"code": "ManagedEnvironmentNotProvisioned", "message": "not yet"}}
    with FakeAzure(
        get(APP, 404, NOT_FOUND),
        put(APP, 400, early),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    ) as azure:
        run("container_app", azure, **WANTED)


def test_delete() -> None:
    with FakeAzure(
        get(APP, 200, app()),
        delete(APP, 202, headers={"Location": "https://management.azure.com/operations/1"}),
        get("/operations/1", 204),
    ) as azure:
        result = run("container_app", azure, resource_group="rg", name="app1", state="absent")
    assert result["container_app"] == {}


@pytest.mark.parametrize("missing", ["environment_id", "containers"])
def test_a_new_app_needs(missing: str) -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app", azure, check_mode=True, **{**wanted(), missing: None})
    assert caught.value.fields["option"] == missing


TWICE = [{"name": "uri", "value": "a"}, {"name": "uri", "value": "b"}]


ALLOW = {"name": "a", "ip_address_range": "1.2.3.0/24"}


@pytest.mark.parametrize(
    ("given", "option"),
    [
        (wanted(name="App"), "name"),
        (wanted(name="a" * 33), "name"),
        (on_consumption(cpu=0.3), "containers"),
        (on_consumption(memory="4Gi"), "containers"),
        (on_consumption(cpu=8, memory="16Gi"), "containers"),
        (on_consumption(cpu=None), "containers[mlflow]"),
        (on_consumption(memory="lots"), "containers[mlflow].memory"),
        (wanted(scale={"min_replicas": 3, "max_replicas": 2}), "scale.min_replicas"),
        (wanted(scale={"max_replicas": 0}), "scale.max_replicas"),
        (wanted(scale={"rules": [{"name": "r"}]}), "scale.rules.name"),
        (wanted(secrets=TWICE), "secrets.name"),
        (wanted(secrets=[{"name": "uri"}]), "secrets.name"),
        (wanted(secrets=[{"name": "Uri", "value": "x"}]), "secrets.name"),
        (wanted(secrets=[{"name": "uri", "value": "x", "key_vault_url": "https://kv"}]), "secrets.name"),
        (wanted(secrets=[{"name": "uri", "key_vault_url": "https://kv"}]), "secrets.identity"),
        (wanted(secrets=[]), "containers[mlflow].env[URI].secret_ref"),
        (
            wanted(registries=[{"server": "s", "username": "u", "password_secret_ref": "pw"}]),
            "registries[s].password_secret_ref",
        ),
        (wanted(registries=[{"server": "s", "identity": "system", "username": "u"}]), "registries.server"),
        (wanted(registries=[{"server": "s", "username": "u"}]), "registries.server"),
        (wanted(registries=[{"server": "s", "identity": "system"}] * 2), "registries.server"),
        ({**wanted(keep_secrets=True), "secrets": None}, "keep_secrets"),
        (wanted(max_inactive_revisions=101), "max_inactive_revisions"),
        (wanted(termination_grace_period_seconds=601), "termination_grace_period_seconds"),
        (wanted(ingress={"enabled": False, "target_port": 5000}), "ingress.enabled"),
        (wanted(ingress={"exposed_port": 5000, "transport": "http"}), "ingress.exposed_port"),
        (wanted(ingress={"cors": {"allowed_methods": ["GET"]}}), "ingress.cors.allowed_origins"),
        (wanted(ingress={"cors": {"enabled": False, "max_age": 1}}), "ingress.cors.enabled"),
        (
            wanted(ingress={"cors": {"allowed_origins": ["*"], "allow_credentials": True}}),
            "ingress.cors.allow_credentials",
        ),
        (
            wanted(ingress={"custom_domains": [{"name": "a.b", "binding_type": "SniEnabled"}]}),
            "ingress.custom_domains.binding_type",
        ),
        (
            wanted(ingress={"additional_port_mappings": [{"target_port": 1}] * 2}),
            "ingress.additional_port_mappings.target_port",
        ),
        (wanted(ingress={"sticky_sessions": True}, revision_mode="Multiple"), "ingress.sticky_sessions"),
        (wanted(ingress={"traffic": [{"weight": 100}]}), "ingress.traffic"),
        (wanted(ingress={"traffic": [{"weight": 101, "latest_revision": True}]}), "ingress.traffic.weight"),
        (wanted(dapr={}), "dapr.app_id"),
        (wanted(dapr={"enabled": False, "app_id": "a"}), "dapr.enabled"),
        (wanted(dapr={"app_id": "a", "app_port": 0}), "dapr.app_port"),
        (wanted(scale={"cooldown_period": 0}), "scale.cooldown_period"),
        (wanted(volumes=[{"name": "v", "storage_type": "AzureFile"}]), "volumes[v].storage_name"),
        (wanted(volumes=[{"name": "v", "storage_type": "EmptyDir", "storage_name": "s"}]), "volumes[v].storage_name"),
        (
            wanted(volumes=[{"name": "v", "storage_type": "EmptyDir", "secrets": [{"secret_ref": "uri"}]}]),
            "volumes[v].storage_type",
        ),
        (
            {**wanted_container(volume_mounts=[{"volume_name": "w", "mount_path": "/w"}]), "volumes": []},
            "containers[mlflow].volume_mounts.volume_name",
        ),
        (
            wanted_container(probes=[{**probe("Startup", 1), "period_seconds": 0}]),
            "containers[mlflow].probes.period_seconds",
        ),
        (
            wanted(ingress={"ip_security_restrictions": [{**ALLOW, "ip_address_range": "1.2.3.4/33"}]}),
            "ingress.ip_security_restrictions.ip_address_range",
        ),
        (
            wanted(ingress={"ip_security_restrictions": [ALLOW, {**ALLOW, "name": "b", "action": "Deny"}]}),
            "ingress.ip_security_restrictions.action",
        ),
        (wanted(ingress={"target_port": 70000}), "ingress.target_port"),
        (wanted(ingress={"traffic": [{"weight": 50, "latest_revision": True}]}), "ingress.traffic.weight"),
        (wanted(identity={"type": "UserAssigned"}), "identity.user_assigned_identities"),
        (
            wanted(identity={"type": "SystemAssigned", "user_assigned_identities": [IDENTITY]}),
            "identity.user_assigned_identities",
        ),
        (wanted_container(probes=[{"type": "Startup"}]), "containers[mlflow].probes.type"),
        *(
            (wanted_container(probes=[probe(kind, failures)]), "containers[mlflow].probes.failure_threshold")
            for kind, failures in [("Startup", 241), ("Readiness", 49), ("Liveness", 31), ("Startup", 0)]
        ),
        (
            wanted_container(env=[{"name": "A", "value": "1", "secret_ref": "uri"}]),
            "containers[mlflow].env.name",
        ),
        (wanted_container(env=[{"name": "A", "value": "1"}] * 2), "containers[mlflow].env.name"),
    ],
)
def test_what_azure_would_refuse_is_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app", azure, **given)
    assert caught.value.fields["option"] == option
    assert "sql-secret" not in caught.value.message


def test_any_size_goes_on_a_dedicated_profile() -> None:
    given = wanted_container(cpu=3, memory="20Gi")
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure:
        assert run("container_app", azure, check_mode=True, workload_profile_name="d4", **given)["changed"] is True


ALL_OF_IT: dict[str, Any] = {
    "max_inactive_revisions": 5,
    "ingress": {
        "external": True,
        "target_port": 5000,
        "transport": "http",
        "client_certificate_mode": "accept",
        "sticky_sessions": True,
        "cors": {"allowed_origins": ["https://b", "https://a"], "allow_credentials": True, "max_age": 60},
        "custom_domains": [{"name": "mlflow.example.org", "certificate_id": f"{ENVIRONMENT}/managedCertificates/c"}],
        "additional_port_mappings": [{"target_port": 9090}],
    },
    "dapr": {"app_id": "mlflow", "app_port": 5000},
    "scale": {"min_replicas": 0, "max_replicas": 1, "cooldown_period": 60, "polling_interval": 10},
    "termination_grace_period_seconds": 60,
}


def all_of_it() -> dict[str, Any]:
    """What Azure shows of ALL_OF_IT, in its own spelling."""
    shown = app()
    configuration, template = shown["properties"]["configuration"], shown["properties"]["template"]
    configuration["maxInactiveRevisions"] = 5
    configuration["dapr"] = {
        "enabled": True,
        "appId": "mlflow",
        "appPort": 5000,
        "appProtocol": None,
        "logLevel": "info",
    }
    configuration["ingress"] |= {
        "clientCertificateMode": "Accept",
        "stickySessions": {"affinity": "sticky"},
        "corsPolicy": {"allowedOrigins": ["https://a", "https://b"], "allowCredentials": True, "maxAge": 60},
        "customDomains": [
            {
                "name": "mlflow.example.org",
                "certificateId": f"{ENVIRONMENT}/managedcertificates/c",
                "bindingType": "SniEnabled",
            }
        ],
        "additionalPortMappings": [{"targetPort": 9090, "exposedPort": 9090, "external": False}],
    }
    template["scale"] |= {"cooldownPeriod": 60, "pollingInterval": 10}
    template["terminationGracePeriodSeconds"] = 60
    return shown


def test_everything_that_an_app_can_have_is_found_again() -> None:
    with FakeAzure(get(APP, 200, all_of_it()), secrets()) as azure:
        assert run("container_app", azure, **wanted(**ALL_OF_IT))["changed"] is False


@pytest.mark.parametrize(
    ("given", "path", "sent"),
    [
        ({"ingress": {"enabled": False}}, "ingress", None),
        ({"ingress": {"cors": {"enabled": False}}}, "ingress.corsPolicy", None),
        ({"ingress": {"sticky_sessions": False}}, "ingress.stickySessions", {"affinity": "none"}),
        ({"ingress": {"client_certificate_mode": "ignore"}}, "ingress.clientCertificateMode", "ignore"),
        ({"ingress": {"custom_domains": []}}, "ingress.customDomains", []),
        ({"ingress": {"cors": {"allowed_origins": ["https://c"]}}}, "ingress.corsPolicy.allowedOrigins", ["https://c"]),
        ({"dapr": {"enabled": False}}, "dapr.enabled", False),
        ({"max_inactive_revisions": 9}, "maxInactiveRevisions", 9),
    ],
)
def test_one_setting_changes_and_nothing_else(given: dict[str, Any], path: str, sent: Any) -> None:
    standing = all_of_it()
    with FakeAzure(
        get(APP, 200, standing),
        secrets(),
    ) as azure:
        result = run("container_app", azure, check_mode=True, **{**wanted(), "ingress": None, **given})
    before, after = result["diff"]["before"], result["diff"]["after"]
    assert result["changed"] is True
    where, expected = after["properties"]["configuration"], copy.deepcopy(before)
    place = expected["properties"]["configuration"]
    *parents, last = path.split(".")
    for part in parents:
        where, place = where[part], place[part]
    assert where[last] == sent
    place[last] = sent
    assert after == expected


@pytest.mark.parametrize(
    "given",
    [{"ingress": {"enabled": False}}, {"dapr": {"enabled": False}}, {"ingress": {"sticky_sessions": False}}],
    ids=["ingress", "dapr", "sticky"],
)
def test_what_is_off_already_stays_off(given: dict[str, Any]) -> None:
    standing = app()
    standing["properties"]["configuration"] |= {"dapr": None, "ingress": None if "ingress" in given else {}}
    if "sticky_sessions" in given.get("ingress", {}):
        standing["properties"]["configuration"]["ingress"] = {"stickySessions": None}
    with FakeAzure(get(APP, 200, standing), secrets()) as azure:
        assert run("container_app", azure, **{**wanted(), "ingress": None, **given})["changed"] is False


def test_secrets_of_others_stay_where_that_is_asked_for() -> None:
    standing = app()
    standing["properties"]["configuration"]["secrets"].append({"name": "theirs"})
    both = {"value": [{"name": "uri", "value": "sql-secret-1"}, {"name": "theirs", "value": "t"}]}
    with FakeAzure(get(APP, 200, standing), post(f"{APP}/listSecrets", 200, both)) as azure:
        assert run("container_app", azure, keep_secrets=True, **wanted())["changed"] is False
    with FakeAzure(get(APP, 200, standing), post(f"{APP}/listSecrets", 200, both)) as azure:
        result = run("container_app", azure, check_mode=True, **wanted())
    assert result["diff"]["after"]["properties"]["configuration"]["secrets"] == [{"name": "uri"}]
    sent: list[Any] = []
    new = wanted(secrets=[{"name": "uri", "value": "new"}])
    with FakeAzure(
        get(APP, 200, standing),
        post(f"{APP}/listSecrets", 200, both),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        post(f"{REVISION}/restart", 200),
        get(REVISION, 200, revision()),
    ) as azure:
        request = azure.session.request
        azure.session.request = lambda method, url, data=None, **rest: (
            sent.append(data),
            request(method, url, data, **rest),
        )[1]
        run("container_app", azure, keep_secrets=True, **new)
    body = next(json.loads(data) for data in sent if data)
    assert body["properties"]["configuration"]["secrets"] == [
        {"name": "uri", "value": "new"},
        {"name": "theirs", "value": "t"},
    ]


def test_without_a_profile_a_new_app_is_on_consumption() -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption, match="Consumption") as caught:
        run("container_app", azure, **wanted_container(cpu=1, memory="4Gi"))
    assert caught.value.fields["option"] == "containers"


def test_an_app_that_stands_may_be_on_any_profile() -> None:
    standing = app()
    standing["properties"]["workloadProfileName"] = "d4"
    standing["properties"]["template"]["containers"][0]["resources"] = {"cpu": 1, "memory": "4Gi"}
    with FakeAzure(get(APP, 200, standing), secrets()) as azure:
        assert run("container_app", azure, **wanted_container(cpu=1, memory="4Gi"))["changed"] is False


@pytest.mark.parametrize("kind", ["None", "SystemAssigned"])
def test_identities_are_taken_away(kind: str) -> None:
    bodies: list[Any] = []
    with FakeAzure(
        get(APP, 200, app()),
        secrets(),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    ) as azure:
        send = azure.session.request

        def request(method: str, url: str, data: Any = None, **rest: Any) -> Any:
            bodies.append(json.loads(data) if method == "PUT" else None)
            return send(method, url, data, **rest)

        azure.session.request = request
        given = {**wanted(), "registries": [], "identity": {"type": kind}}
        run("container_app", azure, **given)
    assert [body["identity"] for body in bodies if body] == [{"type": kind}]


def test_probes_may_fail_as_often_as_azure_lets_them() -> None:
    probes = [probe("Startup", 240), probe("Readiness", 48), probe("Liveness", 30)]
    with FakeAzure() as azure:
        module("container_app")(options("container_app", **wanted_container(probes=probes)), azure.arm).validate()
