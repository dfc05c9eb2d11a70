/** The first run: which step comes next, what a profile needs, which section is chosen. */
import { describe, expect, it } from 'vitest';
import { type Failure, failureTexts } from '../../../preload/contract/failure.ts';
import { defaultRequestSchema, newProfileSchema, type QueryView, type SetupView, setupSteps } from '../../../preload/contract/setup.ts';
import type { UiState } from '../../../preload/contract/ui.ts';
import {
  emptyIssuerForm,
  fieldProblemOf,
  lineProblemOf,
  readFile,
  readFileText,
  readIssuerForm,
} from '../../../renderer/setup/profile-form.ts';
import { waysOf } from '../../../renderer/setup/query-way.ts';
import { isSectionName, sectionChoices } from '../../../renderer/setup/sections.ts';
import { canSkip, firstPassage, isBeforeFirstKey, type Passage, progressOf } from '../../../renderer/setup/steps.ts';
import { texts } from '../../../renderer/texts.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { calmState, principalOf } from '../../fakes/pages-agent.ts';

const setup = (changes: Partial<SetupView> = {}): SetupView => ({
  next: 'profile',
  configFile: '/home/ada/.config/lakepass/config.yaml',
  databrickscfg: { file: '/home/ada/.databrickscfg', exists: false, sections: [], canUndo: false },
  ...{ python: null, why: null, query: null },
  ...changes,
});

function state(change: (state: UiState) => void = () => undefined): UiState {
  const fresh = calmState(fakeClock());
  fresh.status.tapKeys = [];
  for (const { session } of fresh.status.profiles) session.phase = 'signed-out';
  change(fresh);
  return fresh;
}

const anew: Passage = { skipped: [], lingering: null };

describe('the step that is shown', () => {
  it('is the one the agent names, the ones before it are done', () => {
    const { at, states } = progressOf(setup({ next: 'sign-in' }), state(), anew);
    expect(at).toBe('sign-in');
    expect(setupSteps.map((step) => states[step])).toEqual(['done', 'now', 'later', 'later', 'later']);
  });

  it('moves on as soon as the state shows a sign-in or a key, before the agent names the next', () => {
    const signedIn = state(({ status }) => {
      for (const { session } of status.profiles) session.phase = 'signed-in';
    });
    expect(progressOf(setup({ next: 'sign-in' }), signedIn, anew).at).toBe('key');
    const withKey = { ...signedIn, status: { ...signedIn.status, tapKeys: calmState(fakeClock()).status.tapKeys } };
    expect(progressOf(setup({ next: 'sign-in' }), withKey, anew).at).toBe('default');
  });

  it('passes over what was skipped, and comes to the end', () => {
    const skipped = progressOf(setup({ next: 'default' }), state(), { skipped: ['default'], lingering: null });
    expect([skipped.at, skipped.states.default]).toEqual(['query', 'skipped']);
    expect(progressOf(setup({ next: 'default' }), state(), { skipped: ['default', 'query'], lingering: null }).at).toBe('end');
    expect(progressOf(setup({ next: null }), state(), anew).at).toBe('end');
  });

  it('is the query for whoever comes while it is under way or has just gone well, and not where it failed', () => {
    const at = (queryState: QueryView['state']) => firstPassage({ query: { state: queryState } as QueryView }).lingering;
    expect((['idle', 'asking', 'running', 'done', 'failed'] as const).map(at)).toEqual([null, 'query', 'query', 'query', null]);
    expect(firstPassage({ query: null }).lingering).toBeNull();
  });

  it('stays where an outcome is being looked at', () => {
    const { at, states } = progressOf(setup({ next: 'query' }), state(), { skipped: [], lingering: 'default' });
    expect([at, states.default, states.query]).toEqual(['default', 'now', 'later']);
  });

  it('can be skipped only where Lakepass works without it', () => {
    expect(setupSteps.filter(canSkip)).toEqual(['default', 'query']);
  });
});

