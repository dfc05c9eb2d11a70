/** The agent as the pages in the browser see it. Every answer to a request passes one gate: it must not come from whoever asked. */

import { AppError } from '../app-error.ts';
import { type Caller, type ProcessFacts, sameProcess } from '../caller/caller.ts';
import { bundleNames, bundles } from '../databricks/scopes.ts';
import type { Consents } from '../grant/consents.ts';
import type { Grants } from '../grant/grants.ts';
import type { Members } from '../grant/members.ts';
import type { Lock } from '../lock/lock.ts';
import type { PagesAgent } from '../pages/pages.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Clock } from '../ports.ts';
import { later, minutes } from '../units.ts';
import type { Agent } from './agent.ts';
import type { Approvals } from './approvals.ts';
import type { Ceremonies } from './ceremonies.ts';
import type { GrantMaking } from './grant-making.ts';
import { createGrantView } from './status.ts';

export function createPagesAgent(parts: {
  agent: Agent;
  grants: Grants;
  members: Members;
  consents: Consents;
  approvals: Approvals;
  making: GrantMaking;
  ceremonies: Ceremonies;
  tapKeys: TapKeys;
  lock: Lock;
  scopeWords: (scopes: readonly string[]) => string[];
  clock: Clock;
  /** Moves whenever something that a page shows has changed. */
  revision: () => number;
}): PagesAgent {
  const { agent, consents, ceremonies } = parts;
  const grantView = createGrantView(parts.members);

  /**
   * An AI agent is not the person, and neither is what the asking program has started, nor the program that has started it. A tap
   * proves a person; a click does not.
   */
  function refuseOwnApproval(ask: string, by: Caller): void {
    // check: approver-no-ai-agent
    if (by.aiAgent !== null) throw new AppError('APPROVER_REFUSED', { reason: 'ai-agent' });
    // end check
    const asker = consents.find(ask)?.caller;
    if (asker === undefined) return;
    // check: approver-not-asker
    if (isAmong(asker.process, [by.process, ...by.ancestors])) throw new AppError('APPROVER_REFUSED', { reason: 'started-by-asker' });
    // end check
    // check: approver-not-above-asker
    if (isAmong(by.process, asker.ancestors)) throw new AppError('APPROVER_REFUSED', { reason: 'started-asker' });
    // end check
  }

  return {
    uiState: () => ({
      revision: parts.revision(),
      status: agent.status(),
      grants: agent.grants().reverse(),
      bundles: bundleNames.map((name) => ({ name, words: parts.scopeWords(bundles[name]).join(', '), scopes: [...bundles[name]] })),
    }),
    beginSignIn: (profile) => agent.beginSignIn({ profile, stepUp: false }, false),
    cancelSignIn: (profile) => agent.cancelSignIn(profile),
    signOut: (profile) => agent.signOut(profile),
    shown: (ask) => consents.shown(ask),
    answer(request, by) {
      refuseOwnApproval(request.ask, by);
      if (request.verdict === 'denied') consents.answer(request.ask, { verdict: 'denied', reach: request.reach });
      else consents.answer(request.ask, { verdict: 'approved', how: 'click', span: request.span, tapKey: null });
    },
    snooze: (forMinutes) => consents.snooze(later(parts.clock.now(), minutes(forMinutes))),
    attend(by) {
      consents.attend();
      // A browser under an AI agent may be the person's or the AI agent's own; neither shows that a person has come back.
      let isPerson = true;
      // check: attend-no-ai-agent
      isPerson = by.aiAgent === null;
      // end check
      if (isPerson) parts.lock.touch();
    },
    revoke: (ids) => agent.endGrants({ ids: [...ids], why: 'revoked' }),
    askToWiden: (grant, scopes, by) => grantView(parts.making.postWiden({ grant, scopes: [...scopes] }, by)),
    async lock() {
      await agent.lock();
    },
    renameKey: (key, name) => parts.tapKeys.rename(key, name),
    async beginCeremony(request) {
      return ceremonies.begin(request);
    },
    ceremony: (ticket) => ceremonies.view(ticket),
    ceremonyOptions: (ticket, origin) => ceremonies.options(ticket, origin),
    finishCeremony: (ticket, answer) => ceremonies.finish(ticket, answer),
    refuseCeremony: (ticket) => ceremonies.refuse(ticket),
  };
}

const isAmong = (process: ProcessFacts | null, others: readonly (ProcessFacts | null)[]): boolean =>
  process !== null && others.some((other) => other !== null && sameProcess(process, other));
