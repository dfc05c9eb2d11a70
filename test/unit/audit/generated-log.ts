/** Logs that are made at once, for tests that need many records or records that no writer of ours would make. */
import fs from 'node:fs';
import { encodeRecord, ZERO_HASH } from '../../../main/audit/record.ts';
import { segmentFile } from '../../../main/audit/segment.ts';
import { temporaryFolder } from './audit-folder.ts';

export interface Written {
  /** Epoch milliseconds. */
  at: number;
  fields: Record<string, unknown> & { type: string };
}

/** @returns the folder; its segments hold `perSegment` records each, and the chain holds */
export function generatedLog(records: Iterable<Written>, perSegment = 40_000): string {
  const folder = temporaryFolder();
  let prev = ZERO_HASH;
  let seq = 0;
  let lines: Buffer[] = [];
  const flush = (): void => {
    if (lines.length > 0) fs.writeFileSync(segmentFile(folder, Math.ceil(seq / perSegment)), Buffer.concat(lines));
    lines = [];
  };
  for (const { at, fields } of records) {
    seq += 1;
    const head = { seq, at: new Date(at).toISOString(), id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev };
    const { line, hash } = encodeRecord(head, fields);
    prev = hash;
    lines.push(line);
    if (seq % perSegment === 0) flush();
  }
  flush();
  return folder;
}
