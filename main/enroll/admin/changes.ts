/** What a new bundle changes against the last one, in words that an admin reads before publishing it. */
import { isDeepStrictEqual } from 'node:util';
import { policySchema } from '../../policy/schema.ts';
import { noAuditSettings, placeOfCollector, placeOfSink, type SinkSettings } from '../../profile/audit-settings.ts';
import { readConfig } from '../../profile/load-config.ts';
import { type Config, noConfig } from '../../profile/profile.ts';
import type { TelemetrySettings } from '../../profile/telemetry-settings.ts';
import { readYaml } from '../../profile/yaml-source.ts';
import { thumbprintOf } from '../bundle.ts';
import type { Bundle, BundleInput } from '../bundle-schema.ts';
import { rulesOf } from './bundle-file.ts';

type Named<T = unknown> = ReadonlyMap<string, T>;
type Part = Pick<
  Bundle,
  'organization' | 'keys' | 'policy' | 'config' | 'modes' | 'revoked' | 'exemptions' | 'tapKeys' | 'records' | 'settings'
>;

/**
 * One sentence for each change, in the order of their weight; empty where nothing but the dates differ.
 *
 * @param before null: it is the first bundle, and everything in it is new
 */
export async function changesIn(before: Part | null, after: Part): Promise<string[]> {
  const lines: string[] = [];
  const compare = <T>(what: string, was: Named<T>, is: Named<T>, inWords: (value: T) => unknown = (value) => value): void => {
    for (const [name, value] of is) if (!was.has(name)) lines.push(`+ ${what} ${name}${shown(inWords(value))}`);
    for (const [name, value] of is)
      if (was.has(name) && !isDeepStrictEqual(was.get(name), value)) lines.push(`~ ${what} ${name}${shown(inWords(value))}`);
    for (const name of was.keys()) if (!is.has(name)) lines.push(`- ${what} ${name}`);
  };
  const both = <T>(of: (part: Part) => T, none: T): [T, T] => [before === null ? none : of(before), of(after)];
  const none: Named = new Map();

  compare('organization', ...both<Named>(({ organization }) => new Map([[organization, null]]), none));
  const [keysBefore, keysAfter] = await Promise.all([keysOf(before?.keys ?? []), keysOf(after.keys)]);
  compare('signing key', keysBefore, keysAfter);
  compare('revoked device', ...both<Named>(({ revoked }) => new Map(revoked.devices.map((id) => [id, null])), none));
  compare('revoked person', ...both<Named>(({ revoked }) => new Map(revoked.persons.map((person) => [personText(person), null])), none));
  compare('exemption', ...both<Named>(({ exemptions }) => new Map(exemptions.map((each) => [exemptionText(each), null])), none));
  compare('policy rule', ...both<Named>(({ policy }) => rulesOf(policy), none));
  compare('policy', ...both<Named>(({ policy }) => policyOf(policy), none));
  compare('mode of the group', ...both<Named>(({ modes }) => new Map(Object.entries(modes)), none));
  compare('setting', ...both<Named>(({ settings }) => settingsOf(settings), none));
  compare('tap keys', ...both<Named>(({ tapKeys }) => (tapKeys === undefined ? none : new Map(Object.entries(tapKeys))), none));
  compare('records', ...both<Named>(({ records }) => (records === undefined ? none : new Map(Object.entries(records))), none));
  const [was, is] = both(configOf, noConfig);
  compare('profile', was.profiles, is.profiles);
  compare('service principal', was.servicePrincipals, is.servicePrincipals);
  compare('network', namedOf(was.network), namedOf(is.network));
  compare('sink of audit records', sinksOf(was), sinksOf(is), placeOfSink);
  compare('audit', auditOf(was), auditOf(is));
  compare('telemetry', namedOf(was.telemetry), namedOf(is.telemetry), telemetryWord);
  return lines;
}

/** Words and lists of words are shown; what has parts is compared whole, and named alone. */
function shown(value: unknown): string {
  const words = Array.isArray(value) ? value : [value];
  return value === null || words.some((word) => typeof word === 'object') ? '' : `: ${words.join(', ')}`;
}

export const personText = (person: Bundle['revoked']['persons'][number]): string =>
  'username' in person ? person.username : `${person.subject} of ${person.issuer}`;
const exemptionText = ({ username, rule, until, reason }: Bundle['exemptions'][number]): string =>
  `of ${username} from ${rule} until ${until} (${reason})`;

const keysOf = async (keys: BundleInput['keys']): Promise<Named> =>
  new Map(await Promise.all(keys.map(async (key): Promise<[string, null]> => [await thumbprintOf(key), null])));

const settingsOf = (settings: Bundle['settings']): Named =>
  new Map(Object.entries(settings).flatMap(([name, given]) => (given === undefined ? [] : [[name, `${given.value} (${given.mode})`]])));

/** What a policy says beside its rules: its mode, who is who, its limits. */
function policyOf(policy: string | undefined): Named {
  if (policy === undefined) return new Map();
  const { roles: _, deny: __, version: ___, ...rest } = policySchema.parse(readYaml(policy).value);
  const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return new Map(Object.entries(rest).filter(([, value]) => !isEmpty(value)));
}

const configOf = ({ config }: Part): Config => (config === undefined ? noConfig : readConfig(Buffer.from(config), 'config.yaml'));

const namedOf = <T extends object>(given: T): Named<Exclude<T[keyof T], undefined>> =>
  new Map(Object.entries(given).filter(([, value]) => value !== undefined));
const sinksOf = ({ audit }: Config): Named<SinkSettings> => new Map(audit.sinks.map((sink) => [sink.name, sink]));

/** What is as it is without a word counts as not said. */
function auditOf({ audit: { sinks: _, ...rest } }: Config): Named {
  return new Map(Object.entries(rest).filter(([name, value]) => value !== noAuditSettings[name as keyof typeof rest]));
}

const telemetryWord = (given: NonNullable<TelemetrySettings[keyof TelemetrySettings]>): string =>
  'port' in given ? `port ${given.port}` : placeOfCollector(given.otlp);
