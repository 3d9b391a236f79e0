# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send requests to the code of MLflow over a database driver, with the Python of the image.

`requests_to_azure_sql.py DATABASE_URI` reads one request per line, JSON {"statement": SQL, "new": whether to log in again},
and writes one response per line, JSON {"status": HTTP status, "error": message for the client}. The engine, the session maker, the
deadlock retry and the error handler are those of MLflow; only the statement is not.
"""

from __future__ import annotations

import json
import sys

from flask import Response
from mlflow.server.handlers import catch_mlflow_exception
from mlflow.store.db.utils import _get_managed_session_maker, create_sqlalchemy_engine
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow_azure_server import _azure_sql, _entry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker


def main() -> None:
    # The peer of the tests is never unavailable for long.
    _azure_sql._FIRST_PAUSE = _azure_sql._LONGEST_PAUSE = 0.01
    uri = sys.argv[1]
    _entry._load_driver(uri)
    engine = create_sqlalchemy_engine(uri)
    sessions = _get_managed_session_maker(sessionmaker(bind=engine), "mssql")
    store = object.__new__(SqlAlchemyStore)
    for line in sys.stdin:
        request = json.loads(line)
        if request["new"]:
            engine.dispose()

        def execute(statement: str = request["statement"]) -> Response:
            with sessions(read_only=False) as session:
                session.execute(text(statement))
            return Response("{}")

        try:
            answer = catch_mlflow_exception(lambda execute=execute: store._run_with_deadlock_retry(execute))()
        except SQLAlchemyError as error:
            # As Flask handles what MLflow does not catch.
            answer = Response(repr(error), status=500)
        print(json.dumps({"status": answer.status_code, "error": answer.get_data(as_text=True)}), flush=True)


if __name__ == "__main__":
    main()
