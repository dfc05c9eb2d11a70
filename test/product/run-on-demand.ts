/**
 * A program that `lakepass run` started and that asks for its token whenever the test says so, as a notebook whose cells a person
 * runs. Its stranger asks with the same address from outside the run.
 */
import { createInterface } from 'node:readline';
import type { Product } from './product.ts';

export interface Answer {
  status: number;
  /** `access_token` of a success, `error` and `message` of a refusal. */
  body: { access_token?: string; error?: string; [other: string]: unknown };
}

export interface RunOnDemand {
  ask(): Promise<Answer>;
  /** A program of the same user that has found the address and is no part of the run. */
  askAsStranger(): Promise<Answer>;
  /** What the command has said on its terminal so far. */
  said(): string;
  /** Ends the program; resolves with the exit code of the command. */
  end(): Promise<number | null>;
}

const question = `-q -sS -H 'X-Databricks-Metadata-Version: 1' -H "X-Databricks-Host: $DATABRICKS_HOST" -w '\\n%{http_code}' "$DATABRICKS_METADATA_SERVICE_URL"`;
const script = `echo "$DATABRICKS_HOST $DATABRICKS_METADATA_SERVICE_URL"; while read -r word; do curl ${question} | tr '\\n' ' '; echo; done`;

export async function startRun({ terminal, command, run }: Product, scope = 'sql'): Promise<RunOnDemand> {
  const [shell = '', ...words] = command.words;
  const started = terminal.start(shell, [...words, 'run', '-s', scope, '--', '/bin/sh', '-c', script], { env: command.env, input: true });
  const { stdin, stdout, stderr } = started;
  if (stdin === null) throw new Error('the run has no standard input');
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const over = new Promise<number | null>((resolve) => started.once('close', (code) => resolve(code as number | null)));
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the run has ended: ${said}`);
    return value;
  };
  const [host = '', url = ''] = (await nextLine()).split(' ');

  return {
    async ask() {
      stdin.write('ask\n');
      return parse(await nextLine());
    },
    async askAsStranger() {
      const env = { DATABRICKS_HOST: host, DATABRICKS_METADATA_SERVICE_URL: url };
      return parse((await run('/bin/sh', ['-c', `curl ${question}`], env)).stdout);
    },
    said: () => said,
    end() {
      stdin.end();
      return over;
    },
  };
}

function parse(text: string): Answer {
  const [, body = '', status = ''] = /^([\s\S]*?)\s+(\d{3})\s*$/.exec(text) ?? [];
  return { status: Number(status), body: JSON.parse(body) };
}