describe('the first run', () => {
  const without = (what: 'profiles' | 'grants', principals: number, locked = false): UiState =>
    state((fresh) => {
      if (what === 'profiles') fresh.status.profiles = [];
      fresh.grants = [];
      fresh.status.servicePrincipals = Array.from({ length: principals }, () => principalOf());
      if (locked) fresh.status.lock.state = 'locked';
    });

  it.each([
    ['nothing is configured', without('profiles', 0), true],
    ['only a service principal is configured, which no person signs in to', without('profiles', 1), false],
    ['only a service principal is configured, and locked', without('profiles', 1, true), false],
    ['a person has no key yet', without('grants', 0), true],
    ['a person has no key yet, beside a service principal', without('grants', 1), true],
    ['a person has no key yet, and Lakepass is locked', without('grants', 0, true), false],
    ['a person has access without a key', state(), false],
    ['all is as it should be', calmState(fakeClock()), false],
  ])('where %s', (_, seen, isFirst) => {
    expect(isBeforeFirstKey(seen)).toBe(isFirst);
  });
});

const good = {
  name: 'acme',
  issuer: 'https://acme.okta.com',
  clientId: 'lakepass',
  workspace: 'https://acme.cloud.databricks.com',
  test: false,
};

describe('a profile that is typed in', () => {
  it('is what the contract takes', () => {
    const read = readIssuerForm(good);
    expect(read).toEqual({ ok: true, input: { from: 'issuer', ...good } });
    expect(read.ok && newProfileSchema.safeParse(read.input).success).toBe(true);
  });

  it('may leave out the https://', () => {
    const read = readIssuerForm({ ...good, workspace: ' acme.cloud.databricks.com ' });
    expect(read.ok && read.input).toMatchObject({ workspace: 'https://acme.cloud.databricks.com' });
  });

  it.each([
    ['everything', emptyIssuerForm, ['clientId', 'issuer', 'name', 'workspace']],
    ['a name with capitals', { ...good, name: 'Acme' }, ['name']],
    ['plain http', { ...good, issuer: 'http://localhost:8080' }, ['issuer']],
    ['a scheme that is none', { ...good, workspace: 'javascript:alert(1)' }, ['workspace']],
    ['an address that is none', { ...good, issuer: 'https://' }, ['issuer']],
  ])('says at its field what is wrong: %s', (_, form, fields) => {
    const read = readIssuerForm(form);
    expect(read.ok ? [] : Object.keys(read.errors).sort()).toEqual(fields);
  });

  it('is told at its field what the agent refuses', () => {
    const refused = (code: 'CONFIG_INVALID' | 'CONFIG_PLAIN_HTTP', detail?: string) =>
      fieldProblemOf({ code, ...failureTexts[code], detail });
    expect(refused('CONFIG_INVALID', '/home/ada/config.yaml:5:15: profiles.acme.idp.issuer cannot be used. Invalid URL.')).toEqual({
      issuer: 'profiles.acme.idp.issuer cannot be used. Invalid URL.',
    });
    expect(refused('CONFIG_PLAIN_HTTP', '/home/ada/config.yaml:9:15: profiles.acme.workspaces.0.host.')?.workspace).toMatch(
      /plain http.*https/s,
    );
    expect(refused('CONFIG_INVALID', '/home/ada/config.yaml:3:3: profiles.acme is too long.')).toBe(null);
    expect(refused('CONFIG_INVALID')).toBe(null);
  });

  it('may be plain http in a test', () => {
    expect(readIssuerForm({ ...good, issuer: 'http://localhost:8080', test: true }).ok).toBe(true);
  });
});

