"""Starts a real Jupyter kernel as a Jupyter server does, and runs the cells it is sent: one JSON string a line on standard input.

Reads the path of the notebook from the command line; the server tells it to the kernel in JPY_SESSION_NAME. Prints a JSON object a
line: first the kernel's pid, then what every cell said and the error it ended with. Standard input's end ends the kernel.
"""

import json
import os
import sys

from jupyter_client.manager import KernelManager


def run(client, code):
    """What one cell printed, and the error it ended with."""
    said, failed = [], None
    def hear(message):
        nonlocal failed
        if message["header"]["msg_type"] == "stream":
            said.append(message["content"]["text"].strip())
        if message["header"]["msg_type"] == "error":
            failed = f"{message['content']['ename']}: {message['content']['evalue']}"
    client.execute_interactive(code, timeout=90, output_hook=hear)
    return {"said": said, "error": failed}


manager = KernelManager()
manager.start_kernel(env={**os.environ, "JPY_SESSION_NAME": sys.argv[1]})
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=60)
    print(json.dumps({"pid": manager.provisioner.pid}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(client, json.loads(line))), flush=True)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
