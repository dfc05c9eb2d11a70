/** A log in a temporary folder, opened the way the agent opens it. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { type AuditLogParts, type OpenAuditLog, openAuditLog } from '../../../main/audit/log.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';

export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lakepass-audit-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Opened {
  log: OpenAuditLog;
  folder: string;
  clock: FakeClock;
  logged: { event: string; fields: Record<string, unknown> }[];
}

export async function opened(parts: Partial<AuditLogParts> = {}): Promise<Opened> {
  const folder = parts.folder ?? path.join(temporaryFolder(), 'audit');
  const clock = (parts.clock as FakeClock | undefined) ?? fakeClock();
  const logged: Opened['logged'] = [];
  const log = await openAuditLog({
    random: randomBytes,
    log: (event, fields = {}) => void logged.push({ event, fields }),
    ...parts,
    clock,
    folder,
  });
  onTestFinished(() => log.close().catch(() => undefined));
  return { log, folder, clock, logged };
}

export const served = (n: number): AuditEvent => ({ type: 'token.served-again', grant: `g${n}`, count: n });

/** Writes `count` records and closes; returns the folder. */
export async function writtenLog(count: number, parts: Partial<AuditLogParts> = {}): Promise<string> {
  const { log, folder } = await opened(parts);
  for (let n = 1; n <= count; n += 1) log.append(served(n));
  await log.close();
  return folder;
}

export const firstSegment = (folder: string): string => path.join(folder, 'audit-000001.jsonl');
export const linesOf = (file: string): string[] => fs.readFileSync(file, 'utf8').split('\n').slice(0, -1);
export const recordsOf = (file: string): Record<string, unknown>[] =>
  linesOf(file).map((line) => JSON.parse(line) as Record<string, unknown>);
