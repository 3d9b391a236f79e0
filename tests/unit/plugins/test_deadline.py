# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses before a deadline."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.deadline import Deadline, DeadlineExceeded


class Clock:
    """A clock whose time passes only in sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def test_pauses_double_up_to_the_longest_and_end_at_the_deadline() -> None:
    clock = Clock()
    backoff = Deadline(13, clock.monotonic, clock.sleep).backoff(1.0, 5.0)
    for _time in range(5):
        backoff.pause()
    assert clock.sleeps == [1.0, 2.0, 4.0, 5.0, 1.0]
    with pytest.raises(DeadlineExceeded, match="13 seconds are over"):
        backoff.pause()
