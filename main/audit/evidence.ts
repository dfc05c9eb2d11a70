/**
 * What an auditor asks of a log, gathered from its records of a period: who had access to what, how it was proven and approved, keys,
 * policy, refusals, ends, gaps, and what a verification proves. Offline; it never changes the log.
 *
 * Of each record it uses the envelope alone, so nothing is said here that no sink may get. What is of one person holds nothing of another.
 */
import { z } from 'zod';
import { type DeviceFacts, type Envelope, envelopeOf, envelopeSchema } from './envelope.ts';
import { nameKey, type Owners, ownersOfRecords } from './evidence-owners.ts';
import { readLines } from './lines.ts';
import { decodeLine, glanceAt, type StoredRecord } from './record.ts';
import { listSegments } from './segment.ts';
import { verifyAudit } from './verify.ts';
import type { SealOptions } from './verify-seals.ts';
import { noteTexts, problemPlace, problemTexts, proofOf } from './verify-words.ts';

export const sectionNames = ['approvals', 'refusedSignIns', 'keys', 'rules', 'settings', 'ends', 'alerts', 'gaps'] as const;
export type SectionName = (typeof sectionNames)[number];

/** By type, or by its first word. */
// biome-ignore format: a table
const sectionOf: ReadonlyMap<string, SectionName> = new Map(Object.entries({
  'consent.asked': 'approvals', 'consent.answered': 'approvals', 'consent.unanswered': 'approvals', 'tap.accepted': 'approvals', 'tap.refused': 'approvals',
  'session.sign-in-failed': 'refusedSignIns', 'session.renewal-failed': 'refusedSignIns', token: 'refusedSignIns',
  'tap-key': 'keys', key: 'keys', mds: 'keys', 'vault.sealing-changed': 'keys', 'audit.key': 'keys',
  'service-principal': 'keys',
  'policy.activated': 'rules', 'policy.rejected': 'rules', bundle: 'rules', 'managed-settings': 'rules', config: 'rules', 'device.enrolled': 'rules',
  setting: 'settings',
  'session.ended': 'ends', offboarding: 'ends', 'device.left': 'ends', 'device.revoked': 'ends', 'agent.reset': 'ends',
  alert: 'alerts', 'token.validation-burst': 'alerts', 'audit.rewritten': 'alerts', 'door.foreign-user': 'alerts',
  'audit.gap': 'gaps', 'audit.repaired': 'gaps', 'audit.broken': 'gaps', 'audit.export-skipped': 'gaps',
} as const satisfies Record<string, SectionName>));
const notListed = new Set(['token.minted', 'token.served', 'token.served-again', 'token.refused', 'token.mint-failed', 'token.printed']);
const sectionFor = (type: string): SectionName | undefined =>
  notListed.has(type) ? undefined : (sectionOf.get(type) ?? sectionOf.get(type.split('.')[0] ?? ''));

/** What concerns the whole device, whoever uses it. */
const ofTheDevice = /^(policy\.(activated|rejected)|bundle\.|managed-settings\.|config\.|device\.|mds\.|audit\.)/;

/** Of a section or a person nobody reads more; the log that goes with it has them all. */
const MOST_ROWS = 5000;
const MOST_PERSONS = 1000;
/** Of all persons together. */
const MOST_OF_PERSONS = 20_000;

const listOf = <T extends z.ZodType>(row: T) => z.strictObject({ rows: z.array(row), unlisted: z.int().nonnegative() });
const proof = z.strictObject({
  seq: z.int(),
  time: z.iso.datetime(),
  profile: z.string(),
  assurance: z.string(),
  acr: z.string(),
  amr: z.string(),
  authTime: z.string(),
});
const access = z.strictObject({
  grant: z.string(),
  /** Number of the record that gave it. */
  seq: z.int(),
  from: z.iso.datetime(),
  until: z.string(),
  ended: z.strictObject({ seq: z.int(), time: z.iso.datetime(), why: z.string() }).nullable(),
  profile: z.string(),
  workspace: z.string(),
  /** As it was given; `widened` has the rest. */
  scopes: z.array(z.string()),
  program: z.string(),
  aiAgent: z.string(),
  approvedBy: z.string(),
  /** Each time that more was given: number of the record, and by whose approval. */
  widened: z.array(z.strictObject({ seq: z.int(), scopes: z.array(z.string()), approvedBy: z.string() })),
  /** The sign-in it rests on; null: it was before this log, or it is no person's. */
  proof: proof.nullable(),
  /** Answers with a token within the period. */
  answers: z.int().nonnegative(),
});
export type Access = z.output<typeof access>;
/** `who`: name of the person it is about, where the log says or shows it. `before`: what it took the place of. */
const listedRecord = z.strictObject({ record: envelopeSchema, who: z.string().nullable(), before: z.string().nullable() });
const person = z.strictObject({
  subject: z.string(),
  name: z.string(),
  issuer: z.string(),
  kind: z.enum(['human', 'service-principal']),
  signIns: listOf(proof),
  access: listOf(access),
});
export type Person = z.output<typeof person>;
const counted = z.strictObject({ name: z.string(), count: z.int().positive(), first: z.iso.datetime(), last: z.iso.datetime() });

