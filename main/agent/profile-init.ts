/**
 * `lakepass profiles init`: looks at a profile before it is written, writes it, and tries it once somebody is signed in. A token that is got
 * for the trial stays here.
 */
import type { z } from 'zod';
import type { FailureCode } from '../../preload/contract/failure.ts';
import type {
  ProfileDraft,
  ProfileInitRequest,
  ProfileTrial,
  profileInitAnswerSchema,
  profileTryRequestSchema,
} from '../../preload/contract/profile-init.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { unverifiedClaims } from '../databricks/jwt-claims.ts';
import { presets } from '../idp/presets.ts';
import type { Clock } from '../ports.ts';
import { readConfig } from '../profile/load-config.ts';
import type { Profile, Workspace } from '../profile/profile.ts';
import type { ProfileAdding } from '../setup/adding.ts';
import { type PolicyCommands, policyCommands } from '../setup/federation-policy.ts';
import { type Draft, draftProfile } from '../setup/profile-draft.ts';
import { wholeConfig, withoutSecret } from '../setup/workspace-profile.ts';
import { later, ms, seconds } from '../units.ts';
import type { Company } from './agent.ts';
import type { Doctor } from './doctor.ts';

export interface ProfileInit {
  /** Nothing is written. @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID | CONFIG_INVALID | CONFIG_PLAIN_HTTP */
  draftProfile(request: ProfileInitRequest, by: Caller): Promise<z.input<typeof profileInitAnswerSchema>>;
  /** @throws AppError as `ProfileAdding.add`; INPUT_INVALID where something is missing */
  addProfile(request: ProfileInitRequest, by: Caller): ReturnType<ProfileAdding['add']>;
  /** Asks every workspace of the profile for a token. @throws AppError CALLER_REFUSED (an AI agent) | PROFILE_UNKNOWN */
  tryProfile(request: z.output<typeof profileTryRequestSchema>, by: Caller): Promise<ProfileTrial>;
}

interface Parts {
  configFile: string;
  clock: Clock;
  companies: ReadonlyMap<string, Pick<Company, 'profile' | 'session' | 'tokens'>>;
  servicePrincipals: ReadonlyMap<string, unknown>;
  adding: Pick<ProfileAdding, 'add'>;
  doctor: Pick<Doctor, 'lookAtNew' | 'lookAtToken'>;
}

/** The one scope that every workspace knows, and an account. */
const trialScopes = (workspace: Workspace): readonly string[] => [workspace.accountId === undefined ? 'sql' : 'access-management'];
const TRIAL_LIMIT = seconds(20);

/** What a federation policy would mend. */
const aboutPolicy: readonly FailureCode[] = [
  'EXCHANGE_WRONG_AUDIENCE',
  'EXCHANGE_WRONG_ISSUER',
  'EXCHANGE_UNKNOWN_USER',
  'EXCHANGE_REFUSED',
];

export function createProfileInit({ configFile, clock, companies, servicePrincipals, adding, doctor }: Parts): ProfileInit {
  const inUse = (): Profile[] => [...companies.values()].map(({ profile }) => profile);

  async function lookAt(draft: Draft): Promise<ProfileDraft> {
    const found = draft.find(inUse());
    const name = found?.name ?? draft.nameAmong(new Set([...companies.keys(), ...servicePrincipals.keys()]));
    const lines = draft.lines(name);
    const profile = found ?? profileIn(lines, name);
    const { displayName, redirect } = presets[draft.preset];
    const { idp, workspaces } = profile;
    return {
      ...{ missing: null, state: found === undefined ? 'new' : 'in-use', profile: name },
      ...{ preset: draft.preset, displayName, because: draft.because, notes: [...draft.notes] },
      ...{ issuer: idp.issuer, clientId: idp.clientId, scopes: [...idp.scopes], workspaces: workspaces.map(({ host }) => host) },
      ...{ redirects: redirectsOf(profile), register: redirect.register },
      ...{ file: configFile, text: withoutSecret(lines).join('\n') },
      checks: (await doctor.lookAtNew(profile)).checks,
    };
  }

  async function tryAt({ tokens }: Pick<Company, 'tokens'>, workspace: Workspace): Promise<ProfileTrial['workspaces'][number]> {
    const { name, host } = workspace;
    try {
      await tokens.get({ workspace: host, scopes: trialScopes(workspace), deadline: later(clock.now(), TRIAL_LIMIT) });
      return { name, host, failure: null };
    } catch (error) {
      const failure = asAppError(error);
      if (failure.code === 'INTERNAL') throw error;
      return { name, host, failure: failure.toFailure() };
    }
  }

  return {
    async draftProfile(request, by) {
      requireNoAiAgent(by);
      const draft = draftProfile(request);
      return draft.missing === null ? lookAt(draft) : { ...draft, known: [...draft.known] };
    },

    async addProfile(request, by) {
      const draft = draftProfile(request);
      if (draft.missing !== null) throw new AppError('INPUT_INVALID', { reason: draft.missing, detail: `Name ${draft.what}.` });
      return adding.add(draft, by);
    },

    async tryProfile({ profile: name }, by) {
      requireNoAiAgent(by);
      const company = companies.get(name);
      if (company === undefined) throw new AppError('PROFILE_UNKNOWN');
      const { profile } = company;
      const workspaces = await Promise.all(profile.workspaces.map((workspace) => tryAt(company, workspace)));
      const { checks: claims } = await doctor.lookAtToken(name);
      const isRefused = workspaces.some(({ failure }) => failure !== null && aboutPolicy.includes(failure.code));
      const policy = isRefused && profile.tokens === 'exchange' ? await commandsFor(company) : null;
      return { profile: name, workspaces, claims, policy };
    },
  };
}

/** Whom to trust, and where requests go, is nothing that an AI agent says. */
function requireNoAiAgent(by: Caller): void {
  // check: profile-init-no-ai-agent
  if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
  // end check
}

/** @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP, with the line of the profile */
function profileIn(lines: readonly string[], name: string): Profile {
  const profile = readConfig(Buffer.from(wholeConfig(lines)), 'the new profile').profiles.get(name);
  if (profile === undefined) throw new Error('a draft is not in its own text');
  return profile;
}

/** Each address to the letter; where any port is taken, the one without. */
function redirectsOf({ idp: { redirect, preset } }: Profile): string[] {
  if (preset === 'databricks' || preset === 'google') return [];
  const { host, ports, path } = redirect;
  return ports.length === 0 ? [`http://${host}${path}`] : ports.map((port) => `http://${host}:${port}${path}`);
}

/** Of the token that was refused, as it was issued. */
async function commandsFor({ profile: { idp }, session }: Pick<Company, 'profile' | 'session'>): Promise<PolicyCommands | null> {
  const { jwt } = await session.subjectToken({ life: ms(0) });
  const { subjectClaim } = presets[idp.preset].exchange;
  return policyCommands(unverifiedClaims(jwt.reveal()), [idp.usernameClaim, subjectClaim, 'email', 'preferred_username', 'upn', 'sub']);
}
