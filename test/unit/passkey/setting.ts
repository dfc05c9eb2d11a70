/** A registry of tap keys on fakes, and a person with software keys before it. */
import { randomBytes } from 'node:crypto';
import type { PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import { AppError } from '../../../main/app-error.ts';
import { createTally } from '../../../main/audit/tally.ts';
import { openTapKeys } from '../../../main/passkey/open-tap-keys.ts';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { type MemoryDisk, memoryDisk } from '../../fakes/memory-disk.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { createSoftwareKey, type SoftwareKey, type SoftwareKeyOptions } from '../../fixtures/software-key/software-key.ts';

export const ORIGIN = 'http://lakepass.localhost:4711';
export const person = { issuer: 'https://idp.test', subject: 'sub-alice', username: 'alice@acme.test' };
/** What a prompt shows, in small. */
export const shown = { kind: 'tap', span: 'grant', ask: { id: 'ask-1', purpose: 'create', scopes: ['sql', 'catalog'], until: null } };

/** As it arrives at a door. */
export const overJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

export interface Answer {
  id: string;
  rawId: string;
  response: Record<string, unknown>;
  clientExtensionResults: Record<string, unknown>;
  [field: string]: unknown;
}

export const creating = (options: Record<string, unknown>) => options as unknown as PublicKeyCredentialCreationOptionsJSON;
export const getting = (options: Record<string, unknown>) => options as unknown as PublicKeyCredentialRequestOptionsJSON;

export const touchNew = (key: SoftwareKey, options: Record<string, unknown>, origin = ORIGIN): Answer =>
  overJson(key.create(creating(options), origin)) as Answer;
export const touch = (key: SoftwareKey, options: Record<string, unknown>, origin = ORIGIN): Answer =>
  overJson(key.get(getting(options), origin)) as Answer;

export function setting() {
  const clock = fakeClock();
  const disk = memoryDisk();
  const audit = recordingAudit();
  const tally = createTally({ clock, audit, log: () => undefined });
  const start = (
    seals?: (keyId: string) => boolean,
    more: Pick<Parameters<typeof openTapKeys>[0], 'mds' | 'enterprise' | 'requireAllowed'> = {},
  ): Promise<TapKeys> =>
    openTapKeys({
      vault: disk.vault(),
      clock,
      random: randomBytes,
      audit,
      tally,
      log: () => undefined,
      ...(seals ? { seals } : {}),
      ...more,
    });
  return { clock, disk, audit, tally, start };
}

export type Setting = ReturnType<typeof setting>;

/** The first key as it lies in the vault. */
export function kept(disk: MemoryDisk): Record<string, unknown> {
  const { keys } = disk.json('tap-keys') as { keys: Record<string, unknown>[] };
  return keys[0] ?? {};
}

export async function enrol(keys: TapKeys, options: SoftwareKeyOptions = {}, name = '', owner = person) {
  const key = createSoftwareKey(options);
  const { id, options: asked } = await keys.beginEnrol({ origin: ORIGIN, person: owner });
  const view = await keys.finishEnrol(id, touchNew(key, asked), name);
  return { key, view };
}

/** A registry with one key, and the key. */
export async function enrolled(options: SoftwareKeyOptions = {}) {
  const all = setting();
  const keys = await all.start();
  return { ...all, keys, ...(await enrol(keys, options)) };
}

/** What a refusal says, as `CODE reason`; 'taken' where there was none. */
export async function verdict(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'taken';
  } catch (error) {
    if (error instanceof AppError) return `${error.code} ${error.reason ?? ''}`.trim();
    throw error;
  }
}

export const inResponse =
  (field: string, value: unknown) =>
  (answer: Answer): Answer => ({ ...answer, response: { ...answer.response, [field]: value } });

/** Other bits in the byte at `at` of a base64url field; from the end where it is negative. */
export const flipped =
  (field: string, at: number, bits = 0x01) =>
  (answer: Answer): Answer => {
    const bytes = Buffer.from(String(answer.response[field]), 'base64url');
    const index = at < 0 ? bytes.length + at : at;
    bytes.writeUInt8(bytes.readUInt8(index) ^ bits, index);
    return inResponse(field, bytes.toString('base64url'))(answer);
  };
