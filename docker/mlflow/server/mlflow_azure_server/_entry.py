# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The console scripts `mlflow-azure-server` and `mlflow-azure-schema`.

The first validates the settings, prepares the database and executes `mlflow server`. The second checks or upgrades the
database schema.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mlflow_azure_server import _odbc
from mlflow_azure_server._settings import SettingError, database, directories, missing_driver, settings

# Exit status for a configuration error, from sysexits.h.
_EX_CONFIG = 78
# Exit status of `mlflow-azure-schema check` if a step is pending.
_PENDING = 1


def main() -> int:
    """Replace this process by the server. Return an exit status only if that fails."""
    # The first process of a container has no default signal handlers, so it would ignore SIGTERM while it waits.
    signal.signal(signal.SIGTERM, _stop)
    try:
        if len(sys.argv) > 1:
            raise SettingError(
                "arguments",
                " ".join(sys.argv[1:]),
                "are not supported, settings are environment variables",
                "For another MLflow command, override the image's entry point: mlflow …",
            )
        start = settings(os.environ, sys.executable)
        for variable, (directory, reason) in directories(start.env).items():
            _make_writable(variable, directory, reason)
        # Modules that are imported from here on, such as MLflow, must read the server's environment.
        os.environ.clear()
        os.environ.update(start.env)
        uri = start.env["MLFLOW_BACKEND_STORE_URI"]
        _load_driver(uri)

        from mlflow_azure_server import _schema

        if start.upgrade_schema:
            _schema.upgrade(uri, start.database_timeout, _log)
        else:
            _schema.require(_schema.check(uri, start.database_timeout, _log))
    except SettingError as error:
        return _refuse(error)
    return _execute(_with_init(start.argv))


def schema() -> int:
    """Run `mlflow-azure-schema check|upgrade`: print the status of the schema as JSON, and return the exit status.

    It is 0 if nothing is pending.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        if sys.argv[1:] not in (["check"], ["upgrade"]):
            raise SettingError(
                "arguments", " ".join(sys.argv[1:]), "are not supported", "Use mlflow-azure-schema check, or upgrade"
            )
        uri, timeout = database(os.environ)
        # MLflow imports GitPython, which otherwise warns that the image has no git.
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        _load_driver(uri)

        from mlflow_azure_server import _schema

        run = _schema.check if sys.argv[1] == "check" else _schema.upgrade
        status = run(uri, timeout, _log)
    except SettingError as error:
        return _refuse(error)
    print(json.dumps(asdict(status)), flush=True)
    return _PENDING if status.pending else 0


def _refuse(error: SettingError) -> int:
    # The message must be one line, also if a value contains a line break.
    print(" ".join(str(error).split()), file=sys.stderr, flush=True)
    return _EX_CONFIG


def _execute(command: list[str]) -> NoReturn:
    os.execve(command[0], command, dict(os.environ))


def _with_init(argv: Sequence[str]) -> list[str]:
    """Return the command, started by tini if this is the first process of a container and tini is installed.

    tini forwards signals from the start and reaps orphaned processes.
    """
    tini = shutil.which("tini") if os.getpid() == 1 else None
    return [tini, "--", *argv] if tini else list(argv)


def _make_writable(variable: str, directory: str, reason: str) -> None:
    """Create `directory` if it does not exist. Raise SettingError if it cannot be written."""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return
    except OSError as error:
        raise SettingError(
            variable,
            directory,
            f"cannot be written ({error.strerror}), and {reason}",
            f"Mount a writable volume there, or set {variable} to a writable directory",
        ) from None


def _load_driver(uri: str) -> None:
    """Raise SettingError if the driver for `uri` is not installed. Register Microsoft's ODBC driver for pyodbc."""
    missing = missing_driver(uri, lambda module: importlib.util.find_spec(module) is not None)
    if missing:
        raise SettingError(
            "MLFLOW_BACKEND_STORE_URI", None, f"requires the Python module {missing}", "Use the image's own environment"
        )
    if not uri.startswith("mssql+pyodbc:"):
        return
    system_file = Path("/etc/odbcinst.ini")
    content = system_file.read_text(encoding="utf-8") if system_file.is_file() else ""
    if "ODBCSYSINI" not in os.environ and "ODBCINSTINI" not in os.environ and not _odbc.is_registered(content):
        # This must happen before the import of pyodbc, because unixODBC reads the variable only once.
        os.environ["ODBCSYSINI"] = str(_registration(content))
    try:
        importlib.import_module("pyodbc")
    except ImportError as error:
        raise SettingError(
            "MLFLOW_BACKEND_STORE_URI",
            "mssql+pyodbc://…",
            f"pyodbc cannot be loaded: {error}",
            "Install unixODBC (libodbc.so.2), or use mssql+mssqlpython://…, which does not require it",
        ) from None


def _registration(content: str) -> Path:
    """Return a directory with an odbcinst.ini that has the given content and the driver of the mssql-python-odbc wheel."""
    wheel = importlib.util.find_spec("mssql_python_odbc")
    driver = _odbc.driver_file(Path(wheel.origin).parent, *_odbc.this_machine()) if wheel and wheel.origin else None
    if driver is None:
        raise SettingError(
            "MLFLOW_BACKEND_STORE_URI",
            "mssql+pyodbc://…",
            "no ODBC driver is registered, and the image has none for this platform",
            f"Register a driver as {_odbc.DRIVER_NAME} in odbcinst.ini, or use mssql+mssqlpython://…",
        )
    directory = Path(tempfile.mkdtemp(prefix="mlflow-azure-odbc-"))
    (directory / "odbcinst.ini").write_text(_odbc.register(content, driver), encoding="utf-8")
    return directory


def _log(line: str) -> None:
    print(f"mlflow-azure-server: {line}", file=sys.stderr, flush=True)


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
