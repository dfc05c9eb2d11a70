import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { autostartEntry, createLoginItem } from '../../../main/desktop/login-item.ts';
import { fakeElectron } from '../../fakes/electron/electron.ts';

async function linux(command = ['/opt/Lakepass/lakepass-desktop']) {
  const home = await mkdtemp(join(tmpdir(), 'lpl-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const { app } = fakeElectron();
  const item = createLoginItem({ app, platform: 'linux', env: { HOME: home }, command, random: randomBytes });
  return { item, file: join(home, '.config/autostart/lakepass.desktop') };
}

describe('starting at login on Linux', () => {
  it('is a file of the desktop, exact to the letter', async () => {
    const { item, file } = await linux();
    expect(await item.read()).toBe(false);
    await item.write(true);
    expect(await readFile(file, 'utf8')).toBe(
      [
        ...['[Desktop Entry]', 'Type=Application', 'Name=Lakepass', 'Comment=Answers programs that ask for access to Databricks'],
        ...['Exec="/opt/Lakepass/lakepass-desktop" "--hidden"', 'Terminal=false', 'StartupNotify=false', ''],
      ].join('\n'),
    );
    expect(await item.read()).toBe(true);
  });

  it('is over when the file is gone, and may be over already', async () => {
    const { item, file } = await linux();
    await item.write(true);
    await item.write(false);
    await item.write(false);
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await item.read()).toBe(false);
  });

  it('is refused for a program whose folder has a line end in its name', async () => {
    const { item, file } = await linux(['/opt/Lakepass/lakepass-desktop', '--home', '/home/a\nExec=/tmp/other']);
    await expect(item.write(true)).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'login-item' });
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not count a file that starts something else', async () => {
    const { item, file } = await linux();
    await item.write(true);
    await writeFile(file, '[Desktop Entry]\nExec=/old/lakepass\n');
    expect(await item.read()).toBe(false);
  });

  it.each([
    ['a space', '/a b/c', '"/a b/c"'],
    ['a quote', '/a"b', '"/a\\\\"b"'],
    ['a dollar', '/a$HOME', '"/a\\\\$HOME"'],
    ['a backtick', '/a`id`', '"/a\\\\`id\\\\`"'],
    ['a backslash', '/a\\b', '"/a\\\\\\\\b"'],
    ['a field code', '/a%f', '"/a%%f"'],
  ])('keeps %s in a path what it is', (_, path, word) => {
    expect(autostartEntry([path])).toContain(`Exec=${word}\n`);
  });
});

describe.each(['darwin', 'win32'] as const)('starting at login on %s', (platform) => {
  it('is for the system to keep', async () => {
    const fake = fakeElectron();
    const item = createLoginItem({ app: fake.app, platform, env: {}, command: ['x'], random: randomBytes });
    expect(await item.read()).toBe(false);
    await item.write(true);
    expect([await item.read(), fake.loginItem]).toEqual([true, { openAtLogin: true, args: ['--hidden'] }]);
  });
});
