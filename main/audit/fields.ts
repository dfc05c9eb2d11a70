/**
 * The fields of an event, as they may be written: each event's own and no other, of the right kind, cut to a length.
 *
 * This is the last gate before the disk. A text that looks like a token is masked here even though no event should ever
 * carry one; a value of the wrong kind (a `Secret`, an object, NaN) is a bug and stops the append.
 */
import { withoutTokens } from '../token-shapes.ts';
import type { AuditEvent, AuditEventType } from './event.ts';

export type FieldKind = 'text' | 'text?' | 'text-or-null' | 'number' | 'texts';
type Shape<T extends AuditEventType> = Record<Exclude<keyof Extract<AuditEvent, { type: T }>, 'type'>, FieldKind>;
export type FieldValue = string | number | null | readonly string[];

/** Characters of a text, entries of a list, characters of an entry. Longer ones are cut and end in an ellipsis. */
export const fieldLimits = { text: 512, entries: 64, entry: 128 } as const;

/** Every event and its fields, in the order they are written. */
export const eventShapes = {
  'agent.started': { version: 'text', vault: 'text', port: 'number', proxy: 'text?', ignored: 'text?' },
  'agent.stopped': { reason: 'text' },
  'session.signed-in': {
    profile: 'text',
    issuer: 'text',
    subject: 'text',
    username: 'text',
    assurance: 'text',
    acr: 'text-or-null',
    amr: 'texts',
    authTime: 'text-or-null',
    binding: 'text?',
    requestId: 'text?',
  },
  'session.sign-in-asked': { profile: 'text', caller: 'text', callerKind: 'text', aiAgent: 'text?' },
  'session.sign-in-failed': { profile: 'text', code: 'text', reason: 'text?', requestId: 'text?' },
  'session.resumed': { profile: 'text', subject: 'text' },
  'session.renewed': { profile: 'text', subject: 'text', expiresAt: 'text', requestId: 'text?' },
  'session.renewal-failed': { profile: 'text', code: 'text', reason: 'text?', requestId: 'text?' },
  'session.groups-unknown': { profile: 'text', reason: 'text' },
  'session.ended': { profile: 'text', subject: 'text', why: 'text', code: 'text?', refreshToken: 'text' },
  'token.validation-failed': { profile: 'text', rule: 'text' },
  'token.validation-burst': { profile: 'text', count: 'number', rules: 'texts' },
  'token.minted': {
    profile: 'text',
    workspace: 'text',
    scopes: 'texts',
    narrowed: 'text?',
    expiresAt: 'text',
    subject: 'text',
    actsAs: 'text?',
    identity: 'text?',
    requestId: 'text',
    aiAgent: 'text?',
    tookMs: 'number',
  },
  'token.mint-failed': { profile: 'text', workspace: 'text', scopes: 'texts', code: 'text', requestId: 'text', aiAgent: 'text?' },
  'token.served': {
    grant: 'text',
    workspace: 'text',
    scopes: 'texts',
    expiresAt: 'text',
    lease: 'text',
    fingerprint: 'text',
    requestId: 'text?',
    caller: 'text',
    callerKind: 'text',
    aiAgent: 'text?',
  },
  'token.printed': { profile: 'text', workspace: 'text', scopes: 'texts', expiresAt: 'text', fingerprint: 'text', requestId: 'text?' },
  'token.served-again': { grant: 'text', count: 'number' },
  'token.refused': { grant: 'text', code: 'text', caller: 'text', callerKind: 'text', aiAgent: 'text?', count: 'number' },
  'door.refused': { door: 'text', code: 'text', reason: 'text', count: 'number' },
  'door.foreign-user': { door: 'text', uid: 'number', count: 'number' },
  'opening.refused': { host: 'text', count: 'number' },
  'grant.created': {
    grant: 'text',
    profile: 'text',
    subject: 'text',
    identity: 'text?',
    workspace: 'text',
    scopes: 'texts',
    until: 'text',
    label: 'text',
    approved: 'text',
    caller: 'text',
    callerKind: 'text',
    aiAgent: 'text?',
  },
  'grant.widened': { grant: 'text', scopes: 'texts', approved: 'text' },
  'grant.paused': { grant: 'text' },
  'grant.resumed': { grant: 'text' },
  'grant.ended': { grant: 'text', why: 'text' },
  'caller.unexpected': { grant: 'text', caller: 'text', callerKind: 'text', aiAgent: 'text?', count: 'number' },
  'caller.extra-holder': { grant: 'text', caller: 'text', callerKind: 'text' },
  'control.refused': { verb: 'text', code: 'text', caller: 'text', callerKind: 'text', aiAgent: 'text?', count: 'number' },
  'consent.asked': {
    ask: 'text',
    purpose: 'text',
    identity: 'text?',
    grant: 'text',
    caller: 'text',
    callerKind: 'text',
    aiAgent: 'text?',
    workspace: 'text',
    scopes: 'texts',
    approval: 'text',
  },
  'consent.answered': { ask: 'text', purpose: 'text', verdict: 'text', how: 'text', span: 'text', tapKey: 'text' },
  'consent.unanswered': { ask: 'text', purpose: 'text' },
  'policy.activated': { source: 'text', policy: 'text', revision: 'number', digest: 'text', mode: 'text', approved: 'text' },
  'policy.rejected': { source: 'text', digest: 'text', code: 'text', reason: 'text' },
  'policy.denied': {
    action: 'text',
    identity: 'text?',
    grant: 'text',
    caller: 'text',
    callerKind: 'text',
    workspace: 'text',
    scopes: 'texts',
    code: 'text',
    rules: 'texts',
    count: 'number',
  },
  'policy.observed': {
    action: 'text',
    identity: 'text?',
    grant: 'text',
    caller: 'text',
    workspace: 'text',
    scopes: 'texts',
    rules: 'texts',
    count: 'number',
  },
  'device.enrolled': { organization: 'text', device: 'text', source: 'text' },
  'device.left': { organization: 'text', device: 'text' },
  'device.revoked': { device: 'text' },
  'device.record-sent': { organization: 'text', device: 'text', to: 'text', revision: 'number', digest: 'text' },
  'offboarding.done': { device: 'text', person: 'text', tokens: 'number', lastEnds: 'text', vault: 'text' },
  'bundle.accepted': { organization: 'text', revision: 'number', digest: 'text', signedBy: 'text' },
  'bundle.rejected': { code: 'text', reason: 'text' },
  'managed-settings.read': { organization: 'text', source: 'text', digest: 'text' },
  'managed-settings.refused': { code: 'text', reason: 'text' },
  'setting.changed': { name: 'text', value: 'text', caller: 'text', callerKind: 'text', aiAgent: 'text?' },
  'config.activated': { digest: 'text', approved: 'text' },
  'config.rejected': { digest: 'text', code: 'text' },
  'service-principal.secret-set': { name: 'text', clientId: 'text' },
  'service-principal.secret-removed': { name: 'text', clientId: 'text' },
  'key.registered-at-provider': { profile: 'text', how: 'text', said: 'text', verified: 'text', assurance: 'text', code: 'text?' },
  'tap-key.added': { key: 'text', name: 'text', aaguid: 'text', first: 'text' },
  'tap-key.removed': { key: 'text', name: 'text' },
  'tap-key.renamed': { key: 'text', name: 'text' },
  'tap-key.lost': { key: 'text', name: 'text', person: 'text' },
  'tap-key.retired': { key: 'text', name: 'text' },
  'tap-key.judged': { key: 'text', verdict: 'text', because: 'text', model: 'text', mds: 'text' },
  'tap-key.backup-changed': { key: 'text', backedUp: 'text' },
  'mds.imported': { no: 'number', models: 'number', nextUpdate: 'text' },
  'tap.accepted': { key: 'text', purpose: 'text', ask: 'text', userVerified: 'text' },
  'tap.refused': { purpose: 'text', reason: 'text', count: 'number' },
  'lock.changed': { state: 'text', why: 'text' },
  'vault.sealing-changed': { how: 'text', key: 'text' },
  'agent.reset': { grants: 'number', keys: 'number' },
  'audit.repaired': { droppedBytes: 'number' },
  'audit.gap': { count: 'number', acts: 'text?' },
  'audit.key': { origin: 'text', thumbprint: 'text', jwk: 'text' },
  'audit.checkpoint': { size: 'number', root: 'text', why: 'text', note: 'text' },
  'audit.rewritten': { size: 'number', root: 'text' },
  'audit.broken': { segment: 'text', problem: 'text' },
  'audit.export-skipped': { sink: 'text', reason: 'text', count: 'number', fromSeq: 'number', toSeq: 'number' },
  'alert.raised': { alert: 'text', severity: 'text', about: 'text', count: 'number' },
  'alert.over': { alert: 'text', about: 'text', count: 'number', since: 'text' },
  'alert.seen': { alert: 'text', about: 'text', caller: 'text', callerKind: 'text', aiAgent: 'text?' },
} as const satisfies { [T in AuditEventType]: Shape<T> };

