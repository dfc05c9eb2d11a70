/** Activity, policy, doctor, settings and the first run as a person meets them: the real door, the bundled pages, Chromium. */
import type { Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../main/app-error.ts';
import { systemClock as clock } from '../../main/host-ports.ts';
import { failureTexts } from '../../preload/contract/failure.ts';
import { livelyAgent, type NewMachine, newMachine } from '../fakes/lively-agent.ts';
import { awaitedOf, managedOf, managedSettings, offerOf, recordOf, sentOf } from '../fakes/managed-device.ts';
import { findingsOf, openTheatre, type Stage, type Theatre } from './ui-stage.ts';

let theatre: Theatre;
let stage: Stage;
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre?.close());
beforeEach(async () => {
  stage = await theatre.stage();
});
afterEach(() => stage.close());

const called = (what: string) => stage.agent.asked.filter((one) => one.what === what).map((one) => one.with);
async function untilCalled(what: string, times = 1): Promise<unknown[]> {
  while (called(what).length < times) await new Promise((resolve) => setTimeout(resolve, 10));
  return called(what);
}
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });
const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true });
const screenNames = ['Activity', 'Policy', 'Doctor', 'Settings'] as const;
const go = (page: Page, name: string) => page.getByRole('navigation').getByRole('button', { name }).click();

/** The screen with all it has to show. */
async function open(name: (typeof screenNames)[number], options?: Parameters<Stage['ui']>[0]): Promise<Page> {
  livelyAgent(stage.agent, clock);
  const page = await stage.ui(options);
  await go(page, name);
  await heading(page, name).waitFor();
  await page.locator('main h2').first().waitFor();
  return page;
}

describe('every screen', () => {
  it('is asked for once and again when something has changed, never by a clock', async () => {
    const page = await open('Doctor');
    await untilCalled('doctor');
    await go(page, 'Settings');
    await go(page, 'Doctor');
    await heading(page, 'Needs you').waitFor();
    expect(called('doctor')).toHaveLength(1);
    stage.agent.answers.doctor.checks.push({
      ...{ id: 'later', title: 'A check of later days', state: 'weak', finding: 'It is new.' },
      ...{ next: null, code: null },
    });
    stage.agent.update(() => undefined);
    await heading(page, 'A check of later days').waitFor();
    expect(called('doctor')).toHaveLength(2);
  });

  it('says what failed and what to do, and tries again when told', async () => {
    livelyAgent(stage.agent, clock);
    stage.agent.fails('policy', new AppError('LOCKED'));
    const page = await stage.ui();
    await go(page, 'Policy');
    const alert = page.getByRole('alert').filter({ hasText: failureTexts.LOCKED.cause });
    expect(await alert.innerText()).toContain('Run lakepass unlock.');
    stage.agent.fails('policy', null);
    await alert.getByRole('button', { name: 'Try again' }).click();
    await heading(page, 'What applies to you').waitFor();
  });

  it('keeps what it had when that cannot be brought up to date, and says so', async () => {
    const page = await open('Policy');
    stage.agent.fails('policy', new AppError('LOCKED'));
    stage.agent.update(({ status }) => {
      status.lock.state = 'locked';
    });
    await page.getByText('This could not be brought up to date.').waitFor();
    await page.getByText('Lakepass is locked. What needs the vault').waitFor();
    expect(await heading(page, 'What applies to you').isVisible()).toBe(true);
    expect(await findingsOf(page)).toEqual([]);
    stage.agent.fails('policy', null);
    await button(page, 'Try again').click();
    await page.getByText('This could not be brought up to date.').waitFor({ state: 'detached' });
  });

  it('says in words that it waits', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    livelyAgent(stage.agent, clock);
    const ui = stage.agent.ui as { -readonly [N in keyof typeof stage.agent.ui]: (typeof stage.agent.ui)[N] };
    ui.doctor = () => promise.then(() => stage.agent.answers.doctor);
    const page = await stage.ui();
    await go(page, 'Doctor');
    await page.getByRole('status').filter({ hasText: 'Looking at this machine.' }).waitFor();
    expect(await findingsOf(page)).toEqual([]);
    resolve();
    await heading(page, 'Needs you').waitFor();
  });
});

