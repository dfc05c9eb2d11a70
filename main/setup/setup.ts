/**
 * The first minutes: a profile, a Databricks profile for other programs, and a query that works. Signing in and the first key are done
 * elsewhere; this says which of the five is next.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { grantRequestSchema } from '../../preload/contract/control.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import type { DefaultView, defaultRequestSchema, SetupStep, SetupView } from '../../preload/contract/setup.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { type DatabricksFile, findDatabricksFile, openDatabricksFile, type Plan } from '../databrickscfg/databricks-file.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { Places } from '../places.ts';
import { workspaceOf } from '../profile/load-config.ts';
import type { Profile } from '../profile/profile.ts';
import type { Secret } from '../secret.ts';
import { createFirstQuery, type QueryParts, type Where } from './first-query.ts';
import { beginWith, configText } from './new-profile.ts';
import { candidatesIn, createPythonSearch, type PythonSearch } from './pythons.ts';

export type SetupCall = 'setup' | 'setup/profile' | 'setup/default' | 'setup/default/write' | 'setup/default/undo' | 'setup/query';

export interface Setup {
  readonly calls: Pick<UiAgent, SetupCall>;
  /** Ends a query that is under way. */
  close(): Promise<void>;
}

export interface SetupParts extends Omit<QueryParts, 'folder' | 'search' | 'resolve' | 'grants' | 'onDone'> {
  places: Pick<Places, 'config' | 'state'>;
  /** Of this process: where Databricks' file and a Python may be. */
  env: NodeJS.ProcessEnv;
  home: string;
  /** Every profile that is in use now. */
  companies: () => readonly { profile: Profile; session: { view(): SessionView } }[];
  /** @throws AppError CONFIG_MISSING | PROFILE_NEEDED | PROFILE_UNKNOWN */
  company: (name: string | undefined) => { profile: Profile };
  /** As `GrantMaking.makeForFile`. */
  makeForFile: (request: Omit<z.output<typeof grantRequestSchema>, 'binding'>, by: Caller) => Promise<{ grant: Grant; secret: Secret }>;
  grants: Pick<Grants, 'find' | 'end' | 'onEnd'>;
  /** The broker's. */
  port: () => number;
  /** Whether whoever is signed in has a tap key. */
  hasKey: () => boolean;
  /** Takes a first configuration into use; false: there is, or was, one. @throws AppError CONFIG_* */
  adopt: () => Promise<boolean>;
  /** Instead of looking for one on this machine. */
  search?: () => Promise<PythonSearch>;
}

type DefaultRequest = z.output<typeof defaultRequestSchema>;

