/**
 * Makes a clone ready, then runs the file it was given on the pinned Node. Plain JavaScript, for the system's own Node (18 or
 * newer) may be the one that runs it, before anything is installed.
 *
 *   node test/setup.mjs [--python] [--test] [FILE [ARGUMENT…]]
 *
 * It installs npm packages into node_modules and, with --python, the Python clients into .venv, best effort: nothing outside
 * the project's folder. With --test the Python clients are a must, and as root on Debian missing system packages are
 * installed as well; else it says what to install. It bundles the pages of the browser into .cache/pages, anew when a source of
 * theirs has changed, for a program that runs from source has no others. When all is there it prints nothing.
 *
 * It never skips or configures away a package: the Electron binary is fetched by Electron itself when it is first needed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoot = (...parts) => join(root, ...parts);
const windows = process.platform === 'win32';

/** Debian packages the tests use, each with a command that shows it is there. */
const SYSTEM_PACKAGES = [
  ['chromium', 'chromium'],
  ['chromium-headless-shell', 'chromium-headless-shell'],
  ['gnome-keyring', 'gnome-keyring-daemon'],
  ['dbus', 'dbus-run-session'],
  ['dbus-user-session', null],
  ['libsecret-1-0', null],
  ['wrk', 'wrk'],
  ['curl', 'curl'],
  ['python3-venv', null],
  ['p7zip-full', '7za'],
  ['fakeroot', 'fakeroot'],
  ['binutils', 'strip'],
  ['nsis', 'makensis'],
];

class SetupProblem extends Error {}

