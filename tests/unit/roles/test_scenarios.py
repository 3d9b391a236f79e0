# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Molecule scenarios: one for each role and one for the site, and their steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3]
MOLECULE = PROJECT / "extensions" / "molecule"
ROLES = sorted(path.parent.parent.name for path in PROJECT.glob("roles/*/tasks/main.yml"))
COMMON: dict[str, Any] = yaml.safe_load((MOLECULE / "config.yml").read_text())
# Their molecule.yml explains why.
NOT_RUN_TWICE = {"verify"}
NOT_SPOILED = {"mlflow_client"}


def test_each_role_and_the_site_have_a_scenario() -> None:
    scenarios = {path.parent.name for path in MOLECULE.glob("*/molecule.yml")}
    assert scenarios == {*ROLES, "default", "site"}
    assert len(ROLES) > 8


@pytest.mark.parametrize("name", [*ROLES, "site"])
def test_a_scenario_has_idempotence_side_effect_and_verify(name: str) -> None:
    own = yaml.safe_load((MOLECULE / name / "molecule.yml").read_text()) or {}
    steps = own.get("scenario", {}).get("test_sequence", COMMON["scenario"]["test_sequence"])
    assert "cleanup" in steps
    assert steps.index("converge") < steps.index("verify")
    assert ("idempotence" not in steps) is (name in NOT_RUN_TWICE)
    assert ("side_effect" not in steps) is (name in NOT_SPOILED)
    if name not in NOT_SPOILED | NOT_RUN_TWICE:
        assert steps[steps.index("side_effect") + 1] in ("converge", "verify")
        assert steps.index("idempotence") < steps.index("side_effect")
