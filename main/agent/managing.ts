/**
 * Makes hold what the company of a managed device says: its policy beside the person's own, and the end of whoever it has revoked. Sessions
 * of the revoked end, what the vault keeps of them is erased, and a signed statement says which tokens still live: Databricks can take none
 * back.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { PolicyView } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { ManagedView } from '../../preload/contract/managed.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { AuditRecord } from '../audit/log.ts';
import { replaceFile } from '../durable-file.ts';
import type { Enrollment, Held } from '../enroll/enrollment.ts';
import type { Grants } from '../grant/grants.ts';
import { builtInPolicy } from '../policy/built-in.ts';
import type { LoadedPolicy } from '../policy/load-policy.ts';
import { joinPolicies, managedPolicy } from '../policy/managed.ts';
import type { Clock, Log } from '../ports.ts';
import type { RunningPrincipal } from '../service-principal/service-principal.ts';
import type { EpochMs } from '../units.ts';
import type { Company } from './agent.ts';
import type { Locking } from './locking.ts';
import type { OwnFiles } from './own-files.ts';

export interface Managing {
  /** The policy that holds: the company's and the person's own, or the person's own alone. */
  policy(): LoadedPolicy;
  policyView(): PolicyView;
  view(): ManagedView | null;
  problems(): Failure[];
  /** What the person should know: exemptions of theirs, each with its end. */
  notes(): string[];
  /** Ends what has to end now; at the start, after each change of the bundle and after each sign-in. */
  enforce(): Promise<void>;
}

type Gone = { issuer: string; subject: string; username: string };
type Erasure = 'erased' | 'failed';

/** How far back tokens are looked for: more than a device hands out in the life of one. */
const RECORDS = 5000;
const iso = (at: EpochMs | number): string => new Date(at).toISOString();

