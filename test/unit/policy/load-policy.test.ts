import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { builtInFile, unattendedFile } from '../../../main/policy/built-in.ts';
import { loadPolicy } from '../../../main/policy/load-policy.ts';
import { policyJsonSchema } from '../../../main/policy/schema.ts';
import { hours, minutes } from '../../../main/units.ts';
import { grantText, question, refusal, withGrant } from './asking.ts';

describe('loadPolicy', () => {
  it('reads a policy with its defaults, limits in milliseconds and the hash of its bytes', () => {
    const text = grantText('', 'managedBy: Acme IT\nexpires: 2026-12-01T00:00:00+01:00\nlimits: { awayGrace: 90 min, idle: 15 min }');
    expect(loadPolicy(Buffer.from(text), 'policy.yaml')).toMatchObject({
      id: 'acme',
      revision: 1,
      mode: 'enforce',
      managedBy: 'Acme IT',
      expires: Date.parse('2026-11-30T23:00:00Z'),
      hash: createHash('sha256').update(text).digest('hex'),
      limits: { awayGrace: minutes(90), idle: minutes(15), dailyCap: null, lockOnSuspend: false },
      counts: { grants: 1, denials: 0, tests: 0 },
      warnings: [],
    });
    expect(withGrant().limits).toEqual({ awayGrace: hours(24), idle: null, dailyCap: null, lockOnSuspend: false });
  });

  it('names further AI agents, none where it says nothing', () => {
    const named = loadPolicy(Buffer.from(grantText('', 'aiAgents: [acme-coder, Acme_Agent-2.1]')), 'policy.yaml');
    expect(named.aiAgents).toEqual(['acme-coder', 'Acme_Agent-2.1']);
    expect(loadPolicy(Buffer.from(JSON.stringify(builtInFile)), 'policy.yaml').aiAgents).toEqual([]);
  });

  it('reads the built-in policies as it reads any other', () => {
    expect(loadPolicy(Buffer.from(JSON.stringify(unattendedFile)), 'policy.yaml').counts).toEqual({ grants: 1, denials: 1, tests: 3 });
    expect(loadPolicy(Buffer.from(JSON.stringify(builtInFile)), 'policy.yaml').counts).toEqual({ grants: 4, denials: 1, tests: 6 });
  });

  /** `file:line:column` of where the text stands last. */
  const placeOf = (text: string, what: string): string => {
    const before = text.slice(0, text.lastIndexOf(what)).split('\n');
    return `policy.yaml:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `;
  };

  it.each<[string, string, string, RegExp]>([
    ['a misspelled key, naming the nearest', grantText('aproval: tap'), 'aproval', /"approval"/],
    ['an unknown key at the top', grantText('', 'groups: []'), 'groups:', /./],
    ['a mode it does not know', grantText('', 'mode: warn'), 'warn', /mode/],
    ['a scope that is none', grantText().replace('[sql, jobs]', '[sql, jbos]'), 'jbos', /bundle/],
    ['a grant of all-apis', grantText().replace('[sql, jobs]', '[all-apis]'), 'all-apis', /bundle/],
    ['a grant of an identity scope', grantText().replace('[sql, jobs]', '[openid]'), 'openid', /bundle/],
    ['a glob of the whole internet', grantText().replace('"*"', '"*.com"'), '"*.com"', /labels/],
    ['an empty glob', grantText().replace('["*"]', '[""]'), '""', /./],
    ['no workspace at all', grantText().replace('["*"]', '[]'), '[]', /at least one/],
    ['a lease under a minute', grantText('lease: 59 s'), '59 s', /ixty/],
    ['a length of time without a unit', grantText('maxLife: 60'), '60', /./],
    ['an approval it does not know', grantText('approval: maybe'), 'maybe', /tap/],
    ['a match of nothing in particular', grantText().replace('{ anyone: true }', '{}'), '{}', /anyone/],
    ['anyone: false, which would read as somebody else', grantText().replace('anyone: true', 'anyone: false'), 'false', /./],
    ['a denial of nothing in particular', grantText('', 'deny: [{ id: no }]'), '{ id: no }', /scopes/],
    ['a condition of nothing', grantText('', 'conditions: { it: {} }'), '{}', /assurance/],
    ['a date without a zone', grantText('', 'expires: 2026-12-01'), '2026-12-01', /moment/],
    ['a tap key that must not be attested', grantText('', 'conditions: { it: { tapKey: { attested: false } } }'), 'false', /./],
    ['an AAGUID that is none', grantText('', 'sets: { keys: [yubikey-5] }'), 'yubikey-5', /AAGUID/],
    ['a time zone that is none', grantText('', 'conditions: { it: { time: { tz: Mars, hours: "01:00-02:00" } } }'), 'Mars', /zone/],
    ['a network that is none', grantText('', 'conditions: { it: { cidr: [10.0.0.0/99] } }'), '10.0.0.0/99', /range/],
    ['a name that is none', grantText('', 'callers: { "My Editor": { kinds: [program] } }'), '"My Editor"', /letters/],
    ['an AI agent by its path', grantText('', 'aiAgents: [/opt/acme/coder]'), '/opt/acme', /base name/],
    ['an AI agent by its file', grantText('', 'aiAgents: [acme-coder.exe]'), 'acme-coder.exe', /ending/],
    ['an AI agent without a name', grantText('', 'aiAgents: [""]'), '""', /base name/],
    ['a list of AI agents that names none', grantText('', 'aiAgents: []'), '[]', /at least one/],
    ['a control character', grantText('', 'managedBy: "a\\u001bb"'), '"a\\u001bb"', /ontrol/],
    ['another version', grantText().replace('version: 1', 'version: 2'), '2', /./],
    ['a tag', grantText('', 'managedBy: !env x'), '!env', /tag/],
  ])('refuses %s, and says where and what to write', (_, text, wrong, fix) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'POLICY_INVALID', reason: 'schema' });
    expect(error.detail).toContain(placeOf(text, wrong));
    expect(error.detail).toMatch(fix);
  });

  it.each<[string, string, string, string]>([
    ['a role', grantText().replace('roles: [person]', 'roles: [persn]'), 'persn', 'persn'],
    ['a caller rule', grantText('callers: [nobody]'), 'nobody', 'nobody'],
    ['a condition', grantText('when: [never]'), 'never', 'never'],
    ['a condition in a denial', grantText('', 'deny: [{ id: no, when: [never] }]'), 'never', 'never'],
    ['a set', grantText('', 'conditions: { it: { tapKey: { aaguids: [keys] } } }'), 'keys]', 'keys'],
    [
      'a role with the name of something every object has',
      grantText().replace('roles: [person]', 'roles: [constructor]'),
      'constructor',
      'constructor',
    ],
  ])('refuses %s that is named and not there', (_, text, wrong, name) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'POLICY_INVALID', reason: 'reference' });
    expect(error.detail).toContain(placeOf(text, wrong));
    expect(error.detail).toContain(`"${name}"`);
  });

  it('refuses two rules of one id: the audit log could not tell them apart', () => {
    expect(refusal(grantText('', 'deny: [{ id: the-grant, scopes: [jobs] }]'))).toMatchObject({
      code: 'POLICY_INVALID',
      reason: 'reference',
    });
  });

  it('refuses a file larger than 256 KiB, and one that is not text', () => {
    expect(refusal(`${grantText()}#${'x'.repeat(256 * 1024)}`)).toMatchObject({ code: 'POLICY_INVALID', reason: 'size' });
    expect(refusal(Buffer.concat([Buffer.from(grantText()), Buffer.from([0x23, 0xff, 0xfe])]))).toMatchObject({ reason: 'text' });
  });

  it('quotes no value of the file: what stands in the wrong place may be a secret', () => {
    const secret = 'dapi0123456789abcdef0123456789abcdef';
    for (const text of [
      grantText(`approval: ${secret}`),
      grantText(`lease: ${secret}`),
      grantText('', `mode: ${secret}`),
      secret,
      `${secret}: [`,
    ])
      expect(JSON.stringify(refusal(text).toFailure())).not.toContain(secret);
  });

  it('tells a person what they may not have meant', () => {
    const grants = (approval: string, more = '') => loadPolicy(Buffer.from(grantText(`approval: ${approval}`, more)), 'x').warnings;
    expect(grants('tap')).toEqual([]);
    expect(grants('click')).toEqual([expect.stringMatching(/the-grant.*click/)]);
    expect(grants('none')).toEqual([expect.stringMatching(/the-grant.*nobody/)]);
    expect(grants('tap', 'mode: observe')).toEqual([expect.stringContaining('observes')]);
    const held = grantText('callers: [c]', 'callers: { c: { kinds: [container] } }');
    expect(loadPolicy(Buffer.from(held), 'x').warnings).toEqual([expect.stringContaining('containers')]);
  });
});

