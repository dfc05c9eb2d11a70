import { describe, expect, it } from 'vitest';
import { createTray } from '../../../main/desktop/tray.ts';
import { type TrayAct, type TrayEntry, trayModel } from '../../../main/desktop/tray-model.ts';
import type { UiState } from '../../../preload/contract/ui.ts';
import { fakeElectron } from '../../fakes/electron/electron.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { agentCaller, askOf, calmState, grantOf } from '../../fakes/pages-agent.ts';

const clock = fakeClock();
const at = (minutes: number): string => new Date(clock.now() + minutes * 60_000).toISOString();

const names = ['prod', 'dev', ...Array.from({ length: 15 }, (_, index) => `w${index}`)];
const hostOf = (name: string): string => `https://${name}.cloud.databricks.com`;

function stateOf(change: (state: UiState) => void = () => undefined): UiState {
  const state = calmState(clock);
  state.preferences.startAtLogin = false;
  for (const { session } of state.status.profiles) session.endsAt = at(440);
  for (const profile of state.status.profiles) profile.workspaces = names.map((name) => ({ name, host: hostOf(name), health: 'ok' }));
  change(state);
  return state;
}
const profiles =
  (changes: object) =>
  (state: UiState): void => {
    for (const { session } of state.status.profiles) Object.assign(session, changes);
  };
const modelOf = (change?: (state: UiState) => void, install = false) => trayModel(stateOf(change), clock.now(), { install });
const labels = (entries: readonly TrayEntry[]) => entries.map((entry) => (entry.kind === 'line' ? '-' : entry.label));
const entryOf = (model: { menu: readonly TrayEntry[] }, label: string) => {
  const found = model.menu.find((entry) => entry.kind !== 'line' && entry.label === label);
  if (found === undefined) throw new Error(`there is no entry ${label} among ${labels(model.menu).join(', ')}`);
  return found;
};

describe('the tray', () => {
  it.each([
    ['in', 'Signed in, 7 h 20 min left', () => undefined],
    ['in', 'Signed in, 2 h left', (state: UiState) => Object.assign(state.status.lock, { locksAt: at(120) })],
    ['in', 'Signed in, 7 h 20 min left', (state: UiState) => Object.assign(state.status.lock, { locksAt: at(600) })],
    ['in', 'Signed in', profiles({ endsAt: null })],
    ['out', 'Nobody is signed in', profiles({ phase: 'signed-out' })],
    ['out', 'A sign-in waits in the browser', profiles({ phase: 'signing-in', signInWaiting: true })],
    ['away', 'Away: 3 runs continue', (state: UiState) => Object.assign(state.status.lock, { state: 'away', continuing: 3 })],
    ['away', 'Away', (state: UiState) => Object.assign(state.status.lock, { state: 'away', continuing: 0 })],
    ['locked', 'Locked', (state: UiState) => Object.assign(state.status.lock, { state: 'locked' })],
  ] as const)('shows %s: %s', (icon, text, change) => {
    const { tooltip, menu, ...model } = modelOf(change);
    expect([model.icon, tooltip, menu[0]]).toEqual([icon, `Lakepass: ${text}`, { kind: 'text', label: text }]);
  });

  it('shows above all that somebody asks, and leads to the request', () => {
    const model = modelOf(({ status }) => {
      status.lock.state = 'away';
      status.queue.asks.push(askOf(clock), askOf(clock, { id: 'b' }));
    });
    expect([model.icon, model.tooltip]).toEqual(['asking', 'Lakepass: 2 requests wait for you']);
    expect(entryOf(model, 'Answer 2 requests…')).toMatchObject({ does: { act: 'request' }, enabled: true });
  });

  it.each([
    ['snoozed', { snoozedUntil: at(10) }],
    ['left alone', { quiet: true }],
  ])('does not press a person who has %s', (_, queue) => {
    const model = modelOf(({ status }) => Object.assign(status.queue, { asks: [askOf(clock)], ...queue }));
    expect(model.icon).toBe('in');
  });

  it('lists who uses a token now, once for each program and workspace, with a tick while it gets any', () => {
    const model = modelOf((state) => {
      state.grants = [
        grantOf(clock, { id: 'a', members: 2, workspace: hostOf('prod'), paused: false }),
        grantOf(clock, { id: 'b', members: 1, workspace: hostOf('prod'), paused: true }),
        grantOf(clock, { id: 'c', members: 1, workspace: hostOf('dev'), paused: true, caller: agentCaller }),
        grantOf(clock, { id: 'd', members: 0 }),
        grantOf(clock, { id: 'e', members: 1, state: 'revoked' }),
      ];
    });
    expect(model.menu.filter(({ kind }) => kind === 'check').slice(0, 2)).toEqual([
      {
        ...{ kind: 'check', label: 'python, a kernel of jupyter-lab on prod', checked: true },
        does: { act: 'pause', ids: ['a', 'b'], paused: true },
      },
      {
        ...{ kind: 'check', label: 'curl, started by an AI agent (claude) on dev', checked: false },
        does: { act: 'pause', ids: ['c'], paused: false },
      },
    ]);
  });

  it('says so where nobody does', () => {
    const model = modelOf((state) => {
      state.grants = [];
    });
    expect(labels(model.menu)).toContain('No program uses Lakepass now');
  });

  it('leads to the rest of a long list', () => {
    const model = modelOf((state) => {
      state.grants = Array.from({ length: 15 }, (_, index) =>
        grantOf(clock, { id: `g${index}`, members: 1, workspace: hostOf(`w${index}`) }),
      );
    });
    expect(entryOf(model, '3 programs more…')).toMatchObject({ does: { act: 'open', view: 'grants' } });
    expect(model.menu.filter(({ kind }) => kind === 'check')).toHaveLength(13);
  });

  it('offers what can be done, and no more', () => {
    expect(labels(modelOf(undefined, true).menu).slice(-7)).toEqual([
      ...['Open Lakepass', 'Lock now', 'Sign out everywhere', '-', 'Install the lakepass command…', 'Start at login', 'Quit Lakepass'],
    ]);
    const model = modelOf((state) => {
      state.preferences.startAtLogin = null;
      state.status.lock.state = 'locked';
      for (const { session } of state.status.profiles) session.phase = 'signed-out';
    });
    expect(labels(model.menu)).not.toContain('Start at login');
    expect(labels(model.menu)).not.toContain('Install the lakepass command…');
    expect([entryOf(model, 'Lock now'), entryOf(model, 'Sign out everywhere')]).toMatchObject([{ enabled: false }, { enabled: false }]);
  });

  it('writes in one line what somebody else has named', () => {
    const model = modelOf((state) => {
      const caller = { ...agentCaller, title: `a\u202eb\n\n${'c'.repeat(200)}` };
      state.grants = [grantOf(clock, { members: 1, workspace: hostOf('prod'), caller })];
    });
    const [program] = model.menu.filter(({ kind }) => kind === 'check');
    expect(program).toMatchObject({ label: expect.stringMatching(/^a b c{43}… on prod$/) });
  });

  it('has no secret, no host and no person in any of it', () => {
    const text = JSON.stringify(modelOf((state) => void state.grants.push(grantOf(clock, { members: 1 }))));
    for (const secret of ['okta', 'ada', 'https:', 'metadata', '17410']) expect(text).not.toContain(secret);
  });
});