describe('activity', () => {
  const records = (page: Page) => page.locator('main details');

  it('tells what happened by day, newest first, and a record in full when asked', async () => {
    const page = await open('Activity');
    await records(page).first().waitFor();
    expect(await records(page).count()).toBe(50);
    expect(await records(page).first().innerText()).toContain('A program that has access got its token again, 41 times.');
    await records(page).nth(1).locator('summary').click();
    const shown = await records(page).nth(1).innerText();
    for (const word of ['token.refused', 'POLICY_DENIED', '/usr/bin/curl', 'claude', 'grant-2']) expect(shown).toContain(word);
  });

  it('goes back through the log a page at a time, to its beginning', async () => {
    const page = await open('Activity');
    await button(page, 'Show older records').click();
    await expect.poll(() => records(page).count()).toBe(100);
    await button(page, 'Show older records').click();
    await page.getByText('This is where the log begins.').waitFor();
    await expect.poll(() => records(page).count()).toBe(120);
    expect(called('activity').map((query) => (query as { before?: number }).before)).toEqual([undefined, 71, 21]);
  });

  it('shows only what is looked for, and all of it again', async () => {
    const page = await open('Activity');
    await page.getByRole('checkbox', { name: 'Refusals' }).check();
    await expect.poll(() => records(page).count()).toBe(12);
    await page.getByRole('searchbox', { name: 'Search' }).fill('Claude');
    await expect.poll(() => called('activity').at(-1)).toMatchObject({ kinds: ['refusal'], text: 'Claude' });
    expect(await records(page).count()).toBe(12);
    await page.getByRole('combobox', { name: /From when/ }).click();
    await page.getByRole('option', { name: 'The last 7 days' }).click();
    await expect.poll(() => called('activity').at(-1)).toMatchObject({ since: expect.stringMatching(/^20/) });
    await page.getByRole('searchbox', { name: 'Search' }).fill('nobody has ever seen this');
    await page.getByText('No record fits these filters.').waitFor();
    await button(page, 'Clear the filters').click();
    await expect.poll(() => records(page).count()).toBe(50);
    expect(await page.getByRole('searchbox', { name: 'Search' }).inputValue()).toBe('');
  });

  it('goes on looking where a part of the log held nothing that fits', async () => {
    livelyAgent(stage.agent, clock);
    const ui = stage.agent.ui as { -readonly [N in keyof typeof stage.agent.ui]: (typeof stage.agent.ui)[N] };
    const whole = ui.activity;
    ui.activity = (query, by) => (query.before === undefined ? { records: [], next: 121, damaged: 2 } : whole(query, by));
    const page = await stage.ui();
    await go(page, 'Activity');
    await page.getByText('None fits in this part of the log.').waitFor();
    await page.getByText('2 lines of the log could not be read.').waitFor();
    await button(page, 'Show older records').click();
    await records(page).first().waitFor();
  });

  it('says that nothing happened where nothing did', async () => {
    const page = await stage.ui();
    await go(page, 'Activity');
    await page.getByText('Nothing is recorded yet.').waitFor();
    await page.getByText('No token was handed out in the last 24 hours.').waitFor();
    expect(await findingsOf(page)).toEqual([]);
  });

  it('draws charts, says them in words, and has the same as a table', async () => {
    const page = await open('Activity');
    await page.locator('.recharts-bar-rectangle').first().waitFor();
    await page.getByText(/\d+ tokens handed out, \d+ fetched from a workspace in the last 24 hours\./).waitFor();
    await page.getByRole('radio', { name: 'Week' }).check();
    await page.getByText(/handed out, \d+ fetched from a workspace in the last 7 days\./).waitFor();
    await button(page, 'Show as a table').click();
    const table = page.getByRole('table');
    await table.waitFor();
    expect(await table.getByRole('columnheader').allInnerTexts()).toContain('Refused by Lakepass');
    expect(await table.getByRole('row').count()).toBe(8);
    expect(await findingsOf(page)).toEqual([]);
    expect(stage.complaints).toEqual([]);
  });

  it('says what verifying proves and what it cannot', async () => {
    const page = await open('Activity');
    await button(page, 'Verify the log').click();
    await page.getByText('The log is whole').waitFor();
    const said = await page.locator('main').innerText();
    for (const words of ['120 records read.', 'What this proves', 'What it cannot prove', 'That nothing was cut off at the end.']) {
      expect(said).toContain(words);
    }
    const verdict = stage.agent.answers['audit/verify'];
    Object.assign(verdict, { ok: false, problems: ['audit-000001.jsonl:4: changed after it was written'] });
    await button(page, 'Verify again').click();
    await page.getByText('The log does not verify').waitFor();
    await page.getByText('audit-000001.jsonl:4: changed after it was written').waitFor();
    await page.getByText('Keep the files as they are').waitFor();
    expect(await findingsOf(page)).toEqual([]);
  });
});

