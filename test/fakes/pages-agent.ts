/**
 * An agent behind the pages door, as strict as the real one where a page could go wrong: it knows which requests are open, which were
 * shown and when, what takes a tap, and which tickets are good. What it hands out fits the contract, and it writes down who asked.
 */
import type { CoreCall } from '../../main/agent/pages-agent.ts';
import { AppError } from '../../main/app-error.ts';
import type { Caller } from '../../main/caller/caller.ts';
import type { PagesAgent } from '../../main/pages/pages.ts';
import type { UiAgent } from '../../main/pages/ui-agent.ts';
import type { Clock } from '../../main/ports.ts';
import { type AlertView, alertTexts, alertViewSchema } from '../../preload/contract/alert.ts';
import type { CallerView } from '../../preload/contract/caller.ts';
import type { AskView } from '../../preload/contract/consent.ts';
import { type GrantView, grantViewSchema } from '../../preload/contract/control.ts';
import { type CeremonyView, ceremonyViewSchema } from '../../preload/contract/pages.ts';
import { type ServicePrincipalView, servicePrincipalViewSchema } from '../../preload/contract/service-principal.ts';
import { type CeremonyRequest, type UiCall, type UiOutput, type UiState, uiStateSchema } from '../../preload/contract/ui.ts';
import { offerOf } from './managed-device.ts';

type CeremonyAct = Exclude<keyof PagesAgent, 'ui' | 'revision'>;
export type Act = UiCall | CeremonyAct;
export interface Asked {
  what: Act;
  with: unknown;
  by: Caller | null;
}

/** Calls that change nothing here, so that what they answer is all there is to them. */
type ShownCall = Exclude<UiCall, CoreCall | 'alerts/seen'> | 'denied';

export interface FakePagesAgent extends PagesAgent {
  readonly asked: Asked[];
  /** Changes what is shown, and tells whoever listens. */
  update(change: (state: UiState) => void): void;
  /** Called after every change. */
  onChange: () => void;
  /** The next calls of that name throw it; null: they work again. */
  fails(what: Act, error: Error | null): void;
  /** What the UI is shown; the very state, so that a test can put into it what must not leave. */
  state(): UiState;
  /** What the calls that only show something answer; a test may put others in their place. */
  readonly answers: { -readonly [N in ShownCall]: UiOutput<N> };
  /** Where a ceremony that is begun in the UI goes on: the door's own page, once there is a door. */
  ceremonyUrl: (ticket: string) => Promise<{ url: string | null }> | { url: string | null };
  /** A ticket for the ceremony page. */
  ticket(view: CeremonyView): string;
  /** Where the ceremony page goes when it is done. */
  next: () => Promise<string | null>;
  /** What a touch is asked for, and what becomes of its answer; by default any answer with the right id is good. */
  ceremonies: {
    options(view: CeremonyView, origin: string): Promise<{ id: string; options: Record<string, unknown> }>;
    finish(
      view: CeremonyView,
      answer: { id: string; response: Record<string, unknown>; name: string },
      origin: string,
    ): Promise<CeremonyView | null>;
  };
}

const iso = (clock: Clock, offsetMs = 0): string => new Date(clock.now() + offsetMs).toISOString();
const minute = 60_000;
const hour = 60 * minute;
const readingTimeMs = 500;

export const notebookCaller: CallerView = {
  kind: 'program',
  title: 'python, a kernel of jupyter-lab',
  pid: 4711,
  facts: [
    { name: 'program', value: '/home/ada/project/.venv/bin/python3.12', proof: 'verified' },
    { name: 'parents', value: 'jupyter-lab ← bash ← gnome-terminal', proof: 'verified' },
    { name: 'folder', value: '/home/ada/project', proof: 'verified' },
    { name: 'command', value: 'python -m ipykernel_launcher -f kernel-8a51.json', proof: 'claimed' },
    { name: 'notebook', value: 'churn/training.ipynb', proof: 'claimed' },
  ],
};
export const agentCaller: CallerView = {
  kind: 'ai-agent',
  title: 'curl, started by an AI agent (claude)',
  pid: 5150,
  facts: [
    { name: 'program', value: '/usr/bin/curl', proof: 'verified' },
    { name: 'ai-agent', value: 'claude', proof: 'verified' },
    { name: 'parents', value: 'bash ← node ← claude ← zsh', proof: 'verified' },
    { name: 'command', value: 'curl -sS http://127.0.0.1:17410/v1/metadata/…', proof: 'claimed' },
  ],
};

