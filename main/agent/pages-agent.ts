/**
 * The heart of the UI's calls, whichever host shows the UI: the state, requests and their answers, grants, keys, sign-ins. Every answer
 * to a request passes one gate: it must not come from whoever asked.
 */
import type { UiCall } from '../../preload/contract/ui.ts';
import { AppError } from '../app-error.ts';
import { type Caller, type ProcessFacts, sameProcess } from '../caller/caller.ts';
import { bundleNames, bundles } from '../databricks/scopes.ts';
import type { Consents } from '../grant/consents.ts';
import type { Members } from '../grant/members.ts';
import type { Lock } from '../lock/lock.ts';
import type { Pages } from '../pages/pages.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Clock, Ports } from '../ports.ts';
import { later, minutes } from '../units.ts';
import type { Agent } from './agent.ts';
import type { Ceremonies } from './ceremonies.ts';
import type { GrantMaking } from './grant-making.ts';
import type { KeyRegistering } from './key-registering.ts';
import type { OwnPreferences } from './preferences.ts';
import { createGrantView, hostKind, type StatusParts } from './status.ts';

/** The calls that are answered here; other parts of the agent answer the rest. */
export type CoreCall = Exclude<
  UiCall,
  | 'activity'
  | 'activity/summary'
  | `audit/${string}`
  | `alerts/${string}`
  | 'policy'
  | 'policy/explain'
  | 'doctor'
  | `doctor/${string}`
  | `enroll/${string}`
  | 'settings'
  | `settings/${string}`
  | 'setup'
  | `setup/${string}`
>;

export function createUiAgent(parts: {
  agent: Agent;
  members: Members;
  companies: StatusParts['companies'];
  servicePrincipals: StatusParts['servicePrincipals'];
  consents: Consents;
  making: GrantMaking;
  ceremonies: Pick<Ceremonies, 'begin'>;
  registering: Pick<KeyRegistering, 'registerKey' | 'proveKey'>;
  ceremonyUrl: Pages['ceremonyUrl'];
  tapKeys: Pick<TapKeys, 'rename'>;
  lock: Lock;
  preferences: OwnPreferences;
  scopeWords: (scopes: readonly string[]) => string[];
  clock: Clock;
  /** Where there is a screen of our own, pages are opened beside it; else the page that asks goes there itself. */
  host: Pick<Ports, 'screen' | 'openBrowser'>;
  /** Of this process: no other has it while we live. */
  ownPid: number;
  /** Moves whenever something that the UI shows has changed. */
  revision: () => number;
}): Pick<UiAgent, CoreCall> {
  const { agent, consents } = parts;
  const grantView = createGrantView(parts);

  const isOurs = (process: ProcessFacts | null): boolean => process?.pid === parts.ownPid;

  /**
   * An AI agent is not the person, and neither is what the asking program has started, nor the program that has started it. A tap
   * proves a person; a click does not.
   *
   * Lakepass itself is neither: what it asks for, such as the first query, a person has begun in the very UI, and in a window of ours
   * nothing clicks that we have started.
   */
  function refuseOwnApproval(ask: string, by: Caller): void {
    // check: approver-no-ai-agent
    if (by.aiAgent !== null) throw new AppError('APPROVER_REFUSED', { reason: 'ai-agent' });
    // end check
    const asker = consents.find(ask)?.caller;
    if (asker === undefined || isOurs(asker.process)) return;
    // check: approver-not-asker
    if (isAmong(asker.process, [by.process, ...by.ancestors])) throw new AppError('APPROVER_REFUSED', { reason: 'started-by-asker' });
    // end check
    // check: approver-not-above-asker
    if (!isOurs(by.process) && isAmong(by.process, asker.ancestors)) throw new AppError('APPROVER_REFUSED', { reason: 'started-asker' });
    // end check
  }

  /** The agent opens the provider's page itself where it has a screen of its own, as it does for the command line. */
  const hasScreen = (): boolean => parts.host.screen !== undefined;
  const pageOf = ({ url, browser }: { url: string; browser: 'opened' | 'none' }): string | null =>
    hasScreen() && browser === 'opened' ? null : url;

  /** @returns where the page has to go itself; null: the system browser was opened */
  async function wayOut(url: URL): Promise<{ url: string | null }> {
    if (parts.host.screen === undefined) return { url: url.href };
    return { url: (await parts.host.openBrowser(url)) === 'opened' ? null : url.href };
  }

  return {
    state: () => ({
      revision: parts.revision(),
      host: hostKind(parts.host.screen),
      status: agent.status(),
      grants: agent.grants().reverse(),
      bundles: bundleNames.map((name) => ({ name, words: parts.scopeWords(bundles[name]).join(', '), scopes: [...bundles[name]] })),
      preferences: parts.preferences.view(),
    }),
    asks: () => ({ revision: parts.revision(), queue: consents.view() }),
    shown({ ask }) {
      consents.shown(ask);
      return {};
    },
    answer(request, by) {
      refuseOwnApproval(request.ask, by);
      if (request.verdict === 'denied') consents.answer(request.ask, { verdict: 'denied', reach: request.reach });
      else consents.answer(request.ask, { verdict: 'approved', how: 'click', span: request.span, tapKey: null });
      return {};
    },
    'ceremony/begin': async (request) => wayOut(await parts.ceremonyUrl(parts.ceremonies.begin(request))),
    snooze({ minutes: forMinutes }) {
      consents.snooze(later(parts.clock.now(), minutes(forMinutes)));
      return {};
    },
    attend(_, by) {
      consents.attend();
      // A browser under an AI agent may be the person's or the AI agent's own; neither shows that a person has come back.
      let isPerson = true;
      // check: attend-no-ai-agent
      isPerson = by.aiAgent === null;
      // end check
      if (isPerson) parts.lock.touch();
      return {};
    },
    revoke: async ({ ids }) => ({ ended: await agent.endGrants({ ids, why: 'revoked' }) }),
    async pause({ ids, paused }, by) {
      // check: resume-not-by-ai-agent
      if (!paused && by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
      // end check
      return { changed: await agent.pauseGrants(ids, paused) };
    },
    widen: ({ grant, scopes }, by) => grantView(parts.making.postWiden({ grant, scopes }, by)),
    async lock() {
      await agent.lock();
      return {};
    },
    async 'keys/rename'({ key, name }) {
      await parts.tapKeys.rename(key, name);
      return {};
    },
    async 'sign-in'({ profile }, by) {
      return { url: pageOf(await agent.beginSignIn({ profile, stepUp: false }, by, hasScreen())) };
    },
    async 'keys/register'({ profile }, by) {
      const { how, ...opened } = await parts.registering.registerKey({ profile }, by, hasScreen());
      return { how, url: pageOf(opened) };
    },
    'keys/prove': async ({ profile }, by) => ({ url: pageOf(await parts.registering.proveKey({ profile }, by, hasScreen())) }),
    'sign-in/cancel': ({ profile }) => ({ cancelled: agent.cancelSignIn(profile) }),
    'sign-out': async ({ profile }) => ({ reports: await agent.signOut(profile) }),
    denied: () => agent.denied(),
    'denied/forget': ({ id }, by) => ({ forgotten: agent.forgetDenial(id, by) }),
    preferences: (changes) => parts.preferences.set(changes),
  };
}

const isAmong = (process: ProcessFacts | null, others: readonly (ProcessFacts | null)[]): boolean =>
  process !== null && others.some((other) => other !== null && sameProcess(process, other));
