/**
 * Makes hold what the company of a managed device says: its policy beside the person's own, and the end of whoever it has revoked. Sessions
 * of the revoked end, what the vault keeps of them is erased, and a signed statement says which tokens still live: Databricks can take none
 * back.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { PolicyView } from '../../preload/contract/control.ts';
import type { RecordView } from '../../preload/contract/device-record.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { ManagedView } from '../../preload/contract/managed.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { AuditRecord } from '../audit/log.ts';
import { replaceFile } from '../durable-file.ts';
import type { Enrollment, Held, Person } from '../enroll/enrollment.ts';
import { missingKeys, wantedKeys } from '../enroll/tap-key-rules.ts';
import { servicePrincipalIssuer } from '../grant/grant.ts';
import type { Grants } from '../grant/grants.ts';
import type { RegisteredKey, TapKeys } from '../passkey/tap-keys.ts';
import { builtInPolicy } from '../policy/built-in.ts';
import { isSameUser } from '../policy/identities.ts';
import type { LoadedPolicy } from '../policy/load-policy.ts';
import { awaitedPolicy, joinPolicies, managedPolicy } from '../policy/managed.ts';
import type { Clock, Log } from '../ports.ts';
import type { RunningPrincipal } from '../service-principal/service-principal.ts';
import { type EpochMs, iso } from '../units.ts';
import type { Company } from './agent.ts';
import type { Locking } from './locking.ts';
import type { OwnFiles } from './own-files.ts';

export interface Managing {
  /** The policy that holds: the company's and the person's own, or the person's own alone. */
  policy(): LoadedPolicy;
  policyView(): PolicyView;
  view(): ManagedView | null;
  problems(): Failure[];
  /** What the person should know: that they have too few keys. */
  notes(): string[];
  /**
   * Whether a token may be handed to this person themselves; what programs renew inside a grant goes on.
   * @throws AppError TAP_KEYS_WANTED
   */
  requireTapKeys(person: { issuer: string; subject: string }): void;
  /** In words how many keys its person would lack without this one; null: none. */
  keysMissingWithout(key: string): string | null;
  /** Who does not get in any more, by the bundle that holds; null: nobody has said so. */
  revocationOf(person: Person): 'DEVICE_REVOKED' | 'PERSON_REVOKED' | null;
  /** Ends what has to end now; at the start, after each change of the bundle and after each sign-in. */
  enforce(): Promise<void>;
}

type Erasure = 'erased' | 'failed';

/** How far back tokens are looked for: more than a device hands out in the life of one. */
const RECORDS = 5000;

