/**
 * What the machine itself says of its management, from the one place of the system where only an administrator writes. A file that
 * somebody else could have written counts for nothing, and that is said: whoever could write it would be IT.
 *
 * macOS and Windows: tried on recorded outputs only, never on such a machine.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError } from '../app-error.ts';
import { httpsUrl, text, thumbprintSchema } from './bundle-schema.ts';
import type { Invitation } from './enrollment.ts';
import { type Settings, settingsSchema } from './settings.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const LARGEST_BYTES = 256 * 1024;

/** As it is written, on every system. */
export const managedSettingsSchema = z
  .strictObject({
    managedBy: text(80).describe('The organization, as people know it.'),
    bundleUrl: httpsUrl.optional().describe('Where the bundle is; the device enrolls itself.'),
    signingKey: thumbprintSchema.optional().describe('Thumbprint of the key that signs the bundle, as `lakepass admin invite` prints it.'),
    settings: settingsSchema.default({}),
  })
  .refine(({ bundleUrl, signingKey }) => (bundleUrl === undefined) === (signingKey === undefined), {
    error: 'bundleUrl and signingKey go together',
  });

export interface ManagedSettings {
  readonly managedBy: string;
  /** The bundle of the company; null: these settings are all there is. */
  readonly invitation: Invitation | null;
  readonly settings: Settings;
  /** The place they were read from. */
  readonly source: string;
  /** SHA-256 of what was read, hex. */
  readonly hash: string;
}

export interface ManagedReading {
  readonly managed: ManagedSettings | null;
  /** Something is there and counts for nothing. */
  readonly problem: Failure | null;
}

/** What is asked of the system; the product uses `systemFacts` alone. */
export interface ManagedFacts {
  readonly platform: NodeJS.Platform;
  /** Looked for in this order. */
  readonly files: readonly string[];
  /** The highest folder above the files that is looked at. */
  readonly top: string;
  /** Who may have written the file and the folders above it. */
  owners(): Promise<readonly number[]>;
  /** What a program prints; null: it ended with 1. */
  run(program: string, args: readonly string[], input: Buffer): Promise<string | null>;
}

/** What the system has for this user. */
export const systemFacts = (): ManagedFacts => ({
  platform: process.platform,
  files:
    process.platform === 'darwin'
      ? ['/Library/Managed Preferences/com.lakepass.plist', `/Library/Managed Preferences/${userInfo().username}/com.lakepass.plist`]
      : ['/etc/lakepass/managed.json'],
  top: '/',
  async owners() {
    // Inside a user namespace the owner of `/` need not be 0; where it is the person, it is no administrator.
    const system = (await stat('/')).uid;
    return system === process.getuid?.() ? [0] : [0, system];
  },
  run: (program, args, input) =>
    new Promise((resolve, reject) => {
      const child = execFile(program, args, { maxBuffer: 4 * LARGEST_BYTES, timeout: 5000 }, (error, stdout) => {
        if (error === null) resolve(stdout);
        else if (error.code === 1) resolve(null);
        else reject(error);
      });
      child.stdin?.on('error', () => undefined).end(input);
    }),
});

/** Reads what the machine says. It throws nothing: whatever is there and cannot be used is the `problem`. */
export async function readManagedSettings(facts: ManagedFacts = systemFacts()): Promise<ManagedReading> {
  try {
    return { managed: facts.platform === 'win32' ? await readRegistry(facts) : await readFiles(facts), problem: null };
  } catch (error) {
    const failure = error instanceof AppError ? error : new AppError('MANAGED_SETTINGS_INVALID', { reason: 'system', cause: error });
    return { managed: null, problem: failure.toFailure() };
  }
}

async function readFiles(facts: ManagedFacts): Promise<ManagedSettings | null> {
  for (const file of facts.files) {
    const bytes = await readSafe(file, facts);
    if (bytes === null) continue;
    if (facts.platform !== 'darwin') return managedSettings(parseJson(bytes.toString('utf8'), file), file, bytes);
    const json = await facts.run('/usr/bin/plutil', ['-convert', 'json', '-o', '-', '-'], bytes);
    if (json === null) throw invalid('syntax', file, 'plutil cannot read it');
    return managedSettings(withoutPayload(parseJson(json, file)), file, bytes);
  }
  return null;
}

/** The whole file, opened once and judged as opened; null: there is none. */
async function readSafe(file: string, { top, owners }: ManagedFacts): Promise<Buffer | null> {
  const trusted = await owners();
  for (const folder of foldersAbove(file, top)) {
    const found = await lstat(folder).catch(orMissing);
    if (found === null) return null;
    // check: managed-folder-link
    if (!found.isDirectory()) throw unsafe('link', `${folder} is a link or a file.`);
    // end check
    requireSafe(folder, found, trusted);
  }
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP' || error.code === 'EMLINK') throw unsafe('link', `${file} is a link.`);
    return orMissing(error);
  });
  if (handle === null) return null;
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw unsafe('kind', `${file} is not a plain file.`);
    requireSafe(file, found, trusted);
    // check: managed-file-size
    if (found.size > LARGEST_BYTES) throw invalid('size', file, `It is larger than ${LARGEST_BYTES / 1024} KiB`);
    // end check
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** From `top` down: what is beneath a folder that is safe was put there by whoever may. */
function foldersAbove(file: string, top: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === top || folder === dirname(folder)) return folders;
  }
}

