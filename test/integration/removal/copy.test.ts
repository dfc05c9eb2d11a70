/** A vitest that stays awake proves nothing unless each run sees the sources as they then are, and nothing of the run before. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Copy, makeCopy } from '../../removal/copy.ts';

const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const door = `
import { limit } from './limit.ts';
export const open = (age: number) => {
  if (age < limit) return 'refused';
  return 'open';
};
`;
const test = `
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { house, visits } from '../../main/house.ts';

it('refuses a child', () => expect(house(9)).toBe('refused'));
it('refuses a child in a process of its own', () => {
  const program = "import('./main/house.ts').then(({ house }) => console.log(house(9)))";
  expect(String(spawnSync(process.execPath, ['-e', program]).stdout).trim()).toBe('refused');
});
it('ends vitest itself', () => void process.kill(process.ppid, 'SIGKILL'));
it('has modules of its own', () => {
  expect(visits).toEqual([]);
  visits.push('one');
});
it('says in which process it runs', () => expect(process.pid).toBe(0));
it('does not end', () => new Promise(() => {}), 50);
it('has a folder of its own', () => {
  expect(existsSync(join(tmpdir(), 'visited'))).toBe(false);
  writeFileSync(join(tmpdir(), 'visited'), '');
});
`;
const sources: Record<string, string> = {
  'package.json': '{ "type": "module" }',
  'main/limit.ts': 'export const limit = 18;\n',
  'main/door.ts': door,
  'main/house.ts': "export { open as house } from './door.ts';\nexport const visits: string[] = [];\n",
  'test/unit/door.test.ts': test,
  'test/unit/other.test.ts': test,
  'test/vitest.config.ts': `
    import { fileURLToPath } from 'node:url';
    const root = fileURLToPath(new URL('..', import.meta.url));
    export default { root, test: { root, projects: [{ extends: true, test: { name: 'unit', include: ['test/unit/**'] } }] } };
  `,
};

let folder: string;
let copy: Copy;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'c-'));
  for (const [file, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, 'project', file)), { recursive: true });
    writeFileSync(join(folder, 'project', file), text);
  }
  symlinkSync(packages, join(folder, 'project/node_modules'));
  copy = makeCopy(join(folder, 'project'), join(folder, '0'), 30_000);
});
afterAll(() => {
  copy.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

const run = async (...titles: string[]) => {
  const report = await copy.run({ file: 'test/unit/door.test.ts', titles });
  return report && { ...report, results: report.results.map(({ fullName, passed }) => `${passed ? 'passed' : 'failed'}: ${fullName}`) };
};
const seen = async (...titles: string[]) => (await run(...titles))?.results;

it.each(['refuses a child', 'refuses a child in a process of its own'])(
  'sees each cut and each return of what was cut: %s',
  async (title) => {
    const cuts = { 'main/door.ts': door.replace(/.*refused.*/, ''), 'main/limit.ts': 'export const limit = 0;\n' };
    const passed = `passed: ${title}`;
    expect(await seen(title)).toContain(passed);
    for (const [source, text] of [...Object.entries(cuts), ...Object.entries(cuts)]) {
      copy.write(source, text);
      expect(await seen(title), `without what was cut from ${source}`).toContain(`failed: ${title}`);
      copy.write(source, sources[source] ?? '');
      expect(await seen(title), `with ${source} whole again`).toContain(passed);
    }
    expect(readFileSync(join(folder, 'project/main/door.ts'), 'utf8')).toBe(door);
  },
);

it('sees a cut at once after another, with no run between', async () => {
  copy.write('main/limit.ts', 'export const limit = 0;\n');
  expect(await seen('refuses a child')).toContain('failed: refuses a child');
  copy.write('main/limit.ts', sources['main/limit.ts'] ?? '');
  copy.write('main/door.ts', door.replace('refused', 'asked'));
  expect(await seen('refuses a child')).toContain('failed: refuses a child');
  copy.write('main/door.ts', door);
  expect(await seen('refuses a child')).toContain('passed: refuses a child');
});

it.each(['has modules of its own', 'has a folder of its own'])('leaves nothing to the next run: a test %s', async (title) => {
  expect(await seen(title)).toEqual([`passed: ${title}`]);
  expect(await seen(title)).toEqual([`passed: ${title}`]);
});

it('keeps one process for the tests of one file, and while they come to an end', async () => {
  const processOf = async (name: string) => {
    const report = await copy.run({ file: `test/unit/${name}.test.ts`, titles: ['says in which process it runs'] });
    return /expected (\d+) to be/.exec(report?.results[0]?.messages[0] ?? '')?.[1];
  };
  const first = await processOf('door');
  expect(first).toMatch(/^\d+$/);
  expect(await processOf('door')).toBe(first);
  const other = await processOf('other');
  expect(other).toMatch(/^\d+$/);
  expect(other).not.toBe(first);
  expect((await copy.run({ file: 'test/unit/other.test.ts', titles: ['does not end'] }))?.results).toMatchObject([{ timedOut: true }]);
  expect(await processOf('other')).not.toBe(other);
});

it('runs no test but those named, and reports none of an earlier run', async () => {
  expect(await seen('has a folder')).toEqual(['passed: has a folder of its own']);
  expect(await seen('nothing of this name')).toEqual([]);
});

it('says what does not load, and goes on afterwards', async () => {
  copy.write('main/door.ts', 'throw new Error("the door is gone");\n');
  expect(await run('refuses a child')).toEqual({ results: [], broken: [{ file: 'test/unit/door.test.ts', message: 'the door is gone' }] });
  copy.write('main/door.ts', door);
  expect(await seen('has a folder')).toEqual(['passed: has a folder of its own']);
});

it('comes to nothing where vitest itself ends, and goes on with a new one, which sees what was cut since', async () => {
  expect(await run('ends vitest itself')).toBeUndefined();
  copy.write('main/limit.ts', 'export const limit = 0;\n');
  expect(await seen('refuses a child')).toContain('failed: refuses a child');
  copy.write('main/limit.ts', sources['main/limit.ts'] ?? '');
  expect(await seen('refuses a child')).toContain('passed: refuses a child');
});
