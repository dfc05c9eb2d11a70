/** The profile file on a real disk: links, modes, what was there before, and who else has touched it. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AppError } from '../../../main/app-error.ts';
import { type DatabricksFile, findDatabricksFile, openDatabricksFile } from '../../../main/databrickscfg/databricks-file.ts';
import { fileBytes, sectionName } from './arbitrary-file.ts';

const host = 'https://acme.cloud.databricks.com';
const grant = { id: 'g00000001', url: `http://127.0.0.1:23456/v1/metadata/${'s'.repeat(43)}` };
let folder: string;
let file: string;
let open: DatabricksFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakepass-cfg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  file = join(folder, '.databrickscfg');
  open = openDatabricksFile({ file, state: join(folder, 'state'), random: randomBytes });
});

const write = async (section = 'DEFAULT', of: DatabricksFile = open): Promise<string | null> =>
  of.write(await of.plan(section, host, 23456), grant);
const refusal = async (act: Promise<unknown>): Promise<Partial<AppError>> =>
  act.then(
    () => ({}),
    (error: AppError) => error,
  );

describe('writing', () => {
  it('makes the file where there is none, closed to others, and undo takes it away again', async () => {
    expect(await write()).toBeNull();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toContain(`[DEFAULT]\nhost                 = ${host}\n`);
    expect((await open.look()).canUndo).toBe(true);
    expect(await open.undo()).toMatchObject({ section: 'DEFAULT', grant: grant.id });
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(join(folder, 'state'))).toEqual([]);
  });

  it('keeps the mode, and what was there before in a file closed to others', async () => {
    writeFileSync(file, '[a]\ntoken = dapi-of-a\n');
    chmodSync(file, 0o640);
    expect(await write()).toBe(open.backup);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readFileSync(open.backup, 'utf8')).toBe('[a]\ntoken = dapi-of-a\n');
    for (const name of readdirSync(join(folder, 'state'))) expect(statSync(join(folder, 'state', name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'state', 'databrickscfg.json'), 'utf8')).not.toContain('sss');
  });

  it('follows a link to the file it leads to, and leaves the link', async () => {
    mkdirSync(join(folder, 'dotfiles'));
    writeFileSync(join(folder, 'dotfiles', 'cfg'), '[a]\nx=1\n', { mode: 0o600 });
    symlinkSync('dotfiles/cfg', file);
    await write();
    expect(readlinkSync(file)).toBe('dotfiles/cfg');
    expect(readFileSync(join(folder, 'dotfiles', 'cfg'), 'utf8')).toContain('[DEFAULT]');
    await open.undo();
    expect(readFileSync(file, 'utf8')).toBe('[a]\nx=1\n');
    expect(readdirSync(join(folder, 'dotfiles'))).toEqual(['cfg']);
  });

  it('leaves nothing behind and changes nothing where the file has changed since it was shown', async () => {
    writeFileSync(file, '[a]\nx=1\n', { mode: 0o600 });
    const plan = await open.plan('DEFAULT', host, 23456);
    writeFileSync(file, '[a]\nx=2\n');
    expect(await refusal(open.write(plan, grant))).toMatchObject({ code: 'DATABRICKSCFG_CHANGED', reason: 'meanwhile' });
    expect(readFileSync(file, 'utf8')).toBe('[a]\nx=2\n');
    expect(readdirSync(folder).sort()).toEqual(['.databrickscfg', 'state']);
  });

  it('writes nothing that is no grant URL', async () => {
    const plan = await open.plan('DEFAULT', host, 23456);
    await expect(open.write(plan, { id: 'g1', url: 'http://evil.example/v1/metadata/x' })).rejects.toThrow('not a grant URL');
    expect(existsSync(file)).toBe(false);
  });

  it.each(['', 'a b', 'a]\n[b', '__settings__', '-x', 'ä'])('refuses the section name %j', async (name) => {
    expect(await refusal(open.plan(name, host, 1))).toMatchObject({ code: 'INPUT_INVALID', reason: 'section' });
  });
});

describe('a file that is not the person’s alone', () => {
  it('is refused where another user owns it', async () => {
    writeFileSync(file, '[a]\n', { mode: 0o600 });
    const mine = process.getuid?.() ?? 0;
    vi.spyOn(process, 'getuid').mockReturnValue(mine + 1);
    expect(await refusal(open.look())).toMatchObject({ code: 'DATABRICKSCFG_UNSAFE', reason: 'owner' });
  });

  it('is refused where everybody can write it', async () => {
    writeFileSync(file, '[a]\n');
    chmodSync(file, 0o666);
    expect(await refusal(open.plan('DEFAULT', host, 1))).toMatchObject({ code: 'DATABRICKSCFG_UNSAFE', reason: 'mode' });
  });

  it.each([
    ['link', (at: string) => symlinkSync('nowhere', at)],
    ['kind', (at: string) => mkdirSync(at)],
  ] as const)('is refused as a %s', async (reason, make) => {
    make(file);
    expect(await refusal(open.look())).toMatchObject({ code: 'DATABRICKSCFG_UNSAFE', reason });
  });

  it('is refused where its folder is not there, where it is no text, and where it is too large', async () => {
    const elsewhere = openDatabricksFile({ file: join(folder, 'no', 'cfg'), state: folder, random: randomBytes });
    expect(await refusal(elsewhere.look())).toMatchObject({ code: 'DATABRICKSCFG_UNSAFE', reason: 'folder' });
    writeFileSync(file, 'a\0b');
    expect(await refusal(open.look())).toMatchObject({ code: 'DATABRICKSCFG_INVALID', reason: 'text' });
    writeFileSync(file, Buffer.alloc(1024 * 1024 + 1, 10));
    expect(await refusal(open.look())).toMatchObject({ code: 'DATABRICKSCFG_INVALID', reason: 'size' });
  });

  it('that has a second name is written under the one it was found by', async () => {
    writeFileSync(file, '[a]\nx=1\n', { mode: 0o600 });
    linkSync(file, join(folder, 'second'));
    await write();
    expect(readFileSync(join(folder, 'second'), 'utf8')).toBe('[a]\nx=1\n');
    expect(lstatSync(file).nlink).toBe(1);
  });
});

describe('undo', () => {
  it('puts back any file to the byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        fileBytes.filter((bytes) => !bytes.includes(0)),
        sectionName,
        async (bytes, section) => {
          writeFileSync(file, bytes, { mode: 0o600 });
          const written = await write(section).catch((error: AppError) => error.code);
          expect(readFileSync(file).equals(bytes)).toBe(written === 'DATABRICKSCFG_INVALID');
          if (written === 'DATABRICKSCFG_INVALID') return;
          await open.undo();
          expect(readFileSync(file).equals(bytes)).toBe(true);
          expect((await open.look()).canUndo).toBe(false);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is refused once the file has changed, and says where the old one is', async () => {
    writeFileSync(file, '[a]\nx=1\n', { mode: 0o600 });
    await write();
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n[mine]\nhost = x\n`);
    expect((await open.look()).canUndo).toBe(false);
    expect(await refusal(open.undo())).toMatchObject({
      code: 'DATABRICKSCFG_CHANGED',
      reason: 'undo',
      detail: expect.stringContaining(open.backup),
    });
    expect(readFileSync(file, 'utf8')).toContain('[mine]');
  });

  it('is refused where there is nothing to take back', async () => {
    expect(await refusal(open.undo())).toMatchObject({ code: 'DATABRICKSCFG_NO_UNDO' });
  });

  it('puts back nothing else than what was kept', async () => {
    writeFileSync(file, '[a]\nx=1\n', { mode: 0o600 });
    await write();
    writeFileSync(open.backup, '[a]\nx=evil\n');
    expect(await refusal(open.undo())).toMatchObject({ code: 'DATABRICKSCFG_NO_UNDO', reason: 'damaged' });
    expect(readFileSync(file, 'utf8')).toContain('[DEFAULT]');
  });

  it('shows what it does: the old lines come back', async () => {
    writeFileSync(file, '[DEFAULT]\nhost = https://old.example\ntoken = dapi1\n', { mode: 0o600 });
    await write();
    const { diff } = await open.undo();
    expect(diff.filter(({ change }) => change === 'added').map(({ line }) => line.replace(/ +/g, ' '))).toEqual([
      'host = https://old.example',
      'token = …',
    ]);
    expect(diff.filter(({ change }) => change === 'removed')).toHaveLength(3);
  });
});

describe('where the file is', () => {
  it.each([
    [{}, '/home/me/.databrickscfg'],
    [{ DATABRICKS_CONFIG_FILE: '' }, '/home/me/.databrickscfg'],
    [{ DATABRICKS_CONFIG_FILE: '/etc/x' }, '/etc/x'],
    [{ DATABRICKS_CONFIG_FILE: '~/cfg' }, '/home/me/cfg'],
    [{ DATABRICKS_CONFIG_FILE: 'cfg' }, '/here/cfg'],
  ])('is what %j says', (env, expected) => {
    expect(findDatabricksFile(env, '/home/me', '/here')).toBe(expected);
  });

  it('is the usual one for whoever stands nowhere', () => {
    expect(findDatabricksFile({ DATABRICKS_CONFIG_FILE: 'cfg' }, '/home/me', null)).toBe('/home/me/.databrickscfg');
  });
});