describe('policy', () => {
  it('says for each kind of access what a program and what an AI agent is told, and why', async () => {
    const page = await open('Policy');
    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: /^notebook/ }) });
    await row.waitFor();
    const [program, aiAgent] = await row.getByRole('cell').allInnerTexts();
    expect(program).toMatch(/Allowed\s+asked with a tap of a key\s+up to 8 h\s+checked again every 5 min/);
    expect(aiAgent).toContain('Not allowed');
    await row.getByLabel('Why: notebook, An AI agent').click();
    const why = await row.getByRole('cell').last().innerText();
    for (const words of ['Denied by no-secrets.', 'What would change it', 'Or asking without secrets.', 'holds: secrets is asked for']) {
      expect(why).toContain(words);
    }
  });

  it('says loudly that it only observes', async () => {
    livelyAgent(stage.agent, clock);
    stage.agent.answers.policy.policy.mode = 'observe';
    const page = await stage.ui();
    await go(page, 'Policy');
    await page.getByText('This policy only observes').waitFor();
    await page.getByText('Only observed').waitFor();
  });

  it('answers what if, for a bundle, for scopes by name, for an AI agent', async () => {
    const page = await open('Policy');
    await button(page, 'python3.12').click();
    await button(page, 'Ask the policy').click();
    const answer = page.getByRole('region', { name: 'The answer' });
    await answer.getByText('Allowed').waitFor();
    expect(called('policy/explain')).toEqual([
      {
        ...{ profile: 'acme', workspace: 'https://acme.cloud.databricks.com', action: 'create', kind: 'program', aiAgent: '' },
        scopes: ['clusters', 'command-execution', 'files'],
        program: '/home/ada/project/.venv/bin/python3.12',
      },
    ]);
    await page.getByRole('combobox', { name: /^Access/ }).click();
    await page.getByRole('option', { name: 'Scopes by name' }).click();
    await page.getByRole('combobox', { name: /^Kind of program/ }).click();
    await page.getByRole('option', { name: 'An AI agent' }).click();
    await button(page, 'Ask the policy').click();
    await page.getByText('Name at least one scope.').waitFor();
    await expect.poll(() => page.evaluate('document.activeElement.getAttribute("aria-invalid")')).toBe('true');
    expect(await answer.count()).toBe(0);
    await page.getByRole('textbox', { name: 'Scopes' }).fill('secrets sql');
    await page.getByRole('textbox', { name: 'Name of the AI agent' }).fill('claude');
    await page.keyboard.press('Enter');
    await answer.getByText('Not allowed').waitFor();
    expect(called('policy/explain').at(-1)).toMatchObject({ scopes: ['secrets', 'sql'], kind: 'ai-agent', aiAgent: 'claude' });
    expect(await answer.innerText()).toContain('What would change it');
    expect(await findingsOf(page)).toEqual([]);
  });
});

describe('doctor', () => {
  it('puts the worst first, each with what to do, and copies it as text', async () => {
    const page = await open('Doctor');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    expect(await page.locator('main h2').allInnerTexts()).toEqual([
      'Needs you',
      'Could be stronger',
      'Could not be found out',
      'As it should be',
      'Beyond this machine',
      'What does this error mean?',
      'A file for whoever helps you',
    ]);
    await page.getByText('1 thing needs you, 1 thing could be stronger, 1 could not be found out.').waitFor();
    const copy = page.getByRole('button', { name: /^Copy: Lakepass doctor/ });
    await copy.click();
    await copy.getByText('Copied').waitFor();
    const copied = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(copied).toContain('- Keychain: The keychain is locked, so nothing can be kept over a restart. (KEYCHAIN_LOCKED)');
    expect(copied).toContain('next: Unlock it and look again.');
  });

  it('looks again when asked', async () => {
    const page = await open('Doctor');
    await button(page, 'Look again').click();
    await untilCalled('doctor', 2);
  });

  it('asks others only when told, by keyboard alone, and shows what they said', async () => {
    const page = await open('Doctor');
    stage.agent.answers['doctor/far'] = {
      checks: [
        { id: 'dns', title: 'Names on the network', state: 'good', finding: 'Every name leads somewhere.', next: null, code: null },
        { id: 'tls', title: 'TLS', state: 'bad', finding: 'It is not trusted.', next: 'Run `lakepass doctor`.', code: 'WORKSPACE_TLS' },
      ],
    };
    expect(called('doctor/far')).toEqual([]);
    await button(page, 'Look there, too').focus();
    await page.keyboard.press('Enter');
    await heading(page, 'TLS').waitFor();
    expect(called('doctor/far')).toEqual([{}]);
    expect(await findingsOf(page)).toEqual([]);
  });

  it('explains what is pasted, warns of a token in it, and forgets it', async () => {
    const page = await open('Doctor');
    stage.agent.answers['doctor/explain'].warning = 'The text holds what looks like a token.';
    await button(page, 'Explain it').click();
    await page.getByText('Paste the error first.').waitFor();
    await page.getByLabel('The error').fill('JWT has expired canary');
    await button(page, 'Explain it').click();
    await page.getByText('The token has ended.').waitFor();
    await page.getByText('The text holds what looks like a token.').waitFor();
    expect(called('doctor/explain')).toEqual([{ text: 'JWT has expired canary' }]);
    expect(await page.getByLabel('The error').inputValue()).toBe('');
    expect(await page.content()).not.toContain('canary');
    expect(await findingsOf(page)).toEqual([]);
  });
});

