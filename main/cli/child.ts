/** The program of a run, on our terminal: started, signalled, and waited for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { onPath } from '../on-path.ts';
import { exitCodes, tell } from './report.ts';
import { inScope, startedFd } from './scope-unit.ts';

export interface ChildOptions {
  /** Of the grant; names the scope. */
  id: string;
  program: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** The process is there, and in its scope where there is one. */
  onStart: (pid: number) => void;
}

const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const;

/**
 * Runs the program to its end, in a scope of its own where the system offers one. Resolves with its exit code, 128 + n for a
 * signal, 126 and 127 as shells have them.
 */
export async function runChild(options: ChildOptions): Promise<number> {
  let child: ChildProcess | undefined;
  let interrupted: NodeJS.Signals | undefined;
  // Listeners come first: a signal that arrives while the program starts must not end us and leave it behind.
  // The terminal sends Ctrl-C to the whole foreground group, so the child has it already; a `kill` of ours reaches us alone.
  const forwards = passedOn.map((signal) => {
    const forward = (): void => {
      if (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'].includes(signal)) interrupted = signal;
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal);
    };
    process.on(signal, forward);
    return () => process.off(signal, forward);
  });
  const started = (running: ChildProcess): void => {
    child = running;
  };
  try {
    const code = await runInScope(options, started);
    if (code !== undefined) return code;
    // Whoever pressed Ctrl-C while the scope was being made does not want the program started again without one.
    return interrupted === undefined ? await runPlainly(options, started) : 128 + constants.signals[interrupted];
  } finally {
    for (const stop of forwards) stop();
  }
}

/** Undefined: there is no user manager, or it made no scope and the program was not started. */
async function runInScope({ id, program, args, env, onStart }: ChildOptions, started: (child: ChildProcess) => void) {
  // What is missing is told by starting it plainly; the service manager's words for it are another's.
  if (!program.includes('/') && onPath(program, env['PATH'] ?? '') === undefined) return undefined;
  const scoped = inScope(id, program, args, env);
  if (scoped === undefined) return undefined;
  const child = spawn(scoped.command, scoped.args, { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env });
  started(child);
  let inPlace = false;
  const sign = child.stdio[startedFd] as Readable;
  sign.once('data', () => {
    inPlace = true;
    if (child.pid !== undefined) onStart(child.pid);
  });
  const code = await exitOf(child);
  if (inPlace && typeof code === 'number') return code;
  tell('systemd gave this run no scope of its own; the program runs without one');
  return undefined;
}

async function runPlainly({ program, args, env, onStart }: ChildOptions, started: (child: ChildProcess) => void): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env });
  started(child);
  child.once('spawn', () => child.pid !== undefined && onStart(child.pid));
  const code = await exitOf(child);
  if (typeof code === 'number') return code;
  tell(`${program} cannot be started (${code.code ?? 'unknown'})`);
  return isMissing(code, program, env) ? exitCodes.notFound : exitCodes.notExecutable;
}

/** The exit code as shells have it, or the error that kept it from starting. */
const exitOf = (child: ChildProcess): Promise<number | NodeJS.ErrnoException> =>
  new Promise((resolve) => {
    child.once('error', resolve);
    // Without a pipe of ours this comes with the exit; with one, once the sign of the start has been read.
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });

/** A folder on the PATH that may not be entered makes the system say EACCES for a program that is nowhere. */
const isMissing = ({ code }: NodeJS.ErrnoException, program: string, env: NodeJS.ProcessEnv): boolean =>
  code === 'ENOENT' || (code === 'EACCES' && !program.includes('/') && onPath(program, env['PATH'] ?? '') === undefined);
