/** Joining a company by its link, and leaving it: what is shown is what is kept, and whoever has used Lakepass before touches a key. */
import { describe, expect, it } from 'vitest';
import type { TapFor } from '../../../main/agent/agent.ts';
import { createEnrolling } from '../../../main/agent/enrolling.ts';
import { AppError } from '../../../main/app-error.ts';
import type { Caller } from '../../../main/caller/caller.ts';
import { thumbprintOf } from '../../../main/enroll/bundle.ts';
import { openEnrollment } from '../../../main/enroll/enrollment.ts';
import { invitationLink } from '../../../main/enroll/invitation.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { signedBundle, signingKey } from '../enroll/setting.ts';
import { machine } from '../grant/setting.ts';
import { codeOf } from './setting.ts';

const url = 'https://it.acme.example/b.json';
const processes = machine();
const person = processes.callerOf(processes.start({ executable: '/usr/bin/lakepass' }));
const aiAgent: Caller = { ...person, kind: 'ai-agent', aiAgent: 'claude' };
const signal = new AbortController().signal;

async function setting({ isUsed = false, isManaged = false } = {}) {
  const key = await signingKey();
  const host = { bytes: await signedBundle([key], { revision: 1 }) };
  const invitation = { url, thumbprint: await thumbprintOf(key.publicKey) };
  const enrollment = await openEnrollment({
    ...{ vault: memoryVault(), managed: isManaged ? invitation : null, clock: fakeClock(), audit: recordingAudit() },
    fetch: async () => new Response(new Uint8Array(host.bytes), { status: 200 }),
    random: (bytes) => Buffer.alloc(bytes, 7),
    log: () => undefined,
  });
  const happened: string[] = [];
  const asked: TapFor[] = [];
  let answer = (): void => undefined;
  let settle: (() => Promise<void>) | undefined;
  const enrolling = createEnrolling({
    enrollment,
    agent: {
      async askForTap(what) {
        asked.push(what);
        answer();
      },
      postForTap(what, _, then) {
        asked.push(what);
        settle = then;
        return 'a1';
      },
    },
    isUsed: async () => isUsed,
    endCompany: async () => void happened.push(`ended, held: ${enrollment.held() !== null}`),
    settled: async () => void happened.push('settled'),
    wayToTap: async (ask) => `http://lakepass.localhost:1/#${ask}`,
  });
  const link = invitationLink(invitation);
  const publish = async (revision: number): Promise<void> => {
    host.bytes = await signedBundle([key], { revision });
  };
  const touch = async (): Promise<void> => settle?.();
  const deny = (): void => {
    answer = () => {
      throw new AppError('CONSENT_DENIED', { reason: 'once' });
    };
  };
  const { hash } = await enrolling.lookAtOffer(link, person).catch(() => ({ hash: '0'.repeat(64) }));
  return { enrolling, enrollment, link, hash, asked, happened, publish, touch, deny };
}

describe('an AI agent', () => {
  it('looks at no offer, accepts none and leaves nothing, at the command line and on a page', async () => {
    const { enrolling, enrollment, link, hash } = await setting();
    const { calls } = enrolling;
    const attempts = [
      () => enrolling.lookAtOffer(link, aiAgent),
      () => enrolling.acceptOffer({ link, hash }, aiAgent, signal),
      () => enrolling.leaveCompany(aiAgent, signal),
      async () => calls['enroll/look']({ link }, aiAgent),
      async () => calls['enroll/accept']({ link, hash }, aiAgent),
      async () => calls['enroll/leave']({}, aiAgent),
    ];
    for (const attempt of attempts) expect(await codeOf(attempt())).toBe('CALLER_REFUSED');
    expect(enrollment.held()).toBeNull();
    await enrolling.acceptOffer({ link, hash }, person, signal);
    expect(await codeOf(enrolling.leaveCompany(aiAgent, signal))).toBe('CALLER_REFUSED');
    expect(enrollment.held()).not.toBeNull();
  });
});

