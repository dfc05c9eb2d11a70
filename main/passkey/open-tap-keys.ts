/** The tap keys of this machine: enrolment, touches and the registry behind them, put together. */
import { isDeepStrictEqual } from 'node:util';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import { AppError, hasCode } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import { judgeAttestation } from './attestation.ts';
import { namesOf } from './audit-names.ts';
import { createOpenCeremonies, type EnrolCeremony, type TapCeremony, tapChallenge } from './ceremonies.ts';
import { enrolledKey, readName, requireRoom, requireUntaken } from './enrol.ts';
import type { Mds } from './mds.ts';
import { modelShown } from './models.ts';
import { creationOptions, requestOptions } from './options.ts';
import { refusal } from './refusal.ts';
import { openRegistry, provenModel, type RegistryVault, type StoredKey } from './registry.ts';
import { requireOwnOrigin } from './relying-party.ts';
import { type JudgedTouch, judgeTouch } from './tap.ts';
import type { TapKeys, Touch } from './tap-keys.ts';

interface Parts {
  /** The device vault: usable while locked. */
  vault: RegistryVault;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  /** Counts refusals, which a page can cause any number of times. */
  tally: { count(kind: string, event: (count: number) => AuditEvent): void };
  log: Log;
  /** Whether the vault is sealed with that key. */
  seals?: (keyId: string) => boolean;
  mds?: Pick<Mds, 'models'>;
  /** The company asks for the serial numbers of keys; see the page of `requireUntaken`. */
  enterprise?: () => boolean;
  /** @throws AppError TAP_KEY_NOT_ALLOWED: the company wants no such key; asked before it is enrolled, once its evidence is judged */
  requireAllowed?: (key: StoredKey) => void;
}

const noMetadata: Pick<Mds, 'models'> = { models: () => Promise.resolve(null) };
const isProven = (key: StoredKey): boolean => provenModel(key) !== null;
const isActive = ({ state }: StoredKey): boolean => state === 'active';

/**
 * Reads the registry. One that cannot be read is set aside and named in `problem`.
 *
 * @throws AppError whatever else the vault throws
 */
