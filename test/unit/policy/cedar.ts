/**
 * A policy file in the words of Cedar, and a question as Cedar's context: a second reading of the same file, written without a look at the
 * evaluator. One request is made for each scope; the answer is yes where every one of them is.
 *
 * Cedar knows no globs that stop at a `/` or a `.`, no sets of records it could search and no time zones, so paths and names are handed
 * over in pieces, and the local time of each zone as weekday and minute.
 */
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { bundles, cloudOf } from '../../../main/databricks/scopes.ts';
import type { Question } from '../../../main/policy/question.ts';
import type { CallerRule, ConditionRule, DenyRule, GrantRule, IdentityRule, PolicyFile } from '../../../main/policy/schema.ts';

/** What may be unknown: read one way in a permit, the other in a forbid. */
type Reading = 'permit' | 'forbid';

const text = (value: string): string => JSON.stringify(value);
const all = (parts: readonly string[]): string => (parts.length === 0 ? 'true' : parts.map((part) => `(${part})`).join(' && '));
const any = (parts: readonly string[]): string => (parts.length === 0 ? 'false' : parts.map((part) => `(${part})`).join(' || '));
const ifKnown = (attribute: string, test: string, reading: Reading): string =>
  reading === 'permit' ? `context has ${attribute} && (${test})` : `!(context has ${attribute}) || (${test})`;

// Globs: some pieces from the front, some from the back, and how many there are.

type Pieces = Record<string, string | number>;
const MOST = 8;

function inPieces(value: string, separator: string): Pieces {
  const pieces = value.split(separator);
  if (pieces.length > MOST) throw new Error('more pieces than the oracle looks at');
  const named = pieces.flatMap((piece, index) => [
    [`f${index}`, piece],
    [`b${pieces.length - 1 - index}`, piece],
  ]);
  return { n: pieces.length, ...Object.fromEntries(named) };
}

const like = (place: string, pattern: string): string => `${place} like ${text(pattern)}`;

function pathIs(place: string, pattern: string): string {
  const [front = '', back, ...more] = pattern.split('**');
  if (more.length > 0) throw new Error('the oracle knows one ** in a glob');
  const a = front.split('/').filter((_, index, list) => back === undefined || index < list.length - 1);
  const b = back === undefined ? [] : back.split('/').slice(1);
  return all([
    back === undefined ? `${place}.n == ${a.length}` : `${place}.n >= ${a.length + b.length}`,
    ...a.map((piece, index) => like(`${place}.f${index}`, piece)),
    ...b.toReversed().map((piece, index) => like(`${place}.b${index}`, piece)),
  ]);
}

function workspaceIs(pattern: string): string {
  if (pattern === '*') return 'true';
  const [, scheme = 'https', host = '', port = ''] = /^(?:(https?):\/\/)?([^:/]+)(?::(\d+))?\/?$/.exec(pattern) ?? [];
  const labels = host.split('.');
  const isOpen = labels[0] === '*';
  const fixed = isOpen ? labels.slice(1) : labels;
  return all([
    `context.scheme == ${text(scheme)}`,
    `context.port == ${text(port)}`,
    isOpen ? `context.host.n > ${fixed.length}` : `context.host.n == ${fixed.length}`,
    ...fixed.toReversed().map((label, index) => like(`context.host.b${index}`, label)),
  ]);
}

// People

function identityIs({ match }: IdentityRule): string {
  const { issuer, user, group, claim, emailDomain, servicePrincipal } = match;
  if (servicePrincipal !== undefined) {
    const named = servicePrincipal === '*' ? [] : [`context.userLower == ${text(servicePrincipal.toLowerCase())}`];
    return all(['context.identity == "service-principal"', ...named]);
  }
  const parts = ['context.identity == "person"'];
  if (issuer !== undefined) parts.push(`context.issuer == ${text(issuer)}`);
  if (user !== undefined) parts.push(`context.userLower == ${text(user.toLowerCase())}`);
  if (emailDomain !== undefined) parts.push(`context has domain && context.domain == ${text(emailDomain)}`);
  if (claim !== undefined) parts.push(`context.claims.contains(${text(`${claim.name}=${claim.value}`)})`);
  if (group !== undefined) parts.push(groupIs(group));
  return all(parts);
}

