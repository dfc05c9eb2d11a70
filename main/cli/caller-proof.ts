/**
 * Proves to the agent which program asks: a nonce shown to the broker over TCP, where the system says who is on the other end, and
 * then named on the control socket. Where the broker listens is read from the file it keeps; a port from the environment could
 * lead the proof to anybody.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { nonceHeader, noncePath } from '../../preload/contract/caller.ts';
import { AppError } from '../app-error.ts';
import type { Places } from '../places.ts';
import { seconds } from '../units.ts';

/** Attribution may have to look through every process of a busy machine. */
const PROOF_LIMIT = seconds(15);

/**
 * Shows a fresh nonce to the broker.
 *
 * @returns the header that names it, good for one request within 10 seconds
 * @throws AppError CALLER_UNPROVEN with reason `port` (no broker has kept one), `unreachable` or `refused`
 */
export async function proveCaller(places: Pick<Places, 'state'>): Promise<Record<string, string>> {
  const nonce = randomBytes(16).toString('base64url');
  await show(await keptPort(places), nonce);
  return { [nonceHeader]: nonce };
}

async function keptPort({ state }: Pick<Places, 'state'>): Promise<number> {
  const text = await readFile(join(state, 'port'), 'utf8').catch(() => '');
  // check: kept-port-shape
  if (!/^\d{5}\n?$/.test(text) || Number(text) > 65_535) throw unproven('port');
  // end check
  return Number(text);
}

function show(port: number, nonce: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // An agent of its own: Node's shared one would go through a proxy where the environment names one.
    const target = { host: '127.0.0.1', port, path: `${noncePath}${nonce}`, agent: false, timeout: PROOF_LIMIT } as const;
    const outgoing = request({ ...target, headers: { host: `127.0.0.1:${port}` } }, (response) => {
      const status = response.statusCode ?? 0;
      response.resume().once('end', () => (status >= 200 && status < 300 ? resolve() : reject(unproven('refused'))));
      response.once('error', () => reject(unproven('unreachable')));
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.once('error', (cause) => reject(unproven('unreachable', cause)));
    outgoing.end();
  });
}

const unproven = (reason: 'port' | 'unreachable' | 'refused', cause?: unknown): AppError =>
  new AppError('CALLER_UNPROVEN', { reason, detail: `The broker did not take the proof (${reason}).`, cause });
