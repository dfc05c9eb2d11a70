/** What a Python says is read within bounds, and what it leaves behind goes with it. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startKernelRun } from '../../../main/setup/kernel-run.ts';
import { cells } from '../../../main/setup/sample-notebook.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const result = JSON.stringify({ error: null, value: [['who'], [['alice']]] });
const whole = cells.map(() => result).join('\n');

/** A program in the place of a Python: it takes its task, then says this. */
async function saying(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'lakepass-kernel-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const python = join(folder, 'python');
  writeFileSync(join(folder, 'said'), text);
  writeFileSync(python, `#!/bin/sh\nread task\ncat '${folder}/said'\nread more\n`);
  chmodSync(python, 0o755);
  const runs = join(folder, 'runs');
  const child = await startKernelRun({ python, folder: runs, clock: fakeClock() });
  return { outcome: child.run({ set: {}, clear: [] }), runs };
}

describe('a kernel', () => {
  it('is read to its result, and is gone then with all that it wrote', async () => {
    const { outcome, runs } = await saying(`{"ready": true}\n${whole}\n`);
    expect(await outcome).toEqual({ columns: ['who'], rows: [['alice']] });
    expect(readdirSync(runs)).toEqual([]);
  });

  it('is not read any further where a line has no end', async () => {
    const { outcome, runs } = await saying(`${' '.repeat(512 * 1024)}${whole}\n`);
    await expect(outcome).rejects.toMatchObject({ code: 'NOTEBOOK_FAILED', reason: 'answer' });
    expect(readdirSync(runs)).toEqual([]);
  });
});
