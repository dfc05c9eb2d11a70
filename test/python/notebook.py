"""Runs a notebook in a real Jupyter kernel, cell by cell, for as long as it is told, and prints what every cell said.

Reads SECONDS from the command line. The kernel inherits this process's environment, as it does under `jupyter lab`; the notebook
knows only the stock SDK. Prints one JSON object: cells run, cells that failed, and what they printed.
"""

import json
import sys
import time

from jupyter_client.manager import start_new_kernel

SETUP = """
from databricks.sdk import WorkspaceClient
w = WorkspaceClient()
warehouse = next(iter(w.warehouses.list()))
"""
CELL = """
answer = w.statement_execution.execute_statement("SELECT count(*) FROM trips", warehouse_id=warehouse.id)
print(answer.status.state.value, answer.result.data_array[0][0])
"""


def run(client, code):
    """What one cell printed, and the error it ended with."""
    said, failed = [], None
    def hear(message):
        nonlocal failed
        if message["header"]["msg_type"] == "stream":
            said.append(message["content"]["text"].strip())
        if message["header"]["msg_type"] == "error":
            failed = f"{message['content']['ename']}: {message['content']['evalue']}"
    reply = client.execute_interactive(code, timeout=30, output_hook=hear)
    return {"status": reply["content"]["status"], "said": said, "error": failed}


manager, client = start_new_kernel(startup_timeout=60)
try:
    cells = [run(client, SETUP)]
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        cells.append(run(client, CELL))
        time.sleep(0.7)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps({
    "cells": len(cells),
    "failed": [cell for cell in cells if cell["status"] != "ok" or cell["error"]],
    "said": sorted({text for cell in cells for text in cell["said"]}),
}))
