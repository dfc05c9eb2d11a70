/**
 * The list of what is inside a package (CycloneDX): npm's own list of what the product depends on, and the two programs that npm takes for
 * tools of development but that are shipped: Electron, and Node inside the `lakepass` command.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  type: string;
  properties?: { name: string; value: string }[];
  [field: string]: unknown;
}
interface Sbom {
  metadata: { component: { name: string; type: string } };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

/** Asks npm, which needs no network for it. Its own `--omit dev` would take out what the product and a tool both need. */
function readNpmSbom(): Sbom {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--loglevel', 'error'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, shell: process.platform === 'win32' } as const;
  return JSON.parse(execFileSync('npm', args, options));
}

const isForDevelopment = ({ properties = [] }: Component): boolean =>
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');

function withoutDevelopment(sbom: Sbom): Sbom {
  const components = sbom.components.filter((component) => !isForDevelopment(component));
  const gone = new Set(sbom.components.filter(isForDevelopment).map((component) => component['bom-ref']));
  const dependencies = sbom.dependencies
    .filter(({ ref }) => !gone.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => !gone.has(each)) }));
  return { ...sbom, components, dependencies };
}

const runtime = (name: string, version: string, licence: string): Component => ({
  'bom-ref': `${name}@${version}`,
  type: 'framework',
  name,
  version,
  scope: 'required',
  purl: `pkg:npm/${name}@${version}`,
  licenses: [{ license: { id: licence } }],
});

export function writeSbom(file: string): void {
  const sbom = withoutDevelopment(readNpmSbom());
  // npm calls the whole by the name of the folder it lies in.
  Object.assign(sbom.metadata.component, { name: 'lakepass', type: 'application' });
  const electron = JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8'));
  sbom.components.push(runtime('electron', electron.version, 'MIT'), runtime('node', process.versions.node, 'MIT'));
  writeFileSync(file, `${JSON.stringify(sbom, null, 2)}\n`);
}