describe('a profile file', () => {
  it('is its text, and neither empty nor large', () => {
    expect(readFileText('version: 1\n')).toEqual({ ok: true, input: { from: 'file', text: 'version: 1\n' } });
    expect(readFileText(' \n')).toEqual({ ok: false, errors: texts.setup.profile.empty });
    expect(readFileText('x'.repeat(65_537))).toEqual({ ok: false, errors: texts.setup.profile.tooLarge });
  });

  it('is refused where it is no text or too large, before it is read whole', async () => {
    expect(await readFile(new File(['version: 1'], 'a.yaml'))).toEqual({ text: 'version: 1' });
    expect(await readFile(new File([new Uint8Array([0xff, 0xfe, 0x00])], 'a'))).toEqual({ problem: texts.setup.profile.unreadable });
    expect(await readFile(new File(['a\0b'], 'a'))).toEqual({ problem: texts.setup.profile.unreadable });
    expect(await readFile(new File(['x'.repeat(65_537)], 'a'))).toEqual({ problem: texts.setup.profile.tooLarge });
  });

  const refusal = (detail?: string): Failure => ({ code: 'CONFIG_INVALID', ...failureTexts.CONFIG_INVALID, detail });
  const text = 'version: 1\nprofiles:\n  - name: Acme\n';

  it('is told which of its lines is wrong, with what stands there', () => {
    expect(lineProblemOf(refusal('the file:3:11: profiles.0.name is not a name. Use small letters.'), text)).toEqual({
      line: 3,
      text: '  - name: Acme',
      says: 'profiles.0.name is not a name. Use small letters.',
    });
    const plain: Failure = { code: 'CONFIG_PLAIN_HTTP', ...failureTexts.CONFIG_PLAIN_HTTP, detail: 'f:2:1: profiles.' };
    expect(lineProblemOf(plain, text)?.says).toContain(failureTexts.CONFIG_PLAIN_HTTP.cause);
    expect(lineProblemOf(refusal('C:\\Users\\ada\\config.yaml:1:1: Not YAML.'), text)).toMatchObject({ line: 1 });
  });

  it('is told so without a line where the refusal names none of its lines', () => {
    for (const detail of [undefined, 'It is larger than 256 KiB.', 'the file:99:1: What?', 'the file:0:1: What?']) {
      expect(lineProblemOf(refusal(detail), text)).toBe(null);
    }
  });
});

describe('the sections to choose from', () => {
  const section = (name: string, changes: object = {}) => ({ name, host: 'https://a', auth: 'pat', ours: false, ...changes });
  const choices = (...sections: SetupView['databrickscfg']['sections']) =>
    sectionChoices(setup({ databrickscfg: { file: 'f', exists: true, sections, canUndo: false } }));

  it('begin with DEFAULT, there or not', () => {
    expect(choices(section('dev'), section('DEFAULT'), section('prod')).map(({ name }) => name)).toEqual(['DEFAULT', 'dev', 'prod']);
    expect(choices(section('dev'))[0]).toMatchObject({
      name: 'DEFAULT',
      host: null,
      notes: ['used when a tool names none', 'not there yet'],
    });
  });

  it('say what would be replaced, and what is ours', () => {
    expect(choices(section('dev'))[1]?.notes).toEqual(['today signs in with pat; what stands there is replaced']);
    expect(choices(section('dev', { ours: true }))[1]?.notes).toEqual(['written by Lakepass']);
  });

  it('take the names the contract takes', () => {
    for (const name of ['DEFAULT', 'a', 'my-workspace_2.x', '', '-a', 'a b', 'a]', 'x'.repeat(65), 'ä']) {
      expect(isSectionName(name)).toBe(defaultRequestSchema.safeParse({ section: name }).success);
    }
  });
});

describe('the way the query goes', () => {
  const query = {
    ...({ state: 'idle', how: 'sql', because: 'Nothing has been tried yet.', notebook: null, statement: 'SELECT 1' } as const),
    ...{ columns: [], rows: [], tookMs: null, failure: null },
  };
  const python = { path: '/usr/bin/python3', version: '3.12.4' };

  it('is told before it is gone, by what was found on the machine', () => {
    expect(waysOf(query, { python, why: null })).toEqual({
      how: 'notebook',
      because: '/usr/bin/python3 has what a notebook needs.',
      python: '3.12.4',
    });
    expect(waysOf(query, { python: null, why: 'ipykernel is missing.' })).toEqual({
      how: 'sql',
      because: 'ipykernel is missing.',
      python: null,
    });
  });

  it('is what the query itself says once it was begun', () => {
    const begun = { ...query, state: 'running', because: 'It was so.' } as const;
    expect(waysOf(begun, { python, why: null })).toEqual({ how: 'sql', because: 'It was so.', python: null });
  });
});
