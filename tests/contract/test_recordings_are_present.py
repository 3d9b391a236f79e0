# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recordings of Azure are complete: the only test that is skipped or fails when they are not."""

from __future__ import annotations

import pytest

from tests.support.recordings import DEMANDED, OPTED_OUT, RECORDINGS, VARIABLE, missing


def test_the_recordings_are_present() -> None:
    if OPTED_OUT:
        pytest.skip(f"{VARIABLE} is empty: the tests run without recordings of Azure")
    lacking = [str(path) for path in missing()]
    if lacking and not DEMANDED:
        pytest.skip(f"no recordings of Azure in {RECORDINGS}: set {VARIABLE} to the folder that contains them")
    assert not lacking, f"{VARIABLE}: {RECORDINGS} lacks files. Set it to the folder of the recordings, or unset it."
