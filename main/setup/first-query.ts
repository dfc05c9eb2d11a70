/**
 * The first query: a sample notebook in a real kernel where a Python for it is found, else one SQL call of our own. Either gets a grant as
 * any other program does: policy decides, a person is asked, and it ends with the query. One runs at a time.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { type grantRequestSchema, type tokenRequestSchema, tokenSchema } from '../../preload/contract/control.ts';
import type { QueryView } from '../../preload/contract/setup.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { Caller, Callers } from '../caller/caller.ts';
import { environmentFor } from '../cli/environment.ts';
import { runStatement } from '../databricks/sql-statement.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Lock } from '../lock/lock.ts';
import type { Clock, Log } from '../ports.ts';
import { Secret } from '../secret.ts';
import { minutes } from '../units.ts';
import { userAgentOf } from '../user-agent.ts';
import { startKernelRun } from './kernel-run.ts';
import type { PythonSearch } from './pythons.ts';
import { notebookText, statement } from './sample-notebook.ts';

export interface FirstQuery {
  view(): QueryView;
  /** Begins, or leaves one that is under way as it is. Resolves before a person is asked. @throws AppError PROFILE_* | WORKSPACE_UNKNOWN | CONFIG_MISSING */
  start(where: Where): Promise<QueryView>;
  /** Ends what is under way, and with it its grant and its child. */
  cancel(why: AppError): Promise<void>;
}

export interface Where {
  profile: string | undefined;
  workspace: string | undefined;
}

export interface QueryParts {
  /** A folder of ours. */
  folder: string;
  search: () => Promise<PythonSearch>;
  /** The profile and the workspace that are meant. @throws AppError PROFILE_* | WORKSPACE_UNKNOWN | CONFIG_MISSING */
  resolve: (where: Where) => { profile: string; workspace: string };
  /** As `GrantMaking.make`. */
  make: (
    request: z.output<typeof grantRequestSchema>,
    by: Caller,
    waiting: { tell: () => void; signal: AbortSignal },
  ) => Promise<{ grant: Grant; secret: Secret }>;
  grants: Pick<Grants, 'end' | 'onEnd'>;
  grantUrl: (secret: Secret) => string;
  /** As `Agent.token`. */
  token: (request: z.output<typeof tokenRequestSchema>, by: Caller) => Promise<unknown>;
  inspect: Callers['inspect'];
  lock: Pick<Lock, 'onChange'>;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  random: (bytes: number) => Buffer;
  log: Log;
  changed: () => void;
  /** Told once one has gone well. */
  onDone: () => void;
}

/** One attempt, from the question to its result. */
interface Attempt {
  readonly abort: AbortController;
  over: Promise<void>;
  grant: string | null;
}

type Result = { columns: string[]; rows: string[][] };
const scopes = ['sql'];
const nothing: Pick<QueryView, 'columns' | 'rows' | 'tookMs' | 'failure'> = { columns: [], rows: [], tookMs: null, failure: null };

