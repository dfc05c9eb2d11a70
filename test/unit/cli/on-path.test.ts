/** Looking a program up, as a shell would. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onPath } from '../../../main/on-path.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lpp-'));
  mkdirSync(join(folder, 'a', 'tool'), { recursive: true });
  mkdirSync(join(folder, 'b'));
  writeFileSync(join(folder, 'b', 'tool'), '');
  writeFileSync(join(folder, 'b', 'text'), '', { mode: 0o644 });
  chmodSync(join(folder, 'b', 'tool'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a program on the PATH', () => {
  it.each([
    ['tool', 'a:b', 'b/tool'],
    ['tool', 'a', undefined],
    ['text', 'b', undefined],
    ['none', 'a:b', undefined],
    ['tool', '', undefined],
  ])('%s on %j is %j', (program, path, expected) => {
    const folders = path
      .split(':')
      .filter(Boolean)
      .map((name) => join(folder, name));
    expect(onPath(program, folders.join(':'))).toBe(expected === undefined ? undefined : join(folder, expected));
  });
});