/** A service principal whose secret is in the vault. */
export const principalOf = (changes: Partial<ServicePrincipalView> = {}): ServicePrincipalView =>
  servicePrincipalViewSchema.parse({
    ...{ name: 'loader', test: false, clientId: 'c0ffee00-1111-4222-8333-444455556666', proof: 'secret', where: null, state: 'ready' },
    ...{ secretSetAt: '2026-01-02T03:04:05.000Z', secretAgeDays: 12, rotationDue: false, survivesRestart: true, problem: null },
    workspaces: [{ name: 'nightly', host: 'https://nightly.cloud.databricks.com', health: 'ok' }],
    ...changes,
  });

/** A state in which everything is as it should be: signed in, open, one grant, no request. */
export function calmState(clock: Clock): UiState {
  const grants = [grantOf(clock)];
  return uiStateSchema.parse({
    revision: 1,
    host: 'headless',
    preferences: { theme: 'system', startAtLogin: null, remindOfSetup: true },
    grants,
    bundles: [
      { name: 'notebook', words: 'run notebooks and read files', scopes: ['clusters', 'command-execution', 'files'] },
      { name: 'sql', words: 'query tables and warehouses', scopes: ['sql', 'warehouses'] },
      { name: 'ml', words: 'train, track and serve models', scopes: ['mlflow', 'model-serving'] },
    ],
    status: {
      version: '0.1.0',
      pid: 4000,
      host: 'headless',
      startedAt: iso(clock, -3 * hour),
      vault: 'secret-service',
      port: 17_410,
      configFile: '/home/ada/.config/lakepass/config.yaml',
      profiles: [
        {
          name: 'acme',
          test: false,
          issuer: 'https://acme.okta.com',
          session: {
            profile: 'acme',
            phase: 'signed-in',
            signInWaiting: false,
            identity: {
              issuer: 'https://acme.okta.com',
              subject: '00u1',
              username: 'ada@acme.example',
              displayName: 'Ada Lovelace',
              groups: [],
            },
            assurance: { level: 'phr', because: 'acr phr', acr: 'phr', amr: ['hwk', 'pin'], authTime: iso(clock, -2 * hour) },
            signedInAt: iso(clock, -2 * hour),
            renewedAt: null,
            endsAt: iso(clock, 7 * hour),
            idleEndsAt: null,
            renewable: true,
            survivesRestart: true,
            renewalProblem: null,
            lastFailure: null,
          },
          workspaces: [{ name: 'prod', host: 'https://acme.cloud.databricks.com', health: 'answers' }],
        },
      ],
      grants,
      lock: { state: 'open', since: null, why: null, locksAt: null, unlockBy: [], continuing: 0, sealing: 'key' },
      queue: {
        asks: [],
        snoozedUntil: null,
        quiet: false,
        history: [
          {
            id: 'ask-old',
            purpose: 'create',
            title: 'python, a kernel of jupyter-lab',
            workspace: 'https://acme.cloud.databricks.com',
            scopes: ['files'],
            at: iso(clock, -hour),
            outcome: 'approved',
          },
          {
            id: 'ask-older',
            purpose: 'use',
            title: 'curl',
            workspace: null,
            scopes: ['sql'],
            at: iso(clock, -2 * hour),
            outcome: 'denied',
          },
        ],
      },
      servicePrincipals: [],
      tapKeys: [
        {
          id: 'key-1',
          name: 'Blue, on the key ring',
          aaguid: '2fc0579f-8113-47ea-b116-bb5a8db9202a',
          model: 'YubiKey 5 NFC',
          attested: false,
          hardwareBound: true,
          enrolledAt: iso(clock, -30 * 24 * hour),
          lastTouchedAt: iso(clock, -hour),
          canSeal: true,
          seals: true,
        },
      ],
      policy: { id: 'default', revision: 1, hash: 'abc', mode: 'enforce', source: 'built-in', expires: null },
      warnings: [],
      problems: [],
      next: 'lakepass run -- jupyter lab',
    },
  });
}

