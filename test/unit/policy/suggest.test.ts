import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredRecord } from '../../../main/audit/record.ts';
import { loadPolicy } from '../../../main/policy/load-policy.ts';
import { suggestPolicy } from '../../../main/policy/suggest.ts';
import { usageFrom } from '../../../main/policy/usage.ts';
import type { CallerKind } from '../../../preload/contract/caller.ts';
import { question } from './asking.ts';

const record = (fields: object): StoredRecord =>
  ({ seq: 1, at: '2026-09-16T08:00:00.000Z', id: '0', prev: '', hash: '', ...fields }) as unknown as StoredRecord;
const signedIn = (subject: string, more: object = {}) =>
  record({
    ...{ type: 'session.signed-in', profile: 'acme', issuer: 'https://issuer.example', subject, username: `${subject}@acme.example` },
    ...{ assurance: 'phr', acr: 'phr', amr: [], authTime: null },
    ...more,
  });

interface Program {
  caller: string;
  callerKind: CallerKind;
  aiAgent?: string;
}
const cli: Program = { caller: '/usr/bin/node', callerKind: 'program' };
const python: Program = { caller: '/opt/venv/bin/python3', callerKind: 'program' };
const agent: Program = { caller: '/opt/venv/bin/python3', callerKind: 'ai-agent', aiAgent: 'claude' };
const R: Program = { caller: '/usr/bin/R', callerKind: 'program' };

const granted = (grant: string, subject: string, workspace: string, scopes: readonly string[], by: Program = cli) =>
  record({
    ...{
      type: 'grant.created',
      grant,
      profile: 'acme',
      subject,
      workspace,
      scopes,
      until: '2026-09-16T10:30:00.000Z',
      label: '',
      approved: 'tap',
    },
    ...by,
  });
const served = (grant: string, scopes: readonly string[], by: Program) =>
  record({ ...{ type: 'token.served', grant, workspace: '', scopes, expiresAt: '', lease: '', fingerprint: '' }, ...by });

const workspaces = ['https://acme.cloud.databricks.com', 'https://beta.cloud.databricks.com', 'http://127.0.0.1:4000'];
const subjects = ['alice', 'bob'];
const scopes = ['sql', 'jobs', 'files', 'genie'];
const programs = [cli, python, agent, R];

const suggestionFor = (records: readonly StoredRecord[]) => {
  const text = suggestPolicy(usageFrom(records));
  return { text, policy: loadPolicy(Buffer.from(text), 'suggested.yaml') };
};

const asking = (subject: string, { caller, callerKind, aiAgent }: Program, workspace: string, wanted: string[]) =>
  question({
    person: { issuer: 'https://issuer.example', subject, username: `${subject}@acme.example`, groups: [] },
    caller: { kind: callerKind, executable: caller, aiAgent: aiAgent ?? null, parents: [] },
    workspace,
    scopes: wanted,
  });