export function createSetup(parts: SetupParts): Setup {
  const { places, grants, clock } = parts;
  const search = parts.search ?? createPythonSearch({ candidates: () => candidatesIn(parts.env, parts.home), clock });
  const databricks = openDatabricksFile({
    file: findDatabricksFile(parts.env, parts.home, null),
    state: places.state,
    random: parts.random,
  });
  const doneFile = join(places.state, 'first-query');

  function resolve({ profile: name, workspace }: Where): { profile: string; workspace: string } {
    const { profile } = parts.company(name);
    // The first will do for a first query; what is written for others to use is named.
    return { profile: profile.name, workspace: workspaceOf(profile, workspace ?? profile.workspaces[0]?.name).host };
  }

  const query = createFirstQuery({ ...parts, folder: join(places.state, 'sample'), search, resolve, onDone: () => void rememberDone() });

  async function rememberDone(): Promise<void> {
    await writeFile(doneFile, 'done\n', { mode: 0o600 }).catch(() => parts.log('setup.not-remembered'));
  }

  const isDone = (): Promise<boolean> =>
    readFile(doneFile).then(
      () => true,
      () => false,
    );

  async function nextStep(sections: SetupView['databrickscfg']['sections']): Promise<SetupStep | null> {
    const companies = parts.companies();
    if (companies.length === 0) return 'profile';
    if (!companies.some(({ session }) => session.view().phase === 'signed-in')) return 'sign-in';
    if (!parts.hasKey()) return 'key';
    if (!(await hasLiveSection(sections))) return 'default';
    return query.view().state === 'done' || (await isDone()) ? null : 'query';
  }

  /** One of ours whose grant still lives. */
  async function hasLiveSection(sections: SetupView['databrickscfg']['sections']): Promise<boolean> {
    if (!sections.some(({ ours }) => ours)) return false;
    return (await databricks.grantUrls()).some((url) => grants.find(url.split('/').at(-1) ?? '')?.state === 'live');
  }

  /** A file that cannot be used is no reason to show nothing; why is said by whatever is tried with it. */
  async function lookAtFile(): Promise<SetupView['databrickscfg']> {
    const { file } = databricks;
    try {
      return { file, ...(await databricks.look()) };
    } catch (error) {
      if (asAppError(error).code === 'INTERNAL') throw error;
      return { file, exists: true, sections: [], canUndo: false };
    }
  }

  async function view(): Promise<SetupView> {
    const [databrickscfg, { python, why }] = await Promise.all([lookAtFile(), search()]);
    const next = await nextStep(databrickscfg.sections);
    return { next, configFile: places.config, databrickscfg, python, why, query: query.view() };
  }

  async function plan({ profile: name, workspace, section }: DefaultRequest): Promise<{ plan: Plan; profile: Profile }> {
    const { profile } = parts.company(name);
    return { plan: await databricks.plan(section, workspaceOf(profile, workspace).host, parts.port()), profile };
  }

  async function shown(
    { file, section, diff, digest, was }: Pick<Plan, 'file' | 'section' | 'diff' | 'digest' | 'was'>,
    written: boolean,
  ): Promise<DefaultView> {
    const { canUndo } = await databricks.look();
    return { file, section, diff: [...diff], digest, written, canUndo, backup: was.bytes === null ? null : databricks.backup };
  }

  return {
    calls: {
      setup: view,

      async 'setup/profile'(request, by) {
        requireNoAiAgent(by);
        const text = configText(request, places.config);
        // What was approved once goes on holding although its file is gone.
        // check: setup-first-profile-only
        if (parts.companies().length > 0) throw new AppError('CONFIG_EXISTS', { reason: 'in-use' });
        // end check
        await beginWith(places.config, text, parts.random(8).toString('hex'), parts.adopt);
        parts.changed();
        return view();
      },

      'setup/default': async (request) => shown((await plan(request)).plan, false),

      async 'setup/default/write'(request, by) {
        requireNoAiAgent(by);
        const { plan: planned, profile } = await plan(request);
        // check: setup-write-as-shown
        if (planned.digest !== request.digest)
          throw new AppError('DATABRICKSCFG_CHANGED', { reason: 'shown', detail: `It is ${planned.file}.` });
        // end check
        const { grant, secret } = await parts.makeForFile(
          {
            ...{ profile: profile.name, workspace: planned.host, scopes: request.scopes, label: `profile ${planned.section}` },
            ...{ program: undefined, seconds: undefined },
          },
          by,
        );
        await writeOrEnd(databricks, planned, { id: grant.id, url: parts.grantUrl(secret) }, () => grants.end(grant.id, 'revoked'));
        parts.changed();
        return shown(planned, true);
      },

      async 'setup/default/undo'(_, by) {
        requireNoAiAgent(by);
        const { file, section, diff, grant } = await databricks.undo();
        // The section is gone, and with it the only place its address was written to.
        await grants.end(grant, 'revoked');
        parts.changed();
        return { file, section, diff: [...diff], digest: null, written: true, canUndo: false, backup: null };
      },

      'setup/query'({ start, profile, workspace }, by) {
        if (!start) return query.view();
        requireNoAiAgent(by);
        return query.start({ profile, workspace });
      },
    },

    close: () => query.cancel(new AppError('AGENT_NOT_RUNNING')),
  };
}

/** What is done here is done in the name of Lakepass: an AI agent that drives the page would be asked about under that name, not its own. */
function requireNoAiAgent(by: Caller): void {
  // check: setup-no-ai-agent
  if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
  // end check
}

/** A grant whose address could not be written down is of no use to anybody. */
export async function writeOrEnd(
  file: DatabricksFile,
  plan: Plan,
  grant: { id: string; url: string },
  end: () => Promise<unknown>,
): Promise<string | null> {
  try {
    return await file.write(plan, grant);
  } catch (error) {
    await end();
    throw error;
  }
}
