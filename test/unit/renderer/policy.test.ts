/** The policy in words, and the form that asks it "what if". */
import { describe, expect, it } from 'vitest';
import { explainRequestSchema, type PolicyPage } from '../../../preload/contract/policy.ts';
import { byScopes, emptyForm, knownPrograms, placesOf, readForm } from '../../../renderer/policy/explain-form.ts';
import { byWorkspace, limitRows, obligationWords, rulesOf } from '../../../renderer/policy/policy-words.ts';
import { texts } from '../../../renderer/texts.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { calmState, grantOf, notebookCaller } from '../../fakes/pages-agent.ts';

const state = calmState(fakeClock());
const places = placesOf(state.status.profiles);
const form = emptyForm(places, state.bundles);

describe('what holds', () => {
  const obligations = { approval: 'tap', leaseSeconds: 300, lifeSeconds: 28_800, maxTokenLifeSeconds: null, failClosed: false } as const;

  it('is said in words: how one is asked, how long, how often it is checked', () => {
    expect(obligationWords(obligations)).toEqual(['asked with a tap of a key', 'up to 8 h', 'checked again every 5 min']);
    const strict = obligationWords({ ...obligations, approval: 'none', maxTokenLifeSeconds: 3600, failClosed: true });
    expect(strict[0]).toBe('not asked');
    expect(strict.slice(3)).toEqual(['tokens of at most 1 h', 'waits for its audit record']);
  });

  it('stands in one table for each workspace of each profile', () => {
    const explanation = { verdict: 'allow', code: null, because: '', obligations, rules: [], wouldChange: [], observed: false } as const;
    const mine = (profile: string, workspace: string, bundle: string): PolicyPage['mine'][number] => {
      const said = { ...explanation, rules: [], wouldChange: [] };
      return { profile, username: 'ada', workspace, bundle, scopes: ['sql'], program: said, aiAgent: said };
    };
    const tables = byWorkspace([mine('a', 'one', 'sql'), mine('a', 'two', 'sql'), mine('a', 'one', 'ml'), mine('b', 'one', 'sql')]);
    expect(tables.map(({ profile, workspace, bundles }) => [profile, workspace, bundles.map(({ bundle }) => bundle)])).toEqual([
      ['a', 'one', ['sql', 'ml']],
      ['a', 'two', ['sql']],
      ['b', 'one', ['sql']],
    ]);
  });

  it('tells the rules that took part from those that did not', () => {
    const rule = (id: string, applied: boolean) => ({ id, effect: 'allow' as const, applied, because: [] });
    const explanation = { verdict: 'deny', code: null, because: '', obligations: null, wouldChange: [], observed: false } as const;
    const { held, other } = rulesOf({ ...explanation, wouldChange: [], rules: [rule('a', false), rule('b', true)] });
    expect([held.map(({ id }) => id), other.map(({ id }) => id)]).toEqual([['b'], ['a']]);
  });

  it('names limits, and where there are none', () => {
    const values = limitRows({ awayGraceSeconds: 5400, idleSeconds: null, dailyCapSeconds: 36_000, lockOnSuspend: true });
    expect(values.map(({ value }) => value)).toEqual(['1 h 30 min', 'No limit', '10 h', 'Lakepass locks']);
  });
});

describe('the form', () => {
  it('begins with the first workspace and bundle, and is a question at once', () => {
    const read = readForm(form, places, state.bundles);
    expect(read).toEqual({
      ok: true,
      input: {
        profile: 'acme',
        workspace: 'https://acme.cloud.databricks.com',
        scopes: ['clusters', 'command-execution', 'files'],
        action: 'create',
        program: '',
        kind: 'program',
        aiAgent: '',
      },
    });
    expect(read.ok && explainRequestSchema.safeParse(read.input).success).toBe(true);
  });

  it('takes scopes by name, each once, however they are separated', () => {
    const read = readForm({ ...form, bundle: byScopes, scopes: ' sql,files\n sql ' }, places, state.bundles);
    expect(read.ok && read.input.scopes).toEqual(['sql', 'files']);
  });

  it('names the agent of an AI agent, and of nothing else', () => {
    const named = { ...form, aiAgent: ' claude ' };
    const asAgent = readForm({ ...named, kind: 'ai-agent' }, places, state.bundles);
    const asProgram = readForm(named, places, state.bundles);
    expect([asAgent.ok && asAgent.input.aiAgent, asProgram.ok && asProgram.input.aiAgent]).toEqual(['claude', '']);
  });

  it.each([
    ['no scopes', { bundle: byScopes, scopes: ' , ' }, { scopes: texts.policy.explain.scopesMissing }],
    [
      'too many',
      { bundle: byScopes, scopes: Array.from({ length: 33 }, (_, at) => `s${at}`).join(' ') },
      { scopes: texts.policy.explain.tooMany },
    ],
    ['one that is too long', { bundle: byScopes, scopes: 's'.repeat(201) }, { scopes: texts.policy.explain.scopeTooLong }],
    ['no workspace', { place: 'gone' }, { place: texts.policy.explain.workspaceMissing }],
  ])('says what is missing: %s', (_, changes, errors) => {
    expect(readForm({ ...form, ...changes }, places, state.bundles)).toEqual({ ok: false, errors });
  });

  it('can be opened before there is a profile', () => {
    expect(readForm(emptyForm([], []), [], [])).toMatchObject({ ok: false });
  });

  it('offers programs that the system vouched for, each once', () => {
    const clock = fakeClock();
    const claimed = { ...notebookCaller, facts: [{ name: 'program', value: '/tmp/made-up', proof: 'claimed' } as const] };
    const grants = [grantOf(clock), grantOf(clock), grantOf(clock, { caller: claimed }), grantOf(clock, { caller: null })];
    expect(knownPrograms(grants)).toEqual(['/home/ada/project/.venv/bin/python3.12']);
  });
});
