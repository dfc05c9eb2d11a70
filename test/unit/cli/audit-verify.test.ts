/** `lakepass audit verify` on a log that somebody made to be too much for it. */
import fs from 'node:fs';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { addAudit } from '../../../main/cli/verbs/audit.ts';
import { firstSegment, temporaryFolder } from '../audit/audit-folder.ts';
import { reading } from './stand-in-streams.ts';

it.each([
  ['text', []],
  ['JSON', ['--json']],
])('says of a file of nothing but newlines how many problems there are, and lists no more than a person reads: %s', async (_, options) => {
  const folder = temporaryFolder();
  fs.writeFileSync(firstSegment(folder), '\n'.repeat(10_345));
  const before = process.exitCode;
  const text = await reading(() => {
    const program = new Command().exitOverride();
    addAudit(program);
    return program.parseAsync(['audit', 'verify', folder, ...options], { from: 'user' });
  });
  expect(process.exitCode).toBe(1);
  process.exitCode = before;
  if (options.length > 0) {
    const { ok, problems, unlisted } = JSON.parse(text) as { ok: boolean; problems: unknown[]; unlisted: number };
    expect([ok, problems.length, unlisted]).toEqual([false, 10_000, 345]);
    return;
  }
  expect(text.match(/not a record/g)).toHaveLength(10_000);
  expect(text).toContain('and 345 more.');
});
