/** Whoever follows a grant, as `lakepass run` does: told of every request about it, every refusal, and its end. */
import type { GrantNews } from '../../preload/contract/control.ts';
import { AppError } from '../app-error.ts';
import { type Caller, sameProcess } from '../caller/caller.ts';
import type { Consents } from '../grant/consents.ts';
import type { Grants } from '../grant/grants.ts';
import type { Approvals } from './approvals.ts';

export interface Followers {
  tell(grant: string, news: GrantNews): void;
  /**
   * Resolves when the grant has ended or `signal` aborts.
   * @throws AppError GRANT_UNKNOWN | CALLER_REFUSED (follower): not the run that the grant was made for
   */
  follow(id: string, by: Caller, send: (news: GrantNews) => void, signal: AbortSignal): Promise<void>;
}

export function createFollowers(parts: { grants: Grants; consents: Consents; approvals: Approvals }): Followers {
  const followers = new Map<string, Set<(news: GrantNews) => void>>();
  /** Requests about a grant that have come before a person, and whose followers are to hear the answer. */
  const asked = new Map<string, string>();

  const tell = (grant: string, news: GrantNews): void => {
    for (const send of followers.get(grant) ?? []) send(news);
  };

  parts.grants.onEnd((grant, why) => {
    tell(grant.id, { ended: why });
    followers.delete(grant.id);
  });
  parts.approvals.onFront((view, url) => {
    if (view.grant === null) return;
    asked.set(view.id, view.grant);
    // Whoever follows the run of an AI agent may be that AI agent, and could press the buttons of the page.
    const aiAgent = parts.consents.find(view.id)?.caller.aiAgent ?? parts.grants.get(view.grant)?.maker.aiAgent ?? null;
    tell(view.grant, { asking: view, url: aiAgent === null ? url : null });
  });
  parts.consents.onChange(() => {
    if (asked.size === 0) return;
    for (const { id, outcome } of parts.consents.view().history) {
      const grant = asked.get(id);
      if (grant === undefined) continue;
      asked.delete(id);
      tell(grant, { answered: outcome === 'withdrawn' ? 'unanswered' : outcome });
    }
  });

  return {
    tell,
    follow(id, by, send, signal) {
      const grant = parts.grants.get(id);
      if (grant === undefined) throw new AppError('GRANT_UNKNOWN');
      // What is asked of a person, and where it is answered, is for the terminal that the run was begun in; ids are no secret.
      // check: follower-is-the-run
      if (grant.binding.kind !== 'run' || by.process === null || !sameProcess(grant.binding.root, by.process))
        throw new AppError('CALLER_REFUSED', { reason: 'follower' });
      // end check
      return new Promise((resolve) => {
        if (grant.state !== 'live') {
          send({ ended: grant.state });
          return resolve();
        }
        const listeners = followers.get(id) ?? new Set();
        const listener = (news: GrantNews): void => {
          send(news);
          if ('ended' in news) resolve();
        };
        followers.set(id, listeners.add(listener));
        signal.addEventListener('abort', () => {
          listeners.delete(listener);
          resolve();
        });
      });
    },
  };
}