function requireSafe(name: string, { uid, mode }: Stats, trusted: readonly number[]): void {
  // check: managed-owner
  if (!trusted.includes(uid)) throw unsafe('owner', `${name} belongs to user ${uid}.`);
  // end check
  // check: managed-mode
  if ((mode & 0o022) !== 0) throw unsafe('mode', `Others can write ${name}; close it with chmod go-w.`);
  // end check
}

const WINDOWS_KEY = 'HKEY_LOCAL_MACHINE\\Software\\Policies\\Lakepass';

async function readRegistry({ run }: ManagedFacts): Promise<ManagedSettings | null> {
  // By its whole path: the PATH is the person's.
  const printed = await run('C:\\Windows\\System32\\reg.exe', ['query', WINDOWS_KEY, '/s', '/reg:64'], Buffer.alloc(0));
  return printed === null ? null : managedSettings(parseRegistry(printed), WINDOWS_KEY, Buffer.from(printed));
}

/**
 * What `reg query KEY /s` prints, as the JSON file would have it: `managedBy`, `bundleUrl` and `signingKey` of the key itself, and a key
 * each for the settings beneath `settings`. Names of keys and values have no case in Windows.
 *
 * @throws AppError MANAGED_SETTINGS_INVALID: a line that is no key and no text, or a key that is not known here
 */
export function parseRegistry(printed: string): unknown {
  const read: Record<string, unknown> = {};
  const settings: Record<string, Record<string, string>> = {};
  let into: Record<string, unknown> | null = null;
  for (const line of printed.split(/\r?\n/).filter((each) => each.trim() !== '')) {
    if (/^HKEY_/i.test(line)) {
      into = sectionOf(line.trimEnd());
      continue;
    }
    const [, name, value] = /^ {4}(\S+) {4}REG_(?:EXPAND_)?SZ {4}(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined || into === null) throw invalid('syntax', WINDOWS_KEY, 'A value is not text');
    // A field of the policy that was left empty.
    if (value !== '') into[spelled(name)] = value;
  }
  return { ...read, settings };

  function sectionOf(key: string): Record<string, unknown> {
    const beneath = key.slice(WINDOWS_KEY.length);
    if (key.slice(0, WINDOWS_KEY.length).toLowerCase() !== WINDOWS_KEY.toLowerCase() || !/^(\\[^\\]+)*$/.test(beneath))
      throw invalid('syntax', WINDOWS_KEY, 'Another key was read');
    const [, first, name, ...more] = beneath.split('\\');
    if (first === undefined) return read;
    if (first.toLowerCase() !== 'settings' || more.length > 0) throw invalid('key', WINDOWS_KEY, 'A key beneath it is not known');
    // The key of all settings holds keys alone; a value in it is refused by the schema.
    if (name === undefined) return settings as Record<string, unknown>;
    const section: Record<string, string> = {};
    settings[spelled(name)] = section;
    return section;
  }
}

const known = new Map(
  [...Object.keys(managedSettingsSchema.shape), ...Object.keys(settingsSchema.shape), 'value', 'mode'].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);
function spelled(name: string): string {
  const found = known.get(name.toLowerCase());
  if (found === undefined) throw invalid('key', WINDOWS_KEY, 'A name in it is not known');
  return found;
}

/** A profile of macOS brings keys of its own. */
const withoutPayload = (read: unknown): unknown =>
  typeof read === 'object' && read !== null && !Array.isArray(read)
    ? Object.fromEntries(Object.entries(read).filter(([key]) => !key.startsWith('Payload')))
    : read;

function parseJson(json: string, source: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // What a parser says of the text repeats it.
    throw invalid('syntax', source, 'It is no JSON');
  }
}

function managedSettings(read: unknown, source: string, bytes: Buffer): ManagedSettings {
  const parsed = managedSettingsSchema.safeParse(read);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: 'It is not as it should be' };
    throw invalid('shape', source, `${path.map(String).join('.')}: ${message}`.replace(/^: /, '').slice(0, 200));
  }
  const { managedBy, bundleUrl, signingKey, settings } = parsed.data;
  return {
    ...{ managedBy, settings, source, hash: createHash('sha256').update(bytes).digest('hex') },
    invitation: bundleUrl === undefined || signingKey === undefined ? null : { url: bundleUrl, thumbprint: signingKey },
  };
}

function orMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw new AppError('MANAGED_SETTINGS_INVALID', { reason: 'system', detail: `It cannot be read (${error.code}).`, cause: error });
}

const unsafe = (reason: 'owner' | 'mode' | 'link' | 'kind', detail: string) => new AppError('MANAGED_SETTINGS_UNSAFE', { reason, detail });
const invalid = (reason: 'size' | 'syntax' | 'key' | 'shape', source: string, what: string) =>
  new AppError('MANAGED_SETTINGS_INVALID', { reason, detail: `${source}: ${what}.` });