describe('settings', () => {
  it('changes the colours at once, whatever the system says', async () => {
    const page = await open('Settings', { colours: 'light' });
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const before = await ground();
    await page.getByText('Dark', { exact: true }).click();
    await expect.poll(ground).not.toBe(before);
    expect(called('preferences')).toEqual([{ theme: 'dark' }]);
    await page.getByText('As the system', { exact: true }).click();
    await expect.poll(ground).toBe(before);
  });

  it('starts at login where that can be, and says why not where it cannot', async () => {
    const page = await open('Settings');
    await page.getByText('Here Lakepass runs without its desktop app').waitFor();
    stage.agent.update(({ preferences }) => {
      preferences.startAtLogin = false;
    });
    await page.getByRole('switch', { name: 'Start Lakepass when I log in' }).click();
    await expect.poll(() => page.getByRole('switch').getAttribute('aria-checked')).toBe('true');
    expect(called('preferences')).toEqual([{ startAtLogin: true }]);
  });

  it('says what is set up and what policy sets', async () => {
    const page = await open('Settings');
    for (const words of [
      'https://acme.okta.com',
      'ada@acme.example',
      '/home/ada/.config/lakepass/config.yaml',
      'one of your keys',
      '12 h',
    ]) {
      await page.locator('main').getByText(words).first().waitFor();
    }
  });
});

