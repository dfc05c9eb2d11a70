/** What electron-builder is told: that it understands it, and that nothing in it opens the program. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { beforeBuild } from '../../packaging/hooks/before-build.ts';
import { sign } from '../../packaging/hooks/sign-windows.ts';
import { refusePlaceholders } from '../../packaging/release.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

type Settings = Record<string, unknown> & { electronFuses: Record<string, boolean>; extends?: string };
interface Builder {
  getConfig(folder: string, file: string, given: null): Promise<Settings>;
  validateConfiguration(settings: unknown, log: { isEnabled: false; add(): void }): Promise<void>;
}
/** electron-builder's own reader and its own schema, which ships with it. */
const builder: Builder = createRequire(createRequire(join(root, 'package.json')).resolve('electron-builder'))(
  'app-builder-lib/out/util/config/config.js',
);
const validate = (settings: unknown): Promise<void> => builder.validateConfiguration(settings, { isEnabled: false, add: () => undefined });

let settings: Settings;
beforeAll(async () => {
  settings = await builder.getConfig(root, 'electron-builder.yml', null);
});

describe('electron-builder.yml', () => {
  it('is what the schema of electron-builder allows, and the schema refuses what it does not know', async () => {
    await validate(settings);
    await expect(validate({ ...settings, electronFuse: {} })).rejects.toThrow(/unknown property 'electronFuse'/);
  });

  it('blows every fuse that would let somebody else run code in the program', () => {
    expect(settings.electronFuses).toEqual({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableCookieEncryption: true,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      grantFileProtocolExtraPrivileges: false,
      loadBrowserProcessSpecificV8Snapshot: false,
      resetAdHocDarwinSignature: true,
    });
  });

  it('has no second flavour with a fuse left open: what Playwright needs, a packaged start refuses, so that tests drive the unpackaged app', () => {
    expect(globSync('packaging/**/*.yml', { cwd: root })).toEqual([]);
  });

  it('keeps the program in one archive whose integrity is checked, and names what goes in', () => {
    expect(settings).toMatchObject({ asar: true, asarUnpack: ['node_modules/@napi-rs/**'] });
    for (const name of ['disableAsarIntegrity', 'disableSanityCheckAsar', 'electronCompile', 'extraFiles'])
      expect(settings).not.toHaveProperty(name);
    const patterns = JSON.stringify(settings['files']);
    expect(patterns).not.toContain('**');
  });

  it('takes Electron from where electron-builder finds it, on every machine', () => {
    for (const name of ['electronDist', 'electronDownload', 'electronVersion']) expect(settings).not.toHaveProperty(name);
    const words = /ELECTRON_SKIP|ELECTRON_OVERRIDE|electron_mirror|electron-mirror/i;
    for (const file of ['package.json', '.ci/run', 'test/setup.mjs', 'packaging/build.ts']) expect(read(file)).not.toMatch(words);
  });

  it('publishes nothing and updates nothing', () => {
    expect(settings['publish']).toBeNull();
  });

  it('asks macOS for its hardened runtime and for one exception to it, which V8 needs', () => {
    expect(settings['mac']).toMatchObject({ hardenedRuntime: true, target: ['dmg', 'zip', 'pkg'] });
    const mac = settings['mac'] as Record<string, string>;
    const plists = new Set([mac['entitlements'], mac['entitlementsInherit']]);
    for (const plist of plists) {
      const keys = [...read(plist ?? '').matchAll(/<key>(.*?)<\/key>/g)].map(([, key]) => key);
      expect(keys).toEqual(['com.apple.security.cs.allow-jit']);
    }
  });

  it('installs on Windows as the person, or by MSI for the whole machine and without a window', () => {
    expect(settings['win']).toMatchObject({ target: ['nsis', 'msi'], requestedExecutionLevel: 'asInvoker' });
    expect(settings['msi']).toMatchObject({ oneClick: true, perMachine: true, runAfterFinish: false });
    expect(settings['nsis']).toMatchObject({ perMachine: false, deleteAppDataOnUninstall: false });
  });

  it('opens lakepass: links, and makes four kinds of package for Linux', () => {
    expect(settings['protocols']).toEqual([{ name: 'Lakepass', schemes: ['lakepass'], role: 'Viewer' }]);
    expect(settings['linux']).toMatchObject({ target: ['AppImage', 'deb', 'rpm', 'tar.gz'] });
  });
});

