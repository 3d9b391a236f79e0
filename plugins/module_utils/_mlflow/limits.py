# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts at the limits of MLflow, in scripts whose letters take 2, 3 and 4 bytes in UTF-8.

MLflow limits texts by characters, and Azure SQL by bytes. A database whose columns are too narrow refuses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LETTERS = {"Latin": "é", "Cyrillic": "я", "Chinese": "请", "emoji": "🙂"}
ASCII = {"ASCII": "x"}
# mlflow/utils/validation.py: MAX_PARAM_VAL_LENGTH, MAX_TAG_VAL_LENGTH. The name of a run: mlflow/store/tracking/dbmodels/models.py.
PARAMETER = 6000
TAG = 8000
RUN_NAME = 250
# Longer than the preview of a trace, TRACE_REQUEST_RESPONSE_PREVIEW_MAX_LENGTH_OSS in mlflow/tracing/constant.py.
PROMPT = 2000


@dataclass(frozen=True)
class Limits:
    """Texts at the limits. letters: the letter that each text repeats, by its script."""

    letters: Mapping[str, str]

    @property
    def run_name(self) -> str:
        """Return the name of a run."""
        return f"roundtrip {self._longest * RUN_NAME}"[:RUN_NAME]

    @property
    def parameters(self) -> dict[str, str]:
        """Return a parameter for each script."""
        return {f"limit {script}": letter * PARAMETER for script, letter in self.letters.items()}

    @property
    def tags(self) -> dict[str, str]:
        """Return a tag for each script."""
        return {f"roundtrip.limit {script}": letter * TAG for script, letter in self.letters.items()}

    @property
    def prompt(self) -> str:
        """Return a text that is longer than the preview of a trace."""
        return self._longest * PROMPT

    @property
    def _longest(self) -> str:
        """Return the letter with most bytes."""
        return max(self.letters.values(), key=lambda letter: len(letter.encode()))


def limits_for(text: str) -> Limits:
    """Return the texts for a database that stores the scripts of `text`: only ASCII if it has no others."""
    return Limits(ASCII if text.isascii() else LETTERS)