/** A warning, a severe one that happened several times, and one that was seen. */
export const alertsOf = (clock: Clock): AlertView[] =>
  (
    [
      ['other-user', '', 1, false],
      ['tokens-rejected', 'acme', 7, false],
      ['sink-failing', 'company', 1, true],
    ] as const
  ).map(([kind, about, count, seen]) =>
    alertViewSchema.parse({
      ...{ ...alertTexts[kind], kind, about, name: about, count, seen },
      ...{ since: iso(clock, -3 * hour), lastAt: iso(clock, -minute) },
    }),
  );

export function grantOf(clock: Clock, changes: Partial<GrantView> = {}): GrantView {
  return grantViewSchema.parse({
    id: 'grant-1',
    profile: 'acme',
    workspace: 'https://acme.cloud.databricks.com',
    scopes: ['clusters', 'command-execution', 'files'],
    label: 'jupyter lab',
    createdAt: iso(clock, -hour),
    until: iso(clock, 6 * hour),
    approved: 'tap',
    binding: 'run',
    paused: false,
    caller: notebookCaller,
    members: 2,
    state: 'live',
    lastUsedAt: iso(clock, -minute),
    served: 41,
    ...changes,
  });
}

export const askOf = (clock: Clock, changes: Partial<AskView> = {}): AskView => ({
  id: 'ask-1',
  purpose: 'create',
  caller: notebookCaller,
  expected: null,
  profile: 'acme',
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['clusters', 'command-execution', 'files'],
  words: ['Run code on clusters', 'Read and write workspace files'],
  grant: null,
  label: 'jupyter lab',
  until: iso(clock, 8 * hour),
  approval: 'click',
  spans: ['grant', 'once', 'hours'],
  askedAt: iso(clock),
  answerableAt: null,
  openUntil: iso(clock, 10 * minute),
  requests: 1,
  ...changes,
});

/** Pages that have nothing much to say, each of them in the shape of the contract. */
function calmAnswers(clock: Clock): FakePagesAgent['answers'] {
  const written = {
    ...{ file: '/home/ada/.databrickscfg', section: 'DEFAULT', diff: [], digest: 'd'.repeat(64) },
    ...{ written: false, canUndo: false, backup: null },
  };
  const setup: UiOutput<'setup'> = {
    next: null,
    configFile: '/home/ada/.config/lakepass/config.yaml',
    databrickscfg: { file: written.file, exists: false, sections: [], canUndo: false },
    ...{ python: null, why: 'No Python with ipykernel and databricks-sdk was found.', query: null },
  };
  const unset = { value: null, by: null, mode: null, ofIt: null } as const;
  const settings: UiOutput<'settings'> = {
    ...{ machine: null, bundle: null },
    settings: [
      { name: 'lease', means: 'How long a program may keep one answer.', ...unset, choices: null },
      { name: 'printedTokens', means: 'Whether `lakepass token` prints a token.', ...unset, choices: ['allowed', 'forbidden'] },
      { name: 'theme', means: 'Light or dark.', ...unset, choices: ['system', 'light', 'dark'] },
    ],
  };
  const obligations = { approval: 'click', leaseSeconds: 300, lifeSeconds: 28_800, maxTokenLifeSeconds: null, failClosed: false } as const;
  return {
    denied: { denied: [] },
    activity: { records: [], next: null, damaged: 0 },
    'activity/summary': { span: 'day', since: iso(clock, -24 * hour), until: iso(clock), parts: [] },
    'audit/verify': {
      ok: true,
      folder: '/home/ada/.local/state/lakepass/audit',
      records: 0,
      from: null,
      to: null,
      problems: [],
      notes: [],
      proven: [],
      cannotProve: [],
    },
    'audit/sent': { sinks: [], traces: null },
    policy: {
      policy: { id: 'default', revision: 1, hash: 'abc', mode: 'enforce', source: 'built-in', expires: null },
      warnings: [],
      limits: { awayGraceSeconds: 86_400, idleSeconds: null, dailyCapSeconds: null, lockOnSuspend: false },
      mine: [],
    },
    'policy/explain': {
      verdict: 'allow',
      code: null,
      because: 'the built-in policy',
      obligations,
      rules: [],
      wouldChange: [],
      observed: false,
    },
    doctor: { checks: [] },
    'doctor/far': { checks: [] },
    'doctor/explain': {
      ...{ id: 'api-expired', sentence: 'The token has ended.', next: 'Start it again.', source: 'API gateway, 403' },
      ...{ warning: null, scopes: [] },
    },
    settings,
    'settings/change': settings,
    'enroll/look': offerOf(clock),
    'enroll/accept': { done: true, url: null },
    'enroll/leave': { done: true, url: null },
    setup,
    'setup/profile': setup,
    'setup/default': written,
    'setup/default/write': { ...written, written: true, canUndo: true },
    'setup/default/undo': written,
    'setup/query': {
      ...{ state: 'idle', how: 'sql', because: 'No notebook can be run here.', notebook: null, statement: 'SELECT 1' },
      ...{ columns: [], rows: [], tookMs: null, failure: null },
    },
  };
}