export async function openTapKeys({
  vault,
  clock,
  random,
  audit,
  tally,
  log,
  seals = () => false,
  mds = noMetadata,
  enterprise = () => false,
  requireAllowed = () => undefined,
}: Parts): Promise<TapKeys> {
  const registry = await openRegistry({ vault, random, log });
  const open = createOpenCeremonies({ clock, random });
  const touches = new Map<string, Touch>();
  const listeners: (() => void)[] = [];
  const inTurn = oneAtATime();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  const viewOf = (key: StoredKey): TapKeyView => ({
    id: key.id,
    name: key.name,
    aaguid: key.aaguid,
    model: isProven(key) ? (key.judgement?.model ?? modelShown(key.aaguid, true)) : modelShown(key.aaguid, false),
    attested: isProven(key),
    hardwareBound: !key.backupEligible && key.judgement?.movable !== true,
    enrolledAt: isoTime(key.enrolledAt),
    lastTouchedAt: key.lastTouchedAt === null ? null : isoTime(key.lastTouchedAt),
    canSeal: key.canSeal,
    seals: seals(key.id),
    ...(key.suspectSince === null ? {} : { suspect: true }),
    ...(key.judgement && { verdict: key.judgement.verdict, because: key.judgement.because }),
    ...(key.judgement?.mds && { status: key.judgement.mds.status }),
    ...(key.state === 'active' ? {} : { state: key.state }),
  });

  /** The key with what its evidence comes to now; the serial number is kept only where the company asks for it. */
  async function judged(key: StoredKey): Promise<StoredKey> {
    const { serial, ...judgement } = await judgeAttestation(key, await mds.models(), key.enrolledAt);
    let kept = serial;
    // check: passkey-serial-asked
    if (!enterprise()) kept = key.serial;
    // end check
    return { ...key, judgement, serial: kept };
  }

  function recordJudgement({ id, judgement }: StoredKey): void {
    if (judgement === null) return;
    const { verdict, because, model, mds: said } = judgement;
    const about = said === null ? '' : `no. ${said.no}: ${said.status}; revocation not checked`;
    audit.append({ type: 'tap-key.judged', key: id, verdict, because, model: model ?? '', mds: about });
  }

  /** Every refusal is audited, by count: a page can cause any number of them. */
  async function audited<T>(purpose: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (hasCode(error, 'TAP_REFUSED', 'TAP_KEY_NOT_ALLOWED')) {
        const reason = error.reason ?? '';
        // check: passkey-refused-audited
        tally.count(`tap ${purpose} ${reason}`, (count) => ({ type: 'tap.refused', purpose, reason, count }));
        // end check
      }
      throw error;
    }
  }

  function requireKey(keyId: string): StoredKey {
    const key = registry.keys.find(({ id }) => id === keyId);
    if (key === undefined) throw new AppError('INPUT_INVALID', { reason: 'key' });
    return key;
  }

  const replaceKey = (key: StoredKey): Promise<void> => registry.replace(registry.keys.map((other) => (other.id === key.id ? key : other)));

  /** Keys that a tap may be made with. */
  function touchable(prf: boolean, only: readonly string[] | undefined): StoredKey[] {
    if (registry.keys.length === 0) throw new AppError('TAP_KEY_NEEDED');
    let usable = registry.keys;
    // check: passkey-active
    usable = usable.filter(isActive);
    // end check
    const found = usable.filter((key) => (only?.includes(key.id) ?? true) && (key.canSeal || !prf));
    if (found.length === 0) throw refusal('key');
    return found;
  }

  async function addKey(ceremony: EnrolCeremony, response: unknown, name: string): Promise<TapKeyView> {
    const { keys } = registry;
    const key = await judged(await enrolledKey(response, { ceremony, keys, name, at: clock.now(), salt: random(32) }));
    requireUntaken(key, keys);
    // check: passkey-company-allows
    requireAllowed(key);
    // end check
    const first = keys.length === 0 ? 'yes' : 'no';
    // check: passkey-added-audited
    audit.append({ type: 'tap-key.added', key: key.id, name: key.name, aaguid: key.aaguid, first });
    // end check
    recordJudgement(key);
    await registry.replace([...keys, key]);
    changed();
    return viewOf(key);
  }

  /** What the touch leaves behind is sealed before it counts, and its record is written before anybody acts on it. */
  async function accept(touch: JudgedTouch, bound: unknown): Promise<Touch> {
    const { userVerified } = touch;
    const before = requireKey(touch.key.id);
    const key = touch.key.judgement === null ? await judged(touch.key) : touch.key;
    if (before.judgement === null) recordJudgement(key);
    if (before.backedUp !== key.backedUp) {
      // check: passkey-backup-audited
      audit.append({ type: 'tap-key.backup-changed', key: key.id, backedUp: key.backedUp ? 'yes' : 'no' });
      // end check
    }
    // check: passkey-touch-sealed
    await replaceKey(key);
    // end check
    changed();
    if (!touch.counted) throw refusal('counter');
    const { purpose, ask } = namesOf(bound);
    // check: passkey-accepted-audited
    audit.append({ type: 'tap.accepted', key: key.id, purpose, ask, userVerified: userVerified ? 'yes' : 'no' });
    // end check
    const touched = touchOf(key, userVerified);
    const { keyId } = touched;
    touches.set(keyId, touched);
    return touched;
  }

  /** What policy is told of it: only what a root proves, except the model that nothing else is said of. */
  function touchOf(key: StoredKey, userVerified: boolean): Touch {
    const { id: keyId, name, judgement } = key;
    let attested = true;
    // check: passkey-attested-proven
    attested = isProven(key);
    // end check
    const aaguid = attested && judgement !== null ? judgement.aaguid : key.aaguid;
    let hardwareBound = attested && !key.backupEligible;
    // check: passkey-movable-not-bound
    if (judgement?.movable === true) hardwareBound = false;
    // end check
    return { keyId, name, aaguid, attested, hardwareBound, userVerified, touchedAt: clock.now() };
  }

  /** A key that is still in use becomes one that is not. */
  async function end(keyId: string, state: 'lost' | 'retired', event: (key: StoredKey) => AuditEvent): Promise<StoredKey> {
    const key = requireKey(keyId);
    if (key.state !== 'active' && !(state === 'lost' && key.state === 'retired')) throw new AppError('INPUT_INVALID', { reason: 'key' });
    audit.append(event(key));
    await replaceKey({ ...key, state, stateSince: clock.now() });
    touches.delete(keyId);
    changed();
    return key;
  }

  async function tap(ceremony: TapCeremony, response: unknown, bound: unknown): Promise<{ touch: Touch; prf: Buffer | null }> {
    const { userHandle } = registry;
    const judgement = await judgeTouch(response, bound, { ceremony, keys: registry.keys.filter(isActive), userHandle, at: clock.now() });
    try {
      return { touch: await accept(judgement, bound), prf: judgement.prf };
    } catch (error) {
      judgement.prf?.fill(0);
      throw error;
    }
  }

  return {
    get problem() {
      return registry.problem?.toFailure() ?? null;
    },
    list: () => registry.keys.map(viewOf),
    registered: () => registry.keys,
    ownedBy: ({ issuer, subject }) =>
      registry.keys.flatMap(({ id, person }) => (person.issuer === issuer && person.subject === subject ? id : [])),
    canTap: ({ issuer, subject }) =>
      registry.keys.some((key) => isActive(key) && key.person.issuer === issuer && key.person.subject === subject),
    touches: () => [...touches.values()],

    beginEnrol: ({ origin, person }) =>
      audited('key-add', async () => {
        requireOwnOrigin(origin);
        const { keys } = registry;
        requireRoom(keys);
        const { issuer, subject, username } = person;
        const ceremony: EnrolCeremony = {
          kind: 'enrol',
          origin,
          challenge: random(32),
          person: { issuer, subject, username },
          keysThen: keys.map(({ id }) => id),
        };
        return { id: open.open(ceremony), options: { ...creationOptions(ceremony, registry, enterprise() ? 'enterprise' : 'direct') } };
      }),

    finishEnrol: (id, response, name) =>
      inTurn(() =>
        audited('key-add', () => {
          const readable = readName(name);
          return addKey(open.take(id, 'enrol'), response, readable);
        }),
      ),

    beginTap: ({ origin, bound, userVerification, prf = false, only }) =>
      audited(namesOf(bound).purpose, async () => {
        requireOwnOrigin(origin);
        const keys = touchable(prf, only);
        const nonce = random(32);
        let verification = userVerification;
        // check: passkey-prf-verified
        // The PRF of a credential is the one for verified users (WebAuthn Level 3, section 10.1.4).
        if (prf) verification = 'required';
        // end check
        const ceremony: TapCeremony = {
          kind: 'tap',
          origin,
          nonce,
          challenge: tapChallenge(nonce, bound),
          allowed: keys.map(({ id }) => id),
          userVerification: verification,
          prf,
        };
        return { id: open.open(ceremony), options: { ...requestOptions(ceremony, keys) } };
      }),

    finishTap: (id, response, bound) =>
      inTurn(() => audited(namesOf(bound).purpose, async () => tap(open.take(id, 'tap'), response, bound))),

    rename: (keyId, name) =>
      inTurn(async () => {
        const key = requireKey(keyId);
        const readable = readName(name);
        if (readable === '') throw new AppError('INPUT_INVALID', { reason: 'name' });
        audit.append({ type: 'tap-key.renamed', key: keyId, name: readable });
        await replaceKey({ ...key, name: readable });
        changed();
      }),

    remove: (keyId) =>
      inTurn(async () => {
        const { name, state } = requireKey(keyId);
        // check: passkey-lost-kept
        if (state === 'lost') throw new AppError('INPUT_INVALID', { reason: 'lost' });
        // end check
        // check: passkey-removed-audited
        audit.append({ type: 'tap-key.removed', key: keyId, name });
        // end check
        await registry.replace(registry.keys.filter(({ id }) => id !== keyId));
        touches.delete(keyId);
        changed();
      }),

    reportLost: (keyId) =>
      inTurn(async () => {
        const { person } = await end(keyId, 'lost', ({ id, name, person: { username } }) => ({
          type: 'tap-key.lost',
          key: id,
          name,
          person: username,
        }));
        return person;
      }),

    retire: (keyId) =>
      inTurn(async () => {
        const { person } = requireKey(keyId);
        const left = registry.keys.filter(
          (key) => isActive(key) && key.person.issuer === person.issuer && key.person.subject === person.subject,
        );
        // check: passkey-last-not-retired
        if (left.every(({ id }) => id === keyId)) throw new AppError('INPUT_INVALID', { reason: 'last-key' });
        // end check
        await end(keyId, 'retired', ({ id, name }) => ({ type: 'tap-key.retired', key: id, name }));
      }),

    judgeAgain: () =>
      inTurn(async () => {
        if (registry.keys.length === 0) return 0;
        const again: StoredKey[] = [];
        for (const key of registry.keys) again.push(await judged(key));
        const different = again.filter(({ judgement }, index) => !isDeepStrictEqual(judgement, registry.keys[index]?.judgement));
        if (different.length === 0) return 0;
        for (const key of different) recordJudgement(key);
        await registry.replace(again);
        for (const { id } of different) touches.delete(id);
        changed();
        return different.length;
      }),

    forgetTouches: () => touches.clear(),

    eraseAll: () =>
      inTurn(async () => {
        await registry.erase();
        open.forgetAll();
        touches.clear();
        changed();
      }),

    onChange: (listener) => void listeners.push(listener),
  };
}

const isoTime = (at: EpochMs): string => new Date(at).toISOString();

/** Touches are judged one after the other: two that come together must not both be newer than the last. */
function oneAtATime(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const mine = last.then(run, run);
    last = mine.catch(() => undefined);
    return mine;
  };
}
