/** One section of a Databricks profile file put in place of what it was, and nothing else touched; and the difference as people see it. */
import { AppError } from '../app-error.ts';
import { bytesOf, indentOf, type Line, type Lines, textOf } from './lines.ts';

export interface DiffLine {
  line: string;
  change: 'same' | 'added' | 'removed';
}

export interface SectionView {
  name: string;
  host: string | null;
  /** How it signs in, such as `pat`. */
  auth: string;
  ours: boolean;
}

type Change = DiffLine['change'];
interface Changed {
  line: Line;
  change: Change;
}

/** How many lines around the change are shown. */
const AROUND = 3;
const LONGEST = 200;
const widest = 'metadata_service_url'.length;
/** Databricks keeps its own settings there; it is no profile. */
const SETTINGS = '__settings__';
const grantUrl = /^http:\/\/127\.0\.0\.1:\d{1,5}\/v1\/metadata\/[A-Za-z0-9_-]+$/;

export const isGrantUrl = (text: string): boolean => grantUrl.test(text);

/**
 * The lines with the section as given. Its header, comments and the blank lines around it stay as they are; its keys go, known or not.
 *
 * @param keys in order; keys and values must be plain words
 * @throws AppError DATABRICKSCFG_INVALID: programs read the file in two ways, so that the change could take another section along
 */
export function putSection(
  { mark, lines }: Lines,
  name: string,
  keys: readonly (readonly [string, string])[],
): { bytes: Buffer; changed: Changed[] } {
  refuseTwoReadings(lines, name);
  const end = lines.find((line) => line.end !== '')?.end ?? '\n';
  const at = lines.findIndex(({ kind, section }) => kind === 'header' && section === name);
  const next = at < 0 ? undefined : lines.slice(at + 1).find(({ kind }) => kind === 'header');
  // A header that stands deeper than the option above it would go on with its value.
  const indent = next === undefined ? '' : indentOf(next.raw);
  const ours = keys.map(([key, value]): Changed => {
    const raw = Buffer.from(`${indent}${key.padEnd(widest)} = ${value}`, 'utf8').toString('latin1');
    return { line: { raw, end, kind: 'option', section: name, key, value }, change: 'added' };
  });
  const changed = at < 0 ? appended(lines, name, ours, end) : replaced(lines, at, ours, end);
  const left = changed.filter(({ change }) => change !== 'removed').map(({ line }) => line);
  return { bytes: bytesOf({ mark, lines: left }), changed };
}

function appended(lines: readonly Line[], name: string, ours: readonly Changed[], end: Line['end']): Changed[] {
  const plain = { end, section: name, key: null, value: null };
  const header: Changed = { line: { ...plain, raw: `[${name}]`, kind: 'header' }, change: 'added' };
  const gap: Changed = { line: { ...plain, raw: '', kind: 'blank', section: null }, change: 'added' };
  const last = lines.at(-1);
  const kept = withEnd(lines, lines.length - 1, end).map((line): Changed => ({ line, change: 'same' }));
  return [...kept, ...(last === undefined || last.kind === 'blank' ? [] : [gap]), header, ...ours];
}

function replaced(lines: readonly Line[], at: number, ours: readonly Changed[], end: Line['end']): Changed[] {
  const name = lines[at]?.section;
  const goes = (line: Line): boolean => line.section === name && ['option', 'more', 'orphan'].includes(line.kind);
  const above = lastTold(lines, goes);
  const below = lastTold(lines.toReversed(), goes).reverse();
  const all = withEnd(lines, at, end).map((line, index): Changed => {
    const isGap = line.kind === 'blank' && line.section === name && above[index] === true && below[index] === true;
    return { line, change: goes(line) || isGap ? 'removed' : 'same' };
  });
  return [...all.slice(0, at + 1), ...ours, ...all.slice(at + 1)];
}

/** For each line, whether the last one before it that is not blank goes. */
function lastTold(lines: readonly Line[], goes: (line: Line) => boolean): boolean[] {
  let last = false;
  return lines.map((line) => {
    const before = last;
    if (line.kind !== 'blank') last = goes(line);
    return before;
  });
}

/** A last line without an end gets one where something is to follow it. */
const withEnd = (lines: readonly Line[], at: number, end: Line['end']): Line[] =>
  lines.map((line, index) => (index === at && line.end === '' ? { ...line, end } : line));

