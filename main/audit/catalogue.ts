/**
 * What of each event leaves the device, and under which name: a table. The compiler asks for a row for every event, and in it for a road
 * for every field whose meaning is not the same everywhere; `docs/audit-events.md` is generated from it.
 *
 * Command lines, folders, and the names of notebooks, keys and runs have no road. The log does not even hold most of them.
 */
import type { AuditEvent, AuditEventType } from './event.ts';
import { eventShapes } from './fields.ts';
import { kindOf } from './kinds.ts';

/** Where in the envelope a field stands. */
export type Road =
  | 'error_code'
  | 'reason'
  | 'count'
  | 'latency_ms'
  | 'request_id'
  | `actor.${'kind' | 'issuer' | 'sub' | 'email' | 'acts_as'}`
  | `client.${'program' | 'kind' | 'ai_agent' | 'uid'}`
  | `target.${'profile' | 'workspace' | 'scopes' | 'grant' | 'key' | 'person' | 'host' | 'client_id' | 'service_principal' | 'organization' | 'device'}`
  | `decision.${'ask' | 'purpose' | 'approval' | 'approved_by' | 'verdict' | 'how' | 'span' | 'rules' | 'policy' | 'revision' | 'hash' | 'mode'}`
  | `auth.${'assurance' | 'acr' | 'amr' | 'auth_time' | 'key' | 'aaguid' | 'user_verified' | 'binding'}`
  | `token.${'fpr' | 'exp' | 'lease' | 'narrowed'}`
  | `checkpoint.${'size' | 'root' | 'note'}`
  | `details.${string}`;

/** success, error: it was done, or could not be. denied: it was refused. info: nothing was asked for. */
export type StatusWord = 'success' | 'error' | 'denied' | 'info';

type FieldOf<T extends AuditEventType> = Exclude<keyof Extract<AuditEvent, { type: T }>, 'type'>;
type AnyField = { [T in AuditEventType]: FieldOf<T> }[AuditEventType];

/** The fields that mean the same wherever they stand. */
const everywhere = {
  code: 'error_code',
  reason: 'reason',
  why: 'reason',
  count: 'count',
  tookMs: 'latency_ms',
  requestId: 'request_id',
  identity: 'actor.kind',
  issuer: 'actor.issuer',
  subject: 'actor.sub',
  username: 'actor.email',
  actsAs: 'actor.acts_as',
  caller: 'client.program',
  callerKind: 'client.kind',
  aiAgent: 'client.ai_agent',
  profile: 'target.profile',
  workspace: 'target.workspace',
  scopes: 'target.scopes',
  grant: 'target.grant',
  person: 'target.person',
  clientId: 'target.client_id',
  organization: 'target.organization',
  device: 'target.device',
  ask: 'decision.ask',
  purpose: 'decision.purpose',
  approval: 'decision.approval',
  approved: 'decision.approved_by',
  rules: 'decision.rules',
  assurance: 'auth.assurance',
  acr: 'auth.acr',
  amr: 'auth.amr',
  authTime: 'auth.auth_time',
  binding: 'auth.binding',
  aaguid: 'auth.aaguid',
  userVerified: 'auth.user_verified',
  fingerprint: 'token.fpr',
  expiresAt: 'token.exp',
  lease: 'token.lease',
  narrowed: 'token.narrowed',
  label: null,
} as const satisfies Partial<Record<AnyField, Road | null>>;
type Everywhere = keyof typeof everywhere;

/** A status that the value of a field decides. */
interface StatusBy {
  by: string;
  words: Readonly<Record<string, StatusWord>>;
  other: StatusWord;
}
type RowOf<T extends AuditEventType> = { action: string; status: StatusWord | StatusBy } & ([Exclude<FieldOf<T>, Everywhere>] extends [
  never,
]
  ? { fields?: { readonly [F in Extract<FieldOf<T>, Everywhere>]?: Road | null } }
  : {
      fields: { readonly [F in Exclude<FieldOf<T>, Everywhere>]: Road | null } & {
        readonly [F in Extract<FieldOf<T>, Everywhere>]?: Road | null;
      };
    });
export interface Row {
  action: string;
  status: StatusWord | StatusBy;
  fields?: Readonly<Record<string, Road | null>>;
}

const registered: StatusBy = { by: 'said', words: { success: 'success', error: 'error' }, other: 'info' };
const answered: StatusBy = { by: 'verdict', words: { approved: 'success' }, other: 'denied' };