export function createManaging(parts: {
  enrollment: Enrollment;
  /** As the settings of the machine name whoever manages it; null: they do not. */
  managedBy: string | null;
  files: Pick<OwnFiles, 'policy' | 'view'>;
  companies: ReadonlyMap<string, Company>;
  servicePrincipals: ReadonlyMap<string, Pick<RunningPrincipal, 'tokens' | 'session'>>;
  grants: Pick<Grants, 'endWhere'>;
  tapKeys: Pick<TapKeys, 'registered'>;
  /** What the company is told of this device. */
  record: () => RecordView | null;
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
    // check: managing-awaited
    if (held === null && enrollment.awaited() !== null) return awaitedPolicy(builtInPolicy());
    // end check
    if (held === null) return own;
    if (made?.held !== held || made.own !== own) made = { held, own, policy: joined(held, own) };
    return made.policy;
  }

  function joined(held: Held, own: LoadedPolicy): LoadedPolicy {
    const { organization, modes, exemptions, expires } = held.bundle;
    const managed = managedPolicy(held.policy ?? builtInPolicy(), {
      ...{ organization, modes, expires: Date.parse(expires) as EpochMs, tapKeysMissing },
      exemptions: exemptions.map((each) => ({
        ...each,
        from: Date.parse(each.from) as EpochMs,
        until: Date.parse(each.until) as EpochMs,
      })),
      revoked: ({ identity, person }) => (identity === 'person' ? revocationOf(person) : enrollment.isRevoked() ? 'DEVICE_REVOKED' : null),
    });
    // What comes with the program is for people whom nobody looks after.
    return own.hash.startsWith('built-in') ? managed : joinPolicies(managed, own);
  }

  const keysOf = ({ issuer, subject }: { issuer: string | null; subject: string }): RegisteredKey[] =>
    parts.tapKeys.registered().filter(({ person }) => person.issuer === issuer && person.subject === subject);

  function tapKeysMissing(person: { issuer: string; subject: string }): string | null {
    const bundle = enrollment.held()?.bundle;
    return bundle?.tapKeys === undefined ? null : missingKeys(keysOf(person), bundle.tapKeys, bundle.organization);
  }

  /** Of everybody who is signed in; else of everybody who has a key. */
  function keysByPerson(): (readonly RegisteredKey[])[] {
    const signedIn = people().map(({ person }) => keysOf(person));
    if (signedIn.length > 0) return signedIn;
    const byPerson = Map.groupBy(parts.tapKeys.registered(), ({ person }) => JSON.stringify([person.issuer, person.subject]));
    return [...byPerson.values()];
  }

  function revocationOf(person: Person): 'DEVICE_REVOKED' | 'PERSON_REVOKED' | null {
    if (enrollment.isRevoked()) return 'DEVICE_REVOKED';
    return enrollment.isPersonRevoked(person) ? 'PERSON_REVOKED' : null;
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
    const out = people().filter(({ person }) => revocationOf(person) !== null);
    /** Sealed sessions of a locked device, whose people cannot be seen. */
    const unseen = [...companies.values()].some(({ session }) => session.view().phase === 'locked');
    if (device) await grants.endWhere(() => true, 'revoked');
    // check: managing-principals-end-too
    // A service principal acts for whoever said yes to it.
    else if (out.length > 0) await grants.endWhere(({ profile }) => servicePrincipals.has(profile), 'revoked');
    // end check
    if (out.length > 0) parts.forgetTokens();
    // Side by side: a provider that hangs holds up nobody else's end.
    const ended = await Promise.all(
      out.map(async ({ company, person }) => ({ profile: company.profile.name, person, vault: await endSession(company) })),
    );
    const isFirst = !emptied;
    const whole = device ? await emptyDevice() : null;
    for (const { profile, person, vault } of ended) await state(held, profile, person, whole ?? vault);
    if (whole === 'erased' && isFirst && unseen && ended.length === 0) await state(held, null, null, whole);
  }

  /** Nothing is given any more before the provider is told, which may take its time. */
  async function endSession({ profile, session, tokens }: Company): Promise<Erasure> {
    await grants.endWhere((grant) => grant.profile === profile.name, 'revoked');
    tokens.forget();
    const { vault } = await session.signOut('revoked');
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

  /**
   * The offboarding proof: what could still be used, and until when.
   * @param profile null: of all, where a locked device could not see whose sessions it erased
   */
  async function state(held: Held, profile: string | null, person: Person | null, vault: Erasure): Promise<void> {
    const now = clock.now();
    const tokens = (await audit.tail(RECORDS)).flatMap((record) => aliveToken(record, profile, now));
    const ends = tokens.map(({ expiresAt }) => expiresAt).sort();
    const statement = {
      ...{ version: 1, at: iso(now), organization: held.bundle.organization, bundle: held.hash, revision: held.bundle.revision },
      ...{ device: held.device.id, person, profile, tokensAlive: tokens, allEndedBy: ends.at(-1) ?? iso(now), vault },
      records: `the last ${RECORDS} of the audit log`,
    };
    audit.append({
      ...{ type: 'offboarding.done', device: held.device.id, person: person?.username ?? '', tokens: tokens.length, vault },
      lastEnds: ends.at(-1) ?? '',
    });
    const jws = await held.device.sign('lakepass-offboarding+jws', Buffer.from(JSON.stringify(statement)));
    const name = `offboarding-${iso(now).replaceAll(/[:.]/g, '-')}-${random(4).toString('hex')}.json`;
    await replaceFile(join(parts.folder, name), `${JSON.stringify({ statement, jws }, null, 2)}\n`, random(8).toString('hex'));
  }

  function exemptionsNow(): ManagedView['exemptions'] {
    const now = clock.now();
    const names = people().map(({ person }) => person.username);
    return (enrollment.held()?.bundle.exemptions ?? [])
      .filter(({ from, until }) => Date.parse(from) <= now && now < Date.parse(until))
      .filter(({ username }) => names.some((name) => isSameUser(name, username)))
      .map(({ rule, until, reason }) => ({ rule, until: iso(Date.parse(until)), reason }));
  }

  return {
    policy,
    revocationOf,
    policyView() {
      const held = enrollment.held();
      const { id, revision, hash, mode, expires } = policy();
      if (held === null && enrollment.awaited() === null) return files.view();
      return {
        id,
        revision,
        hash,
        mode,
        source: held === null ? 'the settings of this machine' : `the bundle of ${held.bundle.organization}`,
        expires: expires === null ? null : iso(expires),
      };
    },
    view() {
      const held = enrollment.held();
      const url = held?.url ?? enrollment.awaited()?.url ?? null;
      if (held === null && url === null && parts.managedBy === null) return null;
      const { asked, answered } = enrollment.times();
      return {
        managedBy: held?.bundle.organization ?? parts.managedBy ?? 'a company whose bundle cannot be read',
        ...{ source: held?.source ?? (enrollment.isLeavable() && url !== null ? 'link' : 'managed'), url },
        ...(held === null ? nothingHeld : heldView(held)),
        ...{ askedAt: asked === null ? null : iso(asked), answeredAt: answered === null ? null : iso(answered) },
        ...{ problem: enrollment.problem(), revoked: enrollment.isRevoked(), exemptions: exemptionsNow() },
        tapKeys: held?.bundle.tapKeys === undefined ? null : wantedKeys(keysByPerson(), held.bundle.tapKeys),
        record: parts.record(),
      };
    },
    problems: () => [
      ...(enrollment.awaited() === null ? [] : [new AppError('BUNDLE_AWAITED').toFailure()]),
      ...(enrollment.isRevoked() ? [new AppError('DEVICE_REVOKED').toFailure()] : []),
      ...[enrollment.problem()].filter((failure) => failure !== null),
    ],
    notes: () => [...new Set(people().flatMap(({ person }) => tapKeysMissing(person) ?? []))],
    keysMissingWithout(key) {
      const bundle = enrollment.held()?.bundle;
      const person = parts.tapKeys.registered().find(({ id }) => id === key)?.person;
      if (bundle?.tapKeys === undefined || person === undefined) return null;
      const others = keysOf(person).filter(({ id }) => id !== key);
      return missingKeys(others, bundle.tapKeys, bundle.organization);
    },
    requireTapKeys(person) {
      if (person.issuer === servicePrincipalIssuer) return;
      const missing = tapKeysMissing(person);
      // check: managing-tap-keys
      if (missing !== null) throw new AppError('TAP_KEYS_WANTED', { detail: missing });
      // end check
    },
    enforce() {
      enforcing = enforcing
        .then(enforceNow)
        .catch((error: unknown) => parts.log('managing.not-enforced', { code: asAppError(error).code }));
      return enforcing;
    },
  };
}

const nothingHeld = {
  ...{ organization: null, revision: null, hash: null, signedBy: null, expires: null, device: null, acceptedAt: null },
};

const heldView = ({ bundle: { organization, revision, expires }, hash, signedBy, device, acceptedAt }: Held) => ({
  ...{ organization, revision, hash, signedBy, expires: iso(Date.parse(expires)) },
  ...{ device: device.id, acceptedAt: iso(acceptedAt) },
});

const mintedSchema = z.object({
  type: z.literal('token.minted'),
  profile: z.string(),
  workspace: z.string(),
  scopes: z.array(z.string()),
  expiresAt: z.iso.datetime(),
  requestId: z.string(),
});

function aliveToken(record: AuditRecord, profile: string | null, now: EpochMs) {
  const { data: minted } = mintedSchema.safeParse(record);
  if (minted === undefined || (profile !== null && minted.profile !== profile) || Date.parse(minted.expiresAt) <= now) return [];
  const { workspace, scopes, expiresAt, requestId } = minted;
  return [{ ...(profile === null ? { profile: minted.profile } : {}), workspace, scopes, expiresAt, requestId }];
}