export function createManaging(parts: {
  enrollment: Enrollment;
  files: Pick<OwnFiles, 'policy' | 'view'>;
  companies: ReadonlyMap<string, Company>;
  servicePrincipals: ReadonlyMap<string, Pick<RunningPrincipal, 'tokens' | 'session'>>;
  grants: Pick<Grants, 'endWhere'>;
  locking: () => Pick<Locking, 'startAfresh'>;
  forgetTokens: () => void;
  audit: AuditLog & { tail(count: number): readonly AuditRecord[] | Promise<readonly AuditRecord[]> };
  /** Statements about ends are written here. */
  folder: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  log: Log;
}): Managing {
  const { enrollment, files, companies, servicePrincipals, grants, audit, clock, random } = parts;
  let made: { held: Held; own: LoadedPolicy; policy: LoadedPolicy } | undefined;
  let enforcing: Promise<void> = Promise.resolve();
  /** Of a revoked device, in this run of the agent. */
  let emptied = false;

  function policy(): LoadedPolicy {
    const held = enrollment.held();
    const own = files.policy();
    if (held === null) return own;
    if (made?.held !== held || made.own !== own) made = { held, own, policy: joined(held, own) };
    return made.policy;
  }

  function joined(held: Held, own: LoadedPolicy): LoadedPolicy {
    const { organization, modes, exemptions, expires } = held.bundle;
    const managed = managedPolicy(held.policy ?? builtInPolicy(), {
      ...{ organization, modes, expires: Date.parse(expires) as EpochMs },
      exemptions: exemptions.map((each) => ({
        ...each,
        from: Date.parse(each.from) as EpochMs,
        until: Date.parse(each.until) as EpochMs,
      })),
      revoked: ({ identity, person }) =>
        enrollment.isRevoked() ? 'DEVICE_REVOKED' : identity === 'person' && enrollment.isPersonRevoked(person) ? 'PERSON_REVOKED' : null,
    });
    // What comes with the program is for people whom nobody looks after.
    return own.hash.startsWith('built-in') ? managed : joinPolicies(managed, own);
  }

  const people = () =>
    [...companies.values()].flatMap((company) => {
      const { identity } = company.session.view();
      return identity === null ? [] : [{ company, person: identity }];
    });

  async function enforceNow(): Promise<void> {
    const held = enrollment.held();
    if (held === null) return;
    const device = enrollment.isRevoked();
    const out = people().filter(({ person }) => device || enrollment.isPersonRevoked(person));
    if (device) await grants.endWhere(() => true, 'revoked');
    const ended: { profile: string; person: Gone; vault: Erasure }[] = [];
    for (const { company, person } of out) ended.push({ profile: company.profile.name, person, vault: await endSession(company) });
    if (out.length > 0) parts.forgetTokens();
    const whole = device ? await emptyDevice() : null;
    for (const { profile, person, vault } of ended) await state(held, profile, person, whole ?? vault);
  }

  async function endSession({ profile, session, tokens }: Company): Promise<Erasure> {
    const { vault } = await session.signOut('revoked');
    tokens.forget();
    await grants.endWhere((grant) => grant.profile === profile.name, 'revoked');
    return vault;
  }

  /** What cannot be erased now is tried again the next time. */
  async function emptyDevice(): Promise<Erasure> {
    for (const { tokens } of companies.values()) tokens.forget();
    if (emptied) return 'erased';
    try {
      await parts.locking().startAfresh();
    } catch (error) {
      parts.log('managing.not-erased', { code: asAppError(error).code });
      return 'failed';
    }
    emptied = true;
    for (const { session, tokens } of servicePrincipals.values()) {
      tokens.forget();
      await session.resume();
    }
    return 'erased';
  }

  /** The offboarding proof: what could still be used, and until when. */
  async function state(held: Held, profile: string, person: Gone, vault: Erasure): Promise<void> {
    const now = clock.now();
    const tokens = (await audit.tail(RECORDS)).flatMap((record) => aliveToken(record, profile, now));
    const ends = tokens.map(({ expiresAt }) => expiresAt).sort();
    const statement = {
      ...{ version: 1, at: iso(now), organization: held.bundle.organization, bundle: held.hash, revision: held.bundle.revision },
      ...{ device: held.device.id, person, profile, tokensAlive: tokens, allEndedBy: ends.at(-1) ?? iso(now), vault },
      records: `the last ${RECORDS} of the audit log`,
    };
    audit.append({
      ...{ type: 'offboarding.done', device: held.device.id, person: person.username, tokens: tokens.length, vault },
      lastEnds: ends.at(-1) ?? '',
    });
    const jws = await held.device.sign('lakepass-offboarding+jws', Buffer.from(JSON.stringify(statement)));
    const name = `offboarding-${iso(now).replaceAll(/[:.]/g, '-')}-${random(4).toString('hex')}.json`;
    await replaceFile(join(parts.folder, name), `${JSON.stringify({ statement, jws }, null, 2)}\n`, random(8).toString('hex'));
  }

  return {
    policy,
    policyView() {
      const held = enrollment.held();
      const { id, revision, hash, mode, expires } = policy();
      if (held === null) return files.view();
      return {
        id,
        revision,
        hash,
        mode,
        source: `the bundle of ${held.bundle.organization}`,
        expires: expires === null ? null : iso(expires),
      };
    },
    view() {
      const held = enrollment.held();
      if (held === null) return null;
      const { bundle, hash, signedBy, url, source, device, acceptedAt } = held;
      const { asked, answered } = enrollment.times();
      return {
        ...{
          organization: bundle.organization,
          source,
          url,
          revision: bundle.revision,
          hash,
          signedBy,
          expires: iso(Date.parse(bundle.expires)),
        },
        ...{ device: device.id, acceptedAt: iso(acceptedAt), askedAt: asked === null ? null : iso(asked) },
        ...{ answeredAt: answered === null ? null : iso(answered), revoked: enrollment.isRevoked() },
      };
    },
    problems: () => [
      ...(enrollment.isRevoked() ? [new AppError('DEVICE_REVOKED').toFailure()] : []),
      ...[enrollment.problem()].filter((failure) => failure !== null),
    ],
    notes() {
      const now = clock.now();
      const names = people().map(({ person }) => person.username.toLowerCase());
      const exempt = enrollment.held()?.bundle.exemptions ?? [];
      return exempt
        .filter(({ username, from, until }) => names.includes(username.toLowerCase()) && Date.parse(from) <= now && now < Date.parse(until))
        .map(({ rule, until, reason }) => `You are exempt from the rule ${rule} until ${iso(Date.parse(until))}: ${reason}`);
    },
    enforce() {
      enforcing = enforcing
        .then(enforceNow)
        .catch((error: unknown) => parts.log('managing.not-enforced', { code: asAppError(error).code }));
      return enforcing;
    },
  };
}

const mintedSchema = z.object({
  type: z.literal('token.minted'),
  profile: z.string(),
  workspace: z.string(),
  scopes: z.array(z.string()),
  expiresAt: z.iso.datetime(),
  requestId: z.string(),
});

function aliveToken(record: AuditRecord, profile: string, now: EpochMs) {
  const { data: minted } = mintedSchema.safeParse(record);
  if (minted === undefined || minted.profile !== profile || Date.parse(minted.expiresAt) <= now) return [];
  const { workspace, scopes, expiresAt, requestId } = minted;
  return [{ workspace, scopes, expiresAt, requestId }];
}
