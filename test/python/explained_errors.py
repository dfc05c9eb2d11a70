"""Provokes errors of the stock SDK: reads a JSON object of names to variables on standard input, prints one of names to what the SDK said."""

import json
import os
import sys

from databricks.sdk import WorkspaceClient

cases = json.load(sys.stdin)
clean = dict(os.environ)
said = {}
for name, variables in cases.items():
    os.environ.clear()
    os.environ.update(clean | variables)
    try:
        client = WorkspaceClient()
        client.config.authenticate()
        list(client.warehouses.list())
        said[name] = None
    except Exception as error:  # whatever a person would see
        said[name] = str(error)
print(json.dumps(said))
