/** What each field of an envelope is, in plain words, for whoever looks at what was sent of a device. The compiler keeps it whole. */
import type { SentField } from '../../preload/contract/audit.ts';
import type { catalogue, Road } from './catalogue.ts';
import type { Envelope } from './envelope.ts';

/** A field with fields of its own is named by those. */
type Names<T, Group extends string = ''> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly unknown[] | string | number | boolean
    ? `${Group}${K}`
    : Names<NonNullable<T[K]>, `${Group}${K}.`>;
}[keyof T & string];
type Written = {
  [T in keyof typeof catalogue]: (typeof catalogue)[T] extends { fields: infer F } ? F[keyof F] : never;
}[keyof typeof catalogue];
type FieldName = Names<Omit<Envelope, 'details'>> | Exclude<Road, `details.${string}`> | Extract<Written, `details.${string}`>;

export const fieldWords: Readonly<Record<FieldName, string>> = {
  schema: 'Form of the record',
  event_uid: 'Id of the record',
  seq: 'Number in the log of this device',
  time: 'When it happened',
  host_id: 'Id of this device; not its name',
  app_version: 'Version of Lakepass',
  event_type: 'What happened',
  action: 'The same, in few words',
  status: 'What came of it',
  error_code: 'Code of the refusal or failure',
  reason: 'Why',
  count: 'How many of the kind',
  latency_ms: 'How long it took, in milliseconds',
  request_id: 'Id of the request at Databricks',
  'actor.kind': 'A person or a service principal',
  'actor.issuer': 'Your identity provider',
  'actor.sub': 'Your id there',
  'actor.email': 'Your user name',
  'actor.acts_as': 'Service principal whose rights it has',
  'client.program': 'Program, by the name of its file',
  'client.kind': 'What sort of program',
  'client.ai_agent': 'AI agent that it belongs to',
  'client.uid': 'Number of the other user of this machine',
  'target.profile': 'Profile',
  'target.workspace': 'Workspace',
  'target.scopes': 'Scopes',
  'target.grant': 'Id of the grant',
  'target.key': 'Key: hash of its id',
  'target.person': 'Person',
  'target.host': 'Host that was asked for',
  'target.client_id': 'Client id of the service principal',
  'target.service_principal': 'Name of the service principal',
  'target.organization': 'Company',
  'target.device': 'Id of the device in the bundle',
  'decision.ask': 'Id of the request to you',
  'decision.purpose': 'What you were asked for',
  'decision.approval': 'What it takes to say yes',
  'decision.approved_by': 'How it was approved',
  'decision.verdict': 'Yes or no',
  'decision.how': 'How you answered',
  'decision.span': 'For how long',
  'decision.rules': 'Rules of the policy that decided',
  'decision.policy': 'Name of the policy',
  'decision.revision': 'Its revision',
  'decision.hash': 'Its fingerprint',
  'decision.mode': 'Whether it refuses or only observes',
  'auth.assurance': 'How strongly the sign-in was proven',
  'auth.acr': 'Level that your provider names',
  'auth.amr': 'Ways of signing in that it names',
  'auth.auth_time': 'When you signed in there',
  'auth.key': 'Key: hash of its id',
  'auth.aaguid': 'Key: model id',
  'auth.user_verified': 'Key: asked for PIN or finger',
  'auth.binding': 'Whether the session is bound to this device',
  'token.fpr': 'Part of a hash of the token; opens nothing',
  'token.exp': 'When the token ends',
  'token.lease': 'How long a program may keep it',
  'token.narrowed': 'Whether it opens only those scopes',
  'checkpoint.size': 'Records that are sealed',
  'checkpoint.root': 'Hash over all of them',
  'checkpoint.note': 'Signature over it',
  'chain.prev': 'Hash of the record before',
  'chain.hash': 'Hash of this record',
  'details.about': 'What the alert is about: a profile, a sink or a key',
  'details.acts': 'Acts that were not recorded',
  'details.alert': 'Which alert',
  'details.backed_up': 'Key: is synced',
  'details.because': 'Why it is judged so',
  'details.digest': 'Fingerprint of the file',
  'details.door': 'Door of Lakepass',
  'details.dropped_bytes': 'Bytes of a record that was cut short',
  'details.first': 'Whether it is the first key',
  'details.from_seq': 'From this number',
  'details.grants': 'Grants that ended',
  'details.how': 'In which way',
  'details.jwk': 'Public key of this device',
  'details.keys': 'Keys that were erased',
  'details.last_ends': 'When the last token ends',
  'details.mds': 'Number of the FIDO list',
  'details.model': 'Key: model',
  'details.models': 'Models in the FIDO list',
  'details.next_update': 'When the next FIDO list is due',
  'details.no': 'Number of the FIDO list',
  'details.origin': 'Name of this device in its checkpoints',
  'details.port': 'Port on this machine',
  'details.problem': 'What is wrong with the log',
  'details.requested': 'What the policy was asked',
  'details.revision': 'Revision of the bundle',
  'details.revocation': 'Whether the provider was told',
  'details.rule': 'Rule that was broken',
  'details.rules': 'Rules that were broken',
  'details.said': 'What the provider said',
  'details.segment': 'File of the log',
  'details.setting': 'Setting',
  'details.severity': 'How bad it is',
  'details.signed_by': 'Key that signed the bundle',
  'details.since': 'Since when',
  'details.sink': 'Name of the sink',
  'details.source': 'By which way it is managed',
  'details.state': 'How the lock stands',
  'details.thumbprint': 'Fingerprint of the key of this device',
  'details.to_seq': 'Up to this number',
  'details.tokens': 'Tokens that were forgotten',
  'details.until': 'When the grant ends',
  'details.value': 'Its value',
  'details.vault': 'Where secrets are kept',
  'details.verb': 'Verb of the command line',
  'details.verified': 'Whether it was proven',
  'details.version': 'Version of Lakepass that started',
};

/** Every field of a record that was sent, in its order; one without words is there by its name alone. */
export function sentFields(envelope: Envelope): SentField[] {
  return leaves(envelope).map(([name, value]) => ({
    name,
    means: Object.hasOwn(fieldWords, name) ? fieldWords[name as FieldName] : '',
    value,
  }));
}

function leaves(value: object, group = ''): [string, SentField['value']][] {
  return Object.entries(value).flatMap(([key, each]): [string, SentField['value']][] =>
    typeof each === 'object' && !Array.isArray(each) ? leaves(each, `${group}${key}.`) : [[`${group}${key}`, each]],
  );
}
