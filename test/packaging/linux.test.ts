/**
 * What Linux users install, made as they get it from `npm run package`, but around a stand-in for Electron, whose binary cannot be had
 * everywhere. The program itself is thus never started here; what stands around it is: the command inside, the scripts of the
 * package, the archive and its fuses. AppImage and rpm are not made: their tools are fetched from GitHub.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { listPackage } from '@electron/asar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../main/version.ts';
import { makeHome, runAs, testUser, uidsOf } from '../machine/accounts.ts';
import { type Product, startProduct } from '../product/product.ts';
import { makeStubElectron, readFuses } from './stub-electron.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Open to the test user, who runs what is made. */
const folder = mkdtempSync(join(tmpdir(), 'lakepass-packages-'));
chmodSync(folder, 0o755);
const starts = join(folder, 'starts');
const made = join(folder, 'made');
const app = join(made, 'linux-unpacked');
const bin = join(app, 'resources', 'bin');
const inResources = (...parts: string[]): string => join(app, 'resources', ...parts);

beforeAll(async () => {
  writeFileSync(starts, '', { mode: 0o666 });
  chmodSync(starts, 0o666);
  const stub = makeStubElectron(join(folder, 'electron'), starts);
  const targets = ['--linux', 'dir', 'deb', 'tar.gz', `-c.electronDist=${stub}`, `-c.directories.output=${made}`];
  const tools = {
    CUSTOM_FPM_PATH: fileURLToPath(new URL('./stand-in-fpm.ts', import.meta.url)),
    ELECTRON_BUILDER_7ZIP_PATH: '/usr/bin/7za',
    // As small as can be takes minutes.
    ELECTRON_BUILDER_COMPRESSION_LEVEL: '1',
  };
  // As in a shell of one's own, not as in a test.
  const env = { ...process.env, ...tools, NODE_ENV: undefined };
  await promisify(execFile)(process.execPath, [join(root, 'packaging/build.ts'), ...targets], { cwd: root, env, maxBuffer: 2 ** 26 });
  execFileSync('chmod', ['-R', 'a+rX', made]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the archive of the program', () => {
  const archive = inResources('app.asar');
  const packed = (): string[] => listPackage(archive, { isPack: false }).map((name) => name.replaceAll('\\', '/'));

  /** Folders are listed, too. */
  const ALLOWED = [
    /^\/(package\.json|desktop(-[\w-]{8})?\.mjs|preload(-approval)?\.cjs|caller-worker\.mjs)$/,
    /^\/pages(\/(ui|approval|ceremony)\.(html|css|js))?$/,
    /^\/icons(\/[\w@.-]+\.png)?$/,
    /^\/node_modules(\/@napi-rs(\/keyring(-[\w-]+)?(\/(package\.json|index\.js|[\w.-]+\.node|LICENSE[\w.-]*))?)?)?$/,
  ];

  it('holds what is on the list and nothing else: no sources, no maps, no fixtures, no Node', () => {
    expect(packed().filter((name) => !ALLOWED.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  it('holds all that the program starts with', () => {
    const needed = ['/package.json', '/desktop.mjs', '/preload.cjs', '/preload-approval.cjs', '/caller-worker.mjs'];
    const pages = ['ui', 'approval', 'ceremony'].flatMap((page) => ['html', 'css', 'js'].map((ending) => `/pages/${page}.${ending}`));
    expect(packed()).toEqual(expect.arrayContaining([...needed, ...pages]));
    const chunks = globSync('desktop-*.mjs', { cwd: join(root, 'dist') }).map((name) => `/${name}`);
    expect(packed()).toEqual(expect.arrayContaining(chunks));
  });

  it('has the native package beside it as real files, which load', async () => {
    const natives = globSync('app.asar.unpacked/node_modules/@napi-rs/keyring-*/*.node', { cwd: inResources() });
    expect(natives).toHaveLength(1);
    const loaded = execFileSync(
      process.execPath,
      ['-p', `Object.keys(require(${JSON.stringify(inResources('app.asar.unpacked/node_modules/@napi-rs/keyring'))})).join(' ')`],
      { encoding: 'utf8' },
    );
    expect(loaded).toContain('AsyncEntry');
  });
});

describe('the program', () => {
  it('has its fuses as the settings say', () => {
    expect(readFuses(readFileSync(join(app, 'lakepass-desktop')))).toEqual({
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
      wasmTrapHandlers: true,
    });
  });

  it('brings one language and its licences, and nothing that looks for updates', () => {
    const files = globSync('**/*', { cwd: app });
    expect(files.filter((name) => name.endsWith('.pak'))).toEqual(['locales/en-US.pak']);
    const texts = ['LICENSE.electron.txt', 'LICENSES.chromium.html', 'resources/licenses/LICENSE.txt'];
    expect(files).toEqual(expect.arrayContaining([...texts, 'resources/licenses/THIRD-PARTY-LICENSES.txt']));
    expect(files.filter((name) => /update|\.map$|\.ts$|fixtures?/.test(name))).toEqual([]);
  });
});

describe('the list of what is inside', () => {
  interface Component {
    name: string;
    version: string;
  }
  const listed = (): string[] => {
    const { components } = JSON.parse(readFileSync(inResources('licenses/sbom.cdx.json'), 'utf8')) as { components: Component[] };
    return components.map((component) => `${component.name} ${component.version}`);
  };

  it('names every package that was bundled, the native one, Electron and Node, and no other', () => {
    const notices = readFileSync(inResources('licenses/THIRD-PARTY-LICENSES.txt'), 'utf8');
    const bundled = notices.split(`\n${'-'.repeat(78)}\n\n`).map((notice) => /^(\S+ \S+) \(/.exec(notice)?.[1] ?? notice.slice(0, 80));
    expect(bundled.length).toBeGreaterThan(20);
    const natives = globSync('app.asar.unpacked/node_modules/@napi-rs/*/package.json', { cwd: inResources() }).map((file) => {
      const { name, version } = JSON.parse(readFileSync(inResources(file), 'utf8')) as Component;
      return `${name} ${version}`;
    });
    const electron = JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8')) as Component;
    // Node, whose licence we add, is among the notices.
    const wanted = [...bundled, ...natives, `electron ${electron.version}`];
    expect(bundled).toContain(`node ${process.versions.node}`);
    expect(listed().sort()).toEqual(wanted.sort());
    // Of the command, the agent, the pages, and of what only the agent on Linux loads when it has started.
    const known = ['commander', 'openid-client', 'react', 'zod', 'dbus-native', '@napi-rs/keyring'];
    expect(known.filter((name) => !listed().some((each) => each.startsWith(`${name} `)))).toEqual([]);
  });

  it('is about Lakepass, and says of nothing inside that it is for development', () => {
    const text = readFileSync(inResources('licenses/sbom.cdx.json'), 'utf8');
    const { metadata, components, dependencies } = JSON.parse(text);
    expect(metadata.component).toMatchObject({ name: 'lakepass', version, type: 'application' });
    expect(text).not.toContain('cdx:npm:package:development');
    const refs = [metadata.component['bom-ref'], ...components.map((component: { 'bom-ref': string }) => component['bom-ref'])];
    const related = dependencies.flatMap(({ ref, dependsOn }: { ref: string; dependsOn: string[] }) => [ref, ...dependsOn]);
    expect(related.filter((ref: string) => !refs.includes(ref))).toEqual([]);
  });
});

describe('the command inside', () => {
  const user = testUser();
  let home: string;
  beforeAll(() => {
    home = makeHome(user);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const run = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    runAs(user, join(bin, name), args, { home, env: { PATH: '/usr/bin:/bin', ...env } });

  it.each(['lakepass', 'lakepass-cli'])('%s says its version without a Node on the machine, whatever NODE_OPTIONS says', async (name) => {
    expect(await run(name, ['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
    const env = { NODE_OPTIONS: '--require=/nonexistent.js' };
    expect(await run(name, ['--version'], env)).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('is found through a link, as "Install command-line tool" makes it', async () => {
    const link = join(home, 'lakepass');
    execFileSync('ln', ['-s', join(bin, 'lakepass'), link]);
    expect(await runAs(user, link, ['--version'], { home })).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('starts the app hidden where no agent runs, and no agent of its own', { timeout: 90_000 }, async () => {
    writeFileSync(starts, '');
    const status = await run('lakepass', ['status', '--json']);
    expect(status.code).not.toBe(0);
    expect(readFileSync(starts, 'utf8').split('\n')).toEqual([expect.stringMatching(/(^| )--hidden( |$)/), '']);
    const commands = globSync('/proc/[0-9]*/cmdline').flatMap((file) => {
      try {
        return uidsOf(Number(file.split('/')[2]))?.includes(user.uid) ? [readFileSync(file, 'utf8')] : [];
      } catch {
        return []; // ended meanwhile
      }
    });
    expect(commands.filter((command) => command.includes(bin) || command.includes(home))).toEqual([]);
    expect(globSync('**/control.sock', { cwd: home })).toEqual([]);
    // With --no-start nothing is started.
    writeFileSync(starts, '');
    expect((await run('lakepass', ['status', '--no-start', '--json'])).code).toBe(4);
    expect(readFileSync(starts, 'utf8')).toBe('');
  });

  describe('beside an agent that runs', () => {
    let product: Product;
    beforeAll(async () => {
      product = await startProduct();
      await product.signIn();
    });
    afterAll(() => product.close());

    it('fetches a token, by the short road and by the long one', async () => {
      for (const name of ['lakepass', 'lakepass-cli']) {
        const { code, stdout, stderr } = await product.run(join(bin, name), ['token', '-s', 'sql']);
        expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
        expect(JSON.parse(stdout)).toMatchObject({ access_token: expect.any(String), token_type: 'Bearer' });
      }
    });

    it('speaks with that agent and starts nothing', async () => {
      writeFileSync(starts, '');
      const { code, stdout } = await product.run(join(bin, 'lakepass'), ['status', '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ pid: await product.agentPid() });
      expect(readFileSync(starts, 'utf8')).toBe('');
    });

    it('runs no agent itself: that is the app', async () => {
      const { code, stdout } = await product.run(join(bin, 'lakepass'), ['agent', '--json']);
      expect(code).toBe(4);
      expect(JSON.parse(stdout)).toMatchObject({ failure: { code: 'AGENT_IS_DESKTOP' } });
    });

    it('takes back what lies outside of the package, and keeps the vault where it may not ask', async () => {
      const own = (path: string): string => join(product.home, path);
      await product.run('mkdir', ['-p', own('.local/bin'), own('.config/autostart')]);
      await product.run('ln', ['-s', join(bin, 'lakepass'), own('.local/bin/lakepass')]);
      await product.run('touch', [own('.config/autostart/lakepass.desktop')]);
      const { code, stdout } = await product.run(join(bin, 'lakepass'), ['uninstall', '--keep-vault', '--json']);
      expect(code).toBe(0);
      const { removed, vault } = JSON.parse(stdout);
      expect(vault).toBe('kept');
      expect(removed).toEqual(expect.arrayContaining([own('.local/bin/lakepass'), own('.config/autostart/lakepass.desktop')]));
      for (const path of removed) expect(existsSync(path)).toBe(false);
      expect(globSync('**/control.sock', { cwd: product.home })).toEqual([]);
      expect(existsSync(own('.local/state/lakepass/audit'))).toBe(true);
      expect((await product.run(join(bin, 'lakepass'), ['status', '--no-start'])).code).toBe(4);
    });
  });
});

describe('the package for Debian', () => {
  const deb = (): string => globSync('*.deb', { cwd: made }).map((name) => join(made, name))[0] ?? '';
  const place = join(folder, 'debian');
  const at = (path: string): string => join(place, path);

  /** Into a root of its own; the scripts of the package are told by DPKG_ROOT. Files of root need root, or somebody who pretends. */
  const dpkg = (...args: string[]): string => {
    const words = ['dpkg', `--root=${place}`, '--force-script-chrootless', '--force-depends', `--log=${at('dpkg.log')}`, ...args];
    const [command = '', ...rest] = process.getuid?.() === 0 ? words : ['fakeroot', ...words];
    return execFileSync(command, rest, { encoding: 'utf8', stdio: 'pipe' });
  };

  beforeAll(() => {
    for (const name of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'usr/bin']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('var/lib/dpkg/status'), '');
    dpkg('--install', deb());
  });

  it('says what it is', () => {
    const field = (name: string): string => execFileSync('dpkg-deb', ['--field', deb(), name], { encoding: 'utf8' }).trim();
    expect(field('Package')).toBe('lakepass');
    expect(field('Version')).toBe(version);
    expect(field('Recommends')).toContain('curl');
    const { author, homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(field('Maintainer')).toBe(`${author.name} <${author.email}>`);
    expect(field('Homepage')).toBe(homepage);
    expect(field('Description')).toMatch(/^One sign-in with a security key/);
  });

  it('puts the command on the PATH, and the app into the menu and behind lakepass: links', () => {
    expect(readlinkSync(at('usr/bin/lakepass'))).toBe('/opt/Lakepass/resources/bin/lakepass');
    expect(statSync(at('opt/Lakepass/resources/bin/lakepass')).mode & 0o111).toBe(0o111);
    expect(existsSync(at('opt/Lakepass/resources/apparmor-profile'))).toBe(true);
    const entry = readFileSync(at('usr/share/applications/lakepass-desktop.desktop'), 'utf8');
    const lines = ['Name=Lakepass', 'Exec=/opt/Lakepass/lakepass-desktop %U', 'Icon=lakepass-desktop', 'StartupWMClass=lakepass-desktop'];
    for (const line of [...lines, 'MimeType=x-scheme-handler/lakepass;', 'Categories=Development;Security;'])
      expect(entry.split('\n')).toContain(line);
    const icons = globSync('*/apps/lakepass-desktop.png', { cwd: at('usr/share/icons/hicolor') });
    expect(icons.sort()).toEqual([16, 24, 32, 48, 64, 128, 256, 512].map((size) => `${size}x${size}/apps/lakepass-desktop.png`).sort());
  });

  it('removes its files and the link, leaves homes alone, and says what is left there', () => {
    const own = at('home/person/.local/share/lakepass');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'kept'), '');
    const said = dpkg('--remove', 'lakepass');
    expect(said).toContain('~/.local/share/lakepass');
    expect(existsSync(at('opt/Lakepass'))).toBe(false);
    expect(() => readlinkSync(at('usr/bin/lakepass'))).toThrow(/ENOENT/);
    expect(existsSync(join(own, 'kept'))).toBe(true);
    dpkg('--purge', 'lakepass');
    expect(existsSync(join(own, 'kept'))).toBe(true);
  });

  it('keeps the link that somebody else put in its place', () => {
    dpkg('--install', deb());
    execFileSync('ln', ['-sfn', '/usr/local/lib/other', at('usr/bin/lakepass')]);
    dpkg('--remove', 'lakepass');
    expect(readlinkSync(at('usr/bin/lakepass'))).toBe('/usr/local/lib/other');
  });
});

describe('the archive for everything else', () => {
  it('unpacks into one folder with the program and the command', () => {
    const [name = ''] = globSync('*.tar.gz', { cwd: made });
    expect(name).toBe(`Lakepass-${version}-linux-${process.arch}.tar.gz`);
    const names = execFileSync('tar', ['-tzf', join(made, name)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    const folders = new Set(names.map((each) => each.split('/')[0]));
    expect(folders.size).toBe(1);
    const [top] = folders;
    const program = [
      `${top}/lakepass-desktop`,
      `${top}/resources/app.asar`,
      `${top}/resources/bin/lakepass`,
      `${top}/resources/bin/lakepass-cli`,
    ];
    expect(names).toEqual(expect.arrayContaining(program));
  });
});