// biome-ignore format: one line per event, so that it reads as the table it is
export const catalogue = {
  'agent.started': { action: 'agent.start', status: 'info', fields: { version: 'details.version', vault: 'details.vault', port: 'details.port', proxy: null, ignored: null } },
  'agent.stopped': { action: 'agent.stop', status: 'info' },
  'session.signed-in': { action: 'login.ok', status: 'success' },
  'session.sign-in-asked': { action: 'login.start', status: 'info' },
  'session.sign-in-failed': { action: 'login.fail', status: 'error' },
  'session.resumed': { action: 'session.resume', status: 'success' },
  'session.renewed': { action: 'session.refresh', status: 'success' },
  'session.renewal-failed': { action: 'session.refresh', status: 'error' },
  'session.groups-unknown': { action: 'session.groups', status: 'error' },
  'session.ended': { action: 'session.end', status: 'info', fields: { refreshToken: 'details.revocation' } },
  'token.validation-failed': { action: 'token.validation_failed', status: 'denied', fields: { rule: 'details.rule' } },
  'token.validation-burst': { action: 'token.validation_burst', status: 'denied', fields: { rules: 'details.rules' } },
  'token.minted': { action: 'token.mint', status: 'success' },
  'token.mint-failed': { action: 'token.mint', status: 'error' },
  'token.served': { action: 'token.serve', status: 'success' },
  'token.printed': { action: 'token.print', status: 'success' },
  'token.served-again': { action: 'token.serve_again', status: 'success' },
  'token.refused': { action: 'token.deny', status: 'denied' },
  'door.refused': { action: 'door.refuse', status: 'denied', fields: { door: 'details.door' } },
  'door.foreign-user': { action: 'door.foreign_user', status: 'denied', fields: { door: 'details.door', uid: 'client.uid' } },
  'opening.refused': { action: 'opening.refuse', status: 'denied', fields: { host: 'target.host' } },
  'grant.created': { action: 'grant.create', status: 'success', fields: { until: 'details.until' } },
  'grant.widened': { action: 'grant.widen', status: 'success' },
  'grant.paused': { action: 'grant.pause', status: 'success' },
  'grant.resumed': { action: 'grant.resume', status: 'success' },
  'grant.ended': { action: 'grant.end', status: 'info' },
  'caller.unexpected': { action: 'client.first_use', status: 'info' },
  'caller.extra-holder': { action: 'client.extra_holder', status: 'info' },
  'control.refused': { action: 'control.refuse', status: 'denied', fields: { verb: 'details.verb' } },
  'consent.asked': { action: 'client.ask', status: 'info' },
  'consent.answered': { action: 'client.answer', status: answered, fields: { verdict: 'decision.verdict', how: 'decision.how', span: 'decision.span', tapKey: 'auth.key' } },
  'consent.unanswered': { action: 'client.unanswered', status: 'denied' },
  'policy.activated': { action: 'policy.load', status: 'success', fields: { source: null, policy: 'decision.policy', revision: 'decision.revision', digest: 'decision.hash', mode: 'decision.mode' } },
  'policy.rejected': { action: 'policy.reject', status: 'error', fields: { source: null, digest: 'decision.hash' } },
  'policy.denied': { action: 'policy.deny', status: 'denied', fields: { action: 'details.requested' } },
  'policy.observed': { action: 'policy.observe', status: 'info', fields: { action: 'details.requested' } },
  'device.enrolled': { action: 'device.enroll', status: 'success', fields: { source: 'details.source' } },
  'device.left': { action: 'device.leave', status: 'success' },
  'device.record-sent': { action: 'device.record', status: 'success', fields: { to: null, revision: 'decision.revision', digest: 'details.digest' } },
  'device.revoked': { action: 'device.revoke', status: 'denied' },
  'offboarding.done': { action: 'device.offboard', status: 'success', fields: { tokens: 'details.tokens', lastEnds: 'details.last_ends', vault: 'details.vault' } },
  'bundle.accepted': { action: 'bundle.accept', status: 'success', fields: { revision: 'details.revision', digest: 'details.digest', signedBy: 'details.signed_by' } },
  'bundle.rejected': { action: 'bundle.reject', status: 'error' },
  'managed-settings.read': { action: 'settings.read', status: 'info', fields: { source: null, digest: 'details.digest' } },
  'managed-settings.refused': { action: 'settings.refuse', status: 'error' },
  'setting.changed': { action: 'settings.change', status: 'success', fields: { name: 'details.setting', value: 'details.value' } },
  'config.activated': { action: 'config.load', status: 'success', fields: { digest: 'details.digest' } },
  'config.rejected': { action: 'config.reject', status: 'error', fields: { digest: 'details.digest' } },
  'service-principal.secret-set': { action: 'service_principal.secret_set', status: 'success', fields: { name: 'target.service_principal' } },
  'service-principal.secret-removed': { action: 'service_principal.secret_removed', status: 'success', fields: { name: 'target.service_principal' } },
  'tap-key.added': { action: 'key.enroll', status: 'success', fields: { key: 'target.key', name: null, first: 'details.first' } },
  'tap-key.removed': { action: 'key.remove', status: 'success', fields: { key: 'target.key', name: null } },
  'tap-key.renamed': { action: 'key.rename', status: 'success', fields: { key: 'target.key', name: null } },
  'tap-key.lost': { action: 'key.lost', status: 'success', fields: { key: 'target.key', name: null } },
  'tap-key.retired': { action: 'key.retire', status: 'success', fields: { key: 'target.key', name: null } },
  'tap-key.judged': { action: 'key.attest', status: 'info', fields: { key: 'target.key', verdict: 'decision.verdict', because: 'details.because', model: 'details.model', mds: 'details.mds' } },
  'tap-key.backup-changed': { action: 'key.backup_change', status: 'info', fields: { key: 'target.key', backedUp: 'details.backed_up' } },
  'key.registered-at-provider': { action: 'key.register', status: registered, fields: { how: 'details.how', said: 'details.said', verified: 'details.verified' } },
  'mds.imported': { action: 'key.mds_import', status: 'success', fields: { no: 'details.no', models: 'details.models', nextUpdate: 'details.next_update' } },
  'tap.accepted': { action: 'tap.ok', status: 'success', fields: { key: 'auth.key' } },
  'tap.refused': { action: 'tap.fail', status: 'denied' },
  'lock.changed': { action: 'session.lock', status: 'info', fields: { state: 'details.state' } },
  'vault.sealing-changed': { action: 'vault.seal', status: 'success', fields: { how: 'details.how', key: 'target.key' } },
  'agent.reset': { action: 'agent.reset', status: 'success', fields: { grants: 'details.grants', keys: 'details.keys' } },
  'audit.repaired': { action: 'audit.repair', status: 'info', fields: { droppedBytes: 'details.dropped_bytes' } },
  'audit.gap': { action: 'audit.gap', status: 'error', fields: { acts: 'details.acts' } },
  'audit.key': { action: 'audit.key', status: 'info', fields: { origin: 'details.origin', thumbprint: 'details.thumbprint', jwk: 'details.jwk' } },
  'audit.checkpoint': { action: 'audit.seal', status: 'info', fields: { size: 'checkpoint.size', root: 'checkpoint.root', note: 'checkpoint.note' } },
  'audit.rewritten': { action: 'audit.verify_failed', status: 'error', fields: { size: 'checkpoint.size', root: 'checkpoint.root' } },
  'audit.broken': { action: 'audit.broken', status: 'error', fields: { segment: 'details.segment', problem: 'details.problem' } },
  'audit.export-skipped': { action: 'export.skip', status: 'error', fields: { sink: 'details.sink', fromSeq: 'details.from_seq', toSeq: 'details.to_seq' } },
  'alert.raised': { action: 'alert.raise', status: 'error', fields: { alert: 'details.alert', severity: 'details.severity', about: 'details.about' } },
  'alert.over': { action: 'alert.end', status: 'info', fields: { alert: 'details.alert', about: 'details.about', since: 'details.since' } },
  'alert.seen': { action: 'alert.see', status: 'success', fields: { alert: 'details.alert', about: 'details.about' } },
} as const satisfies { readonly [T in AuditEventType]: RowOf<T> };

/** Where a field of an event goes; null: it stays on the device. */
export function roadOf(row: Row, field: string): Road | null {
  const own = row.fields?.[field];
  if (own !== undefined) return own;
  return Object.hasOwn(everywhere, field) ? everywhere[field as Everywhere] : null;
}

/** The catalogue for people, as `docs/audit-events.md` has it. */
export function catalogueText(ocsfOf: (type: AuditEventType) => string): string {
  const lines = Object.entries<Row>(catalogue).map(([type, row]) => {
    const fields = Object.keys(eventShapes[type as AuditEventType]);
    const leaving = fields.flatMap((field) => roadOf(row, field) ?? []);
    const staying = fields.filter((field) => roadOf(row, field) === null);
    return `| \`${type}\` | ${kindOf(type)} | \`${row.action}\` | ${statusText(row)} | ${leaving.join(', ')} | ${staying.join(', ')} | ${ocsfOf(type as AuditEventType)} |`;
  });
  return [
    '| event | kind | action | status | leaves as | stays here | OCSF |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

const statusText = ({ status }: Row): string =>
  typeof status === 'string' ? status : [...new Set([...Object.values(status.words), status.other])].join(' or ');
