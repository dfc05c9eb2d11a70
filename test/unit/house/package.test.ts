/** What is installed is what was chosen: exact versions, a whole lockfile, and no install script that nobody looked at. */
import { describe, expect, it } from 'vitest';
import { version } from '../../../main/version.ts';
import { read } from './sources.ts';

interface Locked {
  version?: string;
  integrity?: string;
  hasInstallScript?: true;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
const manifest = JSON.parse(read('package.json'));
const locked: Record<string, Locked> = JSON.parse(read('package-lock.json')).packages;

/** Node's way up: the package's own node_modules, then those of the packages around it. */
function isLocked(from: string, name: string): boolean {
  if (`${from === '' ? '' : `${from}/`}node_modules/${name}` in locked) return true;
  if (from === '') return false;
  const around = from.lastIndexOf('/node_modules/');
  return isLocked(around === -1 ? '' : from.slice(0, around), name);
}

describe('package.json', () => {
  it('names every package with its exact version', () => {
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(range)),
    );
    expect(ranges).toEqual([]);
  });

  it('has decided about every install script, and allows only the one that brings Node', () => {
    const scripted = Object.entries(locked).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.replace(/^.*node_modules\//, '')] : [],
    );
    expect(scripted.sort()).toEqual(Object.keys(manifest.allowScripts).sort());
    expect(Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name])).toEqual(['node']);
  });

  it('has the version that the program says', () => {
    expect(manifest.version).toBe(version);
  });

  it('leaves nothing out that a user needs', () => {
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'README.md', 'LICENSE', 'SECURITY.md']));
  });
});

describe('the lockfile', () => {
  // npm leaves a platform's package out when it was not published yet; `npm ci` then refuses everywhere, or that platform breaks.
  it('has every package of every platform, each with its hash', () => {
    const wanted = Object.entries(locked).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).map((name) => ({ path, name })),
    );
    expect(wanted.filter(({ path, name }) => !isLocked(path, name))).toEqual([]);
    expect(Object.entries(locked).flatMap(([path, { integrity }]) => (path !== '' && !integrity ? [path] : []))).toEqual([]);
  });

  it('agrees with package.json', () => {
    expect(locked['']).toMatchObject({ dependencies: manifest.dependencies, devDependencies: manifest.devDependencies });
  });
});
