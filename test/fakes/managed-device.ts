/** A device that a company manages, as the contract has it. */
import { AppError } from '../../main/app-error.ts';
import { envelopeOf } from '../../main/audit/envelope.ts';
import { sentFields } from '../../main/audit/field-words.ts';
import type { Clock } from '../../main/ports.ts';
import { otlpSpans } from '../../main/telemetry/otlp-spans.ts';
import { lastSpanFields } from '../../main/telemetry/span-words.ts';
import { type SentView, sentViewSchema } from '../../preload/contract/audit.ts';
import { type DeviceRecord, deviceRecordSchema } from '../../preload/contract/device-record.ts';
import { type OfferView, offerViewSchema } from '../../preload/contract/enroll.ts';
import { type ManagedView, managedViewSchema } from '../../preload/contract/managed.ts';
import type { SettingsView } from '../../preload/contract/settings.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const signedBy = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
const url = 'https://it.acme.example/lakepass/bundle.jws.json';
const iso = (clock: Clock, offsetMs: number): string => new Date(clock.now() + offsetMs).toISOString();

export const recordOf = (clock: Clock): DeviceRecord =>
  deviceRecordSchema.parse({
    ...{ version: 1, organization: 'Acme', bundleId: '3f1c5f0e-5d0c-4a53-9d5c-0b8a5a1f7c11', deviceId: '9f2c41d07be84a6bb1a2c3d4e5f60718' },
    ...{ os: 'linux', osVersion: '6.12.8', app: '0.1.0' },
    person: { issuer: 'https://acme.okta.com', subject: '00u1', username: 'ada@acme.example' },
    keys: [
      {
        ...{ id: 'a1'.repeat(16), publicKey: signedBy, aaguid: '2fc0579f-8113-47ea-b116-bb5a8db9202a', format: 'packed' },
        ...{ object: 'o2NmbXRmcGFja2Vk'.repeat(40), clientDataHash: signedBy, backupEligible: false, backedUp: false, userVerified: true },
        ...{ enrolledAt: iso(clock, -30 * day), verdict: 'proven' },
      },
    ],
    policy: { revision: 12, hash: '5c'.repeat(32) },
    at: iso(clock, -42 * minute),
  });

/** All is well, by a link that a person has accepted; nothing is wanted of keys and nothing is sent. */
export const managedOf = (clock: Clock, changes: Partial<ManagedView> = {}): ManagedView =>
  managedViewSchema.parse({
    ...{ managedBy: 'Acme', organization: 'Acme', source: 'link', url, revision: 12, hash: '5c'.repeat(32), signedBy },
    ...{ expires: iso(clock, 60 * day), device: '9f2c41d07be84a6bb1a2c3d4e5f60718', acceptedAt: iso(clock, -20 * day) },
    ...{
      askedAt: iso(clock, -minute / 2),
      answeredAt: iso(clock, -minute / 2),
      problem: null,
      revoked: false,
      exemptions: [],
      tapKeys: null,
      record: null,
    },
    ...changes,
  });

