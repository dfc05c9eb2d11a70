/**
 * The command line's side of the control door: one request a time over the Unix socket, every answer parsed. What makes or widens
 * a right is proven first: see `caller-proof.ts`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { resolve as absolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { failureAnswerSchema } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import { hostFacts } from '../agent-host.ts';
import { AppError } from '../app-error.ts';
import { withoutLoading } from '../code-by-environment.ts';
import { checkRuntime, type Places } from '../places.ts';
import { type Ms, ms, seconds } from '../units.ts';
import { proveCaller } from './caller-proof.ts';
import { desktopApp } from './desktop-app.ts';

/** Longer than an agent waits for a keychain that asks the person: its own reason is worth more than ours. */
const START_LIMIT: Ms = seconds(30);
/** How long the app that is running already may take to answer after a second one has ended. */
const HANDED_OVER_WITHIN: Ms = seconds(5);
const LOOK_AGAIN: Ms = ms(100);

/** A failure that the agent reported: shown as it came, it is already in words for people. */
export class ReportedFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(`${failure.code}: ${failure.cause}`);
    this.failure = failure;
  }
}

export interface AgentClient {
  get<S extends z.ZodType>(path: string, answer: S, timeout?: Ms): Promise<z.output<S>>;
  post<S extends z.ZodType>(path: string, body: unknown, answer: S, timeout?: Ms): Promise<z.output<S>>;
  /** `post` with the proof of which program asks. @throws AppError CALLER_UNPROVEN: the broker did not take the proof */
  postProven<S extends z.ZodType>(path: string, body: unknown, answer: S, timeout?: Ms): Promise<z.output<S>>;
  /** Reads a stream of JSON lines until it ends, the agent goes away, or `signal` aborts. @throws ReportedFailure: the last line said so */
  follow<S extends z.ZodType>(path: string, line: S, onLine: (value: z.output<S>) => void, signal: AbortSignal): Promise<void>;
  /** `follow` with the proof of which program asks. */
  followProven<S extends z.ZodType>(path: string, line: S, onLine: (value: z.output<S>) => void, signal: AbortSignal): Promise<void>;
  /** The same for what is asked with a body, with the proof of which program asks. Whoever aborts withdraws what was asked. */
  stream<S extends z.ZodType>(
    path: string,
    body: unknown,
    line: S,
    onLine: (value: z.output<S>) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

interface Asked {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** @throws AppError AGENT_NOT_RUNNING from every call when nobody listens; ReportedFailure when the agent says no */
export function connectAgent(places: Places): AgentClient {
  const exchange = async <S extends z.ZodType>(asked: Asked, answer: S, timeout: Ms): Promise<z.output<S>> => {
    const { status, value } = await send(places, asked, timeout);
    if (status !== 200) throw failureIn(value, status);
    return answer.parse(value);
  };
  const proven = async (path: string, body: unknown): Promise<Asked> => {
    await requireRuntime(places);
    return { method: 'POST', path, body, headers: await proveCaller(places) };
  };
  return {
    get: (path, answer, timeout = seconds(30)) => exchange({ method: 'GET', path }, answer, timeout),
    post: (path, body, answer, timeout = seconds(30)) => exchange({ method: 'POST', path, body }, answer, timeout),
    postProven: async (path, body, answer, timeout = seconds(30)) => exchange(await proven(path, body), answer, timeout),
    follow: (path, line, onLine, signal) => readLines(places, { method: 'GET', path }, line, onLine, signal),
    followProven: async (path, line, onLine, signal) => {
      await requireRuntime(places);
      return readLines(places, { method: 'GET', path, headers: await proveCaller(places) }, line, onLine, signal);
    },
    stream: async (path, body, line, onLine, signal) => readLines(places, await proven(path, body), line, onLine, signal),
  };
}

function failureIn(value: unknown, status: number): Error {
  const failed = failureAnswerSchema.safeParse(value);
  return failed.success ? new ReportedFailure(failed.data.failure) : new AppError('INTERNAL', { detail: `The agent answered ${status}.` });
}

async function requireRuntime(places: Places): Promise<void> {
  // check: client-runtime-own
  if (!(await checkRuntime(places))) throw new AppError('AGENT_NOT_RUNNING');
  // end check
}

function open(places: Places, { method, path, body, headers }: Asked, signal?: AbortSignal): { outgoing: ClientRequest; text: string } {
  const text = body === undefined ? '' : JSON.stringify(body);
  const sized = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const kept = signal === undefined ? {} : { signal };
  return { outgoing: request({ socketPath: places.socket, method, path, headers: { ...sized, ...headers }, ...kept }), text };
}

async function readLines<S extends z.ZodType>(
  places: Places,
  asked: Asked,
  line: S,
  onLine: (value: z.output<S>) => void,
  signal: AbortSignal,
): Promise<void> {
  await requireRuntime(places);
  const { outgoing, text } = open(places, asked, signal);
  return new Promise((resolve, reject) => {
    const take = (each: string): void => {
      const value: unknown = JSON.parse(each);
      if (failureAnswerSchema.safeParse(value).success) throw failureIn(value, 200);
      onLine(line.parse(value));
    };
    outgoing.on('response', (response) => {
      const status = response.statusCode ?? 0;
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        rest += chunk;
        if (status !== 200) return; // A refusal is one JSON text over several lines, a stream one a line.
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        try {
          for (const each of lines) take(each);
        } catch (error) {
          reject(error);
          outgoing.destroy();
        }
      });
      response.on('end', () => {
        if (status !== 200) reject(refusalIn(rest, status));
      });
      // However the stream ends, by the agent, its crash or our abort, there is nothing more to hear.
      response.on('error', () => resolve());
      response.on('close', () => resolve());
    });
    outgoing.on('error', (error) => (signal.aborted ? resolve() : reject(notRunning(error))));
    outgoing.end(text);
  });
}

function refusalIn(text: string, status: number): Error {
  try {
    return failureIn(JSON.parse(text), status);
  } catch {
    return failureIn(undefined, status);
  }
}

async function send(places: Places, asked: Asked, timeout: Ms): Promise<{ status: number; value: unknown }> {
  await requireRuntime(places);
  const { outgoing, text } = open(places, asked);
  return new Promise((resolve, reject) => {
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode ?? 0, value: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
        } catch (cause) {
          reject(new AppError('INTERNAL', { detail: 'The agent gave an answer that is not JSON.', cause }));
        }
      });
    });
    outgoing.setTimeout(timeout, () => outgoing.destroy(new AppError('DEADLINE_PASSED')));
    outgoing.on('error', (error) => reject(error instanceof AppError ? error : notRunning(error)));
    outgoing.end(text);
  });
}

