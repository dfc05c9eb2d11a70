/**
 * The list of what is inside a package (CycloneDX): npm's own list of what the product depends on, and the two programs that npm takes for
 * tools of development but that are shipped: Electron, and Node inside the `lakepass` command.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface Sbom {
  metadata: { component: { name: string; type: string } };
  components: { name: string; version: string; type: string; [field: string]: unknown }[];
}

/** Asks npm, which needs no network for it. */
function readNpmSbom(): Sbom {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--loglevel', 'error'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, shell: process.platform === 'win32' } as const;
  return JSON.parse(execFileSync('npm', args, options));
}

const runtime = (name: string, version: string, licence: string): Sbom['components'][number] => ({
  'bom-ref': `${name}@${version}`,
  type: 'framework',
  name,
  version,
  scope: 'required',
  purl: `pkg:npm/${name}@${version}`,
  licenses: [{ license: { id: licence } }],
});

export function writeSbom(file: string): void {
  const sbom = readNpmSbom();
  // npm calls the whole by the name of the folder it lies in.
  Object.assign(sbom.metadata.component, { name: 'lakepass', type: 'application' });
  const electron = JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8'));
  sbom.components.push(runtime('electron', electron.version, 'MIT'), runtime('node', process.versions.node, 'MIT'));
  writeFileSync(file, `${JSON.stringify(sbom, null, 2)}\n`);
}
