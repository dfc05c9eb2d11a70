import { mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { commandTarget, createInstall, installCommand } from '../../../main/desktop/command.ts';
import { fakeElectron } from '../../fakes/electron/electron.ts';

async function setUp() {
  const home = await mkdtemp(join(tmpdir(), 'lpc-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const link = join(home, '.local/bin/lakepass');
  const install = () => installCommand({ home, target: '/opt/Lakepass/resources/bin/lakepass', unique: 'u' });
  return { home, link, install };
}

describe('the command of an installed app', () => {
  it('is a link where a terminal finds it', async () => {
    const { link, install } = await setUp();
    expect(await install()).toEqual({ outcome: 'done', link });
    expect(await readlink(link)).toBe('/opt/Lakepass/resources/bin/lakepass');
  });

  it('is renewed where the app has moved', async () => {
    const { link, install, home } = await setUp();
    await mkdir(join(home, '.local/bin'), { recursive: true });
    await symlink('/Applications/Lakepass.app/Contents/Resources/bin/lakepass', link);
    expect((await install()).outcome).toBe('done');
    expect(await readlink(link)).toBe('/opt/Lakepass/resources/bin/lakepass');
  });

  it.each([
    ['a file', (link: string) => writeFile(link, 'mine')],
    ['a link of somebody else', (link: string) => symlink('/usr/local/lakepass/bin/lakepass', link)],
    ['a folder', (link: string) => mkdir(link)],
  ])('never takes the place of %s', async (_, make) => {
    const { link, install, home } = await setUp();
    await mkdir(join(home, '.local/bin'), { recursive: true });
    await make(link);
    expect((await install()).outcome).toBe('taken');
    await expect(readlink(link).catch(() => 'no link of ours')).resolves.not.toMatch(/resources/);
  });

  it('says where it could not be written', async () => {
    const { install, home } = await setUp();
    await writeFile(join(home, '.local'), 'a file where a folder should be');
    expect((await install()).outcome).toBe('failed');
    expect(await readFile(join(home, '.local'), 'utf8')).toBe('a file where a folder should be');
  });

  it.each([
    ['installed', {}, '/r/bin/lakepass'],
    ['in development', { packaged: false }, null],
    ['on Windows, where the installer does it', { platform: 'win32' }, null],
    ['of an AppImage, whose files go with it', { env: { APPIMAGE: '/x' } }, null],
    ['outside Electron', { resources: undefined }, null],
  ] as const)('is offered %s or not', (_, change, target) => {
    expect(commandTarget({ packaged: true, platform: 'linux', env: {}, resources: '/r', ...change })).toBe(target);
  });

  it('is not offered in development', async () => {
    const { electron } = fakeElectron({ packaged: false });
    const { offered, run } = createInstall({ ...electron, env: {}, random: () => Buffer.alloc(6) });
    await run();
    expect(offered).toBe(false);
  });
});
