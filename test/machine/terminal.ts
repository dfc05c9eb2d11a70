/**
 * A terminal of the test user's: a shell that lives as long as it is open, and programs started from it. Whoever asks which shell
 * stands above a program finds this one, as on a real machine.
 */
import { EventEmitter, once } from 'node:events';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { type Account, spawnAs } from './accounts.ts';

export type Order =
  | { act: 'start'; id: number; command: string; args: readonly string[]; env: NodeJS.ProcessEnv; cwd: string; input: boolean }
  | { act: 'input'; id: number; data: Uint8Array | null }
  | { act: 'signal'; id: number; signal: NodeJS.Signals };

export type Report =
  | { id: number; from: 'stdout' | 'stderr'; data: Uint8Array }
  | { id: number; pid: number }
  | { id: number; error: string }
  | { id: number; code: number | null; signal: NodeJS.Signals | null };

/** A program in a terminal; emits `error` and `close` as a child process does. */
export interface Started extends EventEmitter {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Only where it was asked for. */
  readonly stdin: Writable | null;
  /** Known once it runs. */
  readonly pid: Promise<number>;
  kill(signal?: NodeJS.Signals): void;
}

export interface Terminal {
  start(command: string, args: readonly string[], options?: { env?: NodeJS.ProcessEnv; cwd?: string; input?: boolean }): Started;
  /** Ends the shell; what was started from it goes on. */
  close(): Promise<void>;
}

interface Parts {
  account: Account;
  home: string;
  /** The pinned Node, where the user can run it. */
  node: string;
  /** `terminal-program.ts`, bundled. */
  program: string;
  /** A program above the shell, which is to start it: any that takes `-c` as shells do. */
  above?: string;
}

interface Kept extends Started {
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly begun: PromiseWithResolvers<number>;
}

export async function openTerminal({ account, home, node, program, above }: Parts): Promise<Terminal> {
  // The words after it keep the shell from becoming its last command.
  const line = `'${node}' '${program}'; exit 0`;
  const [command, ...words] = above === undefined ? ['/bin/sh', '-c', line] : [above, '-c', `/bin/sh -c "${line}"; exit 0`];
  const child = spawnAs(account, command ?? '', words, {
    home,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const over = once(child, 'exit');
  const started = new Map<number, Kept>();
  const tell = (order: Order): void => void (child.connected && child.send(order));
  let count = 0;

  child.on('message', (report: Report) => {
    const kept = started.get(report.id);
    if (kept === undefined) return;
    if ('from' in report) kept[report.from].write(report.data);
    else if ('pid' in report) kept.begun.resolve(report.pid);
    else if ('error' in report) end(kept, report.id, new Error(report.error));
    else end(kept, report.id, undefined, report);
  });

  function end(kept: Kept, id: number, error: Error | undefined, how?: Extract<Report, { code: unknown }>): void {
    started.delete(id);
    if (error !== undefined) {
      kept.begun.reject(error);
      kept.emit('error', error);
    }
    if (how === undefined) return;
    // What was said comes before the end.
    let open = 2;
    const closed = (): void => {
      open -= 1;
      if (open === 0) kept.emit('close', how.code, how.signal);
    };
    for (const stream of [kept.stdout, kept.stderr]) {
      stream.once('end', closed);
      stream.end();
      // Where nobody listens it would wait for ever.
      if (stream.listenerCount('data') === 0) stream.resume();
    }
  }

  return {
    start(command, args, { env = {}, cwd = home, input = false } = {}) {
      count += 1;
      const id = count;
      const begun = Promise.withResolvers<number>();
      // Nobody need ask for the pid.
      begun.promise.catch(() => undefined);
      const kept: Kept = Object.assign(new EventEmitter(), {
        ...{ stdout: new PassThrough(), stderr: new PassThrough(), stdin: input ? inputOf(id, tell) : null, begun, pid: begun.promise },
        kill: (signal: NodeJS.Signals = 'SIGTERM') => tell({ act: 'signal', id, signal }),
      });
      started.set(id, kept);
      tell({ act: 'start', id, command, args, env, cwd, input });
      return kept;
    },
    async close() {
      if (child.connected) child.disconnect();
      await over;
    },
  };
}

function inputOf(id: number, tell: (order: Order) => void): Writable {
  const stdin = new PassThrough();
  stdin.on('data', (data: Buffer) => tell({ act: 'input', id, data }));
  stdin.on('end', () => tell({ act: 'input', id, data: null }));
  return stdin;
}