describe('a managed device', () => {
  const problem = { code: 'BUNDLE_UNREACHABLE' as const, ...failureTexts.BUNDLE_UNREACHABLE };
  const looks = async (page: Page, name: string): Promise<void> => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect([name, colorScheme, await findingsOf(page)]).toEqual([name, colorScheme, []]);
    }
    expect([name, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([name, true]);
  };
  const link = 'lakepass://enroll?url=https%3A%2F%2Fit.acme.example%2Fbundle.jws.json&key=NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';

  it('says at its first start what it waits for, and is then one button', async () => {
    const [profile] = stage.agent.state().status.profiles;
    stage.agent.update(({ status }) => {
      Object.assign(status, { profiles: [], tapKeys: [], managed: awaitedOf(clock, { problem }) });
    });
    const page = await stage.ui({ width: 360 });
    await heading(page, 'Managed by Acme').waitFor();
    await page.getByText('Waiting for the bundle from it.acme.example.').waitFor();
    await page.getByText(failureTexts.BUNDLE_UNREACHABLE.next).waitFor();
    expect(await page.locator('main').getByRole('textbox').count()).toBe(0);
    await looks(page, 'awaited');
    stage.agent.update(({ status }) => {
      const session = { ...profile?.session, phase: 'signed-out', identity: null, assurance: null, signedInAt: null, endsAt: null };
      Object.assign(status, { profiles: [{ ...profile, session }], managed: managedOf(clock, { source: 'managed' }) });
    });
    await button(page, 'Sign in to acme').waitFor();
    expect(
      await page
        .locator('main')
        .getByRole('button', { name: /sign in/i })
        .count(),
    ).toBe(1);
    await looks(page, 'sign-in');
    await button(page, 'Sign in to acme').click();
    expect(await untilCalled('sign-in')).toEqual([{ profile: 'acme' }]);
    expect(stage.complaints).toEqual([]);
  });

  it('says in Settings what is locked and by whom, lets a limit be made stricter, and shows what the company sees', async () => {
    const record = {
      to: 'https://it.acme.example/records',
      sentAt: recordOf(clock).at,
      problem: null,
      waiting: 1,
      fields: recordOf(clock),
    };
    stage.agent.answers.settings = managedSettings;
    stage.agent.answers['audit/sent'] = sentOf(clock);
    stage.agent.update(({ status }) => {
      status.managed = managedOf(clock, { problem, record });
      status.audit = { checkpoint: null, sinks: sentOf(clock).sinks };
    });
    const page = await stage.ui({ width: 360 });
    await button(page, 'Details: managed by Acme').click();
    await heading(page, 'What Acme sees').waitFor();
    await page.getByRole('button', { name: /^Show all 2\d fields that/ }).click();
    await page.getByRole('cell', { name: 'ada@acme.example' }).waitFor();
    await page
      .getByRole('button', { name: /^Show all 1\d fields of the last one/ })
      .first()
      .click();
    await page.getByRole('cell', { name: 'python3.12', exact: true }).waitFor();
    await page.getByRole('meter', { name: /^48,211 records wait: 91 MB/ }).waitFor();
    await page.getByText(failureTexts.AUDIT_SINK_UNREACHABLE.next).waitFor();
    await page.getByText('Nothing has been sent yet.').waitFor();
    expect(await page.getByRole('radio', { name: 'Dark' }).isDisabled()).toBe(true);
    expect(await page.getByText('Locked by Acme').count()).toBe(3);
    expect(await button(page, 'Change: A sign-in takes at least').count()).toBe(0);
    await button(page, 'Change: Access lasts at most').click();
    const field = page.getByRole('textbox', { name: 'Access lasts at most' });
    await field.fill('soon');
    await field.press('Enter');
    await page.getByText('Write a number and s, min, h or d').waitFor();
    await looks(page, 'settings');
    await field.fill('2 h');
    await field.press('Enter');
    expect(await untilCalled('settings/change')).toEqual([{ name: 'longestGrant', value: '2 h' }]);
    await expect.poll(() => page.evaluate('document.activeElement.ariaLabel')).toBe('Change: Access lasts at most');
    await button(page, 'Leave Acme…').click();
    await page.getByRole('dialog', { name: 'Leave Acme?' }).waitFor();
    await page.keyboard.press('Escape');
    expect(called('enroll/leave')).toEqual([]);
    await button(page, 'Leave Acme…').click();
    await button(page, 'Leave').click();
    await untilCalled('enroll/leave');
  });

  it('joins by a link: nothing is asked before the person wants it, nothing is kept but what was shown', async () => {
    const page = await stage.ui({ width: 360 });
    await go(page, 'Settings');
    await button(page, 'Join your company…').click();
    await page.getByRole('textbox', { name: 'Link' }).fill(link);
    await page.getByText('Nothing has been asked yet. It leads to it.acme.example.').waitFor();
    expect(called('enroll/look')).toEqual([]);
    await button(page, 'See what it offers').click();
    await heading(page, 'Acme wants to manage this device').waitFor();
    await looks(page, 'offer');
    stage.agent.answers['enroll/look'] = offerOf(clock, { hash: 'ab'.repeat(32), restricts: ['Something else.'] });
    await button(page, 'Accept').click();
    await page.getByRole('alert').getByText(failureTexts.OFFER_CHANGED.cause).waitFor();
    await button(page, 'See what it offers now').click();
    await page.getByText('Something else.').waitFor();
    stage.agent.answers['enroll/accept'] = { done: false, url: null };
    await button(page, 'Accept').click();
    expect((await untilCalled('enroll/accept', 2))[1]).toEqual({ link, hash: 'ab'.repeat(32) });
    stage.agent.update(({ status }) => {
      status.managed = managedOf(clock, { hash: 'ab'.repeat(32) });
    });
    await heading(page, 'Managed by Acme').waitFor();
    await looks(page, 'joined');
  });

  it('says how many keys are wanted, which count, and why another does not', async () => {
    stage.agent.update(({ status }) => {
      const wanted = { atLeast: 2, models: null, attested: true, hardwareBound: true };
      const keys = status.tapKeys.map(({ id }) => ({ id, counts: false, because: 'metadata' as const }));
      status.managed = managedOf(clock, { tapKeys: { wanted, counted: 0, keys } });
    });
    const page = await stage.ui({ width: 360 });
    await page.getByText('You have 0 of the 2 keys that Acme wants.').waitFor();
    await page.locator('main').getByRole('button', { name: 'Add a key' }).click();
    await page.getByText('does not count').waitFor();
    await page.getByText('lakepass mds import').waitFor();
    await looks(page, 'keys');
    await button(page, 'Add a key: 2 more wanted').click();
    expect(await untilCalled('ceremony/begin')).toEqual([{ kind: 'enrol' }]);
  });
});

