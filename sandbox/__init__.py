# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulation of Azure on this machine, for the collection's playbooks and any other Azure client. No account is needed.

The command line (`python -m sandbox`) needs only Python's standard library. It installs the environment in which the server runs.
"""
