/** Who a person is to a policy: the roles that come with issuer, name, groups, claims and the domain of the user name. */
import type { Facts } from './facts.ts';
import { pathGlob } from './glob.ts';
import type { IdentityRule } from './schema.ts';

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A to Z alone: other letters fold in ways that make one name of two. */
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Whether two user names are one person's, where that person is given something. */
export const isSameUser = (a: string, b: string): boolean => lower(a) === lower(b);
/** One spelling for each group: a GUID names one group in any case, and all other names are as the provider writes them. */
export const groupName = (group: string): string => (guid.test(group) ? lower(group) : group);

export interface IdentityTest {
  readonly roles: readonly string[];
  readonly words: string;
  fits(facts: Facts): boolean;
}

export function identityTest({ match, roles }: IdentityRule): IdentityTest {
  const { issuer, user, group, claim, emailDomain, servicePrincipal } = match;
  const tests: ((facts: Facts) => boolean)[] = [];
  // check: policy-identity-kind
  // A rule that was written for people gives a service principal nothing, and the other way round.
  tests.push(({ question }) => (question.identity === 'service-principal') === (servicePrincipal !== undefined));
  // end check
  if (servicePrincipal !== undefined && servicePrincipal !== '*')
    tests.push(({ question }) => lower(question.person.username) === lower(servicePrincipal));
  if (issuer !== undefined) tests.push(({ question }) => question.person.issuer === issuer);
  if (user !== undefined) tests.push(({ question }) => lower(question.person.username) === lower(user));
  if (group !== undefined) tests.push(groupTest(group));
  if (claim !== undefined) tests.push(({ question }) => hasClaim(question.person.claims, claim));
  if (emailDomain !== undefined) tests.push(({ question }) => domainOf(question.person.username) === emailDomain);
  return { roles, words: matchWords(match), fits: (facts) => tests.every((fits) => fits(facts)) };
}

function groupTest(group: string): (facts: Facts) => boolean {
  if (guid.test(group)) return ({ question }) => question.person.groups.some((name) => groupName(name) === groupName(group));
  const fits = pathGlob(group);
  return ({ groups }) => groups.some(fits);
}

function hasClaim(claims: Facts['question']['person']['claims'], { name, value }: { name: string; value: string }): boolean {
  const given = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof given === 'string' ? given === value : given?.includes(value) === true;
}

/** What follows the last @; nothing for a name without one. */
function domainOf(username: string): string | null {
  const at = username.lastIndexOf('@');
  return at <= 0 ? null : lower(username.slice(at + 1));
}

function matchWords({ anyone, servicePrincipal, issuer, user, group, claim, emailDomain }: IdentityRule['match']): string {
  const words = [
    anyone === true ? 'a sign-in' : undefined,
    servicePrincipal && (servicePrincipal === '*' ? 'being a service principal' : `service principal ${servicePrincipal}`),
    issuer && `issuer ${issuer}`,
    user && `user ${user}`,
    group && `group ${group}`,
    claim && `claim ${claim.name} = ${claim.value}`,
    emailDomain && `a user name at ${emailDomain}`,
  ];
  return words.filter((word) => word !== undefined).join(' and ');
}