const cut = (text: string, limit: number): string => (text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`);

function readText(value: unknown, limit: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  // Half a character would be one in no other system.
  let text = value.toWellFormed();
  // check: audit-token-shape
  text = withoutTokens(text);
  // end check
  return cut(text, limit);
}

function readTexts(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries = value.slice(0, fieldLimits.entries).map((entry) => readText(entry, fieldLimits.entry));
  if (value.length > fieldLimits.entries) entries.push(`… ${value.length - fieldLimits.entries} more`);
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

/** The value as it may be written or sent; undefined: it is not of that kind. */
export function readField(kind: FieldKind, value: unknown): FieldValue | undefined {
  switch (kind) {
    case 'text':
    case 'text?':
      return readText(value, fieldLimits.text);
    case 'text-or-null':
      return value === null ? null : readText(value, fieldLimits.text);
    case 'number':
      return Number.isSafeInteger(value) ? (value as number) : undefined;
    case 'texts':
      return readTexts(value);
  }
}

/**
 * The event as it will be written: `type` first, then its own fields in the order of the table; all else is left behind.
 *
 * @throws TypeError an event or value that the union does not allow (a bug of ours, never bad input)
 */
export function pickFields(event: AuditEvent): Record<string, FieldValue> {
  // check: audit-event-known
  if (!Object.hasOwn(eventShapes, event.type)) throw new TypeError('audit: no such event');
  // end check
  const shape: Record<string, FieldKind> = eventShapes[event.type];
  const given: Record<string, unknown> = { ...event };
  const picked: Record<string, FieldValue> = { type: event.type };
  for (const [name, kind] of Object.entries(shape)) {
    const value = given[name];
    if (value === undefined && kind === 'text?') continue;
    const field = readField(kind, value);
    // check: audit-field-kind
    if (field === undefined) throw new TypeError(`audit: ${event.type}.${name} is not a ${kind}`);
    // end check
    picked[name] = field as FieldValue;
  }
  return picked;
}
