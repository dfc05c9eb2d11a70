/** The sample notebook of the first steps, and what runs its cells. Both are text of ours that a Python reads; neither holds a secret. */

export const statement = 'SELECT current_user() AS who, current_date AS today';

/** What each cell is for, so that a cell that fails can be told by more than its number. */
export const cells = [
  {
    about: 'sign-in',
    code: [
      'from databricks.sdk import WorkspaceClient',
      '',
      '# No token here: the SDK asks Lakepass on this machine.',
      'w = WorkspaceClient()',
    ],
  },
  {
    about: 'warehouse',
    code: [
      '# A SQL warehouse that runs already answers at once; one that is stopped starts by itself.',
      'usable = [each for state in ("RUNNING", "STARTING", "STOPPED", "STOPPING")',
      '          for each in w.warehouses.list() if each.state.value == state]',
      'assert usable, "There is no SQL warehouse that you may use."',
      'warehouse = usable[0]',
    ],
  },
  {
    about: 'statement',
    code: [
      'import time',
      '',
      'sql = w.statement_execution',
      `answer = sql.execute_statement("${statement}", warehouse_id=warehouse.id, wait_timeout="30s", row_limit=20)`,
      'while answer.status.state.value in ("PENDING", "RUNNING"):',
      '    time.sleep(1)',
      '    answer = sql.get_statement(answer.statement_id)',
      'assert answer.status.state.value == "SUCCEEDED", "The statement did not come to a result."',
      '',
      '[column.name for column in answer.manifest.schema.columns], answer.result.data_array',
    ],
  },
] as const;

export type CellSubject = (typeof cells)[number]['about'];

const words = [
  '# Your first query',
  '',
  'Run these cells in any notebook editor that was started with `lakepass run --scope sql -- jupyter lab`,',
  'or with the Databricks profile that Lakepass has written. There is nothing to paste.',
];

/** As a file of version 4.5 of the notebook format. */
export function notebookText(): string {
  const lines = (code: readonly string[]): string[] => code.map((line, index) => (index === code.length - 1 ? line : `${line}\n`));
  const notebook = {
    cells: [
      { cell_type: 'markdown', id: 'words', metadata: {}, source: lines(words) },
      ...cells.map(({ about, code }) => ({
        cell_type: 'code',
        id: about,
        metadata: {},
        execution_count: null,
        outputs: [],
        source: lines(code),
      })),
    ],
    metadata: { kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' }, language_info: { name: 'python' } },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

/**
 * Runs cells in a kernel, as a Jupyter server does, and prints a JSON line for each: the kind of error, never its words, which can hold the
 * address of a grant; for the last one the value, where it is plain data.
 *
 * Everything comes in one line on standard input, where no other program looks. Whoever closes standard input ends the kernel.
 */
export const driver = `
import ast, json, os, sys, threading

line = sys.stdin.readline()
if not line:
    sys.exit(0)
task = json.loads(line)

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager


class OneKernel(KernelSpecManager):
    """This very Python, isolated, whatever else is registered on the machine."""

    def get_kernel_spec(self, kernel_name):
        argv = [sys.executable, "-I", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def run(code, seconds):
    error, value = None, None

    def hear(message):
        nonlocal error, value
        content = message["content"]
        if message["header"]["msg_type"] == "error":
            error = str(content["ename"])
        if message["header"]["msg_type"] == "execute_result":
            text = content["data"].get("text/plain", "")
            try:
                # What a workspace has answered may be of any length.
                value = ast.literal_eval(text) if len(text) <= 65536 else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                value = None

    try:
        client.execute_interactive(code, timeout=seconds, output_hook=hear, allow_stdin=False)
    except TimeoutError:
        error = "TimeoutError"
    return {"error": error, "value": value}


env = {name: value for name, value in os.environ.items() if name not in task["clear"]}
env.update(task["set"])
manager = KernelManager(kernel_spec_manager=OneKernel(), kernel_name="python3")
manager.start_kernel(env=env, cwd=task["folder"])


def watch():
    while os.read(0, 4096):
        pass
    manager.shutdown_kernel(now=True)
    os._exit(1)


threading.Thread(target=watch, daemon=True).start()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=60)
    print(json.dumps({"ready": True}), flush=True)
    for code in task["cells"]:
        outcome = run(code, task["seconds"])
        print(json.dumps(outcome, default=str), flush=True)
        if outcome["error"]:
            break
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    sys.stdout.flush()
    os._exit(0)
`;
