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

DESIRED: dict[str, Any] = {
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


def desired(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DESIRED), **changes}


def desired_container(**changes: Any) -> dict[str, Any]:
    return desired(containers=[{**copy.deepcopy(DESIRED["containers"][0]), **changes}])


def on_consumption(**changes: Any) -> dict[str, Any]:
    return {**desired_container(**changes), "workload_profile_name": "Consumption"}


def probe(kind: str, failures: int) -> dict[str, Any]:
    return {"type": kind, "http_get": {"path": "/health", "port": 5000}, "failure_threshold": failures}


def test_no_change_sends_two_reads() -> None:
    with FakeAzure(get(APP, 200, app()), secrets()) as azure:
        result = run("container_app", azure, **DESIRED)
    assert result["changed"] is False
    assert result["container_app"] == app()
    assert "sql-secret" not in str(result)


def test_no_change_without_secrets_sends_one_read() -> None:
    given = desired()
    del given["secrets"]
    with FakeAzure(get(APP, 200, app())) as azure:
        assert run("container_app", azure, **given)["changed"] is False


def test_create_waits_until_the_revision_is_ready() -> None:
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
        result = run("container_app", azure, **DESIRED)
    assert result["container_app"]["properties"]["latestReadyRevisionName"] == "app1--0000001"
    assert "sql-secret" not in str(result)


def test_an_update_keeps_other_settings_and_sends_all_secrets() -> None:
    given = desired_container(image="cr1.azurecr.io/mlflow@sha256:2")
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


def test_a_rotated_secret_restarts_the_running_revision() -> None:
    with FakeAzure(
        get(APP, 200, app()),
        secrets("sql-secret-0"),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        post(f"{REVISION}/restart", 200, sent=ANY),
        get(REVISION, 200, revision()),
    ) as azure:
        result = run("container_app", azure, **DESIRED)
    after = result["diff"]["after"]["properties"]["configuration"]["secrets"]
    assert after == [{"name": "uri", "value": "(hidden, changed)"}]
    assert "sql-secret" not in str(result)


def test_a_removed_secret_is_a_change() -> None:
    current = app()
    current["properties"]["configuration"]["secrets"].append({"name": "old"})
    values = {"value": [{"name": "uri", "value": "sql-secret-1"}, {"name": "old", "value": "x"}]}
    with FakeAzure(get(APP, 200, current), post(f"{APP}/listSecrets", 200, values)) as azure:
        result = run("container_app", azure, check_mode=True, **DESIRED)
    assert result["changed"] is True
    assert result["container_app"]["properties"]["configuration"]["secrets"] == [{"name": "uri"}]


def test_only_secrets_py_handles_the_values_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[Any] = []
    container_app = module("container_app")
    desired_part, body_part = container_app.desired_without_secrets, container_app.body_without_secrets
    monkeypatch.setattr(
        container_app, "desired_without_secrets", lambda self: (part := desired_part(self), parts.append(part))[0]
    )
    monkeypatch.setattr(
        container_app, "body_without_secrets", lambda self, body: (parts.append(body), body_part(self, body))[1]
    )
    with FakeAzure(
        get(APP, 404, NOT_FOUND),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    ) as azure:
        run("container_app", azure, **DESIRED)
    assert len(parts) == 2
    assert "sql-secret" not in str(parts)


def test_check_mode_returns_no_secret() -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure:
        result = run("container_app", azure, check_mode=True, **DESIRED)
    assert result["changed"] is True
    assert "sql-secret" not in str(result)


FAILED = {"error": {"code": "ContainerAppOperationError", "message": "Failed to provision revision."}}


def test_a_failed_deployment_reports_the_state_of_the_revision() -> None:
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
        run("container_app", azure, **DESIRED)
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
        run("container_app", azure, **DESIRED)


def test_a_revision_that_does_not_become_ready_fails_the_task_at_the_deadline() -> None:
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
        run("container_app", azure, **DESIRED)
    assert caught.value.fields["revision"] == waiting


def test_a_failed_app_is_written_again_without_a_difference() -> None:
    with FakeAzure(
        get(APP, 200, app(state="Failed")),
        secrets(),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    ) as azure:
        assert run("container_app", azure, **DESIRED)["changed"] is True


