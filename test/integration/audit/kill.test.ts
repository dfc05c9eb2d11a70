/**
 * Proves that a record whose append has returned survives the death of the process at any instant, and that what its checkpoints sealed
 * stays proven: a death costs the seal of the newest records alone, and the next run seals those.
 */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { keyFromJwk } from '../../../main/audit/checkpoint-key.ts';
import { readAudit } from '../../../main/audit/read.ts';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { opened, served } from '../../unit/audit/audit-folder.ts';

const SEGMENT_BYTES = 40_000;
/** Without a checkpoint, at most: 256, and what one turn of the loop appends. */
const MOST_UNSEALED = 256 + 1024;

/** Runs the appender until it has acknowledged `kills` records or so, then SIGKILLs it. Returns the last number it printed. */
async function appendUntilKilled(folder: string, device: string, from: number, records: number): Promise<number> {
  const script = path.join(import.meta.dirname, 'appender.ts');
  const child = spawn(process.execPath, [script, folder, String(SEGMENT_BYTES), String(from), device], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    if (printed.split('\n').length > records) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
  return Number(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1));
}

it('keeps every acknowledged record through 20 deaths by SIGKILL, and the chain holds each time', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'lakepass-kill-'));
  onTestFinished(() => fs.rmSync(home, { recursive: true, force: true }));
  const folder = path.join(home, 'audit');
  const device = path.join(home, 'device.json');
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const { kty, crv, x, y } = jwk;
  const id = 'ab'.repeat(16);
  fs.writeFileSync(device, JSON.stringify({ id, thumbprint: 't', publicKey: { kty, crv, x, y }, jwk }));
  const keys = [keyFromJwk(`lakepass/${id}`, jwk)];
  let next = 1;
  for (let death = 0; death < 20; death += 1) {
    const acknowledged = await appendUntilKilled(folder, device, next, 1 + Math.floor(Math.random() * 400));
    // What the agent does at its next start: repair, then go on.
    const { log } = await opened({ folder, segmentBytes: SEGMENT_BYTES });
    log.append(served(0));
    await log.close();
    const verdict = await verifyAudit(folder, { keys });
    expect(verdict.problems).toEqual([]);
    expect(verdict.seals.checkpoints).toBeGreaterThan(death);
    expect(verdict.seals.unsealed).toBeLessThan(MOST_UNSEALED);
    const { records } = await readAudit(folder, { limit: 1_000_000, types: ['token.served-again'] });
    const counts = new Set(records.map((record) => record['count']));
    for (let n = 1; n <= acknowledged; n += 1) if (!counts.has(n)) throw new Error(`record ${n} is lost after death ${death}`);
    next = Math.max(...records.map((record) => Number(record['count']))) + 1;
  }
  expect(fs.readdirSync(folder).length).toBeGreaterThan(1);
}, 240_000);
