/**
 * Makes what people install on the machine it runs on: dist/ with all that goes into the desktop app, then the installers, by electron-builder.
 *
 *   node packaging/build.ts [ARGUMENT OF electron-builder…]     without one: every installer of this system
 *   node packaging/build.ts --dir                               the program alone, unpacked
 *   node packaging/build.ts --prepare                           dist/ alone
 *
 * Electron's binary is fetched by electron-builder where it is not there yet. LAKEPASS_RELEASE=1 refuses whatever is not signed;
 * nothing is signed as long as package.json names a home page or an author's address that is nobody's (release.ts).
 */
import { spawnSync } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildInto } from '../main/build.ts';
import { buildCommand } from './command.ts';
import { type Project, refusePlaceholders } from './release.ts';
import { writeSbom } from './sbom.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

const readProject = async (): Promise<Project & { description: string; license: string }> =>
  JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

/** Adds what electron-builder wants to know of the program to what Electron reads. */
async function describeProgram(): Promise<void> {
  const built = JSON.parse(await readFile(join(dist, 'package.json'), 'utf8'));
  const { description, license, author, homepage } = await readProject();
  const manifest = {
    ...{ ...built, description, license, author, homepage },
    // By this Linux desktops know which window belongs to which entry of their menu.
    desktopName: 'lakepass-desktop.desktop',
  };
  await writeFile(join(dist, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The command is Node, so Node's licence is among the others. Electron brings its own, with Chromium's, in files beside the program. */
async function addNotices(): Promise<void> {
  const node = await readFile(new URL('node-license.txt', import.meta.url), 'utf8');
  await appendFile(join(dist, 'THIRD-PARTY-LICENSES.txt'), `\n${'-'.repeat(78)}\n\nnode ${process.versions.node} (MIT)\n\n${node}`);
}

/** Everything that electron-builder.yml takes from dist/. */
export async function prepare(): Promise<void> {
  const packages = await buildInto(dist);
  await describeProgram();
  await addNotices();
  const inCommand = await buildCommand(join(dist, 'bin'));
  writeSbom(join(dist, 'sbom.cdx.json'), [...packages, ...inCommand]);
}

/** Runs electron-builder over what is prepared. Returns its exit code. */
export function makePackages(args: readonly string[]): number {
  const builder = join(root, 'node_modules/electron-builder/cli.js');
  const config = args.includes('--config') ? [] : ['--config', 'electron-builder.yml'];
  const release = process.env['LAKEPASS_RELEASE'] === '1' ? ['-c.forceCodeSigning=true'] : [];
  const { status } = spawnSync(process.execPath, [builder, ...config, '--publish', 'never', ...release, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  return status ?? 1;
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  refusePlaceholders(await readProject(), process.env);
  await prepare();
  if (!args.includes('--prepare')) process.exitCode = makePackages(args);
}
