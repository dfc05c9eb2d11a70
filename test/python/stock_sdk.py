"""What a person writes in a notebook: no token, no Lakepass, only the stock SDK and the DATABRICKS_* variables around it.

Prints one JSON line for a SQL query, and one for a question to a serving endpoint, which a token for `sql` alone may not ask.
"""

import json

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole

w = WorkspaceClient()

warehouse = next(iter(w.warehouses.list()))
answer = w.statement_execution.execute_statement(
    "SELECT current_user() AS user, count(*) AS trips, round(sum(fare), 2) AS fares FROM trips",
    warehouse_id=warehouse.id,
)
print(json.dumps({
    "user": w.current_user.me().user_name,
    "state": answer.status.state.value,
    "columns": [column.name for column in answer.manifest.schema.columns],
    "rows": answer.result.data_array,
}), flush=True)

try:
    reply = w.serving_endpoints.query("echo-chat", messages=[ChatMessage(role=ChatMessageRole.USER, content="hello")])
    print(json.dumps({"serving": {"answer": reply.choices[0].message.content}}))
except DatabricksError as error:
    print(json.dumps({"serving": {"error": type(error).__name__, "message": str(error)}}))