function groupIs(group: string): string {
  if (/^[0-9a-f-]{36}$/i.test(group)) return `context.groupsLower.contains(${text(group.toLowerCase())})`;
  const slots = Array.from({ length: MOST }, (_, index) => `context has group${index} && (${pathIs(`context.group${index}`, group)})`);
  return any(slots);
}

const hasRole = ({ identities }: PolicyFile, role: string): string =>
  any(identities.filter(({ roles }) => roles.includes(role)).map(identityIs));

// Callers

const kindIn = (kinds: readonly string[]): string => `[${kinds.map(text).join(', ')}].contains(context.kind)`;

function callerIs(rule: CallerRule, reading: Reading): string {
  const parts: string[] = [];
  if (rule.kinds !== undefined) parts.push(kindIn(rule.kinds));
  else if (reading === 'permit') parts.push(kindIn(['program', 'ai-agent']));
  if (rule.executable !== undefined)
    parts.push(ifKnown('executable', any(rule.executable.map((glob) => pathIs('context.executable', glob))), reading));
  if (rule.parents !== undefined) {
    const globs = rule.parents;
    const found = any(
      [0, 1, 2].map((slot) => `context has parent${slot} && (${any(globs.map((glob) => pathIs(`context.parent${slot}`, glob)))})`),
    );
    parts.push(reading === 'permit' ? found : `(${found}) || !(context has executable)`);
  }
  if (rule.aiAgent !== undefined) {
    const is = rule.aiAgent === 'any' ? 'true' : any(rule.aiAgent.map((name) => `context.aiAgent == ${text(name)}`));
    const found = `context has aiAgent && (${is})`;
    parts.push(reading === 'permit' ? found : `(${found}) || (!(context has aiAgent) && context.kind == "unknown")`);
  }
  return all(parts);
}

function callersAre(file: PolicyFile, names: readonly string[] | undefined, reading: Reading): string {
  if (names === undefined) return reading === 'permit' ? kindIn(['program', 'ai-agent']) : 'true';
  return any(names.map((name) => callerIs(file.callers[name] as CallerRule, reading)));
}

// Conditions

const rank = { unknown: 0, mfa: 1, 'config-asserted': 2, phr: 3 } as const;
const SKEW = -120_000;

function conditionIs(file: PolicyFile, rule: ConditionRule, reading: Reading): string {
  const parts: string[] = [];
  if (rule.assurance !== undefined) parts.push(`context.assurance >= ${rank[rule.assurance]}`);
  if (rule.identity !== undefined) parts.push(`context.identity == ${text(rule.identity)}`);
  if (rule.authAgeMax !== undefined) parts.push(ageIs(rule.authAgeMax, reading));
  if (rule.cidr !== undefined) parts.push(addressIs(rule.cidr, reading));
  if (rule.time !== undefined) parts.push(timeIs(rule.time));
  if (rule.tapKey !== undefined) parts.push(any([0, 1].map((slot) => tapKeyIs(file, `key${slot}`, rule.tapKey ?? {}))));
  return all(parts);
}

const ageIs = (most: number, reading: Reading): string =>
  reading === 'permit'
    ? `context has authAge && context.authAge >= ${SKEW} && context.authAge <= ${most}`
    : `!(context has authAge) || context.authAge < ${SKEW} || context.authAge <= ${most}`;

function addressIs(ranges: readonly string[], reading: Reading): string {
  const found = any(
    [0, 1].map((slot) => `context has ip${slot} && (${any(ranges.map((range) => `context.ip${slot}.isInRange(ip(${text(range)}))`))})`),
  );
  return reading === 'permit' ? found : `(${found}) || !(context has ip0)`;
}

