/**
 * A service principal of its own at work: what proves it, its tokens, and a "session" that is always there, so that grants can hang on
 * it as they do on a person's. It is no person: it has no sign-in, no groups and no keys, and nothing is ever approved in its name.
 */
import type { ServicePrincipalView } from '../../preload/contract/service-principal.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import { AppError, asAppError, hasCode } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import { createClientCredentials } from '../databricks/client-credentials.ts';
import { createExchange } from '../databricks/exchange.ts';
import { unverifiedAudience, unverifiedClaims } from '../databricks/jwt-claims.ts';
import type { TokenSource } from '../databricks/token-source.ts';
import { createTokens, type Tokens } from '../databricks/tokens.ts';
import { servicePrincipalIssuer } from '../grant/grant.ts';
import type { Clock, Log } from '../ports.ts';
import type { ServicePrincipal } from '../profile/profile.ts';
import type { Secret } from '../secret.ts';
import type { OnTimed } from '../timed.ts';
import { hours, minutes, remaining } from '../units.ts';
import type { Records } from '../vault/vault.ts';
import { createSecretStore, requireAsked, requireGivenFor, type SecretStore } from './stored-secret.ts';
import { placeWords, readWorkloadToken } from './workload-token.ts';

export interface RunningPrincipal {
  readonly profile: ServicePrincipal;
  readonly tokens: Tokens;
  readonly session: {
    /** 'signed-in' while it can be used, 'ended' while its secret is missing. */
    view(): SessionView;
    claims(): Readonly<Record<string, never>>;
    touch(): void;
    /** At agent start, and once the vault is open again: takes the secret from it. Never throws; `view()` tells. */
    resume(): Promise<void>;
    /** Lets go of the secret. Never throws. */
    lock(): Promise<void>;
  };
  view(): ServicePrincipalView;
  /** @throws AppError INPUT_INVALID (workload: it has no secret) | LOCKED | VAULT_SEALED | PASSPHRASE_NEEDED | DISK_FULL | AUDIT_UNWRITABLE */
  setSecret(secret: Secret): Promise<void>;
  /** @throws AppError INPUT_INVALID | DISK_FULL | AUDIT_UNWRITABLE */
  removeSecret(): Promise<void>;
}

export interface PrincipalParts {
  principal: ServicePrincipal;
  vault: Records;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  log: Log;
  /** Told of each mint and of each try of it. */
  timed?: OnTimed;
  /** The environment that the agent was started in. */
  env: NodeJS.ProcessEnv;
  /** False where the policy that holds asks nobody. */
  isAttended: () => boolean;
}

type Stored = NonNullable<Awaited<ReturnType<SecretStore['read']>>>;

const DAY = hours(24);
/** How far the clocks of a platform and of Databricks may differ. */
const TOLERANCE = minutes(1);