describe('the uninstaller for Windows', () => {
  const script = read('packaging/windows/installer.nsh');

  // Linux only: elsewhere NSIS is what electron-builder brings.
  it.runIf(process.platform === 'linux')('is understood by NSIS without a warning, with all it wants to know from electron-builder', () => {
    const around = [
      'Unicode true',
      '!include LogicLib.nsh',
      ...Object.entries({ APP_ID: 'id', PRODUCT_NAME: 'Name', APP_EXECUTABLE_FILENAME: 'Name.exe' }).map(
        ([name, value]) => `!define ${name} "${value}"`,
      ),
      '!define isUpdated \'"" isUpdated ""\'',
      '!macro _isUpdated _a _b _t _f',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: so NSIS writes the parameters of a macro
      '  StrCmp "1" "0" `${_t}` `${_f}`',
      '!macroend',
      script,
      ...['Name name', 'OutFile /dev/null', 'InstallDir "$LOCALAPPDATA\\name"'],
      ...['Section', '!insertmacro customInstall', 'WriteUninstaller "$INSTDIR\\gone.exe"', 'SectionEnd'],
      ...['Section Uninstall', '!insertmacro customUnInstall', 'SectionEnd'],
    ].join('\n');
    expect(spawnSync('makensis', ['-V2', '-WX', '-'], { input: around, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('asks before it takes the vault: no is the button that is chosen, and the answer where nobody can be asked', () => {
    const question = /MessageBox ([^\n]+)\\\n[^\n]+\n\s*(\/SD \w+) (\w+ \w+)\n([\s\S]*?)keepVault:/.exec(script);
    expect(question?.[1]).toContain('MB_DEFBUTTON2');
    expect(question?.slice(2, 4)).toEqual(['/SD IDNO', 'IDNO keepVault']);
    const taken = [...script.matchAll(/RMDir [^\n]+/g)].map(([line]) => line);
    expect(taken).toEqual([String.raw`RMDir /r "$PROFILE\.local\share\lakepass"`]);
    expect(question?.[4]).toContain(taken[0]);
  });

  it('hands a link to the program behind a bare --, so that nothing in it is a switch', () => {
    const line = script.split('\n').find((each) => each.includes(String.raw`shell\open\command" "" `));
    expect(line).toMatch(/'"\$INSTDIR\\\$\{APP_EXECUTABLE_FILENAME\}" "--" "%1"'$/);
  });

  it('takes the start with the session and the protocol handler, and nothing of it when a new version is put in place', () => {
    const guarded = /\$\{ifNot\} \$\{isUpdated\}\n([\s\S]*)\n {2}\$\{endIf\}\n!macroend/.exec(script)?.[1] ?? '';
    for (const line of [
      /DeleteRegValue HKCU "[^"]+\\CurrentVersion\\Run" "\$\{APP_ID\}"/,
      /insertmacro removeLinks SHELL_CONTEXT\n\s*!insertmacro removeLinks HKCU\n/,
    ])
      expect(guarded).toMatch(line);
    const outside = script.replace(guarded, '').match(/^ *(Delete|RMDir)\w*.*/gm);
    // The macro that is used above.
    expect(outside?.map((line) => line.trim())).toEqual([expect.stringMatching(/^DeleteRegKey \S+ "Software\\Classes\\lakepass"$/)]);
  });
});

describe('the scripts of the Linux packages', () => {
  it.each(['after-install', 'before-remove', 'after-remove'])('%s is a shell script that parses', (name) => {
    expect(spawnSync('sh', ['-n', join(root, `packaging/linux/${name}.sh`)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it('end the program by the very path at which it is installed', () => {
    const { executableName } = settings['linux'] as { executableName: string };
    expect(read('packaging/linux/before-remove.sh')).toContain(`= /opt/${settings['productName']}/${executableName} ]`);
    for (const kind of ['deb', 'rpm'])
      expect(settings[kind]).toMatchObject({
        afterInstall: 'packaging/linux/after-install.sh',
        afterRemove: 'packaging/linux/after-remove.sh',
        fpm: ['--before-remove', 'packaging/linux/before-remove.sh'],
      });
  });
});

describe('a hook', () => {
  const here = { platform: { nodeName: process.platform }, arch: process.arch };

  it('refuses to make a package for another machine than this one, and gathers no node_modules', async () => {
    expect(await beforeBuild(here)).toBe(false);
    await expect(beforeBuild({ ...here, arch: 'other' })).rejects.toThrow(/is made on such a machine/);
    await expect(beforeBuild({ ...here, platform: { nodeName: 'other' } })).rejects.toThrow(/is made on such a machine/);
  });

  it('lets no unsigned file into a release for Windows', async () => {
    vi.stubEnv('LAKEPASS_WINDOWS_SIGN', '');
    vi.stubEnv('LAKEPASS_RELEASE', '1');
    await expect(sign({ path: 'Lakepass.exe' })).rejects.toThrow(/would be released unsigned/);
    vi.stubEnv('LAKEPASS_WINDOWS_SIGN', 'false');
    await expect(sign({ path: 'Lakepass.exe' })).rejects.toThrow();
    vi.stubEnv('LAKEPASS_WINDOWS_SIGN', 'true');
    await sign({ path: 'Lakepass.exe' });
  });
});

describe('a release', () => {
  const project = { author: { name: 'Ada', email: 'packages@acme.dev' }, homepage: 'https://lakepass.dev/app' };
  const placeholders = JSON.parse(read('package.json'));

  it.each(['LAKEPASS_RELEASE', 'LAKEPASS_WINDOWS_SIGN', 'CSC_LINK', 'CSC_NAME', 'WIN_CSC_LINK', 'APPLE_API_KEY', 'APPLE_ID'])(
    'with %s names no home page and no address that is nobody’s',
    (name) => {
      const nobodys = { ...project, author: { name: 'Ada', email: 'packages@Lakepass.EXAMPLE' } };
      expect(() => refusePlaceholders(nobodys, { [name]: '1' })).toThrow(/author\.email \(Lakepass\.EXAMPLE\)\. .*set\.$/);
      expect(() => refusePlaceholders({ ...project, homepage: 'https://example.com/x' }, { [name]: '1' })).toThrow(/homepage \(example/);
      expect(() => refusePlaceholders(project, { [name]: '1' })).not.toThrow();
    },
  );

  it('is nothing that is built for oneself', () => {
    expect(() => refusePlaceholders(placeholders, { CSC_LINK: '', PATH: '/usr/bin' })).not.toThrow();
  });

  // Until somebody sets them; then this is the test to change.
  it('is not made of this package.json as it is', () => {
    const env = { ...process.env, LAKEPASS_RELEASE: '1' };
    const { status, stderr } = spawnSync(process.execPath, ['packaging/build.ts', '--prepare'], { cwd: root, env, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('homepage (lakepass.example) and author.email (lakepass.example)');
  });

  it('has its home page and its address from package.json alone', () => {
    const email = placeholders.author.email;
    const sources = globSync('{packaging,main,preload,renderer}/**/*.{ts,tsx,yml,sh,nsh}', { cwd: root });
    const naming = ['electron-builder.yml', ...sources].filter((file) =>
      [email, placeholders.homepage].some((one) => read(file).includes(one)),
    );
    expect(naming).toEqual([]);
  });
});

describe('the icons', () => {
  const png = (bytes: Buffer): { width: number; height: number } => {
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  };
  const icon = (name: string): Buffer => readFileSync(join(root, 'packaging/icons', name));

  it.each([16, 24, 32, 48, 64, 128, 256, 512])('of Linux have the size they are named for: %i', (size) => {
    expect(png(icon(`linux/${size}x${size}.png`))).toEqual({ width: size, height: size });
  });

  it('of Windows are one file: bitmaps, and the largest as PNG', () => {
    const file = icon('icon.ico');
    const entries = Array.from({ length: file.readUInt16LE(4) }, (_, index) => file.subarray(6 + index * 16, 22 + index * 16));
    const bodies = entries.map((entry) => file.subarray(entry.readUInt32LE(12), entry.readUInt32LE(12) + entry.readUInt32LE(8)));
    const sizes = bodies.map((body) => (body.readUInt32LE(0) === 40 ? body.readInt32LE(4) : png(body).width));
    expect(sizes).toEqual([16, 20, 24, 32, 40, 48, 64, 128, 256]);
    expect(bodies.map((body) => body.readUInt32LE(0) === 40)).toEqual([true, true, true, true, true, true, true, true, false]);
    expect(entries.map((entry) => entry.readUInt8(0))).toEqual(sizes.map((size) => size % 256));
  });

  it('of macOS are one file that says its own length, up to 512 points at two pixels each', () => {
    const file = icon('icon.icns');
    expect([file.toString('latin1', 0, 4), file.readUInt32BE(4)]).toEqual(['icns', file.length]);
    const found: [string, number][] = [];
    for (let at = 8; at < file.length; at += file.readUInt32BE(at + 4))
      found.push([file.toString('latin1', at, at + 4), png(file.subarray(at + 8)).width]);
    const sizes = { icp4: 16, icp5: 32, ic11: 32, ic12: 64, ic07: 128, ic08: 256, ic13: 256, ic09: 512, ic14: 512, ic10: 1024 };
    expect(Object.fromEntries(found)).toEqual(sizes);
  });
});