function tapKeyIs(file: PolicyFile, slot: string, rule: NonNullable<ConditionRule['tapKey']>): string {
  const models = rule.aaguids?.flatMap((name) => file.sets[name] ?? [name]).map((aaguid) => text(aaguid.toLowerCase()));
  return all([
    `context has ${slot}`,
    ...(models === undefined ? [] : [`[${models.join(', ')}].contains(context.${slot}.aaguid)`]),
    ...(rule.attested ? [`context.${slot}.attested`] : []),
    ...(rule.userVerified ? [`context.${slot}.userVerified`] : []),
    ...(rule.hardwareBound ? [`context.${slot}.hardwareBound`] : []),
    ...(rule.maxAge === undefined ? [] : [`context.${slot}.age >= ${SKEW} && context.${slot}.age <= ${rule.maxAge}`]),
  ]);
}

const week = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const zoneSlot = (tz: string): string => `at_${tz.replace(/\W/g, '_')}`;

function timeIs({ tz, days, hours }: NonNullable<ConditionRule['time']>): string {
  const place = `context.${zoneSlot(tz)}`;
  const begin = week.map((_, index) => index).filter((day) => days === undefined || days.some((range) => daysOf(range).includes(day)));
  const minute = (clock: string): number => Number(clock.split(':')[0]) * 60 + Number(clock.split(':')[1]);
  const [from = 0, until = 1440] = (hours ?? '00:00-24:00').split('-').map(minute);
  return any(
    begin.flatMap((day) =>
      from < until
        ? [`${place}.day == ${day} && ${place}.minute >= ${from} && ${place}.minute < ${until}`]
        : [`${place}.day == ${day} && ${place}.minute >= ${from}`, `${place}.day == ${(day + 1) % 7} && ${place}.minute < ${until}`],
    ),
  );
}

function daysOf(range: string): number[] {
  const [first = '', last = first] = range.split('-');
  const days = [week.indexOf(first)];
  while (days.at(-1) !== week.indexOf(last)) days.push(((days.at(-1) ?? 0) + 1) % 7);
  return days;
}

// Rules

function scopeIs(words: readonly string[]): string {
  const scopes = words.flatMap((word): readonly string[] => (word in bundles ? bundles[word as keyof typeof bundles] : [word]));
  const list = `[${scopes.map(text).join(', ')}].contains(context.scope)`;
  return words.includes('bi') ? `(${list}) || (context.cloud == "azure" && context.scope == "dashboards.genie")` : list;
}

function permit(file: PolicyFile, role: string, grant: GrantRule): string {
  const { stepUp } = grant;
  return all([
    hasRole(file, role),
    any(grant.workspaces.map(workspaceIs)),
    scopeIs(grant.scopes),
    callersAre(file, grant.callers, 'permit'),
    ...(grant.when ?? []).map((name) => conditionIs(file, file.conditions[name] as ConditionRule, 'permit')),
    ...(stepUp === undefined ? [] : [ageIs(stepUp.maxAge, 'permit')]),
    ...(stepUp?.acr === undefined ? [] : [`context has acr && [${stepUp.acr.map(text).join(', ')}].contains(context.acr)`]),
  ]);
}

function forbid(file: PolicyFile, denial: DenyRule): string {
  return all([
    ...(denial.scopes === undefined ? [] : [scopeIs(denial.scopes)]),
    ...(denial.workspaces === undefined ? [] : [any(denial.workspaces.map(workspaceIs))]),
    callersAre(file, denial.callers, 'forbid'),
    ...(denial.when ?? []).map((name) => conditionIs(file, file.conditions[name] as ConditionRule, 'forbid')),
  ]);
}