describe('a suggested policy', () => {
  it('reads well, allows what was used for as long as it was, and passes its own tests', () => {
    const { text, policy } = suggestionFor([
      signedIn('alice'),
      granted('g1', 'alice', 'https://acme.cloud.databricks.com', ['sql']),
      served('g1', ['sql'], python),
      granted('g2', 'alice', 'https://acme.cloud.databricks.com', ['jobs']),
    ]);
    expect(text).toMatchInlineSnapshot(`
      "# Suggested from the audit log: 2 uses, each a person, a program, a workspace and a scope.
      # It allows these and nothing else. Read it, widen it by hand, and try it with \`mode: observe\` first.
      version: 1
      id: suggested
      revision: 1
      identities:
        - match:
            issuer: https://issuer.example
            user: alice@acme.example
          roles:
            - alice-acme-example
      callers:
        python3:
          kinds:
            - program
          executable:
            - /opt/venv/bin/python3
        node:
          kinds:
            - program
          executable:
            - /usr/bin/node
      conditions:
        phr:
          assurance: phr
      roles:
        alice-acme-example:
          grants:
            - id: alice-acme-example-1
              workspaces:
                - https://acme.cloud.databricks.com
              scopes:
                - sql
              callers:
                - node
                - python3
              maxLife: 150 min
              when:
                - phr
      tests:
        - name: alice@acme.example from /opt/venv/bin/python3 as before
          given:
            issuer: https://issuer.example
            user: alice@acme.example
            assurance: phr
            kind: program
            executable: /opt/venv/bin/python3
            workspace: https://acme.cloud.databricks.com
            scopes:
              - sql
          expect: allow
        - name: alice@acme.example from /opt/venv/bin/python3 and no further
          given:
            issuer: https://issuer.example
            user: alice@acme.example
            assurance: phr
            kind: program
            executable: /opt/venv/bin/python3
            workspace: https://acme.cloud.databricks.com
            scopes:
              - access-management
          expect: deny
        - name: alice@acme.example from /usr/bin/node as before
          given:
            issuer: https://issuer.example
            user: alice@acme.example
            assurance: phr
            kind: program
            executable: /usr/bin/node
            workspace: https://acme.cloud.databricks.com
            scopes:
              - sql
          expect: allow
        - name: alice@acme.example from /usr/bin/node and no further
          given:
            issuer: https://issuer.example
            user: alice@acme.example
            assurance: phr
            kind: program
            executable: /usr/bin/node
            workspace: https://acme.cloud.databricks.com
            scopes:
              - access-management
          expect: deny
      "
    `);
    expect(policy.counts).toEqual({ grants: 1, denials: 0, tests: 4 });
    expect(policy.evaluate(asking('alice', python, 'https://acme.cloud.databricks.com', ['sql'])).verdict).toBe('allow');
    expect(policy.evaluate(asking('alice', python, 'https://acme.cloud.databricks.com', ['jobs'])).verdict).toBe('deny');
  });

  it('allows exactly the combinations that were used, and nothing one step beyond', { timeout: 60_000 }, () => {
    const uses = fc.array(
      fc.record({
        subject: fc.constantFrom(...subjects),
        workspace: fc.constantFrom(...workspaces),
        given: fc.uniqueArray(fc.constantFrom(...scopes), { minLength: 1, maxLength: 3 }),
        by: fc.constantFrom(...programs),
        user: fc.option(fc.constantFrom(...programs)),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(uses, (all) => {
        const records = [...subjects.map((subject) => signedIn(subject))];
        const expected = new Set<string>();
        all.forEach(({ subject, workspace, given, by, user }, index) => {
          records.push(granted(`g${index}`, subject, workspace, given, by));
          if (user === null) return;
          records.push(served(`g${index}`, given.slice(0, 1), user));
          for (const scope of given) expected.add([subject, by.caller, by.callerKind, workspace, scope].join());
          expected.add([subject, user.caller, user.callerKind, workspace, String(given[0])].join());
        });
        const { policy } = suggestionFor(records);
        for (const subject of subjects)
          for (const program of programs)
            for (const workspace of workspaces)
              for (const scope of scopes) {
                const isUsed = expected.has([subject, program.caller, program.callerKind, workspace, scope].join());
                const { verdict } = policy.evaluate(asking(subject, program, workspace, [scope]));
                expect(verdict, [subject, program.caller, workspace, scope].join()).toBe(isUsed ? 'allow' : 'deny');
              }
      }),
      { numRuns: 60 },
    );
  });

  it('is no wider than the weakest sign-in, the other issuer or a copied program need', () => {
    const { policy } = suggestionFor([
      signedIn('alice', { assurance: 'mfa' }),
      signedIn('alice'),
      granted('g1', 'alice', 'https://acme.cloud.databricks.com', ['sql']),
      served('g1', ['sql'], agent),
    ]);
    const base = asking('alice', agent, 'https://acme.cloud.databricks.com', ['sql']);
    const verdictOf = (told: Partial<typeof base>) => policy.evaluate({ ...base, ...told }).verdict;
    expect(verdictOf({})).toBe('allow');
    expect(verdictOf({ session: { ...base.session, assurance: 'mfa' } })).toBe('allow');
    expect(verdictOf({ session: { ...base.session, assurance: 'unknown' } })).toBe('step-up');
    expect(verdictOf({ person: { ...base.person, issuer: 'https://issuer.example/' } })).toBe('deny');
    expect(verdictOf({ caller: { ...base.caller, executable: '/tmp/opt/venv/bin/python3' } })).toBe('deny');
    expect(verdictOf({ caller: { ...base.caller, aiAgent: 'codex' } })).toBe('deny');
    expect(verdictOf({ caller: { ...base.caller, kind: 'container' } })).toBe('deny');
  });

  it('leaves out what cannot be told for certain, and says how much', () => {
    const star = { caller: '/opt/*/python3', callerKind: 'program' } as const;
    const cut = { caller: `/opt/${'x'.repeat(200)}…`, callerKind: 'program' } as const;
    const { text, policy } = suggestionFor([
      signedIn('alice'),
      served('g0', ['sql'], python),
      granted('g1', 'nobody', 'https://acme.cloud.databricks.com', ['sql']),
      served('g1', ['sql'], python),
      granted('g2', 'alice', 'https://acme.cloud.databricks.com', ['sql'], star),
      served('g2', ['sql', 'brand-new'], cut),
      served('g2', ['brand-new'], python),
      granted('g3', 'alice', 'http://[::1]:80', ['sql'], python),
      served('g3', ['sql'], python),
    ]);
    expect(policy.counts.grants).toBe(0);
    for (const words of ['1 people', '1 grants', '2 programs', '1 workspaces', '1 scopes']) expect(text).toContain(words);
  });

  it('is a policy however many programs there were', () => {
    const many = Array.from({ length: 130 }, (_, index) => ({ caller: `/opt/app-${index}/bin/python3`, callerKind: 'program' as const }));
    const { policy } = suggestionFor([
      signedIn('alice'),
      granted('g1', 'alice', 'https://acme.cloud.databricks.com', ['sql'], cli),
      ...many.map((program) => served('g1', ['sql'], program)),
    ]);
    expect(policy.counts.grants).toBe(3);
    for (const program of many)
      expect(policy.evaluate(asking('alice', program, 'https://acme.cloud.databricks.com', ['sql'])).verdict).toBe('allow');
  });

  it('of an empty log allows nothing', () => {
    const { policy } = suggestionFor([]);
    expect(policy.evaluate(asking('alice', python, 'https://acme.cloud.databricks.com', ['sql'])).verdict).toBe('deny');
  });
});
