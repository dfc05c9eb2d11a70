/**
 * The list of what is inside a package (CycloneDX): the packages of which the bundler took a part or which were copied, as npm describes them,
 * and the two programs that npm takes for tools of development but that are shipped: Electron, and Node inside the `lakepass` command.
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
  [field: string]: unknown;
}
interface Sbom {
  metadata: { component: { 'bom-ref': string; name: string; type: string } };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

/** Asks npm, which needs no network for it, about everything that is installed, also where NODE_ENV is `production`. */
function readNpmSbom(): Sbom {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--include', 'dev', '--loglevel', 'error'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, shell: process.platform === 'win32' } as const;
  return JSON.parse(execFileSync('npm', args, options));
}

/** npm names a package by this. */
function refOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name}@${version}`;
}

/** @throws Error npm knows nothing of a package that is in there */
function only(refs: ReadonlySet<string>, sbom: Sbom): Sbom {
  // What npm says of `scope` and `properties` is about the place in package.json; all of this is shipped.
  const components = sbom.components
    .filter((component) => refs.has(component['bom-ref']))
    .map((component) => ({ ...component, scope: 'required', properties: [] }));
  const known = new Set(components.map((component) => component['bom-ref']));
  const unknown = [...refs].filter((ref) => !known.has(ref));
  if (unknown.length > 0) throw new Error(`npm describes nothing of ${unknown.join(', ')}.`);
  const whole = sbom.metadata.component['bom-ref'];
  const dependencies = sbom.dependencies
    .filter(({ ref }) => ref === whole || refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
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

/** @param packages the folders of the packages that are inside */
export function writeSbom(file: string, packages: readonly string[]): void {
  const sbom = only(new Set(packages.map(refOf)), readNpmSbom());
  // npm calls the whole by the name of the folder it lies in.
  Object.assign(sbom.metadata.component, { name: 'lakepass', type: 'application' });
  const electron = JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8'));
  sbom.components.push(runtime('electron', electron.version, 'MIT'), runtime('node', process.versions.node, 'MIT'));
  writeFileSync(file, `${JSON.stringify(sbom, null, 2)}\n`);
}
