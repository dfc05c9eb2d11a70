/**
 * The `lakepass` command of the desktop app's package: one executable, made of the Node that runs this and of the command line in one
 * file. The package's own Electron cannot be that Node, for its fuse against running as Node is blown.
 *
 * Nothing of the agent is inside: in a packaged install the verbs start the desktop app, never a second agent.
 */
import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'postject';
import { type Plugin, rolldown } from 'rolldown';
import { packagesIn } from '../main/build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Marks the place in Node's binary that says whether a program was put in (Node's manual, single executable applications). */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** On POSIX the short road of `lakepass token` is a shell script and has the plain name; it hands everything else on to this one. */
const names: Partial<Record<NodeJS.Platform, string>> = { win32: 'lakepass.exe' };
export const commandName = names[process.platform] ?? 'lakepass-cli';

/** The way from the command's folder in the package to the program that `electron-builder.yml` names. */
const programs: Partial<Record<NodeJS.Platform, string>> = { win32: '../../Lakepass.exe', darwin: '../../MacOS/Lakepass' };
const program = programs[process.platform] ?? '../../lakepass-desktop';

/** Leaves the agent out. What starts it here is refused before it comes this far; a bundle with the agent would double the file for nothing. */
const withoutAgent: Plugin = {
  name: 'without-agent',
  load: (id) =>
    id === join(root, 'main/headless.ts')
      ? "export const runHeadless = () => { throw new Error('the agent is not part of this program'); };"
      : undefined,
};

/**
 * @returns the folders of the packages that are in it
 * @throws Error the command line asks for a package that is no part of Node: nothing lies beside the executable
 */
async function bundleCommand(file: string): Promise<string[]> {
  const build = await rolldown({
    input: join(root, 'main/cli/main.ts'),
    platform: 'node',
    plugins: [withoutAgent],
    onLog: (level, log, pass) => (log.code === 'EVAL' ? undefined : pass(level, log)),
  });
  const { output } = await build.write({ file, format: 'cjs', codeSplitting: false, sourcemap: false, minify: false });
  await build.close();
  const [whole] = output;
  const missing = [...whole.imports, ...whole.dynamicImports].filter((name) => !name.startsWith('node:') && name !== whole.fileName);
  if (missing.length > 0) throw new Error(`The command line needs ${missing.join(', ')}, which would not be there.`);
  return packagesIn([whole]);
}

/** Makes the executable: Node, made smaller where the system can, with the program in it. */
async function makeExecutable(script: string, executable: string): Promise<void> {
  const blob = `${script}.blob`;
  const settings = {
    main: script,
    output: blob,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    // NODE_OPTIONS of whoever calls has no say here, as in the app.
    execArgvExtension: 'none',
  };
  await writeFile(`${script}.json`, JSON.stringify(settings));
  execFileSync(process.execPath, ['--experimental-sea-config', `${script}.json`], { stdio: ['ignore', 'ignore', 'inherit'] });
  await copyFile(process.execPath, executable);
  await chmod(executable, 0o755);
  if (process.platform === 'linux') strip(executable);
  if (process.platform === 'darwin') execFileSync('codesign', ['--remove-signature', executable]);
  await inject(executable, 'NODE_SEA_BLOB', await readFile(blob), {
    sentinelFuse: FUSE,
    ...(process.platform === 'darwin' ? { machoSegmentName: 'NODE_SEA' } : {}),
  });
  // Apple silicon runs nothing without a signature; electron-builder puts the real one in its place.
  if (process.platform === 'darwin') execFileSync('codesign', ['--sign', '-', executable]);
}

/** Debug symbols are a seventh of the file and of use to nobody here. A machine without binutils makes a larger file. */
function strip(executable: string): void {
  try {
    execFileSync('strip', [executable], { stdio: 'ignore' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * Builds the folder `bin` of the package: the command, its short road, and the file that says where the app is.
 *
 * @returns the folders of the packages that are in the command
 */
export async function buildCommand(folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), 'lakepass-command-'));
  let packages: string[];
  try {
    const script = join(scratch, 'lakepass.cjs');
    packages = await bundleCommand(script);
    await makeExecutable(script, join(folder, commandName));
  } finally {
    await rm(scratch, { recursive: true });
  }
  await writeFile(join(folder, 'desktop-app.json'), `${JSON.stringify({ executable: program })}\n`);
  if (process.platform === 'win32') return packages;
  await copyFile(join(root, 'main/cli/lakepass'), join(folder, 'lakepass'));
  await chmod(join(folder, 'lakepass'), 0o755);
  return packages;
}
