import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findPlaces, makePlaces, type PlaceFacts, type Places } from '../../../main/places.ts';

const uid = process.getuid?.() ?? 0;
const EXT4 = 0xef53;
const facts = (changes: Partial<PlaceFacts> = {}): PlaceFacts => ({ uid, fileSystemOf: async () => EXT4, ...changes });

function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lp-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const homePlaces = (home = temporaryFolder()): Places => findPlaces({ home, env: {}, uid });
/** Lets one folder seem to belong to another user, for those who cannot chown. */
function pretendForeign(folder: string): void {
  const stat = fsPromises.stat.bind(fsPromises);
  const spy = vi.spyOn(fsPromises, 'stat').mockImplementation((async (file: string) => {
    const found = await stat(file);
    if (file === folder) found.uid = 65534;
    return found;
  }) as typeof fsPromises.stat);
  onTestFinished(() => spy.mockRestore());
}
const modeOf = (file: string): number => fs.statSync(file).mode & 0o7777;

describe('where things are', () => {
  it('follows the XDG variables', () => {
    const env = { HOME: '/home/ada', XDG_CONFIG_HOME: '/c', XDG_DATA_HOME: '/d', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/7' };
    expect(findPlaces({ env, uid: 7 })).toEqual({
      config: '/c/lakepass/config.yaml',
      policy: '/c/lakepass/policy.yaml',
      data: '/d/lakepass',
      state: '/s/lakepass',
      runtime: '/run/user/7/lakepass',
      socket: '/run/user/7/lakepass/control.sock',
    });
  });

  it('uses the standard folders, and one of its own in /tmp where no runtime folder is named', () => {
    expect(findPlaces({ env: { HOME: '/home/ada' }, uid: 7 })).toEqual({
      config: '/home/ada/.config/lakepass/config.yaml',
      policy: '/home/ada/.config/lakepass/policy.yaml',
      data: '/home/ada/.local/share/lakepass',
      state: '/home/ada/.local/state/lakepass',
      runtime: '/tmp/lakepass-7',
      socket: '/tmp/lakepass-7/control.sock',
    });
  });

  it.each(['', 'relative', './x', '~/x'])('takes a variable that is no absolute path (%j) for unset', (value) => {
    const env = { HOME: '/home/ada', XDG_CONFIG_HOME: value, XDG_DATA_HOME: value, XDG_STATE_HOME: value, XDG_RUNTIME_DIR: value };
    expect(findPlaces({ env, uid: 7 })).toEqual(findPlaces({ env: { HOME: '/home/ada' }, uid: 7 }));
  });

  it('puts everything beneath the folder named by --home, whatever the environment says', () => {
    expect(findPlaces({ home: '/x/y', env: { HOME: '/home/ada', XDG_RUNTIME_DIR: '/run/user/7' }, uid: 7 })).toEqual({
      config: '/x/y/config.yaml',
      policy: '/x/y/policy.yaml',
      data: '/x/y/data',
      state: '/x/y/state',
      runtime: '/x/y/run',
      socket: '/x/y/run/control.sock',
    });
    expect(findPlaces({ home: 'demo', env: {}, uid: 7 }).data).toBe(path.resolve('demo/data'));
  });
});

describe('making the folders', () => {
  it('makes them for the user alone, and finds them good the next time', async () => {
    const places = homePlaces(path.join(temporaryFolder(), 'a', 'b'));
    await makePlaces(places);
    for (const folder of [places.data, places.state, places.runtime, path.dirname(places.config)]) expect(modeOf(folder)).toBe(0o700);
    await makePlaces(places);
    expect(fs.existsSync(places.config)).toBe(false);
  });

  it('makes them 0700 under any umask', async () => {
    for (const mask of [0, 0o277]) {
      const places = homePlaces();
      const before = process.umask(mask);
      try {
        await makePlaces(places);
      } finally {
        process.umask(before);
      }
      expect(modeOf(places.runtime)).toBe(0o700);
    }
  });

  it('says which folder cannot be made', async () => {
    const places = homePlaces();
    fs.writeFileSync(places.data, '');
    await expect(makePlaces(homePlaces(places.data))).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'system' });
    await expect(makePlaces({ ...homePlaces(), data: path.join(places.data, 'x') })).rejects.toMatchObject({
      code: 'FOLDER_UNSAFE',
      reason: 'system',
    });
  });

  it.each([
    [100, true],
    [101, false],
  ])('measures the socket’s path in bytes: %i of them', async (bytes, fits) => {
    const start = path.join(temporaryFolder(), 'üüüü');
    const home = start + 'x'.repeat(bytes - Buffer.byteLength(path.join(start, 'run', 'control.sock')));
    const places = homePlaces(home);
    expect(Buffer.byteLength(places.socket)).toBe(bytes);
    const made = makePlaces(places);
    if (fits) await made;
    else await expect(made).rejects.toMatchObject({ code: 'RUNTIME_PATH_TOO_LONG' });
    expect(fs.existsSync(home)).toBe(fits);
  });
});

