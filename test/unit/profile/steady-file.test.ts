import { chmod, mkdtemp, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfigFile } from '../../../main/profile/load-config.ts';
import { steadyFile } from '../../../main/profile/steady-file.ts';
import { seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

let folder: string;
let file: string;
let reads: number;
let look: () => Promise<string | null>;
let clock: ReturnType<typeof fakeClock>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakepass-steady-'));
  file = join(folder, 'config.yaml');
  await writeFile(file, 'first', { mode: 0o600 });
  clock = fakeClock();
  reads = 0;
  const steady = steadyFile(file, clock, async () => {
    reads += 1;
    return await readConfigFile(file);
  });
  look = async () => {
    await clock.advance(seconds(10));
    return (await steady())?.toString() ?? null;
  };
});

afterEach(async () => await rm(folder, { recursive: true }));

/** As it is once it has been looked at often enough: it is not read any more. */
async function settle(): Promise<void> {
  await look();
  await look();
  const before = reads;
  expect(await look()).toBe('first');
  expect(reads).toBe(before);
}

test('is read until it has been the same for a while, and then no more', async () => {
  await settle();
  expect(reads).toBe(2);
});

test('is read again while it may still change without a trace', async () => {
  const quick = steadyFile(file, clock, async () => {
    reads += 1;
    return await readConfigFile(file);
  });
  for (const _ of [1, 2, 3]) await quick();
  expect(reads).toBe(3);
});

test.each([
  ['written again with as many bytes', async () => await writeFile(file, 'other'), 'other'],
  ['written longer', async () => await writeFile(file, 'longer than it was'), 'longer than it was'],
  [
    'exchanged for another with the same times',
    async () => {
      const { atime, mtime } = await stat(file);
      await writeFile(`${file}.new`, 'other', { mode: 0o600 });
      await utimes(`${file}.new`, atime, mtime);
      await rename(`${file}.new`, file);
    },
    'other',
  ],
  [
    'written and set back in time',
    async () => {
      const { atime, mtime } = await stat(file);
      await writeFile(file, 'other');
      await utimes(file, atime, mtime);
    },
    'other',
  ],
])('is read when it was %s', async (_, change, expected) => {
  await settle();
  await change();
  expect(await look()).toBe(expected);
});

test('is refused again each time once others may write it, and read when they no longer may', async () => {
  await settle();
  await chmod(file, 0o666);
  for (const _ of [1, 2, 3, 4]) await expect(look()).rejects.toMatchObject({ code: 'CONFIG_INVALID', reason: 'mode' });
  await chmod(file, 0o600);
  expect(await look()).toBe('first');
});

test('is missed when it is gone, and read when it is back', async () => {
  await settle();
  await rename(file, `${file}.away`);
  await expect(look()).rejects.toMatchObject({ code: 'CONFIG_MISSING' });
  await rename(`${file}.away`, file);
  expect(await look()).toBe('first');
});