/** Runs a command quietly, with a line every ten seconds so that nobody thinks it hangs. Its output is shown if it fails. */
function runShowingProgress(what, command, args, options = {}) {
  process.stderr.write(`  ${what} …\n`);
  const started = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
    const ticker = setInterval(() => process.stderr.write(`  … still at it, ${elapsed()}\n`), 10_000);
    child.on('error', (error) => {
      clearInterval(ticker);
      reject(new SetupProblem(`${what}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearInterval(ticker);
      if (code === 0) {
        process.stderr.write(`  … done in ${elapsed()}\n`);
        resolve();
        return;
      }
      process.stderr.write(Buffer.concat(output));
      reject(new SetupProblem(`${what} failed (${signal ?? `exit code ${code}`}); what it said is above.`));
    });
  });
}

// npm packages

const readJson = (...parts) => {
  try {
    return JSON.parse(readFileSync(inRoot(...parts), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
};

/** npm keeps a list of what it installed; that is compared with the lockfile, so an `npm install` by hand counts too. */
function packagesAreInstalled() {
  const wanted = readJson('package-lock.json')?.packages;
  const installed = readJson('node_modules', '.package-lock.json')?.packages;
  if (!wanted) throw new SetupProblem('package-lock.json is missing; the clone is not complete.');
  if (!installed || !existsSync(pinnedNode())) return false;
  const same = ([path, { version, integrity, optional }]) =>
    path === '' || (installed[path] ? installed[path].version === version && installed[path].integrity === integrity : optional === true);
  return Object.entries(wanted).every(same) && Object.keys(installed).every((path) => path in wanted);
}

/** The Node that package.json pins. Its package puts the binary here in an install script. */
function pinnedNode() {
  return inRoot('node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');
}

async function installPackages() {
  if (packagesAreInstalled()) return;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const what = 'Installing npm packages into node_modules (once, about a minute)';
  const npm = process.env.npm_execpath;
  if (npm) await runShowingProgress(what, process.execPath, [npm, ...args]);
  else await runShowingProgress(what, 'npm', args, { shell: windows });
  if (!existsSync(pinnedNode())) {
    throw new SetupProblem(
      'Node 24 was not installed: the package `node` needs its install script. Allow it (npm config ignore-scripts false) and run this again.',
    );
  }
}

// Python clients

/**
 * The Python environments: what the demo and `npm test` need, and the many clients of `npm run test:clients`, which nobody else waits for.
 * These are apart because a running test may use the one while the other is being made; dbt, because it wants other versions of the same.
 */
const ENVIRONMENTS = {
  stock: { what: 'the stock Python clients', folder: inRoot('.venv'), requirements: inRoot('test', 'python', 'requirements.txt') },
  clients: {
    what: 'the Python clients of test:clients (350 MB)',
    folder: inRoot('.venv', 'clients'),
    requirements: inRoot('test', 'python', 'clients', 'requirements.txt'),
    modules: ['databricks.sdk', 'databricks.sql', 'databricks.vector_search.client', 'mlflow.deployments', 'openai'],
  },
  dbt: {
    what: 'dbt for test:clients (500 MB)',
    folder: inRoot('.venv', 'dbt'),
    requirements: inRoot('test', 'python', 'dbt', 'requirements.txt'),
    modules: ['dbt.cli.main', 'dbt.adapters.databricks'],
  },
};

/** Installs the large environments: pip, which can do it too, takes minutes of processor time for them. */
const UV = 'uv==0.13.9';
const OLDEST_PYTHON = '(3, 10)';

const pythonOf = (folder) => (windows ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python'));

/** A Python that can make a venv. Root takes Debian's first: a test user can run it, which one below /root it cannot. */
function findPython() {
  const isRoot = process.getuid?.() === 0;
  const candidates = [...(isRoot ? ['/usr/bin/python3'] : []), 'python3', 'python', '/usr/bin/python3'];
  const check = `import sys, venv, ensurepip; sys.exit(sys.version_info < ${OLDEST_PYTHON})`;
  return candidates.find((candidate) => spawnSync(candidate, ['-c', check], { stdio: 'ignore' }).status === 0);
}

/** Whether the environment holds every exact version that its requirements name, whoever installed it. */
function clientsAreInstalled({ folder, requirements }) {
  const site = windows ? join(folder, 'Lib', 'site-packages') : sitePackages(folder);
  if (!site || !existsSync(pythonOf(folder))) return false;
  const distributions = new Set(readdirSync(site).map(normalise));
  return pins(requirements).every(({ name, version }) => distributions.has(normalise(`${name}-${version}.dist-info`)));
}

const normalise = (name) => name.toLowerCase().replace(/[-_.]+/g, '-');
const sitePackages = (folder) => {
  const lib = join(folder, 'lib');
  const python = existsSync(lib) ? readdirSync(lib).find((name) => name.startsWith('python3')) : undefined;
  return python && join(lib, python, 'site-packages');
};
const pins = (requirements) =>
  readFileSync(requirements, 'utf8')
    .split('\n')
    .map((line) => /^([\w.-]+)==([\w.+-]+)/.exec(line.trim()))
    .flatMap((match) => (match ? [{ name: match[1], version: match[2] }] : []));

/** An environment is stamped when complete, so that an interrupted installation is begun again. */
async function installPythonClients(environment) {
  const { what, folder, requirements, modules } = environment;
  const stamp = join(folder, '.installed');
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && existsSync(pythonOf(folder)) && readFileSync(stamp, 'utf8') === hash) return;
  if (!clientsAreInstalled(environment)) {
    const python = findPython();
    if (!python) throw new SetupProblem('Python 3.10 or newer with venv is not here (Debian: apt-get install python3 python3-venv).');
    rmSync(folder, { recursive: true, force: true });
    const making = `Making a Python environment in ${relative(root, folder)}`;
    const installing = `Installing ${what} into ${relative(root, folder)} (once)`;
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    if (modules) {
      const stock = pythonOf(ENVIRONMENTS.stock.folder);
      await runShowingProgress('Installing uv', stock, [...pip, UV]);
      await runShowingProgress(making, stock, ['-m', 'uv', 'venv', '--quiet', '--python', python, folder]);
      await runShowingProgress(installing, stock, [
        ...['-m', 'uv', 'pip', 'install', '--quiet', '--no-cache'],
        ...['--python', pythonOf(folder), '-r', requirements],
      ]);
      // What is imported once is compiled: the users of the tests may not write here, and would compile it in every process.
      await runShowingProgress(`Loading ${what}`, pythonOf(folder), ['-c', modules.map((name) => `import ${name}`).join('\n')]);
    } else {
      await runShowingProgress(making, python, ['-m', 'venv', folder]);
      await runShowingProgress(installing, pythonOf(folder), [...pip, '-r', requirements]);
    }
  }
  writeFileSync(stamp, hash);
}

// System packages

/** Looks the command up on the PATH, as a shell would. */
function isCommand(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const isDebian = () => isCommand('dpkg-query') && isCommand('apt-get');

function missingSystemPackages() {
  if (!isDebian()) return SYSTEM_PACKAGES.filter(([, command]) => command && !isCommand(command)).map(([name]) => name);
  const names = SYSTEM_PACKAGES.map(([name]) => name);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is dpkg's own syntax
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f=${Package} ${db:Status-Abbrev}\n', ...names], { encoding: 'utf8' });
  const installed = new Set(stdout.split('\n').flatMap((line) => (/ ii\s*$/.test(line) ? [line.split(' ')[0]] : [])));
  return names.filter((name) => !installed.has(name));
}

async function installSystemPackages() {
  if (process.platform !== 'linux') return;
  const missing = missingSystemPackages();
  if (missing.length === 0) return;
  if (process.getuid() !== 0 || !isDebian()) {
    throw new SetupProblem(
      `The tests need programs that are not here. On Debian: sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runShowingProgress('Reading the Debian package lists', 'apt-get', ['update', '-q'], { env });
  const args = ['install', '-y', '-q', '--no-install-recommends', ...missing];
  await runShowingProgress(`Installing Debian packages: ${missing.join(' ')}`, 'apt-get', args, { env });
}

// Pages

/** Everything the pages are made of, as it lies on the disk now. */
function stateOfPages() {
  const sources = ['renderer', 'preload/contract'].flatMap((folder) =>
    readdirSync(inRoot(folder), { recursive: true }).map((name) => join(folder, String(name))),
  );
  const facts = [...sources, 'main/build-pages.ts', 'package-lock.json'].sort().map((file) => {
    const { mtimeMs, size } = statSync(inRoot(file));
    return `${file} ${mtimeMs} ${size}`;
  });
  return createHash('sha256').update(facts.join('\n')).digest('hex');
}

/** A build that was interrupted is never taken for a whole one: it is made beside its place, and its stamp comes last. */
function buildPages() {
  if (!existsSync(inRoot('main', 'build-pages.ts'))) return;
  const folder = inRoot('.cache', 'pages');
  const stamp = join(folder, '.built');
  const state = stateOfPages();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  const draft = `${folder}-${process.pid}`;
  const { status, stderr } = spawnSync(pinnedNode(), [inRoot('main', 'build-pages.ts'), draft], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new SetupProblem(`The pages could not be built: ${stderr}`);
  writeFileSync(join(draft, '.built'), state);
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
}

// The whole

/** Runs the file on the pinned Node with its folder first on the PATH, and ends as it ends. */
function runOnPinnedNode(file, args) {
  const path = [inRoot('node_modules', '.bin'), process.env.PATH].join(delimiter);
  // Node calls parts of Web Crypto experimental when the test services load them; people who run the demo need not read that.
  const child = spawn(pinnedNode(), ['--disable-warning=ExperimentalWarning', file, ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  // A terminal sends Ctrl-C to both; the program below decides what it means.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => {
    if (signal && !windows) {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
      process.kill(process.pid, signal);
    } else process.exitCode = code ?? 1;
  });
}

async function main(args) {
  const options = new Set();
  while (args[0]?.startsWith('--')) options.add(args.shift());
  const unknown = [...options].find((option) => !['--python', '--test', '--clients'].includes(option));
  if (unknown) throw new SetupProblem(`Unknown option ${unknown}.`);
  await installPackages();
  if (options.has('--test')) {
    await installSystemPackages();
    await installPythonClients(ENVIRONMENTS.stock);
  } else if (options.has('--python')) {
    await installPythonClients(ENVIRONMENTS.stock).catch((error) => {
      if (!(error instanceof SetupProblem)) throw error;
      process.stderr.write(`  No Python clients: ${error.message}\n`);
    });
  }
  if (options.has('--clients')) {
    await installPythonClients(ENVIRONMENTS.clients);
    await installPythonClients(ENVIRONMENTS.dbt);
  }
  buildPages();
  const [file, ...rest] = args;
  if (file) runOnPinnedNode(file, rest);
}

main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof SetupProblem)) throw error;
  process.stderr.write(`\nSetup stopped: ${error.message}\n`);
  process.exitCode = 1;
});
