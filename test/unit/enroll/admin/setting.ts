/** An admin's folder in a temporary place, whose passphrase is as quick to guess as a test is to run. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { adminFolder, fileNames, initFolder } from '../../../../main/enroll/admin/folder.ts';
import { publishBundle } from '../../../../main/enroll/admin/publish.ts';
import type { Lock } from '../../../../main/enroll/admin/signing-key.ts';
import type { EpochMs } from '../../../../main/units.ts';

const root = mkdtempSync(join(tmpdir(), 'lakepass-admin-'));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;

export const lockBy = (passphrase: string | null): Lock => ({
  passphrase,
  stretch: async (text, salt) => createHash('sha256').update(`${salt}${text}`).digest(),
});
export const lock = lockBy('correct horse');
export const now = Date.parse('2026-01-10T08:00:00Z') as EpochMs;

/** A name that nothing has yet. */
export const freshPath = (): string => {
  made += 1;
  return join(root, `f${made}`);
};

export async function madeFolder(by: Lock = lock) {
  const path = freshPath();
  const fingerprint = await initFolder(path, { organization: 'Acme', lock: by });
  const folder = adminFolder(path);
  return {
    ...{ path, folder, fingerprint },
    text: (name: keyof typeof fileNames): string => readFileSync(folder.file(name), 'utf8'),
    /** As an editor would; the text must be there. */
    change(name: keyof typeof fileNames, from: string | RegExp, to: string): void {
      const before = readFileSync(folder.file(name), 'utf8');
      const after = before.replace(from, to);
      if (after === before) throw new Error(`${fileNames[name]} does not say ${from}`);
      writeFileSync(folder.file(name), after);
    },
    publish: (at = now, out?: string) => publishBundle(folder, { lock: by, now: at, ...(out === undefined ? {} : { out }) }),
    signed: (): Buffer => readFileSync(folder.file('signed')),
  };
}
