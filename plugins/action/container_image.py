# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs module container_image in process, see plugin_utils/_in_process.py, and shows how far its build is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.utils.display import Display

from ..module_utils._registry.image_build import PROGRESS
from ..modules.container_image import MODULE
from ..plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    module = MODULE

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        with _shown():
            return super().run(tmp, task_vars)


class _OnDisplay(logging.Handler):
    """Shows INFO always, DEBUG with -v."""

    def emit(self, record: logging.LogRecord) -> None:
        show = Display().display if record.levelno >= logging.INFO else Display().v
        show(record.getMessage())


@contextmanager
def _shown() -> Iterator[None]:
    handler = _OnDisplay()
    PROGRESS.addHandler(handler)
    PROGRESS.setLevel(logging.DEBUG)
    PROGRESS.propagate = False
    try:
        yield
    finally:
        PROGRESS.removeHandler(handler)
