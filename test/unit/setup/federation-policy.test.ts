/** The commands that make a federation policy: what a token says goes into a shell, or it does not. */
import { describe, expect, it } from 'vitest';
import { plainWord, policyCommands } from '../../../main/setup/federation-policy.ts';

const claims = { iss: 'https://acme.okta.com', aud: '0oa1', sub: '00u1', email: 'ada@acme.example' };
const names = ['email', 'preferred_username', 'sub'];

/** What the shell would hand to Databricks' CLI. */
const policyIn = (command: string | undefined): unknown => JSON.parse(/ --json '([^']*)'$/.exec(command ?? '')?.[1] ?? '');

describe('the commands for a federation policy', () => {
  it('say what the token says, to the letter', () => {
    const commands = policyCommands(claims, names);
    const policy = { issuer: 'https://acme.okta.com', audiences: ['0oa1'], subject_claim: 'email' };
    expect(commands?.account).toMatch(/^databricks account federation-policy create --json /);
    expect(policyIn(commands?.account)).toEqual({ oidc_policy: policy });
    expect(commands?.servicePrincipal).toMatch(
      /^databricks account service-principal-federation-policy create SERVICE_PRINCIPAL_ID --json /,
    );
    expect(policyIn(commands?.servicePrincipal)).toEqual({ oidc_policy: { ...policy, subject: 'ada@acme.example' } });
  });

  it.each([
    ['every audience', { aud: ['a', 'b'] }, { audiences: ['a', 'b'] }],
    ['a slash at the end of the issuer', { iss: 'https://acme.eu.auth0.com/' }, { issuer: 'https://acme.eu.auth0.com/' }],
    ['the claim that holds an address', { email: undefined, preferred_username: 'ada@x.example' }, { subject_claim: 'preferred_username' }],
    ['the first claim that is there', { email: undefined }, { subject_claim: 'sub' }],
    ['the likeliest claim where the token has none', { email: undefined, sub: undefined }, { subject_claim: 'email' }],
    ['no audience where there is none', { aud: undefined }, { audiences: [] }],
  ])('name %s', (_, change, expected) => {
    expect(policyIn(policyCommands({ ...claims, ...change }, names)?.account)).toMatchObject({ oidc_policy: expected });
  });

  it('are none where the issuer could not be written', () => {
    expect(policyCommands({ ...claims, iss: undefined }, names)).toBeNull();
    expect(policyCommands({ ...claims, iss: "https://x/'; rm -rf ~; '" }, names)).toBeNull();
  });

  it.each([
    "o'brien@acme.example",
    '$(id)',
    '`id`',
    'a b',
    'a\nb',
    '\u001b[2J',
    'ada@acme.example"',
    '\\',
    '',
    'x'.repeat(201),
    7,
    null,
    {},
  ])('never take up %j', (word) => {
    expect(plainWord(word)).toBeNull();
    const commands = policyCommands({ ...claims, aud: word, email: word }, ['email']);
    expect(policyIn(commands?.servicePrincipal)).toEqual({
      oidc_policy: { issuer: claims.iss, audiences: [], subject_claim: 'email', subject: 'SUBJECT' },
    });
  });
});
