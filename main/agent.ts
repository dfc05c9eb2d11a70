/**
 * The agent: what the doors ask for, said in the words of the nouns. It joins profiles, sessions, tokens and grants; it holds
 * no secret of its own and knows nothing of HTTP.
 */
import type { z } from 'zod';
import type { GrantNews, GrantView, StatusView, tokenRequestSchema } from '../preload/contract/control.ts';
import type { Failure } from '../preload/contract/failure.ts';
import type { SessionView } from '../preload/contract/session.ts';
import { AppError } from './app-error.ts';
import type { AuditLog } from './audit/event.ts';
import type { AuditRecord } from './audit/log.ts';
import type { Broker } from './broker/broker.ts';
import { fingerprintOf } from './broker/serving.ts';
import type { ControlledAgent } from './control/routes.ts';
import { cloudOf, resolveScopes } from './databricks/scopes.ts';
import type { Tokens } from './databricks/tokens.ts';
import type { Grant, Grants } from './grant/grants.ts';
import type { Clock, Keychain } from './ports.ts';
import { workspaceOf } from './profile/load-config.ts';
import type { Profile } from './profile/profile.ts';
import type { Session } from './session/session.ts';
import { type EpochMs, later, type Ms, remaining, seconds } from './units.ts';

/** How long the command line waits for a token before it is told why there is none. */
const tokenWait: Ms = seconds(20);

/** One profile at work. */
export interface Company {
  profile: Profile;
  session: Session;
  tokens: Tokens;
  /** What came of the last attempt to open the browser. */
  browser: () => Promise<'opened' | 'none'>;
}

interface Parts {
  version: string;
  startedAt: EpochMs;
  vault: Keychain['kind'];
  configFile: string;
  companies: ReadonlyMap<string, Company>;
  grants: Grants;
  broker: Pick<Broker, 'port' | 'grantUrl'>;
  audit: Pick<AuditLog, 'append'> & { tail(count: number): readonly AuditRecord[] | Promise<readonly AuditRecord[]>; folder: string };
  clock: Clock;
  /** What was wrong when the agent started: a corrupt file set aside, a port that was taken. */
  problems: readonly Failure[];
  stop: () => void;
}

export interface Agent extends ControlledAgent {
  /** The broker refused a grant: whoever follows it is told. */
  grantRefused(grant: string, failure: Failure): void;
}

export function createAgent(parts: Parts): Agent {
  const attempts = new Map<string, Promise<SessionView>>();
  const followers = new Map<string, Set<(news: GrantNews) => void>>();

  const company = (name: string | undefined): Company => {
    if (parts.companies.size === 0) throw new AppError('CONFIG_MISSING', { detail: `Expected at ${parts.configFile}.` });
    if (name === undefined && parts.companies.size > 1)
      throw new AppError('PROFILE_NEEDED', { detail: [...parts.companies.keys()].join(', ') });
    const found = name === undefined ? [...parts.companies.values()][0] : parts.companies.get(name);
    if (found === undefined) throw new AppError('PROFILE_UNKNOWN');
    return found;
  };

  /** Whoever signs in inherits nothing: the broker would refuse those grants anyway, and here they leave the list. */
  const endGrantsOfOthers = ({ name }: Profile, view: SessionView): Promise<number> =>
    parts.grants.endWhere((grant) => grant.profile === name && grant.subject !== view.identity?.subject, 'other-person');

  parts.grants.onEnd((grant, why) => {
    for (const send of followers.get(grant.id) ?? []) send({ ended: why });
    followers.delete(grant.id);
  });

  return {
    status: () => statusOf(parts),

    async beginSignIn(name) {
      const { profile, session, browser } = company(name);
      const opened = browser();
      const url = await new Promise<URL>((resolve, reject) => {
        const attempt = session.signIn({ onUrl: resolve });
        attempt.then((view) => endGrantsOfOthers(profile, view)).catch(reject);
        rememberUnlessBusy(attempts, profile.name, attempt);
      });
      return { profile: profile.name, url: url.href, browser: await opened };
    },

    async signInOutcome(name) {
      const { profile, session } = company(name);
      return { profile: profile.name, session: await (attempts.get(profile.name) ?? session.view()) };
    },

    cancelSignIn: (name) => company(name).session.cancelSignIn(),

    async signOut(name) {
      const leaving = name === undefined ? [...parts.companies.values()] : [company(name)];
      return Promise.all(
        leaving.map(async ({ profile, session, tokens }) => {
          const report = await session.signOut('signed-out');
          tokens.forget();
          await parts.grants.endWhere((grant) => grant.profile === profile.name, 'signed-out');
          return report;
        }),
      );
    },

    async makeGrant(request) {
      const { profile, session } = company(request.profile);
      const workspace = workspaceOf(profile, request.workspace);
      const scopes = resolveScopes(request.scopes, cloudOf(workspace.host));
      const subject = requireSession(session);
      const now = parts.clock.now();
      const asked = seconds(request.seconds ?? profile.limits.grant / 1000);
      if (asked > profile.limits.grant) throw new AppError('GRANT_LIMIT', { reason: 'time' });
      const { grant, secret } = await parts.grants.create({
        profile: profile.name,
        subject,
        workspace: workspace.host,
        scopes,
        until: later(now, asked),
        label: request.label,
        approved: 'local-user',
      });
      return { grant: grantView(grant), host: workspace.host, url: parts.broker.grantUrl(secret) };
    },

    grants: () => parts.grants.list().map(grantView),

    async endGrants({ ids, all, why }) {
      if (all === true) return parts.grants.endWhere(() => true, why);
      const named = new Set(ids ?? []);
      for (const id of named) if (parts.grants.get(id) === undefined) throw new AppError('GRANT_UNKNOWN');
      return parts.grants.endWhere((grant) => named.has(grant.id), why);
    },

    followGrant(id, send, signal) {
      const grant = parts.grants.get(id);
      if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
      return new Promise((resolve) => {
        if (grant.state !== 'live') {
          send({ ended: grant.state });
          return resolve();
        }
        const listeners = followers.get(id) ?? new Set();
        const listener = (news: GrantNews): void => {
          send(news);
          if ('ended' in news) resolve();
        };
        followers.set(id, listeners.add(listener));
        signal.addEventListener('abort', () => {
          listeners.delete(listener);
          resolve();
        });
      });
    },

    grantRefused(id, failure) {
      for (const send of followers.get(id) ?? []) send({ refused: failure });
    },

    async token(request: z.output<typeof tokenRequestSchema>) {
      const { profile, session, tokens } = company(request.profile);
      const workspace = workspaceOf(profile, request.workspace).host;
      const scopes = resolveScopes(request.scopes, cloudOf(workspace));
      requireSession(session);
      session.touch();
      const now = parts.clock.now();
      const minted = tokens.peek(workspace, scopes) ?? (await tokens.get({ workspace, scopes, deadline: later(now, tokenWait) }));
      // check: audit-before-printed-token
      parts.audit.append({
        type: 'token.printed',
        profile: profile.name,
        workspace,
        scopes: minted.scopes,
        expiresAt: new Date(minted.expiresAt).toISOString(),
        fingerprint: fingerprintOf(minted),
      });
      // end check
      return {
        access_token: minted.token.reveal(),
        token_type: 'Bearer',
        expiry: localTime(minted.expiresAt),
        expires_in: Math.floor(remaining(minted.expiresAt, parts.clock.now()) / 1000),
      };
    },

    async auditTail(limit) {
      return { folder: parts.audit.folder, records: [...(await parts.audit.tail(limit))] };
    },

    stop: parts.stop,
  };
}