def test_create_retries_until_the_environment_is_provisioned() -> None:
    early = {"error": {"code": "ManagedEnvironmentNotProvisioned", "message": "not yet"}}
    with FakeAzure(
        get(APP, 404, NOT_FOUND),
        put(APP, 400, early),
        put(APP, 201, app(), headers=ACCEPTED),
        poll("Succeeded"),
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
    ) as azure:
        run("container_app", azure, **DESIRED)


def test_delete() -> None:
    with FakeAzure(
        get(APP, 200, app()),
        delete(APP, 202, headers={"Location": "https://management.azure.com/operations/1"}),
        get("/operations/1", 204),
    ) as azure:
        result = run("container_app", azure, resource_group="rg", name="app1", state="absent")
    assert result["container_app"] == {}


@pytest.mark.parametrize("missing", ["environment_id", "containers"])
def test_create_requires(missing: str) -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app", azure, check_mode=True, **{**desired(), missing: None})
    assert caught.value.fields["option"] == missing


TWICE = [{"name": "uri", "value": "a"}, {"name": "uri", "value": "b"}]
ALLOW = {"name": "a", "ip_address_range": "1.2.3.0/24"}


@pytest.mark.parametrize(
    ("given", "option"),
    [
        (desired(name="App"), "name"),
        (desired(name="a" * 33), "name"),
        (on_consumption(cpu=0.3), "containers"),
        (on_consumption(memory="4Gi"), "containers"),
        (on_consumption(cpu=8, memory="16Gi"), "containers"),
        (on_consumption(cpu=None), "containers[mlflow]"),
        (on_consumption(memory="lots"), "containers[mlflow].memory"),
        (desired(scale={"min_replicas": 3, "max_replicas": 2}), "scale.min_replicas"),
        (desired(scale={"max_replicas": 0}), "scale.max_replicas"),
        (desired(scale={"rules": [{"name": "r"}]}), "scale.rules.name"),
        (desired(secrets=TWICE), "secrets.name"),
        (desired(secrets=[{"name": "uri"}]), "secrets.name"),
        (desired(secrets=[{"name": "Uri", "value": "x"}]), "secrets.name"),
        (desired(secrets=[{"name": "uri", "value": "x", "key_vault_url": "https://kv"}]), "secrets.name"),
        (desired(secrets=[{"name": "uri", "key_vault_url": "https://kv"}]), "secrets.identity"),
        (desired(secrets=[]), "containers[mlflow].env[URI].secret_ref"),
        (
            desired(registries=[{"server": "s", "username": "u", "password_secret_ref": "pw"}]),
            "registries[s].password_secret_ref",
        ),
        (desired(registries=[{"server": "s", "identity": "system", "username": "u"}]), "registries.server"),
        (desired(registries=[{"server": "s", "username": "u"}]), "registries.server"),
        (desired(registries=[{"server": "s", "identity": "system"}] * 2), "registries.server"),
        ({**desired(keep_secrets=True), "secrets": None}, "keep_secrets"),
        (desired(max_inactive_revisions=101), "max_inactive_revisions"),
        (desired(termination_grace_period_seconds=601), "termination_grace_period_seconds"),
        (desired(ingress={"enabled": False, "target_port": 5000}), "ingress.enabled"),
        (desired(ingress={"exposed_port": 5000, "transport": "http"}), "ingress.exposed_port"),
        (desired(ingress={"cors": {"allowed_methods": ["GET"]}}), "ingress.cors.allowed_origins"),
        (desired(ingress={"cors": {"enabled": False, "max_age": 1}}), "ingress.cors.enabled"),
        (
            desired(ingress={"cors": {"allowed_origins": ["*"], "allow_credentials": True}}),
            "ingress.cors.allow_credentials",
        ),
        (
            desired(ingress={"custom_domains": [{"name": "a.b", "binding_type": "SniEnabled"}]}),
            "ingress.custom_domains.binding_type",
        ),
        (
            desired(ingress={"additional_port_mappings": [{"target_port": 1}] * 2}),
            "ingress.additional_port_mappings.target_port",
        ),
        (desired(ingress={"sticky_sessions": True}, revision_mode="Multiple"), "ingress.sticky_sessions"),
        (desired(ingress={"traffic": [{"weight": 100}]}), "ingress.traffic"),
        (desired(ingress={"traffic": [{"weight": 101, "latest_revision": True}]}), "ingress.traffic.weight"),
        (desired(dapr={}), "dapr.app_id"),
        (desired(dapr={"enabled": False, "app_id": "a"}), "dapr.enabled"),
        (desired(dapr={"app_id": "a", "app_port": 0}), "dapr.app_port"),
        (desired(scale={"cooldown_period": 0}), "scale.cooldown_period"),
        (desired(volumes=[{"name": "v", "storage_type": "AzureFile"}]), "volumes[v].storage_name"),
        (desired(volumes=[{"name": "v", "storage_type": "EmptyDir", "storage_name": "s"}]), "volumes[v].storage_name"),
        (
            desired(volumes=[{"name": "v", "storage_type": "EmptyDir", "secrets": [{"secret_ref": "uri"}]}]),
            "volumes[v].storage_type",
        ),
        (
            {**desired_container(volume_mounts=[{"volume_name": "w", "mount_path": "/w"}]), "volumes": []},
            "containers[mlflow].volume_mounts.volume_name",
        ),
        (
            desired_container(probes=[{**probe("Startup", 1), "period_seconds": 0}]),
            "containers[mlflow].probes.period_seconds",
        ),
        (
            desired(ingress={"ip_security_restrictions": [{**ALLOW, "ip_address_range": "1.2.3.4/33"}]}),
            "ingress.ip_security_restrictions.ip_address_range",
        ),
        (
            desired(ingress={"ip_security_restrictions": [ALLOW, {**ALLOW, "name": "b", "action": "Deny"}]}),
            "ingress.ip_security_restrictions.action",
        ),
        (desired(ingress={"target_port": 70000}), "ingress.target_port"),
        (desired(ingress={"traffic": [{"weight": 50, "latest_revision": True}]}), "ingress.traffic.weight"),
        (desired(identity={"type": "UserAssigned"}), "identity.user_assigned_identities"),
        (
            desired(identity={"type": "SystemAssigned", "user_assigned_identities": [IDENTITY]}),
            "identity.user_assigned_identities",
        ),
        (desired_container(probes=[{"type": "Startup"}]), "containers[mlflow].probes.type"),
        *(
            (desired_container(probes=[probe(kind, failures)]), "containers[mlflow].probes.failure_threshold")
            for kind, failures in [("Startup", 241), ("Readiness", 49), ("Liveness", 31), ("Startup", 0)]
        ),
        (
            desired_container(env=[{"name": "A", "value": "1", "secret_ref": "uri"}]),
            "containers[mlflow].env.name",
        ),
        (desired_container(env=[{"name": "A", "value": "1"}] * 2), "containers[mlflow].env.name"),
    ],
)
def test_invalid_options_are_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app", azure, **given)
    assert caught.value.fields["option"] == option
    assert "sql-secret" not in caught.value.message


