/**
 * Joining a company by its link, and leaving it. A link is anybody's word: what it offers is shown first, and only what was shown is kept,
 * after a yes of the person. Where Lakepass has been used before, that yes is a touch of a tap key.
 */
import type { EnrollOutcome, OfferView } from '../../preload/contract/enroll.ts';
import { AppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import type { ControlledEnrolling } from '../control/routes.ts';
import type { Enrollment, Offer } from '../enroll/enrollment.ts';
import { parseInvitation } from '../enroll/invitation.ts';
import { offerView } from '../enroll/offer.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import type { Agent, TapFor } from './agent.ts';

export interface Enrolling extends ControlledEnrolling {
  /** For pages and windows, which do not wait for a touch. */
  calls: Pick<UiAgent, 'enroll/look' | 'enroll/accept' | 'enroll/leave'>;
}

export function createEnrolling(parts: {
  enrollment: Pick<Enrollment, 'look' | 'accept' | 'leave' | 'held' | 'awaited' | 'isLeavable'>;
  agent: Pick<Agent, 'askForTap' | 'postForTap'>;
  /** There are tap keys, sessions or an approved configuration here. */
  isUsed: () => Promise<boolean>;
  /** Ends what came with the bundle: before the device is left, so that nothing of the company's outlives it. */
  endCompany: () => Promise<void>;
  /** What a changed bundle means is done. */
  settled: () => Promise<void>;
  /** Where a request is to be touched for; null: it is shown already. */
  wayToTap: (ask: string) => Promise<string | null>;
}): Enrolling {
  const { enrollment, agent } = parts;

  function requirePerson(by: Caller): void {
    // check: enroll-not-by-ai-agent
    if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
    // end check
  }

  async function offered(link: string, by: Caller): Promise<Offer> {
    requirePerson(by);
    return enrollment.look(parseInvitation(link));
  }

  async function look(link: string, by: Caller): Promise<OfferView> {
    return offerView(await offered(link, by), await parts.isUsed());
  }

  async function offeredAs({ link, hash }: { link: string; hash: string }, by: Caller): Promise<Offer> {
    const offer = await offered(link, by);
    // check: enroll-what-was-shown
    if (offer.hash !== hash) throw new AppError('OFFER_CHANGED');
    // end check
    return offer;
  }

  async function keep(offer: Offer): Promise<void> {
    await enrollment.accept(offer);
    await parts.settled();
  }

  async function leaveNow(): Promise<void> {
    await parts.endCompany();
    await enrollment.leave();
    await parts.settled();
  }

  /** Before anybody is asked. @throws AppError CALLER_REFUSED | ENROLLED_BY_IT | NOT_ENROLLED */
  function requireLeavable(by: Caller): void {
    requirePerson(by);
    if (!enrollment.isLeavable()) throw new AppError('ENROLLED_BY_IT');
    if (enrollment.held() === null && enrollment.awaited() === null) throw new AppError('NOT_ENROLLED');
  }

  const joining = (offer: Offer): TapFor => {
    const { organization, url, signedBy, restricts } = offerView(offer, true);
    const who = `${organization} will manage this device. Its bundle comes from ${new URL(url).host}, signed by the key ${signedBy}.`;
    return { purpose: 'enroll', words: [who, ...restricts], about: offer.hash };
  };

  const leaving = (): TapFor => ({
    purpose: 'enroll',
    words: [
      `${enrollment.held()?.bundle.organization ?? 'Your company'} will no longer manage this device.`,
      'The sessions of its profiles end, and your own configuration and policy hold again.',
    ],
    about: 'leave',
  });

  async function posted(what: TapFor, by: Caller, then: () => Promise<void>): Promise<EnrollOutcome> {
    return { done: false, url: await parts.wayToTap(agent.postForTap(what, by, then)) };
  }

  return {
    lookAtOffer: look,

    async acceptOffer(request, by, signal) {
      const offer = await offeredAs(request, by);
      // check: enroll-tap
      if (await parts.isUsed()) await agent.askForTap(joining(offer), by, signal);
      // end check
      await keep(offer);
    },

    async leaveCompany(by, signal) {
      requireLeavable(by);
      // check: enroll-leave-tap
      if (await parts.isUsed()) await agent.askForTap(leaving(), by, signal);
      // end check
      await leaveNow();
    },

    calls: {
      'enroll/look': ({ link }, by) => look(link, by),

      async 'enroll/accept'(request, by) {
        const offer = await offeredAs(request, by);
        // check: enroll-page-tap
        if (await parts.isUsed()) return posted(joining(offer), by, () => keep(offer));
        // end check
        await keep(offer);
        return { done: true, url: null };
      },

      async 'enroll/leave'(_, by) {
        requireLeavable(by);
        // check: enroll-page-leave-tap
        if (await parts.isUsed()) return posted(leaving(), by, leaveNow);
        // end check
        await leaveNow();
        return { done: true, url: null };
      },
    },
  };
}