describe('the tests inside a policy', () => {
  const tests = (lines: string) => grantText('when: [it]', `conditions:\n  it: { assurance: mfa, authAgeMax: 1 h }\ntests:\n${lines}`);

  it('pass, or the policy is not taken, and the failing one is named with what came instead', () => {
    const good = '  - { name: mfa is enough, given: { scopes: [sql], assurance: mfa }, expect: allow }\n';
    expect(loadPolicy(Buffer.from(tests(good)), 'policy.yaml').counts.tests).toBe(1);
    const error = refusal(tests(`${good}  - { name: nothing is enough, given: { scopes: [sql], assurance: unknown }, expect: allow }\n`));
    expect(error).toMatchObject({ code: 'POLICY_INVALID', reason: 'tests' });
    expect(error.detail).toMatch(/policy\.yaml:18:5: .*"nothing is enough".*step-up/);
  });

  it('look at the code of a no where they name one', () => {
    const withCode = (code: string) =>
      tests(`  - { name: a container, given: { scopes: [sql], kind: container }, expect: deny, code: ${code} }\n`);
    expect(loadPolicy(Buffer.from(withCode('CALLER_REFUSED')), 'x').counts.tests).toBe(1);
    expect(refusal(withCode('POLICY_DENIED')).reason).toBe('tests');
  });

  it.each([
    ['who', '{ scopes: [sql], user: bob@acme.example, groups: [ds], claims: { level: "3" } }', 'allow'],
    ['a sign-in of unknown age', '{ scopes: [sql], authAge: unknown }', 'step-up'],
    ['an old sign-in', '{ scopes: [sql], authAge: 2 h }', 'step-up'],
    ['everything', '{ scopes: [all-apis] }', 'deny'],
    ['a bundle that holds more', '{ scopes: [notebook] }', 'deny'],
  ])('may say %s', (_, given, verdict) => {
    const text = tests(`  - { name: it, given: ${given}, expect: ${verdict} }\n`);
    expect(loadPolicy(Buffer.from(text), 'x').counts.tests).toBe(1);
  });

  it('are asked within the dates of the policy, and as if it enforced', () => {
    const test = 'tests: [{ name: it, given: { scopes: [files] }, expect: deny }, { name: they, given: { scopes: [sql] }, expect: allow }]';
    for (const dates of ['notBefore: 2031-01-01T00:00:00Z', 'expires: 2001-01-01T00:00:00Z', 'mode: observe'])
      expect(loadPolicy(Buffer.from(grantText('', `${dates}\n${test}`)), 'x').counts.tests).toBe(2);
  });
});

describe('the published JSON Schema', () => {
  it('is that of the schema the program uses (after a change: node main/policy/publish-schema.ts)', async () => {
    const published = await readFile(new URL('../../../main/policy/policy.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
  });

  it('takes no key it does not know, anywhere', () => {
    const open: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      if (schema === null || typeof schema !== 'object') return;
      if ('properties' in schema && (schema as { additionalProperties?: unknown }).additionalProperties !== false) open.push(path);
      for (const [key, child] of Object.entries(schema)) walk(child, `${path}.${key}`);
    };
    walk(policyJsonSchema(), '');
    expect(open).toEqual([]);
  });
});

it('asks the same question twice and gets the same answer', () => {
  const policy = withGrant();
  const asked = Object.freeze(question());
  expect(policy.evaluate(asked)).toEqual(policy.evaluate(asked));
});
