/**
 * The sample notebook as a child of ours: a Python that waits for its task, so that it can be asked about before it gets anything, and then
 * runs the cells in a kernel below it. It ends when we say so, when we end, and when it takes too long.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { ProgramEnvironment } from '../cli/environment.ts';
import { cell, mostRows } from '../databricks/sql-statement.ts';
import type { Clock } from '../ports.ts';
import { type Ms, minutes, seconds } from '../units.ts';
import { plainEnvironment } from './pythons.ts';
import { type CellSubject, cells, driver } from './sample-notebook.ts';

export interface KernelRun {
  readonly pid: number;
  /**
   * Gives the child its task and waits for the result.
   * @throws AppError NOTEBOOK_FAILED | WAREHOUSE_NONE | STATEMENT_FAILED, or what `end` was called with
   */
  run(change: ProgramEnvironment): Promise<{ columns: string[]; rows: string[][] }>;
  /** Ends the kernel and the child; resolves once it is gone and its folder too. */
  end(why?: AppError): Promise<void>;
}

const WHOLE_LIMIT: Ms = minutes(5);
const CELL_LIMIT_SECONDS = 200;
/** How long the child has to end its kernel before it is ended itself. */
const LAST_CALL: Ms = seconds(5);
const LONGEST_LINE = 256 * 1024;

const lineSchema = z.union([z.object({ ready: z.literal(true) }), z.object({ error: z.string().nullable(), value: z.unknown() })]);
const valueSchema = z.tuple([
  z.array(z.string()).max(100),
  z.array(z.array(z.union([z.string(), z.number(), z.boolean()]).nullable())).max(1000),
]);

/** @param folder one of ours; what the child leaves behind goes into a folder below it, which goes with it */
export async function startKernelRun(parts: { python: string; folder: string; clock: Clock }): Promise<KernelRun> {
  const { clock } = parts;
  await mkdir(parts.folder, { recursive: true, mode: 0o700 });
  const own = await mkdtemp(join(parts.folder, 'run-'));
  const env = { ...plainEnvironment(process.env), ...jupyterPlaces(own) };
  const child = spawn(parts.python, ['-I', '-c', driver], { cwd: own, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const gone = new Promise<void>((resolve) => void child.once('close', () => resolve()).once('error', () => resolve()));
  // Whoever has gone cannot be written to; that it has gone is noticed by its end.
  child.stdin.on('error', () => undefined);
  let ended: AppError | undefined;
  let ending: Promise<void> | undefined;

  if (child.pid === undefined) {
    await gone;
    await rm(own, { recursive: true, force: true });
    throw new AppError('NOTEBOOK_FAILED', { reason: 'python' });
  }

  async function end(why = new AppError('NOTEBOOK_FAILED', { reason: 'ended' })): Promise<void> {
    ended ??= why;
    ending ??= endNow();
    return ending;
  }

  async function endNow(): Promise<void> {
    child.stdin.end();
    const stop = clock.after(LAST_CALL, () => child.kill('SIGKILL'));
    await gone;
    stop();
    await rm(own, { recursive: true, force: true });
  }

  return {
    pid: child.pid,
    end,
    async run(change) {
      const task = { ...change, cells: cells.map(({ code }) => code.join('\n')), seconds: CELL_LIMIT_SECONDS, folder: own };
      const stop = clock.after(WHOLE_LIMIT, () => void end(new AppError('NOTEBOOK_FAILED', { reason: 'time' })));
      try {
        child.stdin.write(`${JSON.stringify(task)}\n`);
        return await outcomeOf(child, () => ended);
      } finally {
        stop();
        await end();
      }
    },
  };
}

/** Everything that Jupyter would read from the person's own folders, or leave there. */
const jupyterPlaces = (folder: string): NodeJS.ProcessEnv => ({
  JUPYTER_CONFIG_DIR: join(folder, 'config'),
  JUPYTER_DATA_DIR: join(folder, 'data'),
  JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
  JUPYTER_PLATFORM_DIRS: '1',
  IPYTHONDIR: join(folder, 'ipython'),
});

/** @throws AppError for a cell that failed, and for a child that ended before its time */
async function outcomeOf(child: ChildProcess, ended: () => AppError | undefined): Promise<{ columns: string[]; rows: string[][] }> {
  if (child.stdout === null) throw new Error('a child without an output');
  let at = 0;
  for await (const text of linesOf(child.stdout)) {
    const line = parsedLine(text);
    if (line === undefined) throw new AppError('NOTEBOOK_FAILED', { reason: 'answer' });
    if ('ready' in line) continue;
    const about = cells[at]?.about;
    at += 1;
    if (line.error !== null) throw cellFailure(about, line.error);
    if (at === cells.length) return resultIn(line.value);
  }
  throw ended() ?? new AppError('NOTEBOOK_FAILED', { reason: 'kernel', detail: 'The kernel could not be started, or ended by itself.' });
}

/** What a child says, line by line; what it would say is partly what a workspace has answered, so no line may be of any length. */
async function* linesOf(output: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of output.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    // check: kernel-line-limit
    if ([...lines, rest].some(({ length }) => length > LONGEST_LINE)) throw new AppError('NOTEBOOK_FAILED', { reason: 'answer' });
    // end check
    yield* lines;
  }
}

function parsedLine(text: string): z.output<typeof lineSchema> | undefined {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Only the kind of the error: its words can hold the address of the grant. */
function cellFailure(about: CellSubject | undefined, kind: string): AppError {
  if (kind === 'AssertionError' && about === 'warehouse') return new AppError('WAREHOUSE_NONE');
  if (kind === 'AssertionError' && about === 'statement') return new AppError('STATEMENT_FAILED', { reason: 'notebook' });
  const named = /^[A-Za-z_]\w{0,60}$/.test(kind) ? kind : 'an error';
  return new AppError('NOTEBOOK_FAILED', { reason: about ?? 'cell', detail: `The cell about the ${about ?? 'rest'} ended with ${named}.` });
}

function resultIn(value: unknown): { columns: string[]; rows: string[][] } {
  const found = valueSchema.safeParse(value);
  if (!found.success) throw new AppError('NOTEBOOK_FAILED', { reason: 'result' });
  const [columns, rows] = found.data;
  const shown = (item: string | number | boolean | null): string => cell(item === null ? null : String(item));
  return { columns: columns.slice(0, 20).map(shown), rows: rows.slice(0, mostRows).map((row) => row.slice(0, 20).map(shown)) };
}
