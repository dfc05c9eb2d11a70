/**
 * Bundles what a person installs into dist/: the `lakepass` command, the headless agent, the desktop app and the thread that looks at
 * callers, each an ES module that needs nothing outside the folder; the preloads of the app's windows; and the pages. Node itself and
 * the one native package are put beside them, not bundled, and Electron brings itself.
 *
 * Entries are built one by one: a chunk shared between two of them would make the headless agent a module that is imported,
 * and it starts only as the program that was run.
 *
 *   node main/build.ts [FOLDER]
 */
import { chmod, copyFile, cp, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { callChannel, callsOf, revisionChannel, viewChannel, views } from '../preload/contract/desktop.ts';
import { buildPages } from './build-pages.ts';
import { version } from './version.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const NATIVE = '@napi-rs/keyring';

/** What is built, and the name it gets in dist/. The thread keeps its own: caller/thread.ts looks for it beside itself. */
const entries = {
  'lakepass.mjs': 'main/cli/main.ts',
  'headless.mjs': 'main/headless.ts',
  'desktop.mjs': 'main/index.ts',
  'caller-worker.mjs': 'main/caller/caller-worker.ts',
} as const;

/** The preload of each window of the desktop app. */
export const preloads = { 'preload.cjs': 'preload/index.ts', 'preload-approval.cjs': 'preload/approval.ts' } as const;

/**
 * Takes what comes from Node without importing it. An import makes Node evaluate every export of the module, needed or not;
 * for `node:http` that is `WebSocket`, and with it the whole of fetch: 50 ms of CPU at every start.
 */
const withoutNodeImports: Plugin = {
  name: 'without-node-imports',
  renderChunk: (code) =>
    code.replace(
      /^import (?:([\w$]+)(?:, | ))?(?:\* as ([\w$]+) |\{([^}]*)\} )?from "(node:[\w/]+)";$/gm,
      (_, whole: string | undefined, namespace: string | undefined, names: string | undefined, from: string) => {
        const module = `process.getBuiltinModule("${from}")`;
        const targets = [whole, namespace, names === undefined ? undefined : `{${names.replaceAll(' as ', ': ')}}`];
        return `const ${targets.flatMap((target) => (target === undefined ? [] : [`${target} = ${module}`])).join(', ')};`;
      },
    ),
};

/** Bundles one entry for Node into `folder`, with its dynamic imports as chunks beside it. */
export async function bundle(source: string, folder: string, name: string): Promise<OutputChunk[]> {
  const build = await rolldown({
    input: resolve(root, source),
    platform: 'node',
    external: [NATIVE, 'electron'],
    plugins: [withoutNodeImports],
    treeshake: true,
    // An entry that its own chunks imported back could run twice.
    preserveEntrySignatures: 'strict',
    onLog: (level, log, pass) => (log.code === 'EVAL' ? undefined : pass(level, log)),
  });
  const { output } = await build.write({
    dir: folder,
    format: 'esm',
    entryFileNames: name,
    chunkFileNames: `${name.replace(/\.mjs$/, '')}-[hash].mjs`,
    sourcemap: false,
    minify: false,
  });
  await build.close();
  return output.filter((file): file is OutputChunk => file.type === 'chunk');
}

/** What a preload needs of the contract are lists and names: worked out here, so that no schema and no zod is parsed with every window. */
const contractAsConstants: Plugin = {
  name: 'contract-as-constants',
  load: (id) =>
    resolve(id) === join(root, 'preload/contract/desktop.ts')
      ? Object.entries({ callChannel, callsOf, revisionChannel, viewChannel, views })
          .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`)
          .join('\n')
      : undefined,
};

/** Bundles one preload: a sandboxed one is a single CommonJS file, and can require nothing but a part of Electron. */
export async function bundlePreload(source: string, folder: string, name: string): Promise<OutputChunk[]> {
  const build = await rolldown({
    input: resolve(root, source),
    platform: 'browser',
    external: ['electron'],
    plugins: [contractAsConstants],
  });
  const { output } = await build.write({ dir: folder, format: 'cjs', entryFileNames: name, codeSplitting: false, minify: false });
  await build.close();
  return output.filter((file): file is OutputChunk => file.type === 'chunk');
}

/** Copies the native package with the binaries that are installed for this platform, so that dist/ runs by itself. Returns what was copied. */
async function copyNativePackage(folder: string): Promise<string[]> {
  const [scope = '', name = ''] = NATIVE.split('/');
  const installed = (await readdir(join(root, 'node_modules', scope))).filter((entry) => entry.startsWith(name));
  for (const entry of installed) {
    await cp(join(root, 'node_modules', scope, entry), join(folder, 'node_modules', scope, entry), { recursive: true, dereference: true });
  }
  return installed.map((entry) => join(root, 'node_modules', scope, entry));
}

const packageOf = (moduleId: string): string | undefined => /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(moduleId)?.[1];

/** The folders of the packages that have a part in what was bundled: not what is asked for, but what the bundler really took. */
export const packagesIn = (chunks: readonly OutputChunk[]): string[] => [
  ...new Set(chunks.flatMap((chunk) => chunk.moduleIds.map(packageOf)).filter((found) => found !== undefined)),
];

/** Puts this very Node beside the command, which runs on no other; a link costs nothing where the file system can. */
async function addNode(folder: string): Promise<void> {
  const node = join(folder, process.platform === 'win32' ? 'node.exe' : 'node');
  await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
}

/** The icons of the tray, as they were drawn. */
async function copyIcons(folder: string): Promise<void> {
  const drawn = join(root, 'main/desktop/icons');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(drawn)) if (name.endsWith('.png')) await copyFile(join(drawn, name), join(folder, name));
}

/** The licences of everything that was bundled, as those licences ask. */
async function writeNotices(folder: string, packages: readonly string[]): Promise<void> {
  const notices: string[] = [];
  for (const path of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'));
    const file = (await readdir(path)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file === undefined ? '' : await readFile(join(path, file), 'utf8');
    notices.push(`${name} ${version} (${license})\n\n${text.trim()}`);
  }
  await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), `${notices.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`);
}

/** Builds everything into `folder`, which is emptied first. Returns the folders of the packages that are in it, bundled or copied. */
export async function buildInto(folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const chunks: OutputChunk[] = [];
  for (const [name, source] of Object.entries(entries)) chunks.push(...(await bundle(source, folder, name)));
  for (const [name, source] of Object.entries(preloads)) chunks.push(...(await bundlePreload(source, folder, name)));
  chunks.push(...(await buildPages(join(folder, 'pages'))));
  await copyIcons(join(folder, 'icons'));
  const copied = await copyNativePackage(folder);
  await addNode(folder);
  await copyFile(join(root, 'main/cli/lakepass'), join(folder, 'lakepass'));
  await chmod(join(folder, 'lakepass'), 0o755);
  const manifest = { name: 'lakepass', productName: 'Lakepass', version, type: 'module', main: 'desktop.mjs', private: true };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest)}\n`);
  const bundled = packagesIn(chunks);
  await writeNotices(folder, bundled);
  return [...bundled, ...copied];
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(root, 'dist'));
  const started = performance.now();
  await buildInto(folder);
  process.stdout.write(`Built ${folder === join(root, 'dist') ? 'dist' : folder} in ${Math.round(performance.now() - started)} ms\n`);
}
