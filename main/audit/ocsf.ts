/**
 * A record in the words of the Open Cybersecurity Schema Framework, version 1.8.0 (https://schema.ocsf.io): a table over the envelope.
 *
 * Four classes are used: Account Change 3001, Authentication 3002, Authorize Session 3003, API Activity 6003. What is none of these and
 * like none of them (the log about itself, the start of the program) has no row and is no OCSF event. What has no attribute of its own in a
 * class stands in `unmapped`, under the names of the envelope.
 */
import type { Envelope } from './envelope.ts';
import type { AuditEventType } from './event.ts';

/** Names of classes and of their activities, as the published schema has them; 99 is Other and is named by the row. */
const classes = {
  3001: { name: 'Account Change', activities: { 3: 'Password Change', 5: 'Disable', 10: 'MFA Factor Enable', 11: 'MFA Factor Disable' } },
  3002: { name: 'Authentication', activities: { 1: 'Logon', 2: 'Logoff' } },
  3003: { name: 'Authorize Session', activities: { 1: 'Assign Privileges' } },
  6003: { name: 'API Activity', activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' } },
} as const;
type ClassUid = keyof typeof classes;
type Row = { [C in ClassUid]: { class: C; activity: keyof (typeof classes)[C]['activities'] } | { class: C; other: string } }[ClassUid];

// biome-ignore format: one line per event, so that it reads as the table it is
const rows: Partial<Record<AuditEventType, Row>> = {
  'session.signed-in': { class: 3002, activity: 1 },
  'session.sign-in-failed': { class: 3002, activity: 1 },
  'session.ended': { class: 3002, activity: 2 },
  'session.resumed': { class: 3002, other: 'Session Resume' },
  'session.renewed': { class: 3002, other: 'Session Renew' },
  'session.renewal-failed': { class: 3002, other: 'Session Renew' },
  'token.validation-failed': { class: 3002, other: 'Token Validation' },
  'token.validation-burst': { class: 3002, other: 'Token Validation' },
  'tap.accepted': { class: 3002, other: 'Tap' },
  'tap.refused': { class: 3002, other: 'Tap' },
  'grant.created': { class: 3003, activity: 1 },
  'grant.widened': { class: 3003, activity: 1 },
  'token.minted': { class: 3003, activity: 1 },
  'token.mint-failed': { class: 3003, activity: 1 },
  'tap-key.added': { class: 3001, activity: 10 },
  'tap-key.removed': { class: 3001, activity: 11 },
  'tap-key.lost': { class: 3001, activity: 11 },
  'tap-key.retired': { class: 3001, activity: 11 },
  'key.registered-at-provider': { class: 3001, activity: 10 },
  'service-principal.secret-set': { class: 3001, activity: 3 },
  'service-principal.secret-removed': { class: 3001, other: 'Secret Remove' },
  'offboarding.done': { class: 3001, activity: 5 },
  'session.sign-in-asked': { class: 6003, activity: 1 },
  'session.groups-unknown': { class: 6003, activity: 2 },
  'token.served': { class: 6003, activity: 2 },
  'token.served-again': { class: 6003, activity: 2 },
  'token.printed': { class: 6003, activity: 2 },
  'token.refused': { class: 6003, activity: 2 },
  'door.refused': { class: 6003, other: 'Refused' },
  'door.foreign-user': { class: 6003, other: 'Refused' },
  'opening.refused': { class: 6003, other: 'Refused' },
  'control.refused': { class: 6003, other: 'Refused' },
  'policy.denied': { class: 6003, other: 'Policy Decision' },
  'policy.observed': { class: 6003, other: 'Policy Decision' },
  'grant.paused': { class: 6003, activity: 3 },
  'grant.resumed': { class: 6003, activity: 3 },
  'grant.ended': { class: 6003, activity: 4 },
  'caller.unexpected': { class: 6003, other: 'New Program' },
  'caller.extra-holder': { class: 6003, other: 'New Program' },
  'consent.asked': { class: 6003, other: 'Approval' },
  'consent.answered': { class: 6003, other: 'Approval' },
  'consent.unanswered': { class: 6003, other: 'Approval' },
  'policy.activated': { class: 6003, activity: 3 },
  'policy.rejected': { class: 6003, activity: 3 },
  'device.enrolled': { class: 6003, activity: 1 },
  'device.left': { class: 6003, activity: 4 },
  'device.revoked': { class: 6003, activity: 4 },
  'device.record-sent': { class: 6003, activity: 1 },
  'bundle.accepted': { class: 6003, activity: 3 },
  'bundle.rejected': { class: 6003, activity: 3 },
  'setting.changed': { class: 6003, activity: 3 },
  'config.activated': { class: 6003, activity: 3 },
  'config.rejected': { class: 6003, activity: 3 },
  'tap-key.renamed': { class: 6003, activity: 3 },
  'lock.changed': { class: 6003, activity: 3 },
  'vault.sealing-changed': { class: 6003, activity: 3 },
  'agent.reset': { class: 6003, activity: 4 },
  'alert.raised': { class: 6003, other: 'Alert' },
  'alert.over': { class: 6003, other: 'Alert' },
  'alert.seen': { class: 6003, other: 'Alert' },
};

type Attributes = Record<string, unknown>;
type Part = (of: Envelope) => unknown;

const device: Part = ({ host_id }) => ({ uid: host_id });
const service: Part = () => ({ name: 'Lakepass' });
const workspace: Part = ({ target }) => {
  const host = URL.parse(target?.workspace ?? '')?.hostname;
  return host === undefined ? undefined : { hostname: host };
};
/** A session is the grant it runs under. */
const session: Part = ({ target, actor, token, details }) => {
  const ends = Date.parse(token?.exp ?? String(details?.['until']));
  if (target?.grant === undefined && actor?.issuer === undefined) return undefined;
  return dense({ uid: target?.grant, issuer: actor?.issuer, expiration_time: Number.isNaN(ends) ? undefined : ends });
};
const webauthn: Part = ({ event_type }) => (/^(tap|key)/.test(event_type) ? [{ factor_type_id: 10, factor_type: 'WebAuthn' }] : undefined);

/** OCSF wants a user in every event of identity; where the log names none, it says so. */
const user: Part = ({ actor, target }) => {
  const { sub, email, kind } = actor ?? {};
  const principal = target?.service_principal;
  if (principal !== undefined) return dense({ name: principal, uid: target?.client_id, type_id: 4, type: 'Service' });
  const name = target?.person ?? email;
  if (name === undefined && sub === undefined) return { name: 'unknown', type_id: 0, type: 'Unknown' };
  const type = kind === 'service-principal' ? { type_id: 4, type: 'Service' } : { type_id: 1, type: 'User' };
  return dense({ ...type, name, uid: target?.person === undefined ? sub : undefined, email_addr: addressOf(name) });
};
/** As `email_t` has it. */
const addressOf = (name: string | undefined): string | undefined =>
  name !== undefined && /^[\w!#$%&'*+/=?^`{|}~.-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9.-]+$/.test(name) ? name : undefined;

const actor: Part = (of) =>
  dense({
    app_name: of.client?.program ?? 'Lakepass',
    user: of.actor?.sub === undefined ? undefined : user(of),
    session: of.target?.grant === undefined ? undefined : { uid: of.target.grant },
  });
/** What an act was done to: the first of these that is named. */
const resources: Part = ({ target, decision }) => {
  const found = [
    ['grant', target?.grant],
    ['tap key', target?.key],
    ['policy', decision?.policy],
    ['device', target?.device],
    ['host', target?.host],
    ['profile', target?.profile],
  ].find(([, uid]) => uid !== undefined);
  return found === undefined ? undefined : [{ type: found[0], uid: found[1] }];
};

/** Attributes beside those of every event. */
const parts: Record<ClassUid, Record<string, Part>> = {
  3001: { user, src_endpoint: device, auth_factors: webauthn },
  3002: {
    ...{ user, service, session, src_endpoint: device, auth_factors: webauthn },
    auth_protocol_id: ({ event_type }) => (event_type.startsWith('tap') ? 99 : 4),
    auth_protocol: ({ event_type }) => (event_type.startsWith('tap') ? 'WebAuthn' : 'OpenID'),
    is_mfa: ({ auth }) => (auth?.assurance === undefined ? undefined : auth.assurance !== 'unknown'),
  },
  3003: { user, session, src_endpoint: device, dst_endpoint: workspace, privileges: ({ target }) => target?.scopes ?? [] },
  6003: {
    ...{ actor, src_endpoint: device, dst_endpoint: workspace, resources },
    api: ({ action, request_id }) => ({
      operation: action,
      service: { name: 'Lakepass' },
      ...(request_id === undefined ? {} : { request: { uid: request_id } }),
    }),
  },
};

const severities = { success: [1, 'Informational'], info: [1, 'Informational'], error: [2, 'Low'], denied: [3, 'Medium'] } as const;
const outcomes = { success: [1, 'Success'], info: [0, 'Unknown'], error: [2, 'Failure'], denied: [2, 'Failure'] } as const;

/** The record as an OCSF event; null: it is none. Its `metadata.uid` is the `event_uid`. */
export function ocsfOf(of: Envelope): Attributes | null {
  const row = Object.hasOwn(rows, of.event_type) ? rows[of.event_type as AuditEventType] : undefined;
  if (row === undefined) return null;
  const category = row.class === 6003 ? ([6, 'Application Activity'] as const) : ([3, 'Identity & Access Management'] as const);
  const activity = 'activity' in row ? row.activity : 99;
  const [severity_id, severity] = severityOf(of);
  const [status_id, status] = outcomes[of.status];
  return dense({
    ...{ activity_id: activity, activity_name: activityName(row), category_uid: category[0], category_name: category[1] },
    ...{ class_uid: row.class, class_name: classes[row.class].name, type_uid: row.class * 100 + activity },
    ...{ severity_id, severity, status_id, status, status_code: of.error_code, status_detail: of.reason },
    ...{ time: Date.parse(of.time), count: of.count, message: of.action },
    metadata: dense({
      ...{ version: '1.8.0', product: { name: 'Lakepass', vendor_name: 'Lakepass', version: of.app_version } },
      ...{ uid: of.event_uid, sequence: of.seq, event_code: of.event_type, log_name: 'audit', original_time: of.time },
      correlation_uid: of.request_id,
    }),
    ...Object.fromEntries(Object.entries(parts[row.class]).map(([name, part]) => [name, part(of)])),
    unmapped: dense({
      ...{ host_id: of.host_id, chain: of.chain, client: of.client, target: of.target, decision: of.decision },
      ...{ auth: of.auth, token: of.token, details: of.details, acts_as: of.actor?.acts_as, latency_ms: of.latency_ms },
    }),
  });
}

function activityName(row: Row): string {
  if ('other' in row) return row.other;
  const names: Record<number, string> = classes[row.class].activities;
  return names[row.activity] ?? '';
}

/** An alert says itself how bad it is. */
const severityOf = ({ status, event_type, details }: Envelope): readonly [number, string] =>
  event_type !== 'alert.raised' ? severities[status] : details?.['severity'] === 'severe' ? [4, 'High'] : [3, 'Medium'];

/** For the catalogue: `Authentication: Logon`; empty where an event is none of OCSF's. */
export function ocsfName(type: AuditEventType): string {
  const row = rows[type];
  return row === undefined ? '' : `${classes[row.class].name} ${row.class}: ${activityName(row)}`;
}

/** Without what is undefined. */
const dense = (value: Attributes): Attributes => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
