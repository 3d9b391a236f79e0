# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The console script `mlflow-azure-server`: check the settings, prepare the database, become `mlflow server`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mlflow_azure_server import _odbc
from mlflow_azure_server._settings import SettingError, directories, missing_driver, settings

# sysexits.h: a configuration error.
_EX_CONFIG = 78


def main() -> int:
    """Become the server; come back only with the exit status when that cannot be."""
    # The first process of a container has no default signal handling, and would sit out a stop while it waits.
    signal.signal(signal.SIGTERM, _stop)
    try:
        if len(sys.argv) > 1:
            raise SettingError(
                "arguments",
                " ".join(sys.argv[1:]),
                "are not taken; settings are environment variables",
                "For another MLflow command, override the image's entry point: mlflow …",
            )
        start = settings(os.environ, sys.executable)
        for variable, (directory, reason) in directories(start.env).items():
            _make_writable(variable, directory, reason)
        # From here on what this process imports, MLflow among it, must see the server's environment.
        os.environ.clear()
        os.environ.update(start.env)
        uri = start.env["MLFLOW_BACKEND_STORE_URI"]
        _driver(uri)

        from mlflow_azure_server import _schema

        _schema.prepare(
            uri, _schema.upgrade_with_mlflow if start.upgrade_schema else None, start.database_timeout, _say
        )
    except SettingError as error:
        # Nothing may make two lines of it, not even a value with a line break.
        print(" ".join(str(error).split()), file=sys.stderr, flush=True)
        return _EX_CONFIG
    return _become(_with_init(start.argv))


def _become(command: list[str]) -> NoReturn:
    os.execve(command[0], command, dict(os.environ))


def _with_init(argv: Sequence[str]) -> list[str]:
    """The command behind tini where this is a container's first process and tini is there.

    It passes signals on from the start and buries what the server's children leave behind.
    """
    tini = shutil.which("tini") if os.getpid() == 1 else None
    return [tini, "--", *argv] if tini else list(argv)


def _make_writable(variable: str, directory: str, reason: str) -> None:
    """Make `directory` where it is not there. Raises SettingError unless it can be written."""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return
    except OSError as error:
        raise SettingError(
            variable,
            directory,
            f"cannot be written ({error.strerror}), and {reason}",
            f"Mount a writable volume there, or set {variable} to one",
        ) from None


def _driver(uri: str) -> None:
    """Raise SettingError unless the driver for `uri` is there; make Microsoft's ODBC driver known to pyodbc."""
    missing = missing_driver(uri, lambda module: importlib.util.find_spec(module) is not None)
    if missing:
        raise SettingError(
            "MLFLOW_BACKEND_STORE_URI", None, f"needs the Python module {missing}", "Use the image's own environment"
        )
    if not uri.startswith("mssql+pyodbc:"):
        return
    system = Path("/etc/odbcinst.ini")
    present = system.read_text(encoding="utf-8") if system.is_file() else ""
    if "ODBCSYSINI" not in os.environ and "ODBCINSTINI" not in os.environ and not _odbc.is_registered(present):
        # Before pyodbc is loaded: unixODBC looks where its files are but once.
        os.environ["ODBCSYSINI"] = str(_registration(present))
    try:
        importlib.import_module("pyodbc")
    except ImportError as error:
        raise SettingError(
            "MLFLOW_BACKEND_STORE_URI",
            "mssql+pyodbc://…",
            f"pyodbc cannot be loaded: {error}",
            "Install unixODBC (libodbc.so.2), or use mssql+mssqlpython://…, which needs none",
        ) from None


def _registration(present: str) -> Path:
    """A directory with an odbcinst.ini that has what `present` has and the driver of the mssql-python-odbc wheel."""
    wheel = importlib.util.find_spec("mssql_python_odbc")
    driver = _odbc.driver_file(Path(wheel.origin).parent, *_odbc.this_machine()) if wheel and wheel.origin else None
    if driver is None:
        raise SettingError(
            "MLFLOW_BACKEND_STORE_URI",
            "mssql+pyodbc://…",
            "no ODBC driver is registered and the image has none for this machine",
            f"Register one as {_odbc.DRIVER_NAME} in odbcinst.ini, or use mssql+mssqlpython://…",
        )
    directory = Path(tempfile.mkdtemp(prefix="mlflow-azure-odbc-"))
    (directory / "odbcinst.ini").write_text(_odbc.register(present, driver), encoding="utf-8")
    return directory


def _say(line: str) -> None:
    print(f"mlflow-azure-server: {line}", file=sys.stderr, flush=True)


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