/** What the bundle says that an auditor was given beside the log; its digest is one that the log names as accepted. */
const bundleFactsSchema = z.strictObject({
  organization: z.string(),
  revision: z.int(),
  digest: z.string(),
  signedBy: z.string(),
  expires: z.string(),
  exemptions: z.array(
    z.strictObject({ id: z.string(), person: z.string(), rule: z.string(), from: z.string(), until: z.string(), reason: z.string() }),
  ),
  revokedPersons: z.array(z.string()),
  revokedDevices: z.array(z.string()),
});
export type BundleFacts = z.output<typeof bundleFactsSchema>;

export const evidenceSchema = z.strictObject({
  schema: z.literal('lakepass.evidence/1'),
  /** Times are UTC, ISO 8601; `to` itself is outside. */
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  person: z.string().nullable(),
  /** People stand as words that mean something in this folder alone. */
  pseudonymous: z.boolean(),
  made: z.strictObject({ at: z.iso.datetime(), version: z.string() }),
  device: z.string(),
  /** Records of the period, of whatever kind, that concern what was asked for. */
  records: z.int().nonnegative(),
  persons: z.array(person),
  /** Acts of persons beyond those. */
  unlistedPersons: z.int().nonnegative(),
  sections: z.strictObject(
    Object.fromEntries(sectionNames.map((name) => [name, listOf(listedRecord)])) as Record<
      SectionName,
      ReturnType<typeof listOf<typeof listedRecord>>
    >,
  ),
  /** What held when the period began. */
  heldBefore: z.array(z.string()),
  refusals: z.array(counted),
  /** What AI agents did, by agent and act. */
  aiAgents: z.array(counted),
  bundle: bundleFactsSchema.nullable(),
  /** The whole log until it was read, not only the period. */
  integrity: z.strictObject({
    ok: z.boolean(),
    first: z.strictObject({ seq: z.int(), at: z.string() }).nullable(),
    last: z.strictObject({ seq: z.int(), at: z.string(), hash: z.string() }).nullable(),
    ...{ problems: z.array(z.string()), notes: z.array(z.string()), unlisted: z.int() },
    ...{ proven: z.array(z.string()), cannotProve: z.array(z.string()) },
    /** agent: the one that runs on the device says it. */
    keysFrom: z.enum(['given', 'agent', 'log']),
    keys: z.array(z.string()),
  }),
});
export type Evidence = z.output<typeof evidenceSchema>;
type Section = Evidence['sections'][SectionName];

export interface EvidenceAsked extends SealOptions {
  /** Epoch milliseconds; `to` itself is outside. */
  from: number;
  to: number;
  /** User name or subject; what is of others is left out. */
  person: string | null;
  pseudonym?: DeviceFacts['pseudonym'];
  bundle?: BundleFacts | null;
  /** `keys` are of the agent that runs on the device; nobody has noted them elsewhere. */
  isAgentsKey?: boolean;
  /** Epoch milliseconds. */
  now: number;
  version: string;
  progress?: (records: number) => void;
}

/**
 * @param folder of a log that nobody writes to any more, such as a copy
 * @throws the system's error when the folder or a segment cannot be read
 */
