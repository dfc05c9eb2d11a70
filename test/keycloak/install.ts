/**
 * Brings the Keycloak server of `npm run test:keycloak` onto this machine: the distribution of one version from Maven Central, compared
 * with its digest before it is unpacked, into `.cache/keycloak`. Debian's Java is installed where there is none and we may.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const keycloakVersion = '26.7.3';
/** As Maven Central publishes it beside the file. */
const digest = '77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47';
const source = `https://repo1.maven.org/maven2/org/keycloak/keycloak-quarkus-dist/${keycloakVersion}/keycloak-quarkus-dist-${keycloakVersion}.tar.gz`;

const cache = fileURLToPath(new URL('../../.cache/keycloak', import.meta.url));
export const keycloakHome = join(cache, `keycloak-${keycloakVersion}`);

const say = (text: string): void => void process.stderr.write(`  ${text}\n`);

async function download(): Promise<void> {
  if (existsSync(join(keycloakHome, 'version.txt'))) return;
  mkdirSync(cache, { recursive: true });
  say(`Fetching Keycloak ${keycloakVersion} from Maven Central into .cache/keycloak (once, 176 MB) …`);
  const response = await fetch(source);
  if (!response.ok) throw new Error(`Maven Central answered ${response.status} for ${source}`);
  const archive = Buffer.from(await response.arrayBuffer());
  const found = createHash('sha256').update(archive).digest('hex');
  if (found !== digest) throw new Error(`${source} is not what was pinned: its SHA-256 is ${found}`);
  // Unpacked beside its place: what was interrupted is begun again.
  const draft = join(cache, `draft-${process.pid}`);
  mkdirSync(draft);
  const file = join(draft, 'keycloak.tar.gz');
  writeFileSync(file, archive);
  execFileSync('tar', ['-xzf', file, '-C', draft]);
  rmSync(keycloakHome, { recursive: true, force: true });
  renameSync(join(draft, `keycloak-${keycloakVersion}`), keycloakHome);
  rmSync(draft, { recursive: true });
}

const hasJava = (): boolean => spawnSync('java', ['-version'], { stdio: 'ignore' }).status === 0;

function installJava(): void {
  if (hasJava()) return;
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0)
    throw new Error('Keycloak needs Java 17 or newer. On Debian: sudo apt-get install --no-install-recommends openjdk-17-jre-headless');
  say('Installing the Debian package openjdk-17-jre-headless (once) …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-q'], { env, stdio: 'ignore' });
  execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'openjdk-17-jre-headless'], { env, stdio: 'ignore' });
  if (!hasJava()) throw new Error('openjdk-17-jre-headless was installed, and yet there is no java');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installJava();
  await download();
  const version = readFileSync(join(keycloakHome, 'version.txt'), 'utf8').trim();
  if (!version.includes(keycloakVersion)) throw new Error(`what was unpacked calls itself "${version}"`);
}
