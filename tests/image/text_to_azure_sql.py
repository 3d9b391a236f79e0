# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write and search text over a database driver, with the Python of the image and the statements of MLflow.

`text_to_azure_sql.py DATABASE_URI` reads one request per line and writes one response per line, both JSON. Requests:

{"insert": [text, …]}            insert rows of a table, all in one call
{"filter": [comparator, text]}   filter the columns of MLflow by a text
{"store": [text, …]}             store texts in a temporary table, and return those that are read back and found

The response is {"error": message or null, "texts": result of "store"}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mlflow.store.db.utils import create_sqlalchemy_engine
from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModel
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlParam, SqlRun, SqlTag, SqlTraceTag
from mlflow.utils.search_utils import SearchUtils
from mlflow_azure_server import _entry
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, bindparam, insert, select, text

COLLATION = "Latin1_General_100_CS_AS_SC_UTF8"
TABLE = Table(
    "#mlflow_text",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("short", String(8000)),
    Column("long", Text),
)
COLUMNS = (
    SqlParam.value,
    SqlTag.value,
    SqlRun.name,
    SqlExperiment.name,
    SqlTraceTag.value,
    SqlRegisteredModel.name,
)


def store(connection: Connection, texts: list[str]) -> list[str]:
    connection.execute(text("DROP TABLE IF EXISTS #mlflow_text"))
    connection.execute(
        text(
            "CREATE TABLE #mlflow_text (number int PRIMARY KEY, "
            f"short varchar(8000) COLLATE {COLLATION}, long varchar(max) COLLATE {COLLATION})"
        )
    )
    equal = SearchUtils.get_sql_comparison_func("=", "mssql")
    found = []
    for number, value in enumerate(texts):
        # A value of more than 8,000 bytes fits only into the other column.
        short = value if len(value.encode()) <= 8000 else ""
        connection.execute(insert(TABLE), {"number": number, "short": short, "long": value})
        searched = select(TABLE.c.long).where(equal(TABLE.c.long, value), TABLE.c.number == number)
        read = connection.execute(select(TABLE.c.short).where(TABLE.c.number == number)).scalar_one()
        found += [row for row in connection.execute(searched).scalars() if read == short]
    return found


def answer(connection: Connection, request: dict[str, Any]) -> list[str]:
    if "insert" in request:
        rows = [{"number": number, "short": value, "long": value} for number, value in enumerate(request["insert"])]
        connection.execute(insert(TABLE).values({name: bindparam(name) for name in ("number", "short", "long")}), rows)
    elif "filter" in request:
        comparator, value = request["filter"]
        compare = SearchUtils.get_sql_comparison_func(comparator, "mssql")
        for column in COLUMNS:
            wanted = [value, "other"] if comparator in ("IN", "NOT IN") else value
            connection.execute(select(column).where(compare(column, wanted))).all()
    else:
        return store(connection, request["store"])
    return []


def main() -> None:
    uri = sys.argv[1]
    _entry._load_driver(uri)
    engine = create_sqlalchemy_engine(uri)
    for line in sys.stdin:
        result: dict[str, Any] = {"error": None, "texts": []}
        try:
            with engine.begin() as connection:
                result["texts"] = answer(connection, json.loads(line))
        except Exception as error:  # noqa: BLE001  (the test reads the error of any class)
            result["error"] = repr(error)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