export async function gatherEvidence(folder: string, asked: EvidenceAsked): Promise<Evidence> {
  const verdict = await verifyAudit(folder, { ...asked, mostListed: 100 });
  const known = await peopleIn(folder);
  const wanted = asked.person === null ? null : known.subjectsOf(asked.person);
  const gathering = startGathering(asked, known, wanted);
  let walked = 0;
  for await (const record of recordsIn(folder)) {
    gathering.take(record);
    walked += 1;
    if (walked % 100_000 === 0) asked.progress?.(walked);
  }
  const { proven, cannotProve } = proofOf(verdict);
  const { isAgentsKey = false } = asked;
  const hide = asked.pseudonym ?? ((name: string) => name);
  return {
    schema: 'lakepass.evidence/1',
    ...{ from: isoTime(asked.from), to: isoTime(asked.to), made: { at: isoTime(asked.now), version: asked.version } },
    ...{ person: asked.person === null ? null : hide(asked.person), pseudonymous: asked.pseudonym !== undefined, device: known.device },
    ...gathering.end(),
    bundle: asked.bundle == null ? null : bundleFor(asked.bundle, known, wanted, asked.pseudonym),
    integrity: {
      ...{ ok: verdict.ok, first: verdict.first, last: verdict.last },
      problems: verdict.problems.map((found) => `${problemPlace(found)}: ${problemTexts[found.problem]}`),
      notes: verdict.notes.map((found) => `${problemPlace(found)}: ${noteTexts[found.note]}`),
      ...{ unlisted: verdict.unlisted, keys: verdict.seals.keys.map(({ name, id }) => `${name}+${id}`) },
      keysFrom: isAgentsKey ? 'agent' : verdict.seals.keysFrom,
      proven,
      cannotProve: isAgentsKey ? [...cannotProve, WHOSE_KEY] : cannotProve,
    },
  };
}

const WHOSE_KEY =
  'Whose key it is: the agent that runs on the device says it, and no key was given (`--key`). Compare it with the one that was noted elsewhere.';

const isoTime = (at: number): string => new Date(at).toISOString();

async function* recordsIn(folder: string, types?: ReadonlySet<string>): AsyncGenerator<StoredRecord> {
  for (const { file } of listSegments(folder)) {
    for await (const { bytes } of readLines(file)) {
      if (bytes !== null && types !== undefined && !types.has(glanceAt(bytes)?.type ?? '')) continue;
      const decoded = bytes === null ? null : decodeLine(bytes);
      if (decoded?.ok) yield decoded.record;
    }
  }
}

/** What the log says of the company's bundles, and whether the device is still with it. */
export async function companyIn(folder: string): Promise<{ isManaged: boolean; accepted: Map<string, { signedBy: string }> }> {
  const accepted = new Map<string, { signedBy: string }>();
  let isManaged = false;
  for await (const record of recordsIn(folder, new Set(['bundle.accepted', 'device.enrolled', 'device.left']))) {
    isManaged = record.type !== 'device.left';
    if (record.type === 'bundle.accepted') accepted.set(String(record['digest']), { signedBy: String(record['signedBy']) });
  }
  return { isManaged, accepted };
}

interface Known {
  device: string;
  /** By subject. */
  people: ReadonlyMap<string, { name: string; issuer: string }>;
  subjectsOf(person: string): ReadonlySet<string>;
}

