/** Proves that the format can be checked by somebody who has none of our code. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { verifyAudit } from '../../../main/audit/verify.ts';
import { firstSegment, opened, served } from '../../unit/audit/audit-folder.ts';

const script = path.join(import.meta.dirname, 'verify_audit.py');
const checkWithPython = (files: string[]): string =>
  execFileSync('python3', [script, ...files], { encoding: 'utf8', stdio: 'pipe' }).trim();

it('agrees with twenty lines of Python on a log of several segments, and on a changed byte', async () => {
  const { log, folder } = await opened({ segmentBytes: 3000 });
  for (let n = 1; n <= 40; n += 1) log.append(served(n));
  for (const label of ['Jürgen 🔑', '\u202e\u0000\n"\\', '\ud800'])
    log.append({
      type: 'grant.created',
      grant: 'g',
      profile: 'p',
      subject: 's',
      workspace: 'w',
      scopes: ['sql'],
      until: '',
      label,
      approved: 'run',
      caller: label,
      callerKind: 'program',
    });
  await log.close();
  const { last } = await verifyAudit(folder);
  expect(checkWithPython(log.files())).toBe(`${last?.seq} ${last?.hash}`);

  const bytes = fs.readFileSync(firstSegment(folder));
  bytes[300] = (bytes[300] as number) ^ 1;
  fs.writeFileSync(firstSegment(folder), bytes);
  expect(() => checkWithPython(log.files())).toThrow();
  expect((await verifyAudit(folder)).ok).toBe(false);
});

it('is the recipe that the format’s own description prints', () => {
  const description = fs.readFileSync(path.join(import.meta.dirname, '../../../main/audit/record.ts'), 'utf8');
  const printed = description.split('\n').flatMap((line) => /^ \* {5}(.*)$/.exec(line)?.[1] ?? []);
  const recipe = fs
    .readFileSync(script, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(' '));
  expect(recipe.length).toBeGreaterThan(5);
  for (const line of recipe) expect(printed).toContain(line);
});