describe('the first run', () => {
  let machine: NewMachine;
  beforeEach(() => {
    machine = newMachine(stage.agent, clock);
  });
  const file = 'version: 1\nprofiles: …\n';

  /** Up to the step of that name, as far as a person and a browser would have brought it. */
  async function reach(page: Page, step: 'sign-in' | 'key' | 'default' | 'query'): Promise<void> {
    await page.getByRole('textbox', { name: 'Or paste its text' }).fill(file);
    await button(page, 'Use this profile').click();
    await heading(page, 'Sign in at your company').waitFor();
    if (step === 'sign-in') return;
    machine.signedIn();
    await heading(page, 'Add your key to Lakepass').waitFor();
    if (step === 'key') return;
    machine.keyAdded();
    await heading(page, 'Let other tools use Lakepass').waitFor();
    if (step === 'default') return;
    await button(page, 'Skip this step').click();
    await heading(page, 'Try a real query').waitFor();
  }
  const current = (page: Page) => page.locator('[aria-current="step"]').innerText();

  it('goes from nothing to an answered query', async () => {
    const page = await stage.ui();
    await heading(page, 'Which company is it?').waitFor();
    await page.locator('input[type=file]').setInputFiles({ name: 'acme.yaml', mimeType: 'text/plain', buffer: Buffer.from(file) });
    await page.getByText('acme.yaml is in the field below.').waitFor();
    await button(page, 'Use this profile').click();
    await button(page, 'Sign in to acme').click();
    expect(await untilCalled('sign-in')).toEqual([{ profile: 'acme' }]);
    await page.getByText('Waiting for you in the browser.').waitFor();
    machine.signedIn();
    await page.getByText('Waiting for your key.').waitFor();
    machine.keyAdded();
    await page.getByText('[DEFAULT]').waitFor();
    await button(page, 'Write it').click();
    await page.getByText('The profile DEFAULT now uses Lakepass.').waitFor();
    expect(called('setup/default/write')).toEqual([
      {
        ...{ section: 'DEFAULT', profile: 'acme', workspace: 'https://acme.cloud.databricks.com', scopes: [] },
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
    await button(page, 'Continue').click();
    await button(page, 'Run it').click();
    await page.getByText('You are being asked for access now.').waitFor();
    machine.query({ state: 'running' });
    await page.getByText('Running. A warehouse or cluster').waitFor();
    machine.query({ state: 'done', columns: ['me'], rows: [['ada@acme.example']], tookMs: 2340 });
    await page.getByText('It works. The answer took 2.3 s.').waitFor();
    expect(await page.getByRole('cell').allInnerTexts()).toEqual(['ada@acme.example']);
    await button(page, 'Continue').click();
    await heading(page, 'You are set').waitFor();
    await page.getByText('lakepass run -- jupyter lab').waitFor();
    await button(page, 'Go to Lakepass').click();
    await heading(page, 'You are set').waitFor({ state: 'detached' });
    expect(stage.complaints).toEqual([]);
  });

  it('has nothing that keeps anybody out on the way, light and dark', async () => {
    const page = await stage.ui();
    const check = async (name: string, words: string): Promise<void> => {
      await page.getByText(words).first().waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect([name, colorScheme, await findingsOf(page)]).toEqual([name, colorScheme, []]);
      }
    };
    await check('profile', 'Drop the file here');
    await page.getByText('I know the provider').click();
    await button(page, 'Use this profile').click();
    await check('typed', 'Give the client ID.');
    await page.getByText('I have a profile file').click();
    await reach(page, 'sign-in');
    await check('sign-in', 'Your browser opens');
    machine.signedIn();
    await check('key', 'Waiting for your key.');
    machine.keyAdded();
    await check('default', 'What will change');
    await button(page, 'Skip this step').click();
    await check('query', 'A sample notebook');
    machine.query({ state: 'failed', failure: { code: 'WORKSPACE_UNREACHABLE', ...failureTexts.WORKSPACE_UNREACHABLE } });
    await check('failed', failureTexts.WORKSPACE_UNREACHABLE.cause);
    machine.query({ state: 'done', failure: null, columns: ['me'], rows: [['ada']], tookMs: 90 });
    await check('end', 'What to do next');
    expect(stage.complaints).toEqual([]);
  });

  it('fits into a narrow window', async () => {
    const page = await stage.ui({ width: 360 });
    const width = () => page.evaluate('document.documentElement.scrollWidth');
    await heading(page, 'Which company is it?').waitFor();
    expect(await width()).toBe(360);
    await reach(page, 'default');
    await page.getByText('What will change').waitFor();
    expect(await width()).toBe(360);
    await button(page, 'Skip this step').click();
    await page.getByText('A sample notebook').waitFor();
    expect([await width(), await findingsOf(page)]).toEqual([360, []]);
  });

  it('says which line of a file is wrong, and takes it once it is mended', async () => {
    const page = await stage.ui();
    await page.getByRole('textbox').fill('version: 2\n  issuer: nonsense\n');
    await button(page, 'Use this profile').click();
    const alert = page.getByRole('alert').filter({ hasText: 'Line 2' });
    expect(await alert.innerText()).toMatch(/issuer is not an address\. Write https:\/\/…\s+2\s+issuer: nonsense/);
    await page.getByRole('textbox').fill(file);
    await button(page, 'Use this profile').click();
    await heading(page, 'Sign in at your company').waitFor();
  });

  it('refuses a file that is no text, and keeps the page when one is dropped beside the field', async () => {
    const page = await stage.ui();
    const binary = Buffer.from([0xff, 0xfe, 0x00]);
    await page.locator('input[type=file]').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: binary });
    await page.getByText('This file cannot be read as text.').waitFor();
    const isKept = await page.evaluate(
      '(() => { const drop = new DragEvent("drop", { bubbles: true, cancelable: true }); document.body.dispatchEvent(drop); return drop.defaultPrevented; })()',
    );
    expect(isKept).toBe(true);
  });

  it('takes a profile that is typed in, by keyboard alone, and says at each field what is wrong', async () => {
    const page = await stage.ui();
    await page.getByRole('radio', { name: 'I have a profile file' }).focus();
    // Past the way by a workspace's address alone, which asks for no name.
    await page.keyboard.press('ArrowRight');
    await page.getByRole('radio', { name: 'I have a workspace', checked: true }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Name' }).count()).toBe(0);
    await page.keyboard.press('ArrowRight');
    await page.getByRole('textbox', { name: 'Name' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Give the client ID.').waitFor();
    await expect.poll(() => page.evaluate('document.activeElement.labels?.[0].innerText')).toBe('Name');
    for (const text of ['acme', 'acme.okta.com', 'lakepass', 'https://acme.cloud.databricks.com']) {
      await page.keyboard.type(text);
      await page.keyboard.press('Tab');
    }
    await page.getByRole('textbox', { name: 'Name' }).press('Enter');
    await heading(page, 'Sign in at your company').waitFor();
    expect(called('setup/profile')).toEqual([
      {
        ...{ from: 'issuer', name: 'acme', issuer: 'https://acme.okta.com', clientId: 'lakepass' },
        ...{ workspace: 'https://acme.cloud.databricks.com', test: false },
      },
    ]);
    await expect.poll(() => page.evaluate('document.activeElement.innerText')).toBe('Sign in at your company');
  });

  it('takes a workspace by its address alone, and says what the token of such a sign-in opens', async () => {
    const page = await stage.ui();
    await page.getByRole('radio', { name: 'I have a workspace' }).check();
    await page.getByText('which opens all you may do there, whatever they ask for').waitFor();
    const address = page.getByRole('textbox', { name: 'Address of the Databricks workspace' });
    await address.fill('http://acme.cloud.databricks.com');
    await address.press('Enter');
    await page.getByText('Give the whole address, beginning with https://').waitFor();
    expect(called('setup/profile')).toEqual([]);
    await address.fill('acme.cloud.databricks.com');
    await address.press('Enter');
    await heading(page, 'Sign in at your company').waitFor();
    expect(called('setup/profile')).toEqual([
      { from: 'workspace', workspace: 'https://acme.cloud.databricks.com', scopes: [], test: false },
    ]);
  });

  it('goes on where it stood when it was closed, at every step', async () => {
    const first = await stage.ui();
    await reach(first, 'sign-in');
    const second = await stage.ui();
    await heading(second, 'Sign in at your company').waitFor();
    machine.signedIn();
    const third = await stage.ui();
    await heading(third, 'Add your key to Lakepass').waitFor();
    expect(await current(third)).toContain('Your key');
    machine.keyAdded();
    const fourth = await stage.ui();
    await go(fourth, 'Settings');
    await fourth.getByText('Still to do: Other tools and First query.').waitFor();
    await button(fourth, 'Go on with the setup').click();
    await heading(fourth, 'Let other tools use Lakepass').waitFor();
  });

  it('leaves Home to whoever comes while nobody can say which step is next, with why and what to do', async () => {
    stage.agent.fails('setup', new AppError('DISK_FULL'));
    const page = await stage.ui();
    await page.getByRole('alert').getByText(failureTexts.DISK_FULL.cause).waitFor();
    await heading(page, 'Home').waitFor();
    await page.getByText(failureTexts.DISK_FULL.next).waitFor();
    expect(await findingsOf(page)).toEqual([]);
    stage.agent.fails('setup', null);
    await button(page, 'Try again').click();
    await heading(page, 'Which company is it?').waitFor();
    await heading(page, 'Home').waitFor({ state: 'detached' });
  });

  it('is offered on Home where something of it is left, until it is done or hidden', async () => {
    await reach(await stage.ui(), 'default');
    const page = await stage.ui();
    await page.getByRole('region', { name: 'Finish setting up' }).getByText('Left: Other tools and First query.').waitFor();
    expect(await findingsOf(page)).toEqual([]);
    await button(page, 'Go on with the setup').click();
    await heading(page, 'Let other tools use Lakepass').waitFor();
    await button(page, 'Skip this step').click();
    await button(page, 'Skip this step').click();
    await button(page, 'Go to Lakepass').click();
    await button(page, 'Hide: Finish setting up').click();
    expect(await untilCalled('preferences')).toEqual([{ remindOfSetup: false }]);
    await heading(page, 'Finish setting up').waitFor({ state: 'detached' });
    await go(page, 'Settings');
    await heading(page, 'The setup is not finished').waitFor();
  });

  it('says so when a sign-in failed, and lets it be begun again or cancelled', async () => {
    const page = await stage.ui();
    await reach(page, 'sign-in');
    stage.agent.update(({ status }) => {
      for (const { session } of status.profiles) session.lastFailure = { code: 'LOGIN_REFUSED', ...failureTexts.LOGIN_REFUSED };
    });
    await page.getByText(failureTexts.LOGIN_REFUSED.cause).waitFor();
    await button(page, 'Sign in to acme').click();
    await button(page, 'Cancel the sign-in').first().click();
    expect(await untilCalled('sign-in/cancel')).toEqual([{ profile: 'acme' }]);
    await button(page, 'Sign in to acme').waitFor();
  });

  it('shows what a write would change for each profile, writes it, and takes it back', async () => {
    const page = await stage.ui();
    await reach(page, 'default');
    await page.getByText('token = …').waitFor();
    await page.getByRole('radio', { name: 'A new one, named' }).check();
    await page.getByRole('textbox', { name: 'Name of the new profile' }).fill('not a name');
    await page.getByText('Use letters, digits, dots').waitFor();
    expect(await button(page, 'Write it').isDisabled()).toBe(true);
    await page.getByRole('textbox', { name: 'Name of the new profile' }).fill('work');
    await page.getByText('[work]').waitFor();
    await button(page, 'Write it').click();
    await page.getByText('The profile work now uses Lakepass.').waitFor();
    await page.getByText('/home/ada/.databrickscfg.before-lakepass').waitFor();
    await button(page, 'Undo').click();
    await page.getByText('The file is as it was before.').waitFor();
    expect([called('setup/default/write').length, called('setup/default/undo').length]).toEqual([1, 1]);
    expect(await current(page)).toContain('Other tools');
  });

  it('writes nothing but what is on the screen: a file that has changed is shown anew first', async () => {
    const page = await stage.ui();
    await reach(page, 'default');
    await page.getByText('token = …').waitFor();
    machine.fileChanged();
    await button(page, 'Write it').click();
    await page.getByRole('alert').getByText(failureTexts.DATABRICKSCFG_CHANGED.cause).waitFor();
    await page.getByText('password = …').waitFor();
    await button(page, 'Write it').click();
    await page.getByText('The profile DEFAULT now uses Lakepass.').waitFor();
    expect(called('setup/default/write')).toHaveLength(2);
  });

  it('lets later steps be skipped and come back to, and tries a query again that failed', async () => {
    const page = await stage.ui();
    await reach(page, 'query');
    await button(page, 'Run it').click();
    await untilCalled('setup/query', 2);
    machine.query({ state: 'failed', failure: { code: 'CONSENT_DENIED', ...failureTexts.CONSENT_DENIED } });
    await page.getByText(failureTexts.CONSENT_DENIED.cause).waitFor();
    await button(page, 'Run it again').click();
    await page.getByText('You are being asked for access now.').waitFor();
    await button(page, 'Skip this step').click();
    await page.getByText('Skipped for now: Other tools and First query.').waitFor();
    await page.getByRole('button', { name: /Other tools/ }).click();
    await heading(page, 'Let other tools use Lakepass').waitFor();
  });
});
