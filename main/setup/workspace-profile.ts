/** A profile made of a workspace's address alone: its text, and its place in a configuration file whose other bytes stay as they are. */
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parseDocument } from 'yaml';
import { AppError } from '../app-error.ts';
import { resolveScopes } from '../databricks/scopes.ts';
import { readConfig } from '../profile/load-config.ts';
import type { Config, Profile } from '../profile/profile.ts';
import { workspaceIssuer } from '../profile/profile-rules.ts';
import { originOf, quoted, shortName } from './profile-words.ts';

export interface WorkspaceProfile {
  /** As a person types it, or copies it from the address bar. */
  workspace: string;
  /** Made of the host's first word where it is left out. */
  name?: string | undefined;
  /** Bundles or scopes; none: everything the person may do. */
  scopes: readonly string[];
  /** A custom OAuth app instead of Databricks' own public client, with the one port of its redirect. */
  app?: { clientId: string; redirectPort: number } | undefined;
  test: boolean;
}

/** Databricks' own public client, whose redirects the preset knows. */
export const builtInClient = 'databricks-cli';

/** What the sign-in asks for, in the words of the workspace. @throws AppError SCOPE_UNKNOWN */
export const scopesAskedFor = (words: readonly string[]): string[] => [
  ...(words.length === 0 ? ['all-apis'] : resolveScopes(words)),
  'offline_access',
];

/** @throws AppError INPUT_INVALID (reason 'workspace'): it is no address */
export function hostOf({ workspace }: Pick<WorkspaceProfile, 'workspace'>): string {
  const origin = originOf(workspace);
  if (!/^https?:\/\/[^\s/@]+$/.test(origin) || !URL.canParse(origin))
    throw new AppError('INPUT_INVALID', { reason: 'workspace', detail: 'Write its address, such as https://acme.cloud.databricks.com.' });
  return origin;
}

/** The profile in use that such a request is about, where there is one already. */
export function profileFor(wanted: WorkspaceProfile, profiles: Iterable<Profile>): Profile | undefined {
  const host = hostOf(wanted);
  const here = [...profiles].filter(
    ({ workspaces, name }) => workspaces.some((each) => each.host === host) && (wanted.name ?? name) === name,
  );
  const isPlain = wanted.scopes.length === 0 && wanted.app === undefined;
  if (isPlain && here.length <= 1) return here[0];
  const asked = scopesAskedFor(wanted.scopes).sort();
  const clientId = wanted.app?.clientId ?? builtInClient;
  return here.find(
    ({ idp }) => idp.preset === 'databricks' && idp.clientId === clientId && isDeepStrictEqual([...idp.scopes].sort(), asked),
  );
}

/** A name that nothing has yet. @throws AppError INPUT_INVALID (reason 'name'): the one that was wished for is taken */
export const nameFor = (wanted: WorkspaceProfile, taken: ReadonlySet<string>): string =>
  freeName(wanted.name, shortName(hostOf(wanted)), taken);

/**
 * The name that was wished for, or one made of `stem`.
 *
 * @throws AppError INPUT_INVALID (reason 'name'): the one that was wished for is taken
 */
export function freeName(wished: string | undefined, stem: string, taken: ReadonlySet<string>): string {
  if (wished !== undefined) {
    if (taken.has(wished))
      throw new AppError('INPUT_INVALID', { reason: 'name', detail: `There is something of the name "${wished}" already.` });
    return wished;
  }
  const short = stem.slice(0, 36);
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? short : `${short}-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** The lines of the profile, the first of them without indentation. What the preset says by itself is not said again. */
export function workspaceProfileLines(name: string, wanted: WorkspaceProfile): string[] {
  const host = hostOf(wanted);
  const { app, scopes, test } = wanted;
  return [
    `${name}:`,
    ...(test ? ['  test: true'] : []),
    '  idp:',
    '    preset: databricks',
    `    issuer: ${quoted(workspaceIssuer(host))}`,
    ...(app === undefined
      ? []
      : [`    clientId: ${quoted(app.clientId)}`, `    redirect: { host: localhost, path: "", ports: [${app.redirectPort}] }`]),
    ...(scopes.length === 0 ? [] : [`    scopes: [${scopesAskedFor(scopes).join(', ')}]`]),
    '  workspaces:',
    `    - name: ${shortName(host)}`,
    `      host: ${quoted(host)}`,
  ];
}

/** A whole file with this one profile. */
export const wholeConfig = (lines: readonly string[]): string =>
  [
    '# Written by Lakepass in its first steps; README says what else can stand here.',
    'version: 1',
    'profiles:',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n');

export const workspaceConfigText = (name: string, wanted: WorkspaceProfile): string => wholeConfig(workspaceProfileLines(name, wanted));

/** The profile of a workspace, added to a file as `withLines` does. */
export const withProfile = (bytes: Buffer, file: string, name: string, wanted: WorkspaceProfile): Buffer =>
  withLines(bytes, file, name, workspaceProfileLines(name, wanted));

/**
 * The file with one more profile, behind the others. Nothing else of it changes, not a byte; what the result says is compared with what the
 * file said before.
 *
 * @throws AppError CONFIG_EXISTS (reason 'shape'): it is written in a way that takes no further profile; the detail says what to add
 * @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP: what would come out cannot be used
 */
export function withLines(bytes: Buffer, file: string, name: string, added: readonly string[]): Buffer {
  const text = bytes.toString('utf8');
  const { at, indent } = placeFor(text) ?? refuseShape(file, added);
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = added.map((line) => `${indent}${line}${eol}`);
  const head = text.slice(0, at);
  const before = head === '' || head.endsWith('\n') ? '' : eol;
  const result = Buffer.from(`${head}${before}${lines.join('')}${text.slice(at)}`, 'utf8');
  const after = readConfig(result, file);
  // Bytes that are no UTF-8 would come back as others.
  // check: config-add-only
  if (!Buffer.from(text, 'utf8').equals(bytes) || !isSameButOne(readConfig(bytes, file), after, name)) refuseShape(file, added);
  // end check
  return result;
}

/** Behind the last profile; null where they do not stand one below the other. */
function placeFor(text: string): { at: number; indent: string } | null {
  const profiles = parseDocument(text).get('profiles', true);
  if (!isMap(profiles) || profiles.flow === true) return null;
  const [first] = profiles.items;
  const last = profiles.items.at(-1)?.value;
  if (!isScalar(first?.key) || !first.key.range || !isMap(last) || !last.range) return null;
  const [start] = first.key.range;
  const indent = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  if (!/^ +$/.test(indent)) return null;
  // The value ends with its own last line; where the file ends without one, nothing follows.
  const [, end] = last.range;
  const lineEnd = text.indexOf('\n', Math.max(0, end - 1));
  return { at: lineEnd === -1 ? text.length : lineEnd + 1, indent };
}

const isSameButOne = (before: Config, after: Config, name: string): boolean =>
  after.profiles.has(name) &&
  !before.profiles.has(name) &&
  isDeepStrictEqual({ ...before, profiles: null }, { ...after, profiles: null }) &&
  isDeepStrictEqual(before.profiles, new Map([...after.profiles].filter(([each]) => each !== name)));

function refuseShape(file: string, added: readonly string[]): never {
  const lines = withoutSecret(added).map((line) => `  ${line}`);
  throw new AppError('CONFIG_EXISTS', { reason: 'shape', detail: `Add this below \`profiles:\` in ${file}:\n${lines.join('\n')}` });
}

/** The lines as they may be shown. */
export const withoutSecret = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^( *clientSecret: ).*$/, '$1"…"'));
