/** What `lakepass uninstall` takes back from a person's home, and what it leaves there. */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeBack } from '../../../main/cli/verbs/uninstall.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lakepass-uninstall-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const runtime = (): string => join(home, 'run');
const link = (): string => join(home, '.local/bin/lakepass');
const back = (env: NodeJS.ProcessEnv = {}) => takeBack({ places: { runtime: runtime() }, env, home });
const put = (path: string): string => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '');
  return path;
};

describe('taking back', () => {
  it('removes the start with the session, what the windows kept, the link to the command and the folder of the socket, and names them', async () => {
    const autostart = put(join(home, '.config/autostart/lakepass.desktop'));
    const windows = join(home, '.config/lakepass-desktop');
    put(join(windows, 'Preferences'));
    mkdirSync(join(home, '.local/bin'), { recursive: true });
    symlinkSync('/opt/Lakepass/resources/bin/lakepass', link());
    mkdirSync(runtime(), { mode: 0o700 });
    put(join(runtime(), 'control.sock'));
    const vault = put(join(home, '.local/share/lakepass/vault/record'));
    expect(await back()).toEqual([autostart, windows, link(), runtime()]);
    expect([autostart, windows, runtime()].map(existsSync)).toEqual([false, false, false]);
    expect(() => lstatSync(link())).toThrow(/ENOENT/);
    expect(existsSync(vault)).toBe(true);
    expect(await back()).toEqual([]);
  });

  it('looks for the start with the session where the person keeps settings', async () => {
    const elsewhere = put(join(home, 'settings/autostart/lakepass.desktop'));
    const usual = put(join(home, '.config/autostart/lakepass.desktop'));
    expect(await back({ XDG_CONFIG_HOME: join(home, 'settings') })).toEqual([elsewhere]);
    expect(existsSync(usual)).toBe(true);
  });

  it('leaves a program of the same name, and a link to one, that is not ours', async () => {
    put(link());
    expect(await back()).toEqual([]);
    rmSync(link());
    symlinkSync('/usr/local/lib/other/lakepass', link());
    expect(await back()).toEqual([]);
    expect(lstatSync(link()).isSymbolicLink()).toBe(true);
  });

  it('removes no folder of a socket that others could have made', async () => {
    mkdirSync(runtime(), { mode: 0o755 });
    await expect(back()).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE' });
    expect(existsSync(runtime())).toBe(true);
  });
});
