/**
 * bundle.yaml: what an admin writes by hand, and what the verbs write into it without losing a comment. Whatever is wrong with it is said
 * with its line and column.
 */
import { type Document, isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import { AppError } from '../../app-error.ts';
import { loadPolicy } from '../../policy/load-policy.ts';
import { policySchema } from '../../policy/schema.ts';
import { type MapSchema, problemFrom } from '../../profile/config-problems.ts';
import { lengthText, toMs } from '../../profile/length-of-time.ts';
import { ConfigProblem, readYaml, type YamlSource } from '../../profile/yaml-source.ts';
import { type EpochMs, hours } from '../../units.ts';
import { bundleSchema, type Exemption, exemptionSchema } from '../bundle-schema.ts';

const longestLife = hours(400 * 24);
const { organization, bundleId, modes, revoked, exemptions, tapKeys, records, settings } = bundleSchema.shape;

export const bundleFileSchema = z.strictObject({
  version: z.literal(1),
  organization,
  bundleId,
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  expiresAfter: lengthText.refine((text) => toMs(text) <= longestLife && toMs(text) >= hours(1), 'an hour at least, 400 d at most'),
  ...{ modes, revoked, exemptions, tapKeys, records, settings },
});
export type BundleFile = z.output<typeof bundleFileSchema>;
export type Person = BundleFile['revoked']['persons'][number];

const jsonSchema = () => z.toJSONSchema(bundleFileSchema, { io: 'input' }) as MapSchema;

const invalid = (file: string, { place, message, fix }: ConfigProblem): AppError =>
  new AppError('ADMIN_FILE_INVALID', { reason: 'bundle', detail: `${file}:${place.line}:${place.column}: ${message} ${fix}` });

/**
 * @param rules ids of the rules that the policy has, which exemptions may name
 * @throws AppError ADMIN_FILE_INVALID (reason: bundle): file, line, column, and what to write instead
 */
export function readBundleFile(text: string, file: string, rules: ReadonlySet<string>): BundleFile {
  try {
    const yaml = readYaml(text);
    const parsed = bundleFileSchema.safeParse(yaml.value);
    if (!parsed.success) throw problemFrom(parsed.error, yaml, jsonSchema());
    requireRules(parsed.data, rules, yaml);
    return parsed.data;
  } catch (error) {
    if (error instanceof ConfigProblem) throw invalid(file, error);
    throw error;
  }
}

function requireRules({ exemptions: all }: BundleFile, rules: ReadonlySet<string>, yaml: YamlSource): void {
  const at = all.findIndex(({ rule }) => !rules.has(rule));
  // check: admin-exemption-rule
  if (at !== -1)
    throw new ConfigProblem(yaml.placeOf(['exemptions', at, 'rule']), 'The policy has no such rule.', `It has: ${[...rules].join(', ')}.`);
  // end check
}

/** The rules of a policy, by id, each with all that it says and whose it is. @throws AppError POLICY_INVALID */
export function rulesOf(policyText: string | undefined, file = 'policy.yaml'): Map<string, unknown> {
  if (policyText === undefined) return new Map();
  loadPolicy(Buffer.from(policyText), file);
  const { roles, deny } = policySchema.parse(readYaml(policyText).value);
  const grants = Object.entries(roles).flatMap(([role, { grants }]) => grants.map((grant) => ({ role, ...grant })));
  return new Map([...grants, ...deny].map((rule) => [rule.id, rule]));
}

export const isOver = ({ until }: Pick<Exemption, 'until'>, now: EpochMs): boolean => Date.parse(until) <= now;

/** The text with another revision and without the exemptions that are over. */
export const withRevision = (text: string, revision: number, now: EpochMs): string =>
  edited(text, (document) => {
    document.setIn(['revision'], revision);
    const all = document.getIn(['exemptions'], true);
    if (!isSeq(all)) return;
    const until = (item: unknown): string => exemptionSchema.parse(readItem(document, item)).until;
    all.items = all.items.filter((item) => !isOver({ until: until(item) }, now));
    if (all.items.length === 0) all.flow = true;
  });

/** @throws AppError ADMIN_FILE_INVALID: the exemption is longer than 24 h, or of a rule that is not there */
export const withExemption = (text: string, exemption: Exemption): string =>
  edited(text, (document) => append(document, ['exemptions'], exemption));

/** The text, with one more device or person that is out; the same text where they are out already. */
export function withRevoked(text: string, out: { device: string } | { person: Person }, { revoked: known }: BundleFile): string {
  if ('device' in out)
    return known.devices.includes(out.device) ? text : edited(text, (document) => append(document, ['revoked', 'devices'], out.device));
  return known.persons.some((person) => samePerson(person, out.person))
    ? text
    : edited(text, (document) => append(document, ['revoked', 'persons'], out.person));
}

/** The text without that device or person among those who are out; the same text where they are not. */
export function withoutRevoked(text: string, out: { device: string } | { person: Person }, { revoked: known }: BundleFile): string {
  const isOne = 'device' in out ? (at: number) => known.devices[at] === out.device : (at: number) => isSame(known.persons[at], out.person);
  const path = ['revoked', 'device' in out ? 'devices' : 'persons'];
  const places = [...known['device' in out ? 'devices' : 'persons'].keys()].filter(isOne);
  if (places.length === 0) return text;
  return edited(text, (document) => {
    for (const at of places.reverse()) document.deleteIn([...path, at]);
  });
}

const isSame = (known: Person | undefined, person: Person): boolean => known !== undefined && samePerson(known, person);

/** As a device compares them: a user name in any case, an issuer and a subject to the letter. */
export const samePerson = (a: Person, b: Person): boolean => keyOf(a) === keyOf(b);
const keyOf = (person: Person): string =>
  JSON.stringify('username' in person ? [person.username.toLowerCase()] : [person.issuer, person.subject]);

function edited(text: string, edit: (document: Document) => void): string {
  const document = parseDocument(text);
  edit(document);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** At the end of a list, a line each; the list is made where there is none. */
function append(document: Document, path: readonly string[], value: unknown): void {
  if (!isSeq(document.getIn(path, true))) document.setIn(path, document.createNode([]));
  const list = document.getIn(path, true);
  if (!isSeq(list)) throw new Error('a list was just put there');
  if (list.items.length === 0) list.flow = false;
  list.add(document.createNode(value));
}

const readItem = (document: Document, item: unknown): unknown =>
  typeof item === 'object' && item !== null && 'toJS' in item && typeof item.toJS === 'function' ? item.toJS(document) : item;