describe('the tray on the screen', () => {
  function shown(platform: NodeJS.Platform = 'linux') {
    const fake = fakeElectron();
    const ran: TrayAct[] = [];
    const tray = createTray({ electron: fake.electron, folder: '/app/icons', platform, run: (act) => ran.push(act) });
    tray.show(modelOf());
    const [own] = fake.trays;
    if (own === undefined) throw new Error('there is no tray');
    return { fake, ran, tray, own };
  }

  it('is made once and changed where something has changed', () => {
    const { fake, tray, own } = shown();
    tray.show(modelOf());
    expect([fake.trays.length, own.images, own.menus]).toEqual([1, ['/app/icons/tray-in.png'], 1]);
    tray.show(modelOf((state) => Object.assign(state.status.lock, { state: 'locked' })));
    expect([own.images.length, own.image, own.menus, own.tooltip]).toEqual([2, '/app/icons/tray-locked.png', 2, 'Lakepass: Locked']);
  });

  it('is a template on macOS, which colours it', () => {
    const { fake, own } = shown('darwin');
    expect([own.image, fake.templates]).toEqual(['/app/icons/tray-in-mono.png', ['/app/icons/tray-in-mono.png']]);
  });

  it('runs what the person chooses', () => {
    const { ran, own } = shown();
    for (const item of own.menu) item.click?.({} as never, undefined, {} as never);
    expect(ran.map(({ act }) => act)).toEqual(['pause', 'open', 'lock', 'sign-out', 'start-at-login', 'quit']);
  });

  it('opens the window, or the request where there is one', () => {
    const { ran, tray, own } = shown();
    own.emit('click');
    tray.show(modelOf(({ status }) => void status.queue.asks.push(askOf(clock))));
    own.emit('click');
    expect(ran).toEqual([{ act: 'open' }, { act: 'request' }]);
  });

  it('shows an ampersand as it is, and goes when it is closed', () => {
    const { own, tray } = shown();
    tray.show(
      modelOf((state) => Object.assign(state, { grants: [grantOf(clock, { members: 1, caller: { ...agentCaller, title: 'R&D' } })] })),
    );
    expect(own.menu.map(({ label }) => label)).toContainEqual(expect.stringMatching(/^R&&D on /));
    tray.close();
    expect(own.gone).toBe(true);
  });
});
