"""databricks-sql-connector under `lakepass run`: the token comes from the SDK's own configuration, anew whenever it is due.

Runs one query, and asks for the tables of Unity Catalog, which a token for `sql` alone may not list.
It wants https, so it uses the workspace's TLS door (arguments: warehouse, port, file of the authority). `--sea` goes over the Statement
Execution API instead of Thrift, the connector's own choice. Against a real workspace leave out `_port`, `_tls_trusted_ca_file` and what
stands from `use_sea` to `enable_telemetry`.
"""

import json
import sys

from databricks import sql
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import DatabricksError

warehouse, port, authority, *options = sys.argv[1:]
config = Config()

with sql.connect(
    server_hostname="127.0.0.1",
    _port=int(port),
    _tls_trusted_ca_file=authority,
    http_path=f"/sql/1.0/warehouses/{warehouse}",
    credentials_provider=lambda: config.authenticate,
    use_sea="--sea" in options,
    use_cloud_fetch=False,
    enable_query_result_lz4_compression=False,
    enable_telemetry=False,
    user_agent_entry="lakepass-test",
) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT current_user() AS user, count(*) AS trips FROM trips")
    row = cursor.fetchone()
    print(json.dumps({"answer": [row.user, int(row.trips)]}), flush=True)

try:
    print(json.dumps({"refused": None, "answer": [table.name for table in WorkspaceClient().tables.list("main", "default")]}))
except DatabricksError as error:
    print(json.dumps({"refused": str(error)}))