/** A second sign-in is refused by the session; the first one then stays the one that others wait for. */
function rememberUnlessBusy(attempts: Map<string, Promise<SessionView>>, profile: string, attempt: Promise<SessionView>): void {
  const before = attempts.get(profile);
  attempts.set(profile, attempt);
  attempt.catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'LOGIN_IN_PROGRESS' && before !== undefined) attempts.set(profile, before);
  });
}

/** Who is signed in. @throws AppError SIGNED_OUT | SESSION_* */
function requireSession(session: Session): string {
  const view = session.view();
  // check: grant-needs-session
  if (view.phase !== 'signed-in') throw new AppError(view.phase === 'ended' ? (view.lastFailure?.code ?? 'SIGNED_OUT') : 'SIGNED_OUT');
  // end check
  return view.identity?.subject ?? '';
}

export const grantView = (grant: Grant): GrantView => ({
  id: grant.id,
  profile: grant.profile,
  workspace: grant.workspace,
  scopes: [...grant.scopes],
  label: grant.label,
  createdAt: new Date(grant.createdAt).toISOString(),
  until: new Date(grant.until).toISOString(),
  approved: grant.approved,
  state: grant.state,
  lastUsedAt: grant.lastUsedAt === null ? null : new Date(grant.lastUsedAt).toISOString(),
  served: grant.served,
});

function statusOf(parts: Parts): StatusView {
  const profiles = [...parts.companies.values()].map(({ profile, session, tokens }) => ({
    name: profile.name,
    test: profile.test,
    issuer: profile.idp.issuer,
    session: session.view(),
    workspaces: profile.workspaces.map((workspace) => ({ ...workspace, health: tokens.health(workspace.host) })),
  }));
  const problems = [
    ...parts.problems,
    ...profiles.flatMap(({ session }) => [session.renewalProblem, session.lastFailure].filter((failure) => failure !== null)),
  ];
  return {
    version: parts.version,
    pid: process.pid,
    startedAt: new Date(parts.startedAt).toISOString(),
    vault: parts.vault,
    port: parts.broker.port,
    configFile: parts.configFile,
    profiles,
    grants: parts.grants
      .list()
      .filter((grant) => grant.state === 'live')
      .map(grantView),
    problems,
    next: nextStep(parts.configFile, profiles),
  };
}

function nextStep(
  configFile: string,
  profiles: readonly { name: string; session: SessionView; workspaces: readonly { name: string }[] }[],
): string {
  if (profiles.length === 0) return `Write a profile into ${configFile}; README shows an example.`;
  const waiting = profiles.find(({ session }) => session.phase === 'signing-in');
  if (waiting !== undefined) return 'Finish the sign-in in your browser.';
  const ready = profiles.find(({ session }) => session.phase === 'signed-in');
  if (ready === undefined) return profiles.length === 1 ? 'lakepass login' : `lakepass login --profile ${profiles[0]?.name}`;
  return 'lakepass run --scope sql -- python your_script.py';
}

/**
 * RFC 3339 in local time, with a fraction and an offset. Databricks' Python SDK drops everything from the first dot and reads
 * the rest as local time, so neither UTC nor a missing fraction would do.
 */
export function localTime(at: EpochMs): string {
  const offsetMinutes = -new Date(at).getTimezoneOffset();
  const wall = new Date(at + offsetMinutes * 60_000).toISOString().replace('Z', '000000');
  const two = (value: number): string => String(Math.floor(Math.abs(value))).padStart(2, '0');
  return `${wall}${offsetMinutes < 0 ? '-' : '+'}${two(offsetMinutes / 60)}:${two(offsetMinutes % 60)}`;
}
