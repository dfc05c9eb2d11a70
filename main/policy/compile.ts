/**
 * A policy file made ready to be asked: every name in it is followed to what it names, once. What the schema cannot see is refused here:
 * names that lead nowhere, and rules of one name.
 */
import type { CallerKind } from '../../preload/contract/caller.ts';
import { type Cloud, resolveScopes } from '../databricks/scopes.ts';
import type { EpochMs } from '../units.ts';
import { type CallerTest, callerTest, denyCallerPart, grantCallerPart } from './caller-rules.ts';
import { conditionParts, stepUpPart } from './conditions.ts';
import { asTruth, type Facts, type Part, someOf } from './facts.ts';
import { workspaceGlob } from './glob.ts';
import { type IdentityTest, identityTest } from './identities.ts';
import type { As, Obligations } from './question.ts';
import type { DenyRule, GrantRule, PolicyFile } from './schema.ts';

type Path = readonly (string | number)[];
type ScopesPerCloud = Readonly<Record<Cloud, ReadonlySet<string>>>;

export interface Grant {
  readonly id: string;
  readonly role: string;
  /** All of them must hold. */
  readonly parts: readonly Part[];
  readonly scopes: ScopesPerCloud;
  /** Kinds of callers that its caller rules name. */
  readonly kinds: ReadonlySet<CallerKind>;
  readonly obligations: Obligations;
}

export interface Denial {
  readonly id: string;
  /** All of them must hold, or may hold. */
  readonly parts: readonly Part[];
  /** null: whatever the scopes. */
  readonly scopes: ScopesPerCloud | null;
}

export interface Rules {
  readonly mode: 'enforce' | 'observe';
  readonly notBefore: EpochMs | null;
  readonly expires: EpochMs | null;
  readonly identities: readonly IdentityTest[];
  readonly grants: readonly Grant[];
  readonly denials: readonly Denial[];
}

/** A fault of the file that the schema does not see, and where it stands. */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';
  readonly path: Path;
  readonly fix: string;
  constructor(path: Path, message: string, fix: string) {
    super(message);
    this.path = path;
    this.fix = fix;
  }
}

/** @throws PolicyFault a name leads nowhere, or two rules share one */
export function compileRules(file: PolicyFile): Rules {
  refuseDoubles(file);
  refuseLostRoles(file);
  const callers = new Map(Object.entries(file.callers).map(([name, rule]) => [name, callerTest(name, rule)]));
  const conditions = new Map(
    Object.entries(file.conditions).map(([name, rule]) => [
      name,
      conditionParts(name, rule, setsOf(file, ['conditions', name, 'tapKey', 'aaguids'])),
    ]),
  );
  const named = { callers, conditions, shared: new Map() };
  const identities = file.identities.map(identityTest);
  return {
    mode: file.mode,
    notBefore: momentOf(file.notBefore),
    expires: momentOf(file.expires),
    identities,
    grants: Object.entries(file.roles).flatMap(([role, { grants }]) => {
      const part = rolePart(role, identities);
      return grants.map((grant, index) => compileGrant(grant, role, part, named, ['roles', role, 'grants', index]));
    }),
    denials: file.deny.map((denial, index) => compileDenial(denial, named, ['deny', index])),
  };
}

/** The rules as they hold for one question. */
export function rulesAs(rules: Rules, { mode = rules.mode, without }: As): Rules {
  if (without === undefined || without.size === 0) return mode === rules.mode ? rules : { ...rules, mode };
  return {
    ...rules,
    mode,
    grants: rules.grants.map((grant) => (without.has(grant.id) ? { ...grant, parts: grant.parts.slice(0, ALWAYS) } : grant)),
    denials: rules.denials.filter(({ id }) => !without.has(id)),
  };
}

const momentOf = (text: string | undefined): EpochMs | null => (text === undefined ? null : (Date.parse(text) as EpochMs));

interface Named {
  callers: ReadonlyMap<string, CallerTest>;
  conditions: ReadonlyMap<string, readonly Part[]>;
  /** Parts that several rules ask for alike; a question looks at each once. */
  shared: Map<string, Part>;
}

function share({ shared }: Named, what: string, asked: unknown, make: () => Part): Part {
  const key = `${what} ${JSON.stringify(asked) ?? ''}`;
  const part = shared.get(key) ?? make();
  shared.set(key, part);
  return part;
}

/** Role, workspace, caller: what no exemption takes from a grant, and what stands first among its parts. */
const ALWAYS = 3;

