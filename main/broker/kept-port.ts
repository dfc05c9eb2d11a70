/**
 * The port of the broker, which is part of every grant URL: picked once at random and kept, so that kernels and profiles survive a
 * restart. When another program holds it, that program may be harvesting what clients send, so we move and never come back.
 */
import type { AddressInfo } from 'node:net';
import { AppError } from '../app-error.ts';
import { readFileWhole, replaceFile } from '../durable-file.ts';

/** Below the ports Linux gives to outgoing connections, above the registered ones (Databricks' own tools use 8020 to 8040). */
const range = { first: 10_240, last: 32_767 } as const;
const attempts = 50;

type Random = (bytes: number) => Buffer;

const pickPort = (random: Random): number => range.first + (random(4).readUInt32BE() % (range.last - range.first + 1));

function parsePort(text: string | null): number | undefined {
  const port = text !== null && /^\d{5}\n?$/.test(text) ? Number(text) : Number.NaN;
  return port >= range.first && port <= range.last ? port : undefined;
}

export interface KeptPort {
  port: number;
  /** Whether URLs handed out before lead elsewhere now: the port was taken, or nobody knows any more which it was. */
  changed: boolean;
}

/**
 * Listens on the kept port, or on a new one, and keeps that.
 *
 * @param tryListen resolves false when the port is taken
 * @throws AppError DISK_FULL: the port file can be neither read nor written
 * @throws AppError AGENT_START_FAILED (reason `port`): no port could be had
 */
export async function listenOnKeptPort(file: string, random: Random, tryListen: (port: number) => Promise<boolean>): Promise<KeptPort> {
  const kept = parsePort(await readFileWhole(file));
  if (kept !== undefined && (await tryListen(kept))) return { port: kept, changed: false };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = pickPort(random);
    if (port === kept || !(await tryListen(port))) continue;
    await replaceFile(file, `${port}\n`, random(8).toString('hex'));
    return { port, changed: true };
  }
  throw new AppError('AGENT_START_FAILED', { reason: 'port' });
}

/** @throws AppError AGENT_START_FAILED (reason `address`): what was bound can be reached from other machines, or is not TCP */
export function requireLoopback(address: AddressInfo | string | null): void {
  // check: bound-to-loopback
  if (address === null || typeof address === 'string' || address.address !== '127.0.0.1')
    throw new AppError('AGENT_START_FAILED', { reason: 'address' });
  // end check
}