/** The whole file as Cedar policies, by the ids of its rules. */
export function toCedar(file: PolicyFile): Record<string, string> {
  const rules: [string, string][] = [];
  for (const [role, { grants }] of Object.entries(file.roles))
    for (const grant of grants) rules.push([grant.id, `permit(principal, action, resource) when { ${permit(file, role, grant)} };`]);
  for (const denial of file.deny) rules.push([denial.id, `forbid(principal, action, resource) when { ${forbid(file, denial)} };`]);
  rules.push(['all-apis', 'forbid(principal, action, resource) when { context.scope == "all-apis" };']);
  if (file.notBefore !== undefined)
    rules.push(['not-before', `forbid(principal, action, resource) when { context.at < ${Date.parse(file.notBefore)} };`]);
  if (file.expires !== undefined)
    rules.push(['expires', `forbid(principal, action, resource) when { context.at >= ${Date.parse(file.expires)} };`]);
  return Object.fromEntries(rules);
}

type Context = Parameters<typeof statefulIsAuthorized>[0]['context'];

/** Sweden writes a moment as 2026-09-16 11:00:00. */
const swedish = new Map<string, Intl.DateTimeFormat>();
function localTime(at: number, tz: string): { day: number; minute: number } {
  const format = swedish.get(tz) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: tz, dateStyle: 'short', timeStyle: 'medium' });
  swedish.set(tz, format);
  const [date = '', clock = ''] = format.format(at).split(' ');
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  return { day: new Date(`${date}T00:00:00Z`).getUTCDay(), minute: hour * 60 + minute };
}

function toContext(question: Question, zones: readonly string[]): Context {
  const { person, session, caller, at } = question;
  const url = new URL(question.workspace);
  const context: Context = {
    at,
    issuer: person.issuer,
    identity: question.identity,
    userLower: person.username.toLowerCase(),
    claims: Object.entries(person.claims).flatMap(([name, value]) => [value].flat().map((one) => `${name}=${one}`)),
    groupsLower: person.groups.map((group) => group.toLowerCase()),
    scheme: url.protocol.slice(0, -1),
    port: url.port,
    host: inPieces(url.hostname, '.'),
    cloud: cloudOf(question.workspace),
    kind: caller.kind,
    assurance: rank[session.assurance],
  };
  const domain = /.@([^@]+)$/.exec(person.username)?.[1]?.toLowerCase();
  if (domain !== undefined) context['domain'] = domain;
  person.groups.forEach((group, index) => {
    context[`group${index}`] = inPieces(group, '/');
  });
  if (caller.executable !== null) context['executable'] = inPieces(caller.executable, '/');
  caller.parents.forEach((path, index) => {
    context[`parent${index}`] = inPieces(path, '/');
  });
  if (caller.aiAgent !== null) context['aiAgent'] = caller.aiAgent;
  if (session.authTime !== null) context['authAge'] = at - session.authTime;
  if (session.acr != null) context['acr'] = session.acr;
  question.addresses.forEach((address, index) => {
    context[`ip${index}`] = { __extn: { fn: 'ip', arg: address } };
  });
  question.tapKeys.forEach(({ touchedAt, ...key }, index) => {
    context[`key${index}`] = { ...key, aaguid: key.aaguid.toLowerCase(), age: at - touchedAt };
  });
  for (const tz of zones) context[zoneSlot(tz)] = localTime(at, tz);
  return context;
}

/** The oracle for one policy. */
export function cedarOracle(file: PolicyFile): (question: Question) => boolean {
  const policies = toCedar(file);
  const parsed = preparsePolicySet('oracle', { staticPolicies: policies });
  if (parsed.type === 'failure') throw new Error(`Cedar does not read ${JSON.stringify(policies)}: ${JSON.stringify(parsed.errors)}`);
  const zones = Object.values(file.conditions).flatMap(({ time }) => (time === undefined ? [] : [time.tz]));
  return (question) => {
    const context = toContext(question, zones);
    return question.scopes.length > 0 && question.scopes.every((scope) => isAllowed({ ...context, scope }));
  };
}

function isAllowed(context: Context): boolean {
  const answer = statefulIsAuthorized({
    principal: { type: 'Person', id: 'one' },
    action: { type: 'Action', id: 'use' },
    resource: { type: 'Workspace', id: 'one' },
    context,
    preparsedPolicySetId: 'oracle',
    entities: [],
  });
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  const { errors } = answer.response.diagnostics;
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return answer.response.decision === 'allow';
}