export function createFirstQuery(parts: QueryParts): FirstQuery {
  const { grants, clock } = parts;
  const file = join(parts.folder, 'lakepass-sample.ipynb');
  let attempt: Attempt | undefined;
  let view: QueryView = { ...nothing, state: 'idle', how: 'sql', because: 'Nothing has been tried yet.', notebook: null, statement };

  // A sign-out ends the grants; whatever uses one is over then, too.
  grants.onEnd(({ id }) => {
    if (attempt?.grant === id) void cancel(new AppError('GRANT_REVOKED', { detail: 'The grant of the query was ended.' }));
  });
  parts.lock.onChange((state) => (state === 'locked' ? cancel(new AppError('LOCKED')) : undefined));

  function show(changes: Partial<QueryView>): void {
    view = { ...view, ...changes };
    parts.changed();
  }

  async function cancel(why: AppError): Promise<void> {
    attempt?.abort.abort(why);
    await attempt?.over;
  }

  async function run(
    own: Attempt,
    how: QueryView['how'],
    python: string | null,
    where: { profile: string; workspace: string },
  ): Promise<void> {
    try {
      const result = how === 'notebook' && python !== null ? await byNotebook(own, python, where) : await bySql(own, where);
      show({ state: 'done', ...result.table, tookMs: result.tookMs });
      parts.onDone();
    } catch (error) {
      const failure = own.abort.signal.aborted ? asAppError(own.abort.signal.reason) : asAppError(error);
      if (failure.code === 'INTERNAL') parts.log('setup.query-failed', { error: error instanceof Error ? error.name : 'unknown' });
      show({ state: 'failed', failure: failure.toFailure() });
    } finally {
      attempt = undefined;
      if (own.grant !== null)
        await grants
          .end(own.grant, 'run-ended')
          .catch((error: unknown) => parts.log('setup.grant-not-ended', { code: asAppError(error).code }));
    }
  }

  async function grantFor(
    own: Attempt,
    by: Caller,
    where: { profile: string; workspace: string },
    label: string,
  ): Promise<{ grant: Grant; secret: Secret }> {
    const request = { ...where, scopes, binding: 'run' as const, label, program: undefined, seconds: undefined };
    const made = await parts.make(request, by, { tell: () => undefined, signal: own.abort.signal });
    own.grant = made.grant.id;
    requireWanted(own);
    show({ state: 'running' });
    return made;
  }

  /** The Python waits for its task while the person is asked about it: it is the program that will have the token. */
  async function byNotebook(
    own: Attempt,
    python: string,
    where: { profile: string; workspace: string },
  ): Promise<{ table: Result; tookMs: number }> {
    await writeNotebook();
    const child = await startKernelRun({ python, folder: parts.folder, clock });
    const stop = (): void => void child.end(asAppError(own.abort.signal.reason));
    own.abort.signal.addEventListener('abort', stop, { once: true });
    try {
      requireWanted(own);
      const { grant, secret } = await grantFor(own, await callerOf(child.pid), where, 'sample notebook');
      const began = clock.elapsed();
      const table = await child.run(environmentFor(grant.workspace, parts.grantUrl(secret)));
      return { table, tookMs: Math.round(clock.elapsed() - began) };
    } finally {
      own.abort.signal.removeEventListener('abort', stop);
      await child.end();
    }
  }

  async function bySql(own: Attempt, where: { profile: string; workspace: string }): Promise<{ table: Result; tookMs: number }> {
    const self = await callerOf(process.pid);
    // Nobody gets the address of this grant: the token is taken the way `lakepass token` takes one, with every check of it.
    const { grant } = await grantFor(own, self, where, 'first query of Lakepass');
    const printed = tokenSchema.parse(await parts.token({ ...where, scopes }, self));
    requireWanted(own);
    const { tookMs, ...table } = await runStatement(parts, {
      ...{ workspace: grant.workspace, token: new Secret(printed.access_token), statement },
      ...{ userAgent: userAgentOf(), within: minutes(5), signal: own.abort.signal },
    });
    return { table, tookMs };
  }

  async function callerOf(pid: number): Promise<Caller> {
    const caller = await parts.inspect(pid);
    if (caller === null) throw new AppError('CALLER_UNPROVEN', { reason: 'process' });
    return caller;
  }

  /** Anew each time: the person may have changed their copy. */
  async function writeNotebook(): Promise<void> {
    await mkdir(parts.folder, { recursive: true, mode: 0o700 });
    const temporary = `${file}.${parts.random(8).toString('hex')}.tmp`;
    try {
      await writeFile(temporary, notebookText(), { mode: 0o600, flag: 'wx' });
      await rename(temporary, file);
    } catch (cause) {
      throw new AppError('DISK_FULL', { reason: 'state', cause });
    }
  }

  return {
    view: () => view,
    async start(where) {
      if (attempt !== undefined) return view;
      const resolved = parts.resolve(where);
      const own: Attempt = { abort: new AbortController(), over: Promise.resolve(), grant: null };
      attempt = own;
      try {
        const { python, why } = await parts.search();
        const how = python === null ? 'sql' : 'notebook';
        const because =
          python === null ? `Lakepass asks by itself: ${why ?? ''}` : `Python ${python.version} at ${python.path} can run notebooks.`;
        requireWanted(own);
        show({ ...nothing, state: 'asking', how, because, notebook: python === null ? null : file });
        own.over = run(own, how, python?.path ?? null, resolved);
      } catch (error) {
        attempt = undefined;
        throw error;
      }
      return view;
    },
    cancel,
  };
}

function requireWanted({ abort: { signal } }: Attempt): void {
  if (signal.aborted) throw asAppError(signal.reason);
}