function notRunning(error: Error): Error {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET' ? new AppError('AGENT_NOT_RUNNING') : error;
}

/** True when an agent answers on the socket. */
export async function agentAnswers(places: Places): Promise<boolean> {
  try {
    await send(places, { method: 'GET', path: '/v1/status' }, seconds(5));
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'AGENT_NOT_RUNNING') return false;
    throw error;
  }
}

/**
 * An agent lives for weeks and makes little garbage: a small nursery and one thread for V8's own work serve tokens as fast and
 * take 20 MB less memory.
 */
const smallMemory = ['--max-semi-space-size=2', '--v8-pool-size=1'] as const;

/**
 * Starts an agent in the background and waits until it is ready: the desktop app, hidden, where this command is part of its package;
 * else a headless one.
 *
 * @throws ReportedFailure the agent's own reason (KEYCHAIN_MISSING, CONFIG_INVALID …)
 * @throws AppError AGENT_START_FAILED it ended, or said nothing for 30 seconds
 * @throws AppError DISK_FULL its folder cannot be made or written
 */
export async function startAgent(places: Places, options: StartOptions): Promise<void> {
  const app = desktopApp();
  return app === null ? startHeadless(places, options) : startDesktop(places, app, options);
}

interface StartOptions {
  home: string | undefined;
  vault: string;
}

/**
 * The app answers for itself: what keeps it from starting it shows in a window of its own. A second one finds the first and ends.
 *
 * @throws AppError AGENT_START_FAILED
 */