def test_a_dedicated_profile_accepts_any_size() -> None:
    given = desired_container(cpu=3, memory="20Gi")
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure:
        assert run("container_app", azure, check_mode=True, workload_profile_name="d4", **given)["changed"] is True


ALL_SETTINGS: dict[str, Any] = {
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


def with_all_settings() -> dict[str, Any]:
    """Return the app with ALL_SETTINGS as Azure returns it."""
    current = app()
    configuration, template = current["properties"]["configuration"], current["properties"]["template"]
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
    return current


def test_no_change_with_all_settings() -> None:
    with FakeAzure(get(APP, 200, with_all_settings()), secrets()) as azure:
        assert run("container_app", azure, **desired(**ALL_SETTINGS))["changed"] is False


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
def test_a_change_of_one_setting_changes_nothing_else(given: dict[str, Any], path: str, sent: Any) -> None:
    current = with_all_settings()
    with FakeAzure(
        get(APP, 200, current),
        secrets(),
    ) as azure:
        result = run("container_app", azure, check_mode=True, **{**desired(), "ingress": None, **given})
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
def test_disabled_and_missing_are_equal(given: dict[str, Any]) -> None:
    current = app()
    current["properties"]["configuration"] |= {"dapr": None, "ingress": None if "ingress" in given else {}}
    if "sticky_sessions" in given.get("ingress", {}):
        current["properties"]["configuration"]["ingress"] = {"stickySessions": None}
    with FakeAzure(get(APP, 200, current), secrets()) as azure:
        assert run("container_app", azure, **{**desired(), "ingress": None, **given})["changed"] is False


def test_keep_secrets_keeps_other_secrets() -> None:
    current = app()
    current["properties"]["configuration"]["secrets"].append({"name": "theirs"})
    both = {"value": [{"name": "uri", "value": "sql-secret-1"}, {"name": "theirs", "value": "t"}]}
    with FakeAzure(get(APP, 200, current), post(f"{APP}/listSecrets", 200, both)) as azure:
        assert run("container_app", azure, keep_secrets=True, **desired())["changed"] is False
    with FakeAzure(get(APP, 200, current), post(f"{APP}/listSecrets", 200, both)) as azure:
        result = run("container_app", azure, check_mode=True, **desired())
    assert result["diff"]["after"]["properties"]["configuration"]["secrets"] == [{"name": "uri"}]
    sent: list[Any] = []
    new = desired(secrets=[{"name": "uri", "value": "new"}])
    with FakeAzure(
        get(APP, 200, current),
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


def test_a_new_app_without_a_profile_must_have_a_consumption_size() -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption, match="Consumption") as caught:
        run("container_app", azure, **desired_container(cpu=1, memory="4Gi"))
    assert caught.value.fields["option"] == "containers"


def test_an_existing_app_may_have_any_size() -> None:
    current = app()
    current["properties"]["workloadProfileName"] = "d4"
    current["properties"]["template"]["containers"][0]["resources"] = {"cpu": 1, "memory": "4Gi"}
    with FakeAzure(get(APP, 200, current), secrets()) as azure:
        assert run("container_app", azure, **desired_container(cpu=1, memory="4Gi"))["changed"] is False


@pytest.mark.parametrize("kind", ["None", "SystemAssigned"])
def test_user_assigned_identities_are_removed(kind: str) -> None:
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
        given = {**desired(), "registries": [], "identity": {"type": kind}}
        run("container_app", azure, **given)
    assert [body["identity"] for body in bodies if body] == [{"type": kind}]


def test_the_highest_failure_thresholds_are_valid() -> None:
    probes = [probe("Startup", 240), probe("Readiness", 48), probe("Liveness", 30)]
    with FakeAzure() as azure:
        module("container_app")(options("container_app", **desired_container(probes=probes)), azure.arm).validate()


WITHOUT_SECRETS = {**DESIRED, "secrets": None}


def test_a_rerun_fails_when_the_latest_revision_has_failed() -> None:
    failed = revision("Failed", "Failed", runningStateDetails="exit code 3")
    with (
        FakeAzure(get(APP, 200, app(ready="app1--0000000")), get(REVISION, 200, failed)) as azure,
        pytest.raises(ArmError, match=r"exit code 3.*container_app_revision, state: restarted"),
    ):
        run("container_app", azure, **WITHOUT_SECRETS)


def test_a_rerun_waits_until_the_latest_revision_is_ready() -> None:
    with FakeAzure(
        get(APP, 200, app(ready="app1--0000000")),
        get(REVISION, 200, revision("Provisioning", "Processing")),
        get(REVISION, 200, revision()),
    ) as azure:
        assert run("container_app", azure, **WITHOUT_SECRETS)["changed"] is False


def test_a_rerun_of_a_ready_app_sends_one_read() -> None:
    with FakeAzure(get(APP, 200, app(latest="app1--2", ready="app1--2"))) as azure:
        assert run("container_app", azure, **WITHOUT_SECRETS)["changed"] is False


HEADERS = [{"name": "Host", "value": "mlflow.example.org"}, {"name": "Accept", "value": "*/*"}]


@pytest.mark.parametrize(
    ("headers", "changed"), [(HEADERS, False), (HEADERS[::-1], False), (HEADERS[:1], True), ([], True)]
)
def test_the_headers_of_a_probe_are_compared_as_a_set(headers: list[dict[str, str]], changed: bool) -> None:
    current = app()
    current_probe = {"type": "Readiness", "httpGet": {"path": "/health", "port": 1, "httpHeaders": HEADERS}}
    current["properties"]["template"]["containers"][0]["probes"] = [current_probe]
    desired_probe = {"type": "Readiness", "http_get": {"path": "/health", "port": 1, "http_headers": headers}}
    given = {**desired_container(probes=[desired_probe]), "secrets": None}
    with FakeAzure(get(APP, 200, current)) as azure:
        assert run("container_app", azure, check_mode=True, **given)["changed"] is changed
