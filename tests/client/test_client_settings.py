# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MLflow clients in the environment of a container app, with and without the settings that the play writes."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
from docker.utils import parse_env_file

from tests.support.image_server import CLONE, Server, bare, environment

HERE = Path(__file__).parent
PROGRAM = HERE / "user_program.py"
TEMPLATE = CLONE / "roles" / "mlflow_app" / "templates" / "client.env.j2"
PAGE = CLONE / "docs" / "client-settings.md"

KEPT = {
    "metrics": [{"accuracy": 0.5}],
    "artifacts": ["kept"],
    "prompts": [{"prompt": "Is anybody there?"}],
    "responses": ["Is anybody there? Yes."],
    "tokens": [{"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}],
}
TRACE_LOST: dict[str, Any] = {**KEPT, "prompts": [], "responses": [], "tokens": []}


@pytest.fixture(scope="module")
def injected() -> Iterator[dict[str, str]]:
    """The variables that the OpenTelemetry agent of Container Apps injects; no server listens at the address."""
    with socket.socket() as taken:
        # The socket is bound and does not listen: connections are refused, and no other program can use the port.
        taken.bind(("127.0.0.1", 0))
        yield {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{taken.getsockname()[1]}/",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }


@pytest.fixture(scope="module")
def client_env(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file client.env that the role writes."""
    variables = re.findall(r"{{ *(\w+)", TEMPLATE.read_text())
    text = jinja2.Template(TEMPLATE.read_text(), keep_trailing_newline=True).render(
        dict.fromkeys(variables, server.url)
    )
    file = tmp_path_factory.mktemp("client") / "client.env"
    file.write_text(text)
    return file


def pairs(text: str) -> dict[str, str]:
    """Return the KEY=VALUE lines without interpretation: quotes are part of the value."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def page_settings(server: Server) -> dict[str, str]:
    """Return the settings of the documentation, for this server."""
    block = re.search(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    return {**pairs(block.group(1)), "MLFLOW_TRACKING_URI": server.url}


def run(command: list[str], env: Mapping[str, str], cwd: Path) -> None:
    subprocess.run(command, env=dict(env), cwd=cwd, check=True, timeout=120)


def read_back(server: Server, experiment: str, cwd: Path) -> Any:
    env = bare(MLFLOW_TRACKING_URI=server.url)
    command = [sys.executable, str(HERE / "read_back.py"), experiment]
    return json.loads(subprocess.run(command, env=env, cwd=cwd, check=True, capture_output=True, timeout=120).stdout)


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name)


def program(experiment: str, *arguments: str, python: str = sys.executable) -> list[str]:
    return [python, str(PROGRAM), experiment, *arguments]


def test_without_the_settings_the_trace_is_lost(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    run(program(experiment), bare(MLFLOW_TRACKING_URI=server.url, **injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == TRACE_LOST


def test_settings_sourced_by_a_shell(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    script = f"set -a; . {shlex.quote(str(client_env))}; exec {shlex.join(program(experiment))}"
    run(["/bin/sh", "-euc", script], bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_settings_as_the_env_file_of_docker(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    laid_over = parse_env_file(str(client_env))
    assert laid_over == pairs(client_env.read_text())
    run(program(experiment), bare(**{**injected, **laid_over}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_settings_loaded_by_dotenv(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    run(program(experiment, "dotenv", str(client_env)), bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_settings_as_the_environment_of_a_container_app(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    spec = [{"name": name, "value": value} for name, value in pairs(client_env.read_text()).items()]
    # "Your value overwrites the automatically injected value."
    run(program(experiment), bare(**{**injected, **{entry["name"]: entry["value"] for entry in spec}}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_settings_where_the_platform_drops_empty_values(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    """The documentation of Container Apps does not say whether a variable with an empty value remains."""
    laid_over = {name: value for name, value in page_settings(server).items() if value}
    run(program(experiment), bare(**{**injected, **laid_over}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_settings_where_the_agent_has_an_address_per_signal(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    address = injected["OTEL_EXPORTER_OTLP_ENDPOINT"]
    more = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": address, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": address}
    run(program(experiment), bare(**{**injected, **more, **page_settings(server)}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_settings_without_injected_variables(server: Server, experiment: str, tmp_path: Path) -> None:
    run(program(experiment), bare(**page_settings(server)), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_a_command_that_removes_the_variables(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    run([*wrapper(), *program(experiment)], bare(MLFLOW_TRACKING_URI=server.url, **injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_code_that_removes_the_variables(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    run(program(experiment, "pop"), bare(MLFLOW_TRACKING_URI=server.url, **injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_the_page_contains_the_lines_of_the_program() -> None:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    code = [line.strip() for line in block.group(1).splitlines() if "pop(" in line]
    assert len(code) == 2
    assert all(line in PROGRAM.read_text() for line in code)


def test_the_role_writes_the_settings_of_the_page(server: Server, client_env: Path) -> None:
    assert pairs(client_env.read_text()).items() <= page_settings(server).items()


def wrapper() -> list[str]:
    """Return the command of the documentation that precedes another command."""
    line = re.search(r"^(env -u [^\n]*?) +python", PAGE.read_text(), re.MULTILINE)
    assert line
    return shlex.split(line.group(1))


def other_client(name: str, *packages: str) -> str:
    """Return the Python of an environment with these client packages."""
    return str(environment(f"client-{name}", [*packages, "python-dotenv"]) / "python")


@pytest.mark.slow
@pytest.mark.parametrize("release", ["3.8.1", "3.12.0"])
def test_older_releases_keep_the_trace(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, release: str, tmp_path: Path
) -> None:
    python = other_client(release, f"mlflow-skinny=={release}")
    command = program(experiment, "dotenv", str(client_env), python=python)
    run(command, bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


@pytest.mark.slow
def test_exporters_of_opentelemetry_are_installed(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    exporters = ("opentelemetry-exporter-otlp-proto-grpc", "opentelemetry-exporter-otlp-proto-http")
    python = other_client("exporters", "mlflow-skinny==3.17.2", *exporters)
    command = program(experiment, "dotenv", str(client_env), python=python)
    run(command, bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ["nothing", "settings", "wrapper", "code"])
@pytest.mark.parametrize(
    ("release", "requirements", "settings_help", "whole"),
    [
        # An empty address is not enough for this release; the other two lines are needed.
        ("3.4.0", ("mlflow-skinny==3.4.0",), True, KEPT),
        # This release ignores the variables and does not sum the tokens of a trace. With later releases of OpenTelemetry
        # it loses traces with any settings.
        (
            "2.22.5",
            ("mlflow-skinny==2.22.5", "opentelemetry-api==1.33.1", "opentelemetry-sdk==1.33.1"),
            False,
            {**KEPT, "tokens": [None]},
        ),
    ],
)
def test_releases_before_3_8_1(
    server: Server,
    injected: dict[str, str],
    client_env: Path,
    experiment: str,
    release: str,
    requirements: tuple[str, ...],
    settings_help: bool,
    whole: dict[str, object],
    remedy: str,
    tmp_path: Path,
) -> None:
    python = other_client(release, *requirements)
    env = bare(MLFLOW_TRACKING_URI=server.url, **injected)
    command = {
        "nothing": program(experiment, python=python),
        "settings": program(experiment, "dotenv", str(client_env), python=python),
        "wrapper": [*wrapper(), *program(experiment, python=python)],
        "code": program(experiment, "pop", python=python),
    }[remedy]
    run(command, env, tmp_path)
    kept = remedy in {"wrapper", "code"} or (remedy == "settings" and settings_help)
    assert read_back(server, experiment, tmp_path) == (whole if kept else TRACE_LOST)


def test_the_environment_of_the_tests_has_no_settings() -> None:
    """Otherwise the tests would prove nothing: bare() is the environment of each client."""
    assert not [name for name in bare() if name.startswith(("OTEL_", "MLFLOW_"))]