export async function startDesktop(places: Places, app: string, { home, vault }: StartOptions, limit: Ms = START_LIMIT): Promise<void> {
  const args = ['--hidden', ...(vault === 'keychain' ? [] : ['--vault', vault]), ...(home === undefined ? [] : ['--home', absolute(home)])];
  const { ELECTRON_RUN_AS_NODE: _asNode, ...env } = agentEnvironment(process.env);
  const isGone = await startWithoutParent(app, args, env);
  let goneSince: number | undefined;
  for (const until = performance.now() + limit; performance.now() < until; ) {
    if (await agentAnswers(places)) return;
    if (await isGone()) goneSince ??= performance.now();
    // A second app hands over to the first, which may still be starting.
    if (goneSince !== undefined && performance.now() - goneSince > HANDED_OVER_WITHIN) break;
    await new Promise((done) => setTimeout(done, LOOK_AGAIN));
  }
  throw new AppError('AGENT_START_FAILED', { reason: 'desktop', detail: 'The desktop app was started and does not answer.' });
}

/**
 * Starts a program whose parent is gone at once. As a child of `lakepass run` the app would stand below the very program that asks, and
 * what was started by whoever asks does not answer for them.
 *
 * @returns whether the program has ended. @throws AppError AGENT_START_FAILED
 */
async function startWithoutParent(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<() => Promise<boolean>> {
  if (process.platform === 'win32') {
    const child = spawn(program, args, { detached: true, stdio: 'ignore', cwd: '/', env });
    child.once('error', () => undefined);
    child.unref();
    return async () => child.exitCode !== null || child.pid === undefined;
  }
  const script = '"$@" </dev/null >/dev/null 2>&1 & echo $!';
  const shell = spawn('/bin/sh', ['-c', script, 'sh', program, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: '/',
    env,
  });
  const said: Buffer[] = [];
  shell.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  await new Promise<void>((resolve, reject) => {
    shell.once('error', (cause) => reject(new AppError('AGENT_START_FAILED', { reason: 'desktop', cause })));
    shell.once('close', () => resolve());
  });
  const pid = Number(Buffer.concat(said).toString());
  if (!Number.isInteger(pid) || pid <= 0) throw new AppError('AGENT_START_FAILED', { reason: 'desktop' });
  return async () => (await hostFacts().startTime(pid)) === null && !isThere(pid);
}

/** Where the system has no /proc, a signal that does nothing tells. */
function isThere(pid: number): boolean {
  if (process.platform === 'linux') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Ours, without what would load code into the agent or make it write more than it means to: the terminal of an editor has such, and Node's
 * own tracing would write request paths, and with them grant URLs, to agent.err.
 */
export function agentEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_DEBUG: _traced, NODE_DEBUG_NATIVE: _tracedToo, ...rest } = env;
  return withoutLoading(rest);
}

async function startHeadless(places: Places, options: StartOptions): Promise<void> {
  const args = [
    ...smallMemory,
    headlessEntry(),
    '--vault',
    options.vault,
    ...(options.home === undefined ? [] : ['--home', absolute(options.home)]),
  ];
  const errors = openErrors(places);
  const env = agentEnvironment(process.env);
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', errors], cwd: '/', env });
  const { stdout } = child;
  if (stdout === null) throw new AppError('AGENT_START_FAILED');
  const line = await new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve(''), START_LIMIT);
    const finish = (text: string): void => {
      clearTimeout(timer);
      resolve(text);
    };
    createInterface({ input: stdout }).once('line', finish);
    child.once('exit', () => setImmediate(finish, ''));
    child.once('error', () => finish(''));
  });
  stdout.destroy();
  child.unref();
  if (line === '') throw new AppError('AGENT_START_FAILED', { detail: `See ${join(places.state, 'agent.err')}.` });
  const said = JSON.parse(line) as { ready?: unknown };
  if (said.ready !== undefined) return;
  const failed = failureAnswerSchema.parse(said);
  // Two verbs may start an agent at once; whoever comes second finds the first one's.
  if (failed.failure.code !== 'AGENT_RUNNING') throw new ReportedFailure(failed.failure);
}

/** Where the agent's last words go if it crashes. @throws AppError DISK_FULL */
function openErrors({ state }: Places): number {
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    return openSync(join(state, 'agent.err'), 'a', 0o600);
  } catch (cause) {
    throw new AppError('DISK_FULL', { reason: 'state', cause });
  }
}

/** The headless entry beside this file: TypeScript in a checkout, a bundle in an installed program. */
function headlessEntry(): string {
  const bundled = fileURLToPath(new URL('./headless.mjs', import.meta.url));
  return existsSync(bundled) ? bundled : fileURLToPath(new URL('../headless.ts', import.meta.url));
}
