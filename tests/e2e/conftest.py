# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment by site.yml that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.site_copy import Deployment, Site, make_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a copy of the project, and remove its sandbox at the end."""
    copy = make_site(tmp_path_factory.mktemp("site"))
    yield copy
    copy.sandbox("down", "--purge")


@pytest.fixture(scope="session")
def deployment(site: Site) -> Deployment:
    play = site.play("site.yml")
    assert play.code == 0, play.output[-6000:]
    return Deployment(site, play)
