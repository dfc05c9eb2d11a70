/**
 * Databricks' own profile file, `~/.databrickscfg`: what is in it, a section of ours written into it, and that taken back. It is shared
 * with every other tool, so no byte outside that section ever changes, and what was there is kept.
 */
import { isAbsolute, join, resolve } from 'node:path';
import { AppError } from '../app-error.ts';
import { readLines, unreadableForPython } from './lines.ts';
import { digestOf, type OwnFile, readOwn, replaceOwn } from './own-file.ts';
import { type DiffLine, diffOf, grantUrlsOf, isGrantUrl, putSection, type SectionView, sectionsOf } from './section.ts';
import { openUndoStore } from './undo-store.ts';

/** What writing would change. */
export interface Plan {
  /** Where the file really lies. */
  readonly file: string;
  readonly section: string;
  readonly host: string;
  readonly diff: readonly DiffLine[];
  /** Why Python's SDK reads nothing of the file, before or after; null where it does. */
  readonly unreadable: string | null;
  /** Names this change and no other: where the file lies, every byte of it, and what it would become with a stand-in for the grant. */
  readonly digest: string;
  /** The file as it was when this was made. */
  readonly was: OwnFile;
}

export interface DatabricksFile {
  /** As it is named, links not followed. */
  readonly file: string;
  /** @throws AppError DATABRICKSCFG_UNSAFE | DATABRICKSCFG_INVALID */
  look(): Promise<{ exists: boolean; sections: SectionView[]; canUndo: boolean }>;
  /** The grant URLs in sections of ours. They are secrets. @throws as `look` */
  grantUrls(): Promise<string[]>;
  /** @param url one that would be written; without it a stand-in is shown. @throws AppError INPUT_INVALID (`section`) | DATABRICKSCFG_UNSAFE | DATABRICKSCFG_INVALID */
  plan(section: string, host: string, port: number): Promise<Plan>;
  /**
   * Writes the section with this grant URL.
   * @returns where what was there before is kept; null: there was nothing
   * @throws AppError DATABRICKSCFG_CHANGED: the file is not what the plan was made for | DISK_FULL | as `plan`
   */
  write(plan: Plan, grant: { id: string; url: string }): Promise<string | null>;
  /**
   * Puts back what was there before the last change, to the byte.
   * @returns the change that was taken back, as a change, and the grant that was made for it
   * @throws AppError DATABRICKSCFG_NO_UNDO | DATABRICKSCFG_CHANGED: somebody has changed the file since
   */
  undo(): Promise<{ file: string; section: string; grant: string; diff: readonly DiffLine[] }>;
  /** Where it would be found, if there is one. */
  readonly backup: string;
}

/** The file that the SDKs use. A relative name counts from where a command was started; an agent was started nowhere. */
export function findDatabricksFile(env: NodeJS.ProcessEnv, home: string, from: string | null): string {
  const named = env['DATABRICKS_CONFIG_FILE'];
  if (named === undefined || named === '') return join(home, '.databrickscfg');
  if (named === '~' || named.startsWith('~/')) return join(home, named.slice(2));
  if (isAbsolute(named)) return named;
  return from === null ? join(home, '.databrickscfg') : resolve(from, named);
}

export function openDatabricksFile(parts: { file: string; state: string; random: (bytes: number) => Buffer }): DatabricksFile {
  const { file, random } = parts;
  const store = openUndoStore({ ...parts, digestOf });
  const unique = (): string => random(8).toString('hex');
  const linesIn = ({ bytes }: OwnFile) => readLines(bytes ?? Buffer.alloc(0));

  async function canUndo(now: OwnFile): Promise<boolean> {
    const kept = await store.facts();
    return kept !== null && kept.path === now.path && kept.after === digestOf(now.bytes);
  }

  return {
    file,
    backup: store.backup,
    async look() {
      const now = await readOwn(file);
      return { exists: now.bytes !== null, sections: sectionsOf(linesIn(now)), canUndo: await canUndo(now) };
    },
    grantUrls: async () => [...grantUrlsOf(linesIn(await readOwn(file))).values()],
    async plan(section, host, port) {
      requireName(section);
      const was = await readOwn(file);
      const { changed, bytes } = putSection(linesIn(was), section, keysFor(host, `http://127.0.0.1:${port}/v1/metadata/-`));
      const digest = digestOf(Buffer.from([was.path, digestOf(was.bytes), digestOf(bytes)].join('\n')));
      const unreadable = unreadableForPython(readLines(bytes));
      return { file: was.path, section, host, diff: diffOf(changed, section), unreadable, digest, was };
    },
    async write({ section, host, was }, { id, url }) {
      if (!isGrantUrl(url)) throw new Error('not a grant URL');
      const { bytes } = putSection(linesIn(was), section, keysFor(host, url));
      const facts = { path: was.path, section, grant: id, mode: was.mode, before: digestOf(was.bytes), after: digestOf(bytes) };
      await store.keep(facts, was.bytes);
      await replaceOwn(was, bytes, was.mode, unique());
      return was.bytes === null ? null : store.backup;
    },
    async undo() {
      const kept = await store.facts();
      if (kept === null) throw new AppError('DATABRICKSCFG_NO_UNDO');
      const now = await readOwn(file);
      // check: databrickscfg-undo-unchanged
      if (now.path !== kept.path || digestOf(now.bytes) !== kept.after)
        throw new AppError('DATABRICKSCFG_CHANGED', { reason: 'undo', detail: `What was there before is in ${store.backup}.` });
      // end check
      const before = await store.before();
      const { changed } = putSection(readLines(before ?? Buffer.alloc(0)), kept.section, keysIn(now, kept.section));
      await replaceOwn(now, before, kept.mode, unique());
      await store.forget();
      return { file: kept.path, section: kept.section, grant: kept.grant, diff: diffOf(changed, kept.section).map(turned) };
    },
  };
}

const turned = ({ line, change }: DiffLine): DiffLine => ({
  line,
  change: change === 'added' ? 'removed' : change === 'removed' ? 'added' : 'same',
});

const keysFor = (host: string, url: string): [string, string][] => [
  ['host', host],
  ['auth_type', 'metadata-service'],
  ['metadata_service_url', url],
];

const keysIn = ({ bytes }: OwnFile, section: string): [string, string][] =>
  readLines(bytes ?? Buffer.alloc(0)).lines.flatMap((line): [string, string][] =>
    line.kind === 'option' && line.section === section ? [[line.key ?? '', line.value ?? '']] : [],
  );

function requireName(section: string): void {
  // check: databrickscfg-name
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(section))
    throw new AppError('INPUT_INVALID', { reason: 'section', detail: 'Name the section with letters, digits, dots and dashes.' });
  // end check
}
