# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Portal: its content and access, the protection of secrets, and its refresh in a browser."""

from __future__ import annotations

import functools
import http.client
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.sandbox_client import Client, Platform, app_body, run_cli

SANDBOX = Path(__file__).resolve().parents[2] / "sandbox"
MARKUP = "<img src=x onerror=document.title='broken'>"


@functools.cache
def address_in(home: Path) -> str:
    return str(json.loads(run_cli(home, "status", "--json").stdout)["portal"])


def address(sandbox: Client) -> str:
    return address_in(sandbox.home)


def ask(sandbox: Client, path: str = "", method: str = "GET", **options: Any) -> requests.Response:
    return requests.request(method, address(sandbox) + path, timeout=30, proxies={"http": ""}, **options)


@pytest.fixture(scope="module")
def resources(sandbox: Client, platform: Platform) -> dict[str, Any]:
    """Resources for the portal: an app with a secret and markup in its variables, a job that has run, an account, a server."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    path = f"{platform.group}/providers/Microsoft.App/containerApps/{name}"
    changes: dict[str, Any] = {
        "secrets": [{"name": "pass", "value": "s3cr3t-of-the-app"}],
        "env": [{"name": "PASS", "secretRef": "pass"}, {"name": "MARKUP", "value": MARKUP}],
        "configuration": {"activeRevisionsMode": "Multiple"},
    }
    sandbox.put(path, app_body(platform, template={"revisionSuffix": "one"}, **changes))
    traffic = [{"revisionName": f"{name}--one", "weight": 80}, {"latestRevision": True, "weight": 20}]
    app = sandbox.put(
        path, app_body(platform, template={"revisionSuffix": "two"}, ingress={"traffic": traffic}, **changes)
    )
    job_body = app_body(platform, command=["python", "-c", f"print({MARKUP!r})"])
    del job_body["properties"]["configuration"]["ingress"]
    job_body["properties"]["configuration"] |= {"triggerType": "Manual", "replicaTimeout": 60}
    job = sandbox.put(f"{platform.group}/providers/Microsoft.App/jobs/nightly-{uuid.uuid4().hex[:5]}", job_body)
    started = sandbox.arm("POST", f"{job['id']}/start").json()["id"]
    sandbox.until(lambda: sandbox.arm("GET", started).json()["properties"]["status"] == "Succeeded", "the job has run")
    account = sandbox.storage(platform.group)
    assert sandbox.assign(
        account["id"], "Storage Blob Data Contributor", platform.identity["properties"]["principalId"]
    ).ok
    server = f"{platform.group}/providers/Microsoft.Sql/servers/sql-{uuid.uuid4().hex[:8]}"
    login = {"administratorLogin": "boss", "administratorLoginPassword": "Good+pass/s3cr3t"}
    sandbox.put(server, {"location": "westeurope", "properties": login})
    sandbox.put(f"{server}/databases/mlflow", {"location": "westeurope"})
    return {"app": app, "job": job, "account": account, "server": server}


def test_the_overview(sandbox: Client, platform: Platform, resources: dict[str, Any]) -> None:
    overview = ask(sandbox, "api/overview").json()
    assert overview["subscription"] == sandbox.environment["AZURE_SUBSCRIPTION_ID"]
    (group,) = [each for each in overview["groups"] if each["id"] == platform.group]
    names = {each["name"]: each for each in group["resources"]}
    assert names["mlflow"]["depth"] == 1
    assert names[resources["account"]["name"]]["type"] == "Microsoft.Storage/storageAccounts"
    (app,) = [each for each in overview["apps"] if each["id"] == resources["app"]["id"]]
    assert app["url"] == run_cli(sandbox.home, "url", app["name"]).stdout.strip()
    assert [(each["name"][-3:], each["trafficWeight"]) for each in app["revisions"]] == [("two", 20), ("one", 80)]
    (replica,) = app["revisions"][0]["replicas"]
    assert replica["ready"]
    (job,) = [each for each in overview["jobs"] if each["id"] == resources["job"]["id"]]
    assert [each["status"] for each in job["executions"]] == ["Succeeded"]
    roles = {(each["principal"], each["role"], each["scope"]) for each in overview["access"]}
    assert (platform.identity["name"], "AcrPull", platform.registry) in roles
    created = [each for each in overview["operations"] if each["resource"] == app["name"] and each["verb"] == "create"]
    assert [each["status"] for each in created] == ["Succeeded"]


def test_a_resource_is_as_its_get_returns_it(sandbox: Client, resources: dict[str, Any]) -> None:
    for resource in (resources["app"], resources["account"]):
        assert (
            ask(sandbox, "api/resource", params={"id": resource["id"]}).json()
            == sandbox.arm("GET", resource["id"]).json()
        )


def test_the_logs_of_an_app_and_a_job(sandbox: Client, resources: dict[str, Any]) -> None:
    logs = ask(sandbox, "api/logs", params={"id": resources["app"]["id"]}).json()["logs"]
    assert len(logs) == 2
    assert all(log["running"] and "listening on" in log["text"] for log in logs)
    (log,) = ask(sandbox, "api/logs", params={"id": resources["job"]["id"]}).json()["logs"]
    assert (log["running"], MARKUP in log["text"]) == (False, True)


def test_no_secret_is_shown(sandbox: Client, resources: dict[str, Any]) -> None:
    """Neither the secrets of the tests nor a key or password of the sandbox itself."""
    overview = ask(sandbox, "api/overview")
    identifiers = re.findall(r'"id": "(/[^"]+)"', overview.text)
    assert len(identifiers) > 10
    requested = [(path, identifier) for identifier in identifiers for path in ("api/resource", "api/logs")]
    pages = [overview.text, *(ask(sandbox, path, params={"id": identifier}).text for path, identifier in requested)]
    keys = sandbox.arm("POST", f"{resources['account']['id']}/listKeys", version="2024-01-01").json()["keys"]
    secrets = [key["value"] for key in keys]
    secrets += ["s3cr3t-of-the-app", "Good+pass/s3cr3t", sandbox.environment["AZURE_CLIENT_SECRET"]]
    assert len(secrets) == 5
    for secret in secrets:
        assert not [page for page in pages if secret in page]


@pytest.mark.parametrize(
    "path",
    [
        "none",
        "api",
        "api/resource",
        "api/resource?id=/none",
        "api/logs?id=/none",
        "static/index.html",
        "api/logs?id=../../..",
    ],
)
def test_missing_paths_and_resources(sandbox: Client, path: str) -> None:
    assert ask(sandbox, path).status_code == 404


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("site.py", "portal/site.py"),
        ("../proxy.py", "proxy.py"),
        ("../../proxy.py", "proxy.py"),
        ("..%2f..%2fproxy.py", "proxy.py"),
        ("%2e%2e/view.py", "portal/view.py"),
    ],
)
def test_the_portal_serves_no_file_outside_of_its_folder(sandbox: Client, path: str, file: str) -> None:
    """Send the path as it is: `requests` resolves its dots before it sends it."""
    assert (SANDBOX / file).is_file()
    connection = http.client.HTTPConnection(urlsplit(address(sandbox)).netloc, timeout=30)
    try:
        connection.request("GET", f"/{path}")
        assert connection.getresponse().status == 404
    finally:
        connection.close()


def test_a_resource_without_logs(sandbox: Client, resources: dict[str, Any]) -> None:
    assert ask(sandbox, "api/logs", params={"id": resources["account"]["id"]}).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_the_portal_is_read_only(sandbox: Client, method: str) -> None:
    for path in ("", "api/overview"):
        answer = ask(sandbox, path, method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}", ""]
)
def test_another_host_name_is_rejected(sandbox: Client, host: str) -> None:
    """The name of another site may resolve to this machine (DNS rebinding); its page reads nothing."""
    port = address(sandbox).rpartition(":")[2].strip("/")
    answer = ask(sandbox, "api/overview", headers={"Host": host.format(port=port)})
    assert answer.status_code in (400, 421)
    assert "subscription" not in answer.text


def test_localhost_is_a_name_of_this_machine(sandbox: Client) -> None:
    port = address(sandbox).rpartition(":")[2].strip("/")
    assert ask(sandbox, headers={"Host": f"localhost:{port}"}).status_code == 200


def test_security_headers(sandbox: Client) -> None:
    for path in ("", "portal.js", "portal.css", "icon.svg", "api/overview", "none"):
        headers = ask(sandbox, path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_page_loads_nothing_from_other_hosts(sandbox: Client) -> None:
    for path in ("", "portal.js", "portal.css", "icon.svg"):
        origins = set(re.findall(r"\w+://[^/\s\"']*", ask(sandbox, path).text))
        assert origins <= {"http://www.w3.org", "https://www.gnu.org"}  # names of formats and of the licence


# a browser


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with its driver on this machine")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1680,1500",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


def text(window: Any, part: str = "body") -> str:
    return str(window.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", part))


def press(window: Any, name: str, within: str = "main") -> None:
    """Click the button with a text."""
    clicked = window.execute_script(
        "const button = [...document.querySelectorAll(arguments[1] + ' button')].find(b => b.innerText === arguments[0]);"
        "button?.click(); return button !== undefined",
        name,
        within,
    )
    assert clicked, f"no button {name} in {text(window, within)[:2000]}"


def test_in_a_browser(
    sandbox: Client, platform: Platform, resources: dict[str, Any], window: Any, tmp_path: Path
) -> None:
    window.get(address(sandbox))
    name, job = resources["app"]["name"], resources["job"]["name"]
    sandbox.until(lambda: name in text(window, "#apps") and "live" in text(window, "#state"), "the page is filled")
    assert sandbox.environment["AZURE_SUBSCRIPTION_ID"] in text(window)
    assert "Microsoft.Sql/servers/databases" in text(window, "#resources")
    assert "80 %" in text(window, "#apps")
    assert job in text(window, "#apps")
    graph = str(window.execute_script("return document.querySelector('#access svg').textContent"))
    assert "AcrPull" in graph
    assert "Storage Blob Data Contributor" in graph
    window.execute_script("document.querySelector('#apps').scrollIntoView()")

    # the JSON of a resource, with markup as text
    press(window, name, "#apps")
    sandbox.until(lambda: '"MARKUP"' in text(window, "#json"), "its JSON")
    assert json.loads(text(window, "#json"))["id"] == resources["app"]["id"]
    assert MARKUP in text(window, "#json")
    assert "s3cr3t" not in str(window.page_source)
    window.save_screenshot(os.environ.get("PORTAL_SCREENSHOT", str(tmp_path / "portal.png")))

    # logs
    window.find_element("id", "close").click()
    assert not window.find_element("id", "detail").is_displayed()
    window.execute_script(
        "[...document.querySelectorAll('#apps article')].find(a => a.innerText.includes(arguments[0])).querySelector('.right button').click()",
        job,
    )
    sandbox.until(lambda: MARKUP in text(window, "aside"), "its log")
    assert window.title == "Sandbox portal"
    assert window.execute_script("return document.querySelectorAll('img').length") == 1

    # the page refreshes: a new group, a running operation, a deleted app
    group = sandbox.group()
    sandbox.until(lambda: group.rpartition("/")[2] in text(window, "#resources"), "the new group")
    link = window.execute_script(
        "return [...document.querySelectorAll('#apps article')].find(a => a.innerText.includes(arguments[0])).querySelector('a').href",
        name,
    )
    assert requests.get(link, timeout=30, proxies={"http": ""}).status_code == 200
    sandbox.wait(sandbox.arm("DELETE", resources["app"]["id"]))
    sandbox.until(lambda: name not in text(window, "#apps"), "the removal of the app")
    assert f"delete {name}" in text(window, "#operations")
    assert [entry for entry in window.get_log("browser") if entry["level"] == "SEVERE"] == []
