"""Drives a simulated workspace with the stock SDK and a static token; prints one JSON object of what the SDK understood.

Reads DATABRICKS_HOST and DATABRICKS_TOKEN. Names every address that anything in this process tries to connect to.
"""

import json
import socket
import sys
import time

destinations = set()


def note_connections(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        destinations.add(f"{args[1][0]}:{args[1][1]}")
    if event == "socket.getaddrinfo":
        destinations.add(f"{args[0]}:{args[1]}")


sys.addaudithook(note_connections)
started = time.monotonic()

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole
from databricks.sdk.service.sql import StatementParameterListItem, StatementState


def attempt(call):
    """The result of a call, or how the SDK names its refusal."""
    try:
        return {"ok": call()}
    except DatabricksError as error:
        return {"error": type(error).__name__, "code": error.error_code, "message": str(error)}


w = WorkspaceClient(auth_type="pat")
sql = w.statement_execution


def warehouse_id():
    return next(iter(w.warehouses.list())).id


def run(statement, **options):
    answer = sql.execute_statement(statement, warehouse_id=warehouse_id(), **options)
    rows = answer.result.data_array if answer.result else None
    error = answer.status.error
    return {
        "state": answer.status.state.value,
        "rows": rows,
        "types": [column.type_name.value for column in answer.manifest.schema.columns] if answer.manifest else None,
        "error": {"code": error.error_code.value, "message": error.message} if error else None,
    }


def run_in_background():
    answer = sql.execute_statement("SELECT 6 * 7", warehouse_id=warehouse_id(), wait_timeout="0s")
    seen = [answer.status.state.value]
    while answer.status.state in (StatementState.PENDING, StatementState.RUNNING):
        time.sleep(0.05)
        answer = sql.get_statement(answer.statement_id)
    return {"first": seen[0], "last": answer.status.state.value, "rows": answer.result.data_array}


def read_chunks():
    answer = sql.execute_statement("SELECT id FROM trips ORDER BY id", warehouse_id=warehouse_id())
    rows, part = list(answer.result.data_array), answer.result
    while part.next_chunk_index is not None:
        part = sql.get_statement_result_chunk_n(answer.statement_id, part.next_chunk_index)
        rows += part.data_array
    return {"chunks": answer.manifest.total_chunk_count, "rows": [row[0] for row in rows]}


def cancel():
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    answer = sql.execute_statement(endless, warehouse_id=warehouse_id(), wait_timeout="0s")
    sql.cancel_execution(answer.statement_id)
    return sql.get_statement(answer.statement_id).status.state.value


def chat():
    reply = w.serving_endpoints.query("echo-chat", messages=[ChatMessage(role=ChatMessageRole.USER, content="hello there")])
    return {"content": reply.choices[0].message.content, "tokens": reply.usage.total_tokens}


findings = {
    "me": attempt(lambda: w.current_user.me().user_name),
    "workspace_id": attempt(lambda: w.get_workspace_id()),
    "select": attempt(lambda: run("SELECT current_user() AS who, 1 AS i, 2.5 AS d, NULL AS n, 5000000000 AS l")),
    "parameters": attempt(lambda: run(
        "SELECT :a + :b AS total, :who AS who",
        parameters=[
            StatementParameterListItem("a", type="INT", value="40"),
            StatementParameterListItem("b", type="INT", value="2"),
            StatementParameterListItem("who", value="it's me"),
        ],
    )),
    "bad_sql": attempt(lambda: run("SELEC 1")),
    "bad_warehouse": attempt(lambda: sql.execute_statement("SELECT 1", warehouse_id="nope").status.state.value),
    "background": attempt(run_in_background),
    "chunks": attempt(read_chunks),
    "cancelled": attempt(cancel),
    "unknown_statement": attempt(lambda: sql.get_statement("01ef0000-0000-0000-0000-000000000000").status.state.value),
    "serving_list": attempt(lambda: sorted(endpoint.name for endpoint in w.serving_endpoints.list())),
    "serving": attempt(chat),
    "frame": attempt(lambda: w.serving_endpoints.query("row-sum", dataframe_records=[{"a": 1, "b": 2}, {"a": 10, "b": 20}]).predictions),
    "metastore": attempt(lambda: w.metastores.current().default_catalog_name),
    "unknown_api": attempt(lambda: w.api_client.do("GET", "/api/2.0/nothing/here")),
}
print(json.dumps({"findings": findings, "destinations": sorted(destinations), "seconds": time.monotonic() - started}))
