import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAudit } from '../../../main/audit/read.ts';
import { firstSegment, opened, served, temporaryFolder, writtenLog } from './audit-folder.ts';

const counts = async (...args: Parameters<typeof readAudit>): Promise<unknown[]> =>
  (await readAudit(...args)).records.map((record) => record['count']);

describe('reading the audit log', () => {
  it('gives the newest records, oldest first, across segments', async () => {
    const folder = await writtenLog(30, { segmentBytes: 1200 });
    expect(await counts(folder, { limit: 7 })).toEqual([24, 25, 26, 27, 28, 29, 30]);
    expect(await counts(folder)).toHaveLength(30);
    expect(await counts(folder, { limit: 0 })).toEqual([]);
  });

  it('gives only the events asked for', async () => {
    const { log, folder } = await opened();
    for (let n = 1; n <= 5; n += 1) {
      log.append(served(n));
      log.append({ type: 'audit.gap', count: 100 + n });
    }
    expect(await counts(folder, { types: ['audit.gap'], limit: 2 })).toEqual([104, 105]);
  });

  it('counts the damaged lines it passes over', async () => {
    const folder = await writtenLog(3);
    const text = fs.readFileSync(firstSegment(folder), 'utf8');
    fs.writeFileSync(firstSegment(folder), `${text.replace('"count":2', '"count":7')}${'x'.repeat(200_000)}\ntorn`);
    expect(await readAudit(folder)).toMatchObject({ records: [{ count: 1 }, { count: 3 }], damaged: 3 });
  });

  it('gives nothing where there is no log yet', async () => {
    expect(await readAudit(path.join(temporaryFolder(), 'none'))).toEqual({ records: [], damaged: 0 });
  });
});