async function peopleIn(folder: string): Promise<Known> {
  const people = new Map<string, { name: string; issuer: string }>();
  let device = 'not named in the log';
  for await (const record of recordsIn(folder, new Set(['audit.key', 'session.signed-in']))) {
    if (record.type === 'audit.key') device = String(record['origin']).replace(/^lakepass\//, '');
    if (record.type === 'session.signed-in')
      people.set(String(record['subject']), { name: String(record['username']), issuer: String(record['issuer']) });
  }
  return {
    ...{ device, people },
    subjectsOf: (wanted) =>
      new Set([wanted, ...[...people].flatMap(([subject, { name }]) => (nameKey(name) === nameKey(wanted) ? [subject] : []))]),
  };
}

/** @param wanted subjects of the one person it is about; null: everybody */
function bundleFor(
  bundle: BundleFacts,
  { people }: Known,
  wanted: ReadonlySet<string> | null,
  pseudonym: DeviceFacts['pseudonym'] = (name) => name,
): BundleFacts {
  // A bundle names people by subject or by user name.
  const names = new Set([...(wanted ?? [])].flatMap((subject) => [subject, people.get(subject)?.name ?? subject].map(nameKey)));
  const isWanted = (name: string): boolean => wanted === null || names.has(nameKey(name));
  const hide = (name: string): string => (people.has(name) && !name.includes('@') ? name : pseudonym(name));
  return {
    ...bundle,
    exemptions: bundle.exemptions.filter((each) => isWanted(each.person)).map((each) => ({ ...each, person: hide(each.person) })),
    revokedPersons: bundle.revokedPersons.filter(isWanted).map(hide),
    revokedDevices: wanted === null ? bundle.revokedDevices : [],
  };
}

type Gathered = Pick<Evidence, 'records' | 'persons' | 'unlistedPersons' | 'sections' | 'heldBefore' | 'refusals' | 'aiAgents'>;

function startGathering(
  { from, to, pseudonym, version }: EvidenceAsked,
  { people, device }: Known,
  wanted: ReadonlySet<string> | null,
): { take(record: StoredRecord): void; end(): Gathered } {
  const owners = ownersOfRecords();
  const sections = Object.fromEntries(sectionNames.map((name) => [name, { rows: [], unlisted: 0 }])) as unknown as Record<
    SectionName,
    Section
  >;
  const [refusals, aiAgents] = [new Map<string, Evidence['refusals'][number]>(), new Map<string, Evidence['refusals'][number]>()];
  const persons = new Map<string, Person>();
  const grants = new Map<string, { row: Access; subject: string; kind: Person['kind'] }>();
  const proofs = new Map<string, { subject: string; proof: z.output<typeof proof> }>();
  const held = new Map<string, string>();
  let heldBefore: string[] | null = null;
  let [records, unlistedPersons, ofPersons] = [0, 0, 0];

  function personOf(subject: string, kind: Person['kind']): Person | null {
    const found = persons.get(subject);
    if (found !== undefined) return found;
    if (persons.size >= MOST_PERSONS) return null;
    const made: Person = {
      ...{ subject: hidden(subject), name: nameOf(subject), issuer: people.get(subject)?.issuer ?? '', kind },
      ...{ signIns: { rows: [], unlisted: 0 }, access: { rows: [], unlisted: 0 } },
    };
    persons.set(subject, made);
    return made;
  }
  function nameOf(subject: string): string {
    const name = people.get(subject)?.name;
    return name === undefined ? hidden(subject) : (pseudonym?.(name) ?? name);
  }
  /** As `envelopeOf` has it for a subject. */
  const hidden = (subject: string): string => (pseudonym !== undefined && subject.includes('@') ? pseudonym(subject) : subject);

  function isOurs(record: StoredRecord, owner: string | null): boolean {
    if (wanted === null) return true;
    // check: evidence-person
    return owner === null ? ofTheDevice.test(record.type) : wanted.has(owner);
    // end check
  }

  function putOf<T>(into: { rows: T[]; unlisted: number }, row: T): void {
    ofPersons += 1;
    put(into, row, ofPersons <= MOST_OF_PERSONS);
  }

  function show({ row, subject, kind }: { row: Access; subject: string; kind: Person['kind'] }): void {
    const whose = personOf(subject, kind);
    if (whose === null) unlistedPersons += 1;
    else putOf(whose.access, row);
  }

  function takeAccess(said: Envelope, record: StoredRecord, owner: string | null): void {
    const id = said.target?.grant ?? '';
    if (record.type === 'grant.created' && owner !== null) {
      const profile = said.target?.profile ?? '';
      const proven = proofs.get(profile);
      grants.set(id, {
        subject: owner,
        kind: said.actor?.kind ?? 'human',
        row: {
          ...{ grant: id, seq: said.seq, from: said.time, until: said.details?.['until']?.toString() ?? '', ended: null, profile },
          ...{ workspace: said.target?.workspace ?? '', scopes: said.target?.scopes ?? [], program: said.client?.program ?? '' },
          ...{ aiAgent: said.client?.ai_agent ?? '', approvedBy: said.decision?.approved_by ?? '', widened: [], answers: 0 },
          proof: proven?.subject === owner ? proven.proof : null,
        },
      });
      return;
    }
    const found = grants.get(id);
    if (found === undefined) return;
    const isWithin = Date.parse(said.time) >= from;
    if (record.type === 'grant.widened') {
      const scopes = said.target?.scopes ?? [];
      found.row.widened.push({ seq: said.seq, scopes, approvedBy: said.decision?.approved_by ?? '' });
    }
    if (isWithin && record.type === 'token.served') found.row.answers += 1;
    if (isWithin && record.type === 'token.served-again') found.row.answers += said.count ?? 0;
    if (record.type !== 'grant.ended') return;
    grants.delete(id);
    found.row.ended = { seq: said.seq, time: said.time, why: said.reason ?? '' };
    if (isWithin) show(found);
  }

  function takeSignIn(said: Envelope, owner: string): void {
    const { profile = '' } = said.target ?? {};
    const { assurance = '', acr = '', amr = [], auth_time: authTime = '' } = said.auth ?? {};
    const proven = { seq: said.seq, time: said.time, profile, assurance, acr, amr: amr.join(' '), authTime };
    proofs.set(profile, { subject: owner, proof: proven });
    if (Date.parse(said.time) < from) return;
    const whose = personOf(owner, 'human');
    if (whose === null) unlistedPersons += 1;
    else putOf(whose.signIns, proven);
  }

  function take(record: StoredRecord): void {
    if (Date.parse(record.at) >= to) return;
    const owner = ownerThen(owners, record);
    if (!isOurs(record, owner)) return;
    const said = envelopeOf(record, { hostId: device, version, pseudonym });
    const isWithin = Date.parse(said.time) >= from;
    if (isWithin) heldBefore ??= [...held.values()];
    if (record.type === 'session.signed-in' && owner !== null) takeSignIn(said, owner);
    takeAccess(said, record, owner);
    const before = replaced(held, said);
    if (!isWithin) return;
    records += 1;
    const name = sectionFor(record.type);
    if (name !== undefined) put(sections[name], { record: said, who: owner === null ? null : nameOf(owner), before });
    if (said.status === 'denied') add(refusals, said.error_code ?? said.reason ?? said.event_type, said);
    if (said.client?.ai_agent !== undefined) add(aiAgents, `${said.client.ai_agent}: ${said.action}`, said);
  }

  function end(): Gathered {
    for (const open of grants.values()) {
      const until = Date.parse(open.row.until);
      if (Number.isNaN(until) || until >= from) show(open);
    }
    return {
      ...{ records, unlistedPersons, sections, heldBefore: heldBefore ?? [...held.values()] },
      persons: [...persons.values()].sort((a, b) => (a.kind === b.kind ? compare(a.name, b.name) : compare(a.kind, b.kind))),
      ...{ refusals: listed(refusals), aiAgents: listed(aiAgents) },
    };
  }

  return { take, end };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Of an end it is whoever was there until then. */
function ownerThen(owners: Owners, record: StoredRecord): string | null {
  const before = owners.of(record);
  owners.take(record);
  return before ?? owners.of(record);
}

/** What held until this record; null: it replaces nothing, or nothing that the log knows. */
function replaced(held: Map<string, string>, { event_type, decision, details, target }: Envelope): string | null {
  const short = (digest: unknown): string => String(digest ?? '').slice(0, 12);
  const now: readonly [string, string] | null =
    event_type === 'policy.activated'
      ? ['policy', `policy ${decision?.policy} revision ${decision?.revision}, ${decision?.mode}, ${short(decision?.hash)}`]
      : event_type === 'bundle.accepted'
        ? ['bundle', `bundle of ${target?.organization} revision ${details?.['revision']}, ${short(details?.['digest'])}`]
        : event_type === 'config.activated'
          ? ['config', `configuration ${short(details?.['digest'])}`]
          : event_type === 'setting.changed'
            ? [`setting ${details?.['setting']}`, `setting ${details?.['setting']}: ${details?.['value'] || 'as preset'}`]
            : null;
  if (event_type === 'device.left') held.delete('bundle');
  if (now === null) return null;
  const before = held.get(now[0]) ?? null;
  held.set(...now);
  return before;
}

function put<T>(into: { rows: T[]; unlisted: number }, row: T, hasRoom = true): void {
  if (hasRoom && into.rows.length < MOST_ROWS) into.rows.push(row);
  else into.unlisted += 1;
}

/** Some names are chosen by programs, which may choose any number. */
const MOST_COUNTED = 500;

function add(counts: Map<string, Evidence['refusals'][number]>, named: string, { count = 1, time }: Envelope): void {
  const name = counts.has(named) || counts.size < MOST_COUNTED ? named : 'all others';
  const found = counts.get(name);
  if (found === undefined) counts.set(name, { name, count: Math.max(count, 1), first: time, last: time });
  else Object.assign(found, { count: found.count + count, last: time });
}

const listed = (counts: Map<string, Evidence['refusals'][number]>): Evidence['refusals'] =>
  [...counts.values()].sort((a, b) => b.count - a.count);
