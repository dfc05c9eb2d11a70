/**
 * A folder that electron-builder takes for Electron, where the real one cannot be had. Its program is a shell script that writes down what it
 * was started with; behind the script's end stands what the fuses are set in, so they are really set and can be read back.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Before the fuses in every Electron binary; behind it the version of the list, its length, and a digit for each. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';

/** In the order in which Electron 45 has them. */
export const fuseNames = [
  'runAsNode',
  'enableCookieEncryption',
  'enableNodeOptionsEnvironmentVariable',
  'enableNodeCliInspectArguments',
  'enableEmbeddedAsarIntegrityValidation',
  'onlyLoadAppFromAsar',
  'loadBrowserProcessSpecificV8Snapshot',
  'grantFileProtocolExtraPrivileges',
  'wasmTrapHandlers',
] as const;

/** As they leave Electron's makers: everything on but cookie encryption, the integrity check, asar alone and the snapshot. */
const asDelivered = '101100011';

/** @param record the file each start adds a line to */
export function makeStubElectron(folder: string, record: string): string {
  for (const name of ['resources', 'locales']) mkdirSync(join(folder, name), { recursive: true });
  const script = `#!/bin/sh
[ "\${1:-}" != --version ] || { echo v45.4.1; exit 0; }
printf '%s\\n' "$*" >>'${record}'
exit 1
`;
  const fuses = Buffer.concat([Buffer.from(SENTINEL), Buffer.from([1, fuseNames.length]), Buffer.from(`${asDelivered}\n`)]);
  writeFileSync(join(folder, 'electron'), Buffer.concat([Buffer.from(`${script}# `), fuses]));
  chmodSync(join(folder, 'electron'), 0o755);
  const files = { version: 'v45.4.1', LICENSE: 'stub', 'LICENSES.chromium.html': 'stub', 'chrome-sandbox': 'stub' };
  const locales = { 'locales/en-US.pak': 'stub', 'locales/de.pak': 'stub' };
  for (const [name, content] of Object.entries({ ...files, ...locales })) writeFileSync(join(folder, name), content);
  return folder;
}

/** Reads the fuses of a program. @throws Error it has none */
export function readFuses(program: Buffer): Record<(typeof fuseNames)[number], boolean> {
  const at = program.indexOf(SENTINEL);
  if (at === -1) throw new Error('no fuses are in this program');
  const digits = program.subarray(at + SENTINEL.length + 2).toString('latin1');
  return Object.fromEntries(fuseNames.map((name, index) => [name, digits[index] === '1'])) as ReturnType<typeof readFuses>;
}
