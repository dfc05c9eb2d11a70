/** The tap keys of this machine: enrolment, touches and the registry behind them, put together. */
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import { AppError, hasCode } from '../app-error.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import { namesOf } from './audit-names.ts';
import { createOpenCeremonies, type EnrolCeremony, type TapCeremony, tapChallenge } from './ceremonies.ts';
import { enrolledKey, readName, requireRoom } from './enrol.ts';
import { modelShown } from './models.ts';
import { creationOptions, requestOptions } from './options.ts';
import { refusal } from './refusal.ts';
import { openRegistry, type RegistryVault, type StoredKey } from './registry.ts';
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
}

/** Nothing is attested until somebody judges attestations. */
const ATTESTED = false;

/**
 * Reads the registry. One that cannot be read is set aside and named in `problem`.
 *
 * @throws AppError whatever else the vault throws
 */
export async function openTapKeys({ vault, clock, random, audit, tally, log, seals = () => false }: Parts): Promise<TapKeys> {
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
    model: modelShown(key.aaguid, ATTESTED),
    attested: ATTESTED,
    hardwareBound: !key.backupEligible,
    enrolledAt: isoTime(key.enrolledAt),
    lastTouchedAt: key.lastTouchedAt === null ? null : isoTime(key.lastTouchedAt),
    canSeal: key.canSeal,
    seals: seals(key.id),
    ...(key.suspectSince === null ? {} : { suspect: true }),
  });

  /** Every refusal is audited, by count: a page can cause any number of them. */
  async function audited<T>(purpose: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (hasCode(error, 'TAP_REFUSED')) {
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
    const found = registry.keys.filter((key) => (only?.includes(key.id) ?? true) && (key.canSeal || !prf));
    if (found.length === 0) throw refusal('key');
    return found;
  }

  async function addKey(ceremony: EnrolCeremony, response: unknown, name: string): Promise<TapKeyView> {
    const { keys } = registry;
    const key = await enrolledKey(response, { ceremony, keys, name, at: clock.now(), salt: random(32) });
    const first = keys.length === 0 ? 'yes' : 'no';
    // check: passkey-added-audited
    audit.append({ type: 'tap-key.added', key: key.id, name: key.name, aaguid: key.aaguid, first });
    // end check
    await registry.replace([...keys, key]);
    changed();
    return viewOf(key);
  }

  /** What the touch leaves behind is sealed before it counts, and its record is written before anybody acts on it. */
  async function accept(touch: JudgedTouch, bound: unknown): Promise<Touch> {
    const { key, userVerified } = touch;
    // check: passkey-touch-sealed
    await replaceKey(key);
    // end check
    changed();
    if (!touch.counted) throw refusal('counter');
    const { purpose, ask } = namesOf(bound);
    // check: passkey-accepted-audited
    audit.append({ type: 'tap.accepted', key: key.id, purpose, ask, userVerified: userVerified ? 'yes' : 'no' });
    // end check
    const { id: keyId, name, aaguid, backupEligible } = key;
    const touched = { keyId, name, aaguid, attested: ATTESTED, hardwareBound: !backupEligible, userVerified, touchedAt: clock.now() };
    touches.set(keyId, touched);
    return touched;
  }

  async function tap(ceremony: TapCeremony, response: unknown, bound: unknown): Promise<{ touch: Touch; prf: Buffer | null }> {
    const { keys, userHandle } = registry;
    const judged = await judgeTouch(response, bound, { ceremony, keys, userHandle, at: clock.now() });
    try {
      return { touch: await accept(judged, bound), prf: judged.prf };
    } catch (error) {
      judged.prf?.fill(0);
      throw error;
    }
  }

  return {
    get problem() {
      return registry.problem?.toFailure() ?? null;
    },
    list: () => registry.keys.map(viewOf),
    ownedBy: ({ issuer, subject }) =>
      registry.keys.flatMap(({ id, person }) => (person.issuer === issuer && person.subject === subject ? id : [])),
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
        return { id: open.open(ceremony), options: { ...creationOptions(ceremony, registry) } };
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
        const { name } = requireKey(keyId);
        // check: passkey-removed-audited
        audit.append({ type: 'tap-key.removed', key: keyId, name });
        // end check
        await registry.replace(registry.keys.filter(({ id }) => id !== keyId));
        touches.delete(keyId);
        changed();
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
