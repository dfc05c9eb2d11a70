/** The tightest policy that would have allowed what was used: these people, these programs, these workspaces and scopes, no others. */
import { stringify } from 'yaml';
import { scopeCatalogue } from '../databricks/scopes.ts';
import { hours, minutes } from '../units.ts';
import type { Usage, Used } from './usage.ts';

const MOST_TESTS = 400;
/** No grant runs for longer, whatever a damaged record says. */
const LONGEST = hours(24 * 30);
/** As many callers as one grant may name. */
const MOST_CALLERS = 60;

/** The policy as a file, with tests that say what it is to allow and the first step beyond that it is not. */
export function suggestPolicy({ used, leftOut }: Usage): string {
  const people = namer(
    used.map(({ person }) => personKey(person)),
    (key) => slug(String(JSON.parse(key)[1]), 'person'),
  );
  const callers = namer(
    used.map(({ caller }) => JSON.stringify(caller)),
    (key) => callerName(JSON.parse(key) as Used['caller']),
  );
  const grants = grantsOf(used, people, callers);
  const byRole = groupBy(grants, ({ role }) => role);
  const levels = [...new Set(used.map(({ person }) => person.assurance))].filter((level) => level !== 'unknown').sort();
  const file = {
    version: 1,
    id: 'suggested',
    revision: 1,
    identities: [...groupBy(used, ({ person }) => personKey(person))].map(([key, [first]]) => ({
      match: { issuer: first?.person.issuer, user: first?.person.username },
      roles: [people(key)],
    })),
    callers: Object.fromEntries(
      [...new Set(used.map(({ caller }) => JSON.stringify(caller)))]
        .sort()
        .map((key) => [callers(key), callerRule(JSON.parse(key) as Used['caller'])]),
    ),
    conditions: Object.fromEntries(levels.map((level) => [level, { assurance: level }])),
    roles: Object.fromEntries(
      [...byRole].map(([role, list]) => [
        role,
        { grants: list.map(({ role: _, samples: __, ...grant }, index) => ({ id: `${role.slice(0, 34)}-${index + 1}`, ...grant })) },
      ]),
    ),
    tests: grants.flatMap(testsOf).slice(0, MOST_TESTS),
  };
  return `${headFor(used, leftOut)}${stringify(file, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

interface SuggestedGrant {
  role: string;
  workspaces: string[];
  scopes: string[];
  callers: string[];
  maxLife: string;
  when?: string[];
  /** One use by each of the callers. */
  samples: Used[];
}

/** Programs that used the same scopes of the same workspace share a grant; more in one grant would allow what nobody used. */
function grantsOf(used: readonly Used[], people: Namer, callers: Namer): SuggestedGrant[] {
  const byProgram = groupBy(used, ({ person, workspace, caller }) => JSON.stringify([personKey(person), workspace, caller]));
  const programs = [...byProgram.values()].map((uses) => ({ uses, scopes: [...new Set(uses.map(({ scope }) => scope))].sort() }));
  const alike = groupBy(programs, ({ uses: [first], scopes }) =>
    JSON.stringify([first && personKey(first.person), first?.workspace, scopes]),
  );
  return [...alike]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, list]) => chunks(list, MOST_CALLERS))
    .flatMap((list) => {
      const samples = list.flatMap(({ uses }) => uses.slice(0, 1));
      const [first] = samples;
      if (first === undefined) return [];
      const { person, workspace } = first;
      const longest = Math.max(...list.flatMap(({ uses }) => uses.map(({ life }) => life)), minutes(1));
      return {
        role: people(personKey(person)),
        workspaces: [workspace],
        scopes: list[0]?.scopes ?? [],
        callers: samples.map(({ caller }) => callers(JSON.stringify(caller))).sort(),
        maxLife: `${Math.ceil(Math.min(longest, LONGEST) / minutes(1))} min`,
        ...(person.assurance === 'unknown' ? {} : { when: [person.assurance] }),
        samples,
      };
    });
}

function testsOf({ scopes, samples }: SuggestedGrant): object[] {
  const beyond = scopeCatalogue.find((scope) => !scopes.includes(scope));
  return samples.flatMap((use) => {
    const { person, caller, workspace } = use;
    const who = `${person.username} from ${caller.executable ?? 'an unknown program'}`.replace(/\p{Cc}/gu, '').slice(0, 200);
    const given = {
      ...{ issuer: person.issuer, user: person.username, assurance: person.assurance, kind: caller.kind },
      ...(caller.executable === null ? {} : { executable: caller.executable }),
      ...(caller.aiAgent === null ? {} : { aiAgent: caller.aiAgent }),
      workspace,
    };
    return [
      { name: `${who} as before`, given: { ...given, scopes }, expect: 'allow' },
      ...(beyond === undefined ? [] : [{ name: `${who} and no further`, given: { ...given, scopes: [beyond] }, expect: 'deny' }]),
    ];
  });
}

function callerRule({ kind, executable, aiAgent }: Used['caller']): object {
  return {
    kinds: [kind],
    ...(executable === null ? {} : { executable: [executable] }),
    ...(aiAgent === null ? {} : { aiAgent: [aiAgent] }),
  };
}

const personKey = ({ issuer, username }: Used['person']): string => JSON.stringify([issuer, username]);
const callerName = ({ kind, executable, aiAgent }: Used['caller']): string =>
  slug(
    [executable?.split('/').at(-1), aiAgent === null ? null : `under-${aiAgent}`, kind === 'program' || kind === 'ai-agent' ? null : kind]
      .filter(Boolean)
      .join('-'),
    kind,
  );

/** As the schema wants names. */
const slug = (text: string, fallback: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 30)
    .replace(/-+$/, '') || fallback;

type Namer = (key: string) => string;

/** A name for each key, the same for the same keys whatever their order, and no name twice. */
function namer(keys: readonly string[], nameOf: (key: string) => string): Namer {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const key of [...new Set(keys)].sort()) {
    const wanted = nameOf(key);
    let name = wanted;
    for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
    taken.add(name);
    names.set(key, name);
  }
  return (key) => names.get(key) ?? 'nobody';
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

function headFor(used: readonly Used[], leftOut: Usage['leftOut']): string {
  const words = {
    person: 'people whose sign-in the log does not tell',
    grant: 'grants whose beginning the log does not tell',
    program: 'programs without a path that a rule could name',
    workspace: 'workspaces that a rule cannot name',
    scope: 'scopes that this version does not know',
  } as const;
  const missing = (Object.keys(words) as (keyof typeof words)[])
    .filter((what) => leftOut[what] > 0)
    .map((what) => `#   ${leftOut[what]} ${words[what]}\n`);
  return [
    `# Suggested from the audit log: ${used.length} uses, each a person, a program, a workspace and a scope.\n`,
    '# It allows these and nothing else. Read it, widen it by hand, and try it with `mode: observe` first.\n',
    ...(missing.length === 0 ? [] : ['# Left out:\n', ...missing]),
  ].join('');
}
