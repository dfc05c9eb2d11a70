/** Reads records back for people and programs (`lakepass audit`). It shows what is there and proves nothing; `verify.ts` does. */
import fs from 'node:fs';
import { readLines } from './lines.ts';
import { decodeLine, type StoredRecord } from './record.ts';
import { listSegments } from './segment.ts';

export interface AuditPage {
  /** Oldest first. */
  records: StoredRecord[];
  /** Lines passed over because they are damaged; `verifyAudit` says where. */
  damaged: number;
}

/**
 * The newest records of a log, newest segment first until there are enough; none where there is no log yet.
 *
 * @param options.limit at most this many records (100)
 * @param options.types only these events; all when absent
 * @throws the system's error when the folder or a segment cannot be read
 */
export async function readAudit(folder: string, options: { limit?: number; types?: readonly string[] } = {}): Promise<AuditPage> {
  const { limit = 100, types } = options;
  const page: AuditPage = { records: [], damaged: 0 };
  const segments = fs.existsSync(folder) ? listSegments(folder) : [];
  for (const { file } of segments.reverse()) {
    if (page.records.length >= limit) break;
    const found: StoredRecord[] = [];
    for await (const { bytes } of readLines(file)) {
      const decoded = bytes === null ? null : decodeLine(bytes);
      if (!decoded?.ok) page.damaged += 1;
      else if (types === undefined || types.includes(decoded.record.type)) found.push(decoded.record);
      if (found.length > 2 * limit) found.splice(0, found.length - limit);
    }
    page.records = [...found, ...page.records].slice(-Math.max(limit, 0));
  }
  if (limit <= 0) page.records = [];
  return page;
}