export function createServicePrincipal(parts: PrincipalParts): RunningPrincipal {
  const { principal, vault, clock, fetch, random, audit, log } = parts;
  const { name, clientId, workload } = principal;
  const store = createSecretStore(vault, principal);
  let stored: Stored | null = null;
  let locked = false;
  let failure: AppError | null = null;
  /** Grows with each lock: a secret that was being read when it came must not be kept after it. */
  let locks = 0;
  /** Grows with each secret that is set or removed: one that was being read when that came is an old one. */
  let changes = 0;

  /** @throws AppError LOCKED | PRINCIPAL_SECRET_NEEDED */
  function requireSecret(origin: string): Secret {
    requireOpen();
    if (stored === null) throw failure ?? new AppError('PRINCIPAL_SECRET_NEEDED', { reason: 'missing' });
    requireAsked(stored, parts.isAttended());
    requireGivenFor(stored, clientId, origin);
    return stored.secret;
  }

  function requireOpen(): void {
    // check: principal-locked
    if (locked) throw new AppError('LOCKED');
    // end check
  }

  const parting = { owner: principal, clock, fetch, log };
  const source: TokenSource =
    workload === undefined
      ? createClientCredentials({ ...parting, clientId, secret: requireSecret })
      : createExchange({
          ...parting,
          tolerance: TOLERANCE,
          clientId: () => clientId,
          async subjectToken({ life }) {
            requireOpen();
            return readWorkloadToken(workload, { env: parts.env, clock, life });
          },
          described({ jwt }) {
            const { iss } = unverifiedClaims(jwt.reveal());
            const issuer = typeof iss === 'string' && /^https?:\/\/[\w.:/@-]{1,200}$/.test(iss) ? iss : 'not known';
            return { issuer, audience: unverifiedAudience(jwt.reveal()) };
          },
        });
  const tokens = createTokens({
    profile: principal,
    clock,
    random,
    audit,
    log,
    source,
    subject: () => clientId,
    identity: 'service-principal',
    timed: parts.timed,
  });

  /** What is wrong with the secret as it is, where one is needed. */
  function problem(): AppError | null {
    if (workload !== undefined || locked) return null;
    if (stored === null) return failure ?? new AppError('PRINCIPAL_SECRET_NEEDED', { reason: 'missing' });
    try {
      requireAsked(stored, parts.isAttended());
      for (const { host } of principal.workspaces) requireGivenFor(stored, clientId, host);
      return null;
    } catch (error) {
      return asAppError(error);
    }
  }

  function requireSecretKind(): void {
    if (workload !== undefined)
      throw new AppError('INPUT_INVALID', {
        reason: 'workload',
        detail: `${name} is proven by the JWT in ${placeWords(workload)}; it has no secret.`,
      });
  }

  return {
    profile: principal,
    tokens,
    session: {
      view: () => sessionView(principal, locked, stored === null ? problem() : null),
      claims: () => ({}),
      touch: () => undefined,
      async resume() {
        const [before, changesBefore] = [locks, changes];
        try {
          const read = workload === undefined ? await store.read() : null;
          // check: principal-resume-overtaken
          if (locks !== before) return;
          // end check
          locked = false;
          // check: principal-resume-outdated
          if (changes !== changesBefore) return;
          // end check
          stored = read;
          failure = null;
        } catch (error) {
          if (locks !== before) return;
          stored = null;
          locked = hasCode(error, 'VAULT_SEALED', 'PASSPHRASE_NEEDED');
          failure = locked ? null : asAppError(error);
          if (failure !== null) log('service-principal.not-resumed', { name, code: failure.code });
        }
      },
      async lock() {
        locks += 1;
        locked = true;
        // check: principal-lock-forgets
        stored = null;
        // end check
      },
    },
    view() {
      const wrong = problem();
      const ageDays = stored === null ? null : Math.max(0, Math.floor(remaining(clock.now(), stored.setAt) / DAY));
      return {
        ...{ name, test: principal.test, clientId, proof: proofOf(principal), where: whereOf(principal) },
        state: locked ? 'locked' : wrong === null ? 'ready' : 'secret-needed',
        secretSetAt: stored === null ? null : new Date(stored.setAt).toISOString(),
        secretAgeDays: ageDays,
        rotationDue: stored !== null && remaining(clock.now(), stored.setAt) >= principal.rotateAfter,
        survivesRestart: vault.kind !== 'memory',
        problem: wrong?.toFailure() ?? null,
        workspaces: principal.workspaces.map(({ accountId, ...workspace }) => ({
          ...{ ...workspace, health: tokens.health(workspace.host) },
          ...(accountId === undefined ? {} : { accountId }),
        })),
      };
    },
    async setSecret(secret) {
      requireSecretKind();
      requireOpen();
      const before = locks;
      const setAt = clock.now();
      audit.append({ type: 'service-principal.secret-set', name, clientId });
      const attended = parts.isAttended();
      await store.write({ secret, setAt, attended });
      changes += 1;
      if (locks !== before) return;
      stored = { secret, setAt, attended, clientId, hosts: principal.workspaces.map(({ host }) => host) };
      failure = null;
    },
    async removeSecret() {
      requireSecretKind();
      audit.append({ type: 'service-principal.secret-removed', name, clientId });
      await store.erase();
      changes += 1;
      stored = null;
      tokens.forget(new AppError('PRINCIPAL_SECRET_NEEDED', { reason: 'missing' }));
    },
  };
}

const proofOf = ({ workload }: ServicePrincipal): ServicePrincipalView['proof'] =>
  workload === undefined ? 'secret' : 'file' in workload ? 'file' : 'env';

const whereOf = ({ workload }: ServicePrincipal): string | null =>
  workload === undefined ? null : 'file' in workload ? workload.file : workload.env;

function sessionView({ name, clientId }: ServicePrincipal, locked: boolean, problem: AppError | null): SessionView {
  return {
    profile: name,
    phase: locked ? 'locked' : problem === null ? 'signed-in' : 'ended',
    signInWaiting: false,
    identity: { issuer: servicePrincipalIssuer, subject: clientId, username: clientId, displayName: name, groups: [] },
    assurance: { level: 'unknown', because: 'A service principal has no sign-in.', acr: null, amr: [], authTime: null },
    ...{ signedInAt: null, renewedAt: null, endsAt: null, idleEndsAt: null },
    ...{ renewable: true, survivesRestart: true, renewalProblem: null },
    lastFailure: problem?.toFailure() ?? null,
  };
}