function compileGrant(grant: GrantRule, role: string, rolePart: Part, named: Named, path: Path): Grant {
  const callers = grant.callers === undefined ? null : follow(grant.callers, named.callers, 'caller rule', [...path, 'callers']);
  const conditions = follow(grant.when ?? [], named.conditions, 'condition', [...path, 'when']).flat();
  const { stepUp: fresh } = grant;
  const stepUp = fresh === undefined ? [] : [share(named, 'step-up', fresh, () => stepUpPart(fresh))];
  const caller = share(named, 'grant caller', grant.callers, () => grantCallerPart(callers));
  return {
    id: grant.id,
    role,
    parts: [rolePart, share(named, 'workspace', grant.workspaces, () => workspacePart(grant.workspaces)), caller, ...conditions, ...stepUp],
    scopes: scopesPerCloud(grant.scopes),
    kinds: new Set(callers?.flatMap(({ kinds }) => kinds ?? [])),
    obligations: {
      approval: grant.approval,
      lease: grant.lease,
      life: grant.maxLife,
      maxTokenLife: grant.maxTokenLife ?? null,
      failClosed: grant.failClosed,
    },
  };
}

function compileDenial(denial: DenyRule, named: Named, path: Path): Denial {
  const { workspaces } = denial;
  const callers = denial.callers === undefined ? null : follow(denial.callers, named.callers, 'caller rule', [...path, 'callers']);
  return {
    id: denial.id,
    scopes: denial.scopes === undefined ? null : scopesPerCloud(denial.scopes),
    parts: [
      ...(workspaces === undefined ? [] : [share(named, 'workspace', workspaces, () => workspacePart(workspaces))]),
      ...(callers === null ? [] : [share(named, 'denied caller', denial.callers, () => denyCallerPart(callers))]),
      ...follow(denial.when ?? [], named.conditions, 'condition', [...path, 'when']).flat(),
    ],
  };
}

function follow<T>(names: readonly string[], known: ReadonlyMap<string, T>, what: string, path: Path): T[] {
  return names.map((name, index) => {
    const found = known.get(name);
    if (found === undefined) throw lost(what, name, [...known.keys()], [...path, index]);
    return found;
  });
}

const lost = (what: string, name: string, known: readonly string[], path: Path): PolicyFault =>
  new PolicyFault(path, `There is no ${what} "${name}".`, known.length === 0 ? 'The file has none.' : `The file has: ${someOf(known, 8)}.`);

/** What a word stands for differs by cloud; which cloud is asked about is known when the question comes. */
function scopesPerCloud(words: readonly string[]): ScopesPerCloud {
  const known = words.filter((word) => word !== 'all-apis');
  const everything = words.length > known.length ? ['all-apis'] : [];
  const on = (cloud: Cloud) => new Set([...(known.length === 0 ? [] : resolveScopes(known, cloud, 'either')), ...everything]);
  return { aws: on('aws'), azure: on('azure'), gcp: on('gcp') };
}

function workspacePart(patterns: readonly string[]): Part {
  const globs = patterns.map(workspaceGlob);
  return {
    truth: ({ host }: Facts) => asTruth(globs.some((fits) => fits(host))),
    says: `the workspace is ${someOf(patterns)}`,
    change: `asking for ${someOf(patterns)}`,
    cure: null,
  };
}

function rolePart(role: string, identities: readonly IdentityTest[]): Part {
  const ways = [...new Set(identities.filter(({ roles }) => roles.includes(role)).map(({ words }) => words))].sort();
  return {
    truth: ({ roles }) => asTruth(roles.has(role)),
    says: `the person is ${role}`,
    change: ways.length === 0 ? `the role ${role}, which nobody has` : `the role ${role}, which comes with ${someOf(ways, 3)}`,
    cure: null,
  };
}

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** AAGUIDs as they stand, names of sets as what they hold. */
const setsOf =
  (file: PolicyFile, path: Path) =>
  (names: readonly string[]): ReadonlySet<string> =>
    new Set(
      names.flatMap((name, index) => {
        if (guid.test(name)) return [name.toLowerCase()];
        const set = Object.hasOwn(file.sets, name) ? file.sets[name] : undefined;
        if (set === undefined) throw lost('set', name, Object.keys(file.sets), [...path, index]);
        return set.map((aaguid) => aaguid.toLowerCase());
      }),
    );

/** Decisions and the audit log name rules by their id alone. */
function refuseDoubles(file: PolicyFile): void {
  const seen = new Set<string>();
  const once = (id: string, path: Path): void => {
    // check: policy-rule-twice
    if (seen.has(id)) throw new PolicyFault(path, `Two rules have the id "${id}".`, 'Give each its own.');
    // end check
    seen.add(id);
  };
  for (const [role, { grants }] of Object.entries(file.roles))
    for (const [index, { id }] of grants.entries()) once(id, ['roles', role, 'grants', index, 'id']);
  for (const [index, { id }] of file.deny.entries()) once(id, ['deny', index, 'id']);
}

function refuseLostRoles({ identities, roles }: PolicyFile): void {
  identities.forEach((identity, index) => {
    identity.roles.forEach((role, place) => {
      if (!Object.hasOwn(roles, role)) throw lost('role', role, Object.keys(roles), ['identities', index, 'roles', place]);
    });
  });
}
