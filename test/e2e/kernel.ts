/** A Jupyter kernel of the product's user, cell by cell: `test/python/kernel.py`, from a terminal of its own or under `lakepass run`. */
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Started, Terminal } from '../machine/terminal.ts';
import type { Product } from '../product/product.ts';

interface Cell {
  said: string[];
  error: string | null;
}

export interface Kernel {
  /** Resolves once the kernel runs. */
  ready: Promise<{ pid: number }>;
  cell(code: string): Promise<Cell>;
  /** What was written to its terminal so far: of `lakepass run`, and of Jupyter itself. */
  terminal(): string;
  /** Resolves once such a line has come; @throws when it ends before. */
  line(pattern: RegExp): Promise<string>;
  /** Ends the kernel, and resolves when what was started is over. */
  end(): Promise<void>;
}

export interface KernelOptions {
  /** Where it is started from; a terminal of its own otherwise. */
  terminal?: Terminal;
  /** Below the home; the kernel's working folder. */
  folder: string;
  env?: NodeJS.ProcessEnv;
  /** Words before the kernel's own, such as those of `lakepass run`. */
  under?: readonly string[];
}

export const notebookOf = (folder: string): string => `${folder}/Churn.ipynb`;

export async function startKernel(product: Product, options: KernelOptions): Promise<Kernel> {
  const { user } = product.machine;
  const cwd = join(product.home, options.folder);
  const script = join(cwd, 'kernel.py');
  mkdirSync(cwd, { recursive: true, mode: 0o700 });
  writeFileSync(script, readFileSync(fileURLToPath(new URL('../python/kernel.py', import.meta.url))));
  if (process.getuid?.() === 0) for (const path of [cwd, script]) chownSync(path, user.uid, user.gid);
  const [command = '', ...args] = [
    ...(options.under ?? []),
    ...[await product.machine.python(), script, join(product.home, notebookOf(options.folder))],
  ];
  const terminal = options.terminal ?? (await product.openTerminal());
  return talkTo(terminal.start(command, args, { cwd, input: true, ...(options.env === undefined ? {} : { env: options.env }) }));
}

function talkTo(child: Started): Kernel {
  const over = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let heard = '';
  const listeners = new Set<() => void>();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
    for (const listener of listeners) listener();
  });

  async function next<T>(): Promise<T> {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the kernel has ended: ${heard}`);
    return JSON.parse(value) as T;
  }

  const ready = next<{ pid: number }>();
  // Whoever waits for it hears it.
  ready.catch(() => undefined);
  return {
    ready,
    async cell(code) {
      await ready;
      child.stdin?.write(`${JSON.stringify(code)}\n`);
      return next<Cell>();
    },
    terminal: () => heard,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no line ${pattern} in: ${heard}`)), 20_000);
        const look = (): void => {
          const found = heard.split('\n').find((line) => pattern.test(line));
          if (found === undefined) return;
          clearTimeout(late);
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
        over.then(() => reject(new Error(`no line ${pattern} in: ${heard}`)));
      }),
    async end() {
      child.stdin?.end();
      await over;
    },
  };
}

/** What a person writes first in a notebook. */
export const whoAmI = 'from databricks.sdk import WorkspaceClient\nprint(WorkspaceClient().current_user.me().user_name)';

/** A client that waits no longer than it must, and says what it was answered: `ok`, or the code of the refusal. */
export const askOnce = `
import json, os, urllib.error, urllib.request
question = urllib.request.Request(os.environ["DATABRICKS_METADATA_SERVICE_URL"], headers={
    "X-Databricks-Metadata-Version": "1", "X-Databricks-Host": os.environ["DATABRICKS_HOST"]})
try:
    answer = json.load(urllib.request.urlopen(question, timeout=30))
except urllib.error.HTTPError as error:
    answer = json.load(error)
print("ok" if "access_token" in answer else answer["error"])`;

/** What the kernel finds in its environment, and anybody who reads the notebook afterwards. */
export const showGrant = 'import json, os\nprint(json.dumps({k: v for k, v in os.environ.items() if k.startswith("DATABRICKS_")}))';