function refuseTwoReadings(lines: readonly Line[], name: string): void {
  // Go's SDK takes an indented header for a header, Python's for a value; each would see another section changed.
  const doubtful = lines.findIndex(({ kind, raw }) => kind === 'more' && /^\s*\[.+\]/.test(textOf(raw)));
  // check: databrickscfg-two-readings
  if (doubtful >= 0)
    throw new AppError('DATABRICKSCFG_INVALID', {
      reason: 'indented',
      detail: `Line ${doubtful + 1} begins a section for some programs and goes on with a value for others; take its indentation away.`,
    });
  // end check
  const headers = lines.flatMap(({ kind, section }, index) => (kind === 'header' && section === name ? [index + 1] : []));
  // check: databrickscfg-section-once
  if (name !== 'DEFAULT' && headers.length > 1)
    throw new AppError('DATABRICKSCFG_INVALID', {
      reason: 'twice',
      detail: `The section stands in lines ${headers.join(', ')}; keep one of them.`,
    });
  // end check
}

/** The profiles of the file, without their secrets. */
export function sectionsOf({ lines }: Lines): SectionView[] {
  return [...keysOf(lines)]
    .filter(([name]) => name !== SETTINGS)
    .map(([name, keys]) => {
      const host = keys.get('host');
      return { name: shown(name), host: host === undefined ? null : safeHost(host), auth: authOf(keys), ours: isGrantUrl(urlIn(keys)) };
    });
}

/** The grant URLs that sections of ours hold, by section. They are secrets. */
export function grantUrlsOf({ lines }: Lines): Map<string, string> {
  return new Map([...keysOf(lines)].map(([name, keys]) => [name, urlIn(keys)] as const).filter(([, url]) => isGrantUrl(url)));
}

const urlIn = (keys: ReadonlyMap<string, string>): string => keys.get('metadata_service_url') ?? '';

/** The keys of each section, in the order in which they begin. Where a key stands twice the last one counts, as in Go. */
function keysOf(lines: readonly Line[]): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  for (const { kind, section, key, value } of lines) {
    if (section === null) continue;
    const keys = sections.get(section) ?? new Map<string, string>();
    sections.set(section, keys);
    if (kind === 'option') keys.set(key ?? '', value ?? '');
  }
  return sections;
}

const signs: readonly [string, string][] = [
  ['metadata_service_url', 'metadata-service'],
  ['token', 'pat'],
  ['password', 'basic'],
  ['client_secret', 'oauth-m2m'],
  ['azure_client_secret', 'azure-client-secret'],
  ['azure_use_msi', 'azure-msi'],
  ['google_credentials', 'google-credentials'],
  ['google_service_account', 'google-id'],
];

function authOf(keys: ReadonlyMap<string, string>): string {
  const said = keys.get('auth_type');
  if (said !== undefined) return /^[a-z0-9-]{1,40}$/.test(said) ? said : 'unknown';
  return signs.find(([key]) => keys.has(key))?.[1] ?? 'unknown';
}

/** Without what people sometimes leave in an address: a user name, a password, a query. */
function safeHost(host: string): string | null {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(host) ? host : `https://${host}`;
  if (!URL.canParse(address)) return null;
  const { protocol, host: name } = new URL(address);
  return shown(`${protocol}//${name}`);
}

/** Keys whose values are no secrets, for the section that is replaced. */
const plainKeys: ReadonlySet<string> = new Set([
  ...['auth_type', 'account_id', 'workspace_id', 'cluster_id', 'warehouse_id', 'serverless_compute_id', 'scopes', 'cloud'],
  ...['azure_environment', 'azure_use_msi', 'azure_tenant_id'],
]);

/**
 * The change with a few lines around it. Values stand as `…`, but for those of the section itself that are no secrets; so do comments,
 * which may hold what was commented out.
 */
export function diffOf(changed: readonly Changed[], name: string): DiffLine[] {
  const near = (index: number): boolean =>
    changed.slice(Math.max(0, index - AROUND), index + AROUND + 1).some(({ change }) => change !== 'same');
  return changed.filter((_, index) => near(index)).map(({ line, change }) => ({ line: maskedLine(line, name), change }));
}

function maskedLine(line: Line, name: string): string {
  const { kind, raw, section, key, value } = line;
  if (kind === 'blank') return '';
  if (kind === 'header') return shown(textOf(raw));
  if (kind !== 'option') return kind === 'comment' ? `${/[#;]/.exec(raw)?.[0] ?? '#'} …` : '  …';
  let told = '…';
  if (section === name) told = toldValue(key ?? '', value ?? '');
  return shown(`${(key ?? '').padEnd(widest)} = ${told}`);
}

function toldValue(key: string, value: string): string {
  if (key === 'host') return safeHost(value) ?? '…';
  if (key === 'metadata_service_url' && isGrantUrl(value)) return value.replace(/[^/]+$/, '…');
  return plainKeys.has(key) && /^[\w.:,@ -]{0,100}$/.test(value) ? value : '…';
}

/** Nothing that moves a cursor, turns the reading direction or hides. */
const shown = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd').slice(0, LONGEST);