/** Three sinks: one that has all of it, one that fails with much behind it, one to which nothing has gone yet. */
export function sentOf(clock: Clock): SentView {
  const record = {
    ...{ seq: 41, at: iso(clock, -minute), id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev: '7a'.repeat(32), hash: '5c'.repeat(32) },
    ...{ type: 'token.served', grant: 'grant-1', workspace: 'https://acme.cloud.databricks.com', scopes: ['sql', 'files'], lease: '300' },
    ...{ caller: '/home/ada/project/.venv/bin/python3.12', callerKind: 'program', expiresAt: iso(clock, 30 * minute) },
  };
  const last = sentFields(envelopeOf(record, { hostId: '9f2c41d07be84a6bb1a2c3d4e5f60718', version: '0.1.0' }));
  const sink = {
    lastSeq: 41,
    lastSentAt: iso(clock, -minute),
    waiting: 0,
    waitingBytes: 0,
    mostBytes: 268_435_456,
    mostDays: 30,
    problem: null,
  };
  const timed = { what: 'mint', profile: 'acme', requestId: '9c1f0a7be3d24415', endedAt: clock.now(), tookMs: 214, code: null } as const;
  const device = { version: '0.1.0', hostId: '9f2c41d07be84a6bb1a2c3d4e5f60718' };
  const workspace = 'https://acme.cloud.databricks.com';
  const spans = otlpSpans([{ ...timed, workspace, scopes: ['sql', 'files'] }], device, (bytes) => Buffer.alloc(bytes, 0x5c));
  const problem = new AppError('AUDIT_SINK_UNREACHABLE', { reason: 'folder-gone', detail: '/mnt/audit cannot be written (ENOENT).' });
  return sentViewSchema.parse({
    sinks: [
      { ...sink, name: 'siem', kind: 'otlp', to: 'https://otel.acme.example/v1/logs', pseudonymized: true, last },
      {
        ...{ ...sink, name: 'share', kind: 'folder', to: '/mnt/audit', pseudonymized: false, last: null, problem: problem.toFailure() },
        ...{ lastSeq: 12, lastSentAt: iso(clock, -2 * day), waiting: 48_211, waitingBytes: 91_000_000 },
      },
      {
        ...{ ...sink, name: 'lake', kind: 'databricks', to: 'main.audit.lakepass (acme)', pseudonymized: false, last: null },
        ...{ lastSeq: null, lastSentAt: null, waiting: 3, waitingBytes: 1400 },
      },
    ],
    traces: { to: 'https://otel.acme.example/v1/traces', lastSentAt: iso(clock, -minute), last: lastSpanFields(spans) },
  });
}

/** The settings of the machine name a bundle, and nothing has come yet. */
export const awaitedOf = (clock: Clock, changes: Partial<ManagedView> = {}): ManagedView =>
  managedOf(clock, {
    ...{ source: 'managed', organization: null, revision: null, hash: null, signedBy: null, expires: null, device: null },
    ...{ acceptedAt: null, answeredAt: null },
    ...changes,
  });

export const offerOf = (clock: Clock, changes: Partial<OfferView> = {}): OfferView =>
  offerViewSchema.parse({
    ...{ organization: 'Acme', url, signedBy, revision: 12, hash: '5c'.repeat(32), expires: iso(clock, 60 * day) },
    restricts: [
      'Its policy "acme", revision 7, decides which programs get which scopes; your own can only be stricter.',
      'It says where you sign in and which workspaces there are, in the place of your own configuration: acme (sign-in at https://acme.okta.com).',
      'The longest a grant may run: 8 h; you can only make it stricter.',
      'Whether `lakepass token` prints a token: forbidden; you cannot change it.',
      'You need 2 tap keys or more, proven by their maker, never copied between devices.',
      'It gets signed records of this device, of who signs in and of your tap keys, at https://it.acme.example/records.',
      'It can revoke this device or you: then sessions end and what the vault keeps is erased.',
    ],
    tapKeys: { atLeast: 2, models: null, attested: true, hardwareBound: true },
    ...{ records: 'https://it.acme.example/records', needsTap: false },
    ...changes,
  });

/** One of each kind: locked, to be made stricter and made so, a start value, and the person's alone. */
export const managedSettings: SettingsView = {
  machine: null,
  bundle: { organization: 'Acme', revision: 12 },
  settings: [
    ...[
      { name: 'longestGrant', means: 'The longest a grant may run.', value: '4 h', by: 'person' as const, ofIt: '8 h', choices: null },
      { name: 'lease', means: 'How long a program may keep one answer.', value: '5 min', by: 'it' as const, ofIt: '5 min', choices: null },
    ].map((one) => ({ ...one, mode: 'userMayTighten' as const })),
    {
      ...{ name: 'minimumAssurance', means: 'Below this proof of the sign-in no session begins.', value: 'phr', by: 'it', mode: 'locked' },
      ...{ ofIt: 'phr', choices: ['phr'] },
    },
    {
      ...{ name: 'printedTokens', means: 'Whether `lakepass token` prints a token.', value: 'forbidden', by: 'it', mode: 'locked' },
      ...{ ofIt: 'forbidden', choices: ['forbidden'] },
    },
    {
      ...{ name: 'fileGrants', means: 'Whether a grant may stand in ~/.databrickscfg.', value: null, by: null, mode: null },
      ...{ ofIt: null, choices: ['allowed', 'forbidden'] },
    },
    { name: 'theme', means: 'Light or dark.', value: 'system', by: 'it', mode: 'locked', ofIt: 'system', choices: ['system'] },
  ],
};