describe('a folder that was there before', () => {
  const kinds = [
    ['runtime', 'RUNTIME_UNSAFE'],
    ['data', 'FOLDER_UNSAFE'],
    ['state', 'FOLDER_UNSAFE'],
  ] as const;

  describe.each(kinds)('%s', (kind, code) => {
    it('is refused when it is a link', async () => {
      const places = homePlaces();
      const target = temporaryFolder();
      fs.symlinkSync(target, places[kind]);
      await expect(makePlaces(places)).rejects.toMatchObject({ code, reason: 'symlink' });
      expect(fs.readdirSync(target)).toEqual([]);
    });

    it('is refused when it is a dangling link', async () => {
      const places = homePlaces();
      fs.symlinkSync('/nowhere/at/all', places[kind]);
      await expect(makePlaces(places)).rejects.toMatchObject({ code, reason: 'symlink' });
    });

    it('is refused when it is a file', async () => {
      const places = homePlaces();
      fs.writeFileSync(places[kind], '', { mode: 0o600 });
      await expect(makePlaces(places)).rejects.toMatchObject({ code, reason: 'symlink' });
    });

    it.each(['0770', '0707', '0710', '0701', '0755', '0777'])(
      'is refused when others can enter it (mode %s), and stays as it is',
      async (octal) => {
        const mode = Number.parseInt(octal, 8);
        const places = homePlaces();
        fs.mkdirSync(places[kind]);
        fs.chmodSync(places[kind], mode);
        await expect(makePlaces(places)).rejects.toMatchObject({ code, reason: 'mode' });
        expect(modeOf(places[kind])).toBe(mode);
      },
    );

    it.runIf(uid === 0)('is refused when it belongs to another user', async () => {
      const places = homePlaces();
      fs.mkdirSync(places[kind], { mode: 0o700 });
      fs.chownSync(places[kind], 65534, 65534);
      await expect(makePlaces(places)).rejects.toMatchObject({ code, reason: 'owner' });
    });
  });

  it('is refused when it is not of the user who asks', async () => {
    const places = homePlaces();
    await makePlaces(places);
    await expect(makePlaces(places, facts({ uid: uid + 1 }))).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'owner' });
  });

  it.each([
    ['NFS', 0x6969],
    ['SMB', 0x517b],
    ['CIFS', 0xff534d42],
    ['CIFS on a system that signs it', 0xff534d42 | 0],
    ['SMB2', 0xfe534d42],
    ['9p', 0x01021997],
  ])('is refused for the runtime on %s', async (_, type) => {
    await expect(makePlaces(homePlaces(), facts({ fileSystemOf: async () => type }))).rejects.toMatchObject({
      code: 'RUNTIME_UNSAFE',
      reason: 'network',
    });
  });
});

describe('the folders above the runtime folder', () => {
  it('are refused when everybody can replace what is in them', async () => {
    const above = temporaryFolder();
    fs.chmodSync(above, 0o777);
    const home = path.join(above, 'home');
    await expect(makePlaces(homePlaces(home))).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'parent' });
    fs.chmodSync(above, 0o1777);
    await makePlaces(homePlaces(home));
  });

  it('are looked at where a link leads', async () => {
    const open = temporaryFolder();
    fs.chmodSync(open, 0o777);
    fs.mkdirSync(path.join(open, 'real'), { mode: 0o700 });
    const link = path.join(temporaryFolder(), 'link');
    fs.symlinkSync(path.join(open, 'real'), link);
    await expect(makePlaces(homePlaces(link))).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'parent' });
  });

  it('are refused when one of them is said to belong to another user', async () => {
    const above = temporaryFolder();
    pretendForeign(above);
    await expect(makePlaces(homePlaces(path.join(above, 'home')))).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'parent' });
  });

  it.runIf(uid === 0)('are refused when they belong to another user', async () => {
    const above = temporaryFolder();
    const home = path.join(above, 'home');
    fs.chownSync(above, 65534, 65534);
    await expect(makePlaces(homePlaces(home))).rejects.toMatchObject({ code: 'RUNTIME_UNSAFE', reason: 'parent' });
  });
});

describe('the configuration’s folder', () => {
  const withConfigIn = (folder: string): Places => ({ ...homePlaces(), config: path.join(folder, 'config.yaml') });

  it('may be readable by others, and may be a link', async () => {
    const folder = temporaryFolder();
    fs.chmodSync(folder, 0o755);
    const link = path.join(temporaryFolder(), 'link');
    fs.symlinkSync(folder, link);
    await makePlaces(withConfigIn(link));
    expect(modeOf(folder)).toBe(0o755);
  });

  it.each(['0720', '0702', '01777'])('is refused when others can write in it (mode %s)', async (octal) => {
    const mode = Number.parseInt(octal, 8);
    const folder = temporaryFolder();
    fs.chmodSync(folder, mode);
    await expect(makePlaces(withConfigIn(folder))).rejects.toMatchObject({ code: 'FOLDER_UNSAFE', reason: 'mode' });
  });

  it('is refused when it is said to belong to another user', async () => {
    const folder = temporaryFolder();
    pretendForeign(folder);
    await expect(makePlaces(withConfigIn(folder))).rejects.toMatchObject({ code: 'FOLDER_UNSAFE', reason: 'owner' });
  });

  it.runIf(uid === 0)('is refused when it belongs to another user', async () => {
    const folder = temporaryFolder();
    fs.chownSync(folder, 65534, 65534);
    await expect(makePlaces(withConfigIn(folder))).rejects.toMatchObject({ code: 'FOLDER_UNSAFE', reason: 'owner' });
  });
});
