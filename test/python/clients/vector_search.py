"""databricks-vectorsearch under `lakepass run`. The client takes a token once and keeps it, so a long program makes a new client when
the token's end comes near.

Asks an index, and then a serving endpoint, which a token for `vector-search` alone may not ask.
"""

import json

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import DatabricksError
from databricks.vector_search.client import VectorSearchClient

config = Config()
bearer = config.authenticate()["Authorization"].removeprefix("Bearer ")
client = VectorSearchClient(workspace_url=config.host, personal_access_token=bearer, disable_notice=True)
index = client.get_index(index_name="main.default.support_notes")
found = index.similarity_search(query_text="water drips from the washing machine", columns=["id", "text"], num_results=3)
print(json.dumps({"answer": [row[0] for row in found["result"]["data_array"]]}), flush=True)

try:
    WorkspaceClient().serving_endpoints.query("row-sum", dataframe_records=[{"a": 1}])
    print(json.dumps({"refused": None}))
except DatabricksError as error:
    print(json.dumps({"refused": str(error)}))