describe('whoever opens a link', () => {
  it('sees what it offers, and nothing is kept', async () => {
    const { enrolling, enrollment, link, happened } = await setting();
    expect(await enrolling.lookAtOffer(link, person)).toMatchObject({ organization: 'Acme', url, revision: 1, needsTap: false });
    expect(enrollment.held()).toBeNull();
    expect(happened).toEqual([]);
    expect(await codeOf(enrolling.lookAtOffer(`${link}&x=1`, person))).toBe('INVITATION_INVALID');
  });

  it('accepts what was shown, and not what took its place meanwhile', async () => {
    const { enrolling, enrollment, link, hash, publish } = await setting();
    await publish(2);
    expect(await codeOf(enrolling.acceptOffer({ link, hash }, person, signal))).toBe('OFFER_CHANGED');
    expect(await codeOf(enrolling.calls['enroll/accept']({ link, hash }, person) as Promise<unknown>)).toBe('OFFER_CHANGED');
    expect(enrollment.held()).toBeNull();
  });

  it('on a fresh device needs no touch, there being no key, and is told when all of it holds', async () => {
    const { enrolling, enrollment, link, hash, asked, happened } = await setting();
    await enrolling.acceptOffer({ link, hash }, person, signal);
    expect(enrollment.held()).toMatchObject({ source: 'link', hash });
    expect([asked, happened]).toEqual([[], ['settled']]);
  });

  it('on a page of a fresh device is done with a click', async () => {
    const { enrolling, enrollment, link, hash } = await setting();
    expect(await enrolling.calls['enroll/accept']({ link, hash }, person)).toEqual({ done: true, url: null });
    expect(enrollment.held()).not.toBeNull();
  });

  it('where Lakepass is in use touches a key first, which is shown what the offer says', async () => {
    const { enrolling, enrollment, link, hash, asked, deny } = await setting({ isUsed: true });
    deny();
    expect(await codeOf(enrolling.acceptOffer({ link, hash }, person, signal))).toBe('CONSENT_DENIED');
    expect(enrollment.held()).toBeNull();
    expect(asked).toMatchObject([{ purpose: 'enroll', about: hash }]);
    expect(asked[0]?.words.join(' ')).toMatch(/Acme will manage this device.*it\.acme\.example.*revoke this device/);
  });

  it('on a page where Lakepass is in use is sent to a touch, and joins after it', async () => {
    const { enrolling, enrollment, link, hash, touch } = await setting({ isUsed: true });
    expect(await enrolling.calls['enroll/accept']({ link, hash }, person)).toEqual({ done: false, url: 'http://lakepass.localhost:1/#a1' });
    expect(enrollment.held()).toBeNull();
    await touch();
    expect(enrollment.held()).toMatchObject({ hash });
  });
});

describe('whoever leaves', () => {
  it('has what the company brought ended first, and then belongs to nobody', async () => {
    const { enrolling, enrollment, link, hash, happened } = await setting();
    expect(await codeOf(enrolling.leaveCompany(person, signal))).toBe('NOT_ENROLLED');
    await enrolling.acceptOffer({ link, hash }, person, signal);
    await enrolling.leaveCompany(person, signal);
    expect(enrollment.held()).toBeNull();
    expect(happened).toEqual(['settled', 'ended, held: true', 'settled']);
  });

  it('touches a key first where Lakepass is in use', async () => {
    const { enrolling, enrollment, link, hash, asked, happened, deny } = await setting({ isUsed: true });
    await enrolling.acceptOffer({ link, hash }, person, signal);
    deny();
    expect(await codeOf(enrolling.leaveCompany(person, signal))).toBe('CONSENT_DENIED');
    expect(asked.at(-1)?.words[0]).toBe('Acme will no longer manage this device.');
    expect(enrollment.held()).not.toBeNull();
    expect(happened).toEqual(['settled']);
  });

  it('touches a key first on a page, too', async () => {
    const { enrolling, enrollment, link, hash, touch } = await setting({ isUsed: true });
    await enrolling.acceptOffer({ link, hash }, person, signal);
    expect(await enrolling.calls['enroll/leave']({}, person)).toMatchObject({ done: false });
    expect(enrollment.held()).not.toBeNull();
    await touch();
    expect(enrollment.held()).toBeNull();
  });

  it('does not where the settings of the machine hold it, and nobody is asked', async () => {
    const { enrolling, enrollment, asked, happened } = await setting({ isUsed: true, isManaged: true });
    await enrollment.poll();
    expect(await codeOf(enrolling.leaveCompany(person, signal))).toBe('ENROLLED_BY_IT');
    expect([asked, happened]).toEqual([[], []]);
  });
});
