/**
 * What runs in a terminal of the test user's: starts the programs it is told to, as children of the shell it stands in, and passes
 * on what they say. It speaks to the test that opened the terminal, and to nobody else.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Order, Report } from './terminal.ts';

const running = new Map<number, ChildProcess>();
const report = (said: Report): void => void process.send?.(said);

function start({ id, command, args, env, cwd, input }: Extract<Order, { act: 'start' }>): void {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'], cwd });
  running.set(id, child);
  // Whoever ends without reading what it is given is no concern of ours.
  child.stdin?.on('error', () => undefined);
  for (const from of ['stdout', 'stderr'] as const) child[from]?.on('data', (data: Buffer) => report({ id, from, data }));
  child.once('spawn', () => report({ id, pid: child.pid ?? 0 }));
  child.once('error', ({ message }) => report({ id, error: message }));
  child.once('close', (code, signal) => {
    running.delete(id);
    report({ id, code, signal });
  });
}

process.on('message', (order: Order) => {
  if (order.act === 'start') return start(order);
  const child = running.get(order.id);
  if (order.act === 'signal') child?.kill(order.signal);
  else if (order.data === null) child?.stdin?.end();
  else child?.stdin?.write(order.data);
});
// The terminal is closed: what still runs in it goes on, as programs do that ignore a hangup.
process.once('disconnect', () => process.exit(0));
