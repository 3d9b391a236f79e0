# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins of MLflow's client for a server that mlops.mlflow_azure deployed."""

from mlflow_azure_auth._process import keep_traces

__all__ = ["keep_traces"]