export function fakePagesAgent({ clock }: { clock: Clock }): FakePagesAgent {
  let state = calmState(clock);
  const failing = new Map<Act, Error>();
  const tickets = new Map<string, CeremonyView>();
  const origins = new Map<string, string>();
  const asked: Asked[] = [];

  function note(what: Act, given: unknown, by: Caller | null = null): void {
    asked.push({ what, with: given, by });
    const error = failing.get(what);
    if (error !== undefined) throw error;
  }

  function update(change: (next: UiState) => void): void {
    const next = structuredClone(state);
    change(next);
    next.revision++;
    state = uiStateSchema.parse(next);
    agent.onChange();
  }

  function show(id: string): void {
    front(id);
    update(({ status: { queue } }) => {
      for (const ask of queue.asks.slice(0, 1)) ask.answerableAt ??= iso(clock, readingTimeMs);
    });
  }

  function front(id: string): AskView {
    const ask = state.status.queue.asks[0];
    if (ask === undefined || ask.id !== id) throw new AppError('ASK_UNKNOWN');
    return ask;
  }

  function settle(id: string, outcome: 'approved' | 'denied'): void {
    update(({ status: { queue } }) => {
      const ask = queue.asks.shift();
      if (ask !== undefined) queue.history.unshift({ ...ask, id, title: ask.caller.title, at: iso(clock), outcome });
    });
  }

  function requireReady({ answerableAt }: AskView): void {
    if (answerableAt === null || Date.parse(answerableAt) > clock.now()) throw new AppError('ASK_TOO_EARLY');
  }

  function viewOf(ticket: string): CeremonyView {
    const view = tickets.get(ticket);
    if (view === undefined) throw new AppError('PAGE_REFUSED', { reason: 'ticket' });
    return view;
  }

  function viewFor(request: CeremonyRequest): CeremonyView {
    const step = { step: 1, steps: 1, title: '', words: [], ask: null };
    if (request.kind === 'tap') return { ...step, kind: 'tap', touch: 'get', ask: front(request.ask), words: [`For: ${request.span}`] };
    if (request.kind === 'enrol') return { ...step, kind: 'enrol', touch: 'get', steps: 2, words: ['First touch a key you already have.'] };
    return { ...step, kind: request.kind, touch: 'get', words: [`This will ${request.kind} with a key.`] };
  }

  const answers = calmAnswers(clock);
  const shown = <N extends ShownCall>(name: N): UiAgent[N] =>
    ((input: unknown) => {
      note(name, input);
      return answers[name];
    }) as UiAgent[N];

  const ui: UiAgent = {
    state(input) {
      note('state', input);
      return state;
    },
    asks(input) {
      note('asks', input);
      return { revision: state.revision, queue: state.status.queue };
    },
    'sign-in'(request) {
      note('sign-in', request);
      update(({ status }) => {
        for (const { session } of status.profiles) session.signInWaiting = true;
      });
      return { url: 'http://127.0.0.1:1/authorize' };
    },
    'keys/register'(request) {
      note('keys/register', request);
      update(({ status }) => {
        for (const profile of status.profiles)
          profile.keyRegistration = { how: 'page', phase: 'registered', said: 'unsaid', proof: null, failure: null };
      });
      return { how: 'page', url: 'http://127.0.0.1:1/keys' };
    },
    'keys/prove'(request) {
      note('keys/prove', request);
      update(({ status }) => {
        for (const { session, keyRegistration } of status.profiles) {
          session.signInWaiting = true;
          if (keyRegistration !== undefined) keyRegistration.phase = 'proving';
        }
      });
      return { url: 'http://127.0.0.1:1/authorize' };
    },
    'sign-in/cancel'(request) {
      note('sign-in/cancel', request);
      update(({ status }) => {
        for (const { session } of status.profiles) session.signInWaiting = false;
      });
      return { cancelled: true };
    },
    'sign-out'(request) {
      note('sign-out', request);
      update(({ status }) => {
        for (const one of status.profiles)
          Object.assign(one.session, { phase: 'signed-out', identity: null, assurance: null, endsAt: null, signedInAt: null });
      });
      return { reports: [] };
    },
    shown(request) {
      note('shown', request);
      show(request.ask);
      return {};
    },
    answer(request, by) {
      note('answer', request, by);
      const ask = front(request.ask);
      if (request.verdict === 'denied') {
        settle(ask.id, 'denied');
        return {};
      }
      if (ask.approval === 'tap') throw new AppError('TAP_NEEDED');
      requireReady(ask);
      if (!ask.spans.includes(request.span)) throw new AppError('SPAN_REFUSED');
      settle(ask.id, 'approved');
      return {};
    },
    snooze(request) {
      note('snooze', request);
      update(({ status }) => {
        status.queue.snoozedUntil = iso(clock, request.minutes * minute);
      });
      return {};
    },
    'alerts/seen'(request, by) {
      note('alerts/seen', request, by);
      if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED');
      update(({ status: { alerts = [] } }) => {
        for (const alert of alerts) if (alert.kind === request.kind && alert.about === request.about) alert.seen = true;
      });
      return {};
    },
    attend(request) {
      note('attend', request);
      const { quiet, snoozedUntil } = state.status.queue;
      if (quiet || snoozedUntil !== null)
        update(({ status: { queue } }) => {
          queue.quiet = false;
          queue.snoozedUntil = null;
        });
      return {};
    },
    revoke(request) {
      note('revoke', request);
      update((next) => {
        for (const grant of next.grants) if (request.ids.includes(grant.id)) grant.state = 'revoked';
      });
      return { ended: request.ids.length };
    },
    pause(request) {
      note('pause', request);
      const changing = state.grants.filter((grant) => request.ids.includes(grant.id) && grant.paused !== request.paused);
      update((next) => {
        for (const grant of next.grants) if (request.ids.includes(grant.id)) grant.paused = request.paused;
      });
      return { changed: changing.length };
    },
    widen(request, by) {
      note('widen', request, by);
      const grant = state.grants.find((one) => one.id === request.grant);
      if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
      update(({ status }) => {
        status.queue.asks.push(askOf(clock, { id: 'ask-widen', purpose: 'widen', grant: grant.id, scopes: [...request.scopes] }));
      });
      return grant;
    },
    lock(request) {
      note('lock', request);
      update(({ status }) => {
        Object.assign(status.lock, { state: 'locked', since: iso(clock), why: 'command', unlockBy: ['key', 'sign-in'] });
      });
      return {};
    },
    'keys/rename'(request) {
      note('keys/rename', request);
      update(({ status }) => {
        for (const key of status.tapKeys) if (key.id === request.key) key.name = request.name;
      });
      return {};
    },
    'ceremony/begin'(request, by) {
      note('ceremony/begin', request, by);
      return agent.ceremonyUrl(agent.ticket(viewFor(request)));
    },
    'denied/forget'(request) {
      note('denied/forget', request);
      const kept = answers.denied.denied.filter(({ id }) => id !== request.id);
      const forgotten = kept.length < answers.denied.denied.length;
      answers.denied = { denied: kept };
      return { forgotten };
    },
    preferences(request) {
      note('preferences', request);
      if (request.startAtLogin !== undefined && state.preferences.startAtLogin === null) throw new AppError('INPUT_INVALID');
      update(({ preferences }) => {
        preferences.theme = request.theme ?? preferences.theme;
        preferences.startAtLogin = request.startAtLogin ?? preferences.startAtLogin;
        preferences.remindOfSetup = request.remindOfSetup ?? preferences.remindOfSetup;
      });
      return state.preferences;
    },
    ...{ denied: shown('denied'), activity: shown('activity'), 'activity/summary': shown('activity/summary') },
    ...{
      'audit/verify': shown('audit/verify'),
      'audit/sent': shown('audit/sent'),
      policy: shown('policy'),
      'policy/explain': shown('policy/explain'),
    },
    ...{ doctor: shown('doctor'), 'doctor/far': shown('doctor/far'), 'doctor/explain': shown('doctor/explain') },
    ...{ settings: shown('settings'), 'settings/change': shown('settings/change') },
    ...{ 'enroll/look': shown('enroll/look'), 'enroll/leave': shown('enroll/leave') },
    'enroll/accept'(request) {
      note('enroll/accept', request);
      if (request.hash !== answers['enroll/look'].hash) throw new AppError('OFFER_CHANGED');
      return answers['enroll/accept'];
    },
    ...{ setup: shown('setup'), 'setup/profile': shown('setup/profile') },
    ...{ 'setup/default': shown('setup/default'), 'setup/default/write': shown('setup/default/write') },
    ...{ 'setup/default/undo': shown('setup/default/undo'), 'setup/query': shown('setup/query') },
  };

  const agent: FakePagesAgent = {
    asked,
    update,
    ui,
    answers,
    state: () => state,
    revision: () => state.revision,
    ceremonyUrl: () => ({ url: null }),
    onChange: () => undefined,
    fails: (what, error) => void (error === null ? failing.delete(what) : failing.set(what, error)),
    ticket(view) {
      const ticket = `ticket-${tickets.size + 1}`;
      tickets.set(ticket, ceremonyViewSchema.parse(view));
      return ticket;
    },
    next: async () => null,
    ceremonies: {
      options: async () => ({ id: 'ceremony-1', options: { challenge: 'AAAA' } }),
      finish: async () => null,
    },
    ceremony(ticket) {
      note('ceremony', ticket);
      const view = viewOf(ticket);
      const id = view.ask?.id;
      // Shown here, it is before the person's eyes as much as in the UI.
      if (id !== undefined && state.status.queue.asks[0]?.id === id && state.status.queue.asks[0].answerableAt === null) show(id);
      return view;
    },
    async ceremonyOptions(ticket, origin) {
      note('ceremonyOptions', { ticket, origin });
      origins.set(ticket, origin);
      return agent.ceremonies.options(viewOf(ticket), origin);
    },
    async finishCeremony(ticket, answer, by) {
      note('finishCeremony', { ticket, answer }, by);
      const view = viewOf(ticket);
      const following = await agent.ceremonies.finish(view, answer, origins.get(ticket) ?? '');
      if (following !== null) {
        tickets.set(ticket, following);
        return { done: false, view: following, next: null };
      }
      tickets.delete(ticket);
      if (view.ask !== null) {
        requireReady(front(view.ask.id));
        settle(view.ask.id, 'approved');
      }
      return { done: true, view: null, next: await agent.next() };
    },
    refuseCeremony(ticket) {
      note('refuseCeremony', ticket);
      const { ask } = viewOf(ticket);
      tickets.delete(ticket);
      if (ask !== null) settle(ask.id, 'denied');
    },
  };
  return agent;
}
