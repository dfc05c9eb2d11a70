/**
 * The headless host: the agent as a plain Node process, without a window. It runs in the foreground (`lakepass agent`) or as
 * the background process that a verb starts; then its first line on standard output is JSON: `ready` or a failure.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError, asAppError, hasCode } from './app-error.ts';
import { loadingIn } from './code-by-environment.ts';
import { compose, type Running } from './compose.ts';
import { jsonLog, nodePorts, type VaultChoice, vaultChoices } from './host-ports.ts';
import { leaveLastWords } from './last-words.ts';
import { logFile } from './log-file.ts';
import { findPlaces, type Places } from './places.ts';
import { version } from './version.ts';

export interface HeadlessOptions {
  home?: string | undefined;
  vault: VaultChoice;
}

export interface HeadlessAgent extends Running {
  places: Places;
  /** Resolves with the reason once the agent has stopped, by a signal or on request. */
  stopped: Promise<string>;
}

/**
 * Starts the agent in this process and keeps it alive until a signal (SIGTERM, SIGINT, SIGHUP) or a request to stop.
 *
 * @throws AppError ENVIRONMENT_UNSAFE: a variable that loads code is set; or whatever `compose` throws
 */
export async function runHeadless(options: HeadlessOptions): Promise<HeadlessAgent> {
  const [unsafe] = loadingIn(process.env);
  // check: agent-without-node-options
  // Most have had their way by now; what they loaded could read every token there is from here on.
  if (unsafe !== undefined)
    throw new AppError('ENVIRONMENT_UNSAFE', { reason: unsafe, detail: `It is ${unsafe}: \`env -u ${unsafe} lakepass agent\`.` });
  // end check
  leaveLastWords();
  // Node opens its debugger to whoever sends this signal; a listener of our own takes its place.
  process.on('SIGUSR1', () => undefined);
  const uid = process.getuid?.() ?? -1;
  const places = findPlaces({ env: process.env, uid, ...(options.home === undefined ? {} : { home: options.home }) });
  const log = jsonLog(logFile(join(places.state, 'agent.log')));
  const stopping = Promise.withResolvers<string>();
  const running = await compose(nodePorts({ vault: options.vault, log }), {
    places,
    uid,
    version,
    onStop: (why) => stopping.resolve(why),
  });
  // Timers of ours never keep the process alive; the doors do, and this does where they are idle.
  const alive = setInterval(() => undefined, 2 ** 30);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => stopping.resolve(signal));
  const stopped = stopping.promise.then(async (reason) => {
    clearInterval(alive);
    await running.close(reason);
    return reason;
  });
  return { ...running, places, stopped };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { home: { type: 'string' }, vault: { type: 'string', default: 'keychain' } } });
  try {
    const agent = await runHeadless({ home: values.home, vault: vaultChoices.find((choice) => choice === values.vault) ?? 'keychain' });
    process.stdout.write(`${JSON.stringify({ ready: { pid: process.pid, socket: agent.places.socket, port: agent.port } })}\n`);
    await agent.stopped;
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ failure: asAppError(error).toFailure() })}\n`);
    if (!hasCode(error, asAppError(error).code)) process.stderr.write(`${(error as Error)?.stack ?? String(error)}\n`);
    process.exitCode = 1;
  }
}
