/** A device and the bundle of its company: accepted once, asked after, never older, never another's. */
import { describe, expect, it, vi } from 'vitest';
import { thumbprintOf } from '../../../main/enroll/bundle.ts';
import { type Enrollment, type Invitation, openEnrollment } from '../../../main/enroll/enrollment.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { signedBundle, signingKey, type TestKey } from './setting.ts';

const URL = 'https://it.acme.example/bundle.json';
const refused = (code: string, reason?: string) => expect.objectContaining({ code, ...(reason === undefined ? {} : { reason }) });

/** As the real one: whoever gives up waits no longer. */
function orAborted<T>(answer: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal?.addEventListener('abort', () => reject(signal.reason));
  return Promise.race([answer, promise]);
}

/** A static host: what lies there, under its ETag; how it behaves. */
function host() {
  const state = { bytes: null as Buffer | null, etag: 0, asked: [] as (string | null)[], broken: null as null | (() => Promise<Response>) };
  const fetch: typeof globalThis.fetch = async (_, init) => {
    const sent = new Headers(init?.headers).get('if-none-match');
    state.asked.push(sent);
    if (state.broken !== null) return orAborted(state.broken(), init?.signal);
    if (state.bytes === null) return new Response('', { status: 404 });
    if (sent === `"${state.etag}"`) return new Response(null, { status: 304 });
    return new Response(new Uint8Array(state.bytes), { status: 200, headers: { etag: `"${state.etag}"` } });
  };
  return {
    state,
    fetch,
    publish(bytes: Buffer) {
      state.bytes = bytes;
      state.etag += 1;
    },
  };
}

async function setting(options: { managed?: boolean } = {}) {
  const [ours, next] = await Promise.all([signingKey(), signingKey()]);
  const server = host();
  const clock = fakeClock();
  const vault = memoryVault();
  const audit = recordingAudit();
  const invitation: Invitation = { url: URL, thumbprint: await thumbprintOf(ours.publicKey) };
  let count = 0;
  const random = (bytes: number): Buffer => {
    count += 1;
    return Buffer.alloc(bytes, count);
  };
  const open = (managed: Invitation | null = options.managed ? invitation : null): Promise<Enrollment> =>
    openEnrollment({ vault, managed, fetch: server.fetch, clock, random, audit, log: () => undefined });
  return { ours, next, server, clock, vault, audit, invitation, open };
}

async function enrolled(changes: Parameters<typeof signedBundle>[1] = {}) {
  const all = await setting();
  all.server.publish(await signedBundle([all.ours], changes));
  const enrollment = await all.open();
  await enrollment.accept(await enrollment.look(all.invitation));
  return { ...all, enrollment };
}
const types = (audit: ReturnType<typeof recordingAudit>): string[] => audit.events.map(({ type }) => type);

describe('a device', () => {
  it('is nobody’s until a person has accepted what the link offers', async () => {
    const { ours, server, open, invitation, audit } = await setting();
    server.publish(await signedBundle([ours], { revision: 3 }));
    const enrollment = await open();
    const offer = await enrollment.look(invitation);
    expect(offer.bundle).toMatchObject({ organization: 'Acme', revision: 3 });
    expect(enrollment.held()).toBeNull();
    expect(types(audit)).toEqual([]);
    await enrollment.accept(offer);
    expect(enrollment.held()).toMatchObject({ source: 'link', bundle: { revision: 3 } });
    expect(types(audit)).toEqual(['device.enrolled', 'bundle.accepted']);
  });

  it('keeps its id, its key and its bundle over a restart, and no longer asks for the same file', async () => {
    const { enrollment, open, server, clock } = await enrolled();
    const before = enrollment.held()?.device.id;
    enrollment.close();
    const again = await open();
    expect(again.held()).toMatchObject({ bundle: { revision: 1 }, device: { id: before } });
    await again.poll();
    expect(server.state.asked.at(-1)).toBe('"1"');
    expect(again.problem()).toBeNull();
    expect(again.times().answered).toBe(clock.now());
  });

  it('of managed settings needs no link: the first bundle is taken when the host answers', async () => {
    const { ours, server, open, invitation } = await setting({ managed: true });
    const enrollment = await open();
    expect(enrollment.awaited()).toEqual(invitation);
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_UNREACHABLE', reason: 'status' });
    server.publish(await signedBundle([ours]));
    await enrollment.poll();
    expect(enrollment.held()).toMatchObject({ source: 'managed' });
    expect(enrollment.awaited()).toBeNull();
    await expect(enrollment.leave()).rejects.toThrow(refused('ENROLLED_BY_IT'));
  });

  it('that belongs to one company is given to no other one', async () => {
    const { enrollment, server } = await enrolled();
    const stranger = await signingKey();
    server.publish(await signedBundle([stranger]));
    const other = { url: URL, thumbprint: await thumbprintOf(stranger.publicKey) };
    await expect(enrollment.look(other)).rejects.toThrow(refused('ENROLLED_ELSEWHERE'));
  });

  it('leaves where a person had let it in, and what was on its way does not bring it back', async () => {
    const { enrollment, server, ours, audit } = await enrolled();
    const slow = Promise.withResolvers<void>();
    const bytes = await signedBundle([ours], { revision: 2 });
    server.state.broken = async () => {
      await slow.promise;
      return new Response(new Uint8Array(bytes), { status: 200 });
    };
    const polling = enrollment.poll();
    await enrollment.leave();
    slow.resolve();
    await polling;
    expect(enrollment.held()).toBeNull();
    expect(types(audit).at(-1)).toBe('device.left');
  });

  it('whose key was taken away does not start as another one', async () => {
    const { enrollment, vault, open } = await enrolled();
    enrollment.close();
    await vault.erase('enrolled-device');
    await expect(open()).rejects.toThrow(refused('VAULT_CORRUPT', 'enrolled-device'));
  });
});

describe('a bundle that is published', () => {
  it('is known within a minute, and a revocation with it', async () => {
    const { enrollment, server, ours, clock, audit } = await enrolled();
    const id = enrollment.held()?.device.id as string;
    // Wherever in its pause the device is.
    await clock.advance(minutes(3) + 17);
    expect(enrollment.isRevoked()).toBe(false);
    server.publish(await signedBundle([ours], { revision: 2, revoked: { devices: [id] } }));
    await clock.advance(seconds(60));
    // Signatures are judged off the clock.
    await vi.waitFor(() => expect(enrollment.isRevoked()).toBe(true));
    expect(types(audit)).toContain('device.revoked');
  });

  it('names persons by subject or by user name, in any spelling of its case', async () => {
    const alice = { issuer: 'https://idp.example', subject: '7', username: 'Alice@acme.example' };
    const { enrollment } = await enrolled({
      revoked: { persons: [{ username: 'alice@ACME.example' }, { issuer: 'https://idp.example', subject: '8' }] },
    });
    expect(enrollment.isPersonRevoked(alice)).toBe(true);
    expect(enrollment.isPersonRevoked({ ...alice, subject: '8', username: 'bob@acme.example' })).toBe(true);
    expect(enrollment.isPersonRevoked({ ...alice, username: 'carol@acme.example' })).toBe(false);
    expect(enrollment.isPersonRevoked({ ...alice, issuer: 'https://other.example', subject: '8', username: 'x' })).toBe(false);
  });

  it.each<[string, (keys: { ours: TestKey; next: TestKey }) => Promise<Buffer>, string]>([
    ['older', ({ ours }) => signedBundle([ours], { revision: 4 }), 'BUNDLE_ROLLED_BACK'],
    ['another of the same revision', ({ ours }) => signedBundle([ours], { revision: 5, organization: 'Acme Ltd' }), 'BUNDLE_ROLLED_BACK'],
    ['signed by a key without an overlap', ({ next }) => signedBundle([next], { revision: 6 }), 'BUNDLE_KEY_UNKNOWN'],
    [
      'past its date',
      ({ ours }) => signedBundle([ours], { revision: 6, issuedAt: '2026-01-01T00:00:00Z', expires: '2026-01-02T00:00:00Z' }),
      'BUNDLE_EXPIRED',
    ],
    ['no bundle', async () => Buffer.from('<html>'), 'BUNDLE_INVALID'],
  ])('that is %s is refused, and the one before goes on', async (_, make, code) => {
    const all = await enrolled({ revision: 5 });
    all.server.publish(await make(all));
    await all.enrollment.poll();
    expect(all.enrollment.problem()).toMatchObject({ code });
    expect(all.enrollment.held()?.bundle.revision).toBe(5);
    expect(all.audit.events.at(-1)).toMatchObject({ type: 'bundle.rejected', code });
    // Said once, not once a minute.
    const count = all.audit.events.length;
    await all.enrollment.poll();
    expect(all.audit.events).toHaveLength(count);
  });

  it('brings a new key by an overlap: first both are named, then the new one signs', async () => {
    const { enrollment, server, ours, next } = await enrolled();
    server.publish(await signedBundle([ours], { revision: 2 }, [ours, next]));
    await enrollment.poll();
    server.publish(await signedBundle([next], { revision: 3 }, [next]));
    await enrollment.poll();
    expect(enrollment.held()).toMatchObject({ bundle: { revision: 3 } });
    // The old key has had its day.
    server.publish(await signedBundle([ours], { revision: 4 }));
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_KEY_UNKNOWN' });
  });

  it('goes on holding for a week without the host, and is said to have ended at its own end', async () => {
    const { enrollment, server, clock } = await enrolled({ expires: '2026-01-11T09:00:00Z' });
    server.state.broken = () => Promise.reject(new TypeError('fetch failed'));
    await clock.advance(minutes(5));
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_UNREACHABLE' });
    expect(enrollment.held()?.bundle.revision).toBe(1);
    clock.set(Date.parse('2026-01-12T09:00:00Z'));
    server.state.broken = null;
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_EXPIRED' });
  });
});

describe('the host of a bundle', () => {
  it.each<[string, () => Promise<Response>, string]>([
    ['leads elsewhere', async () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }), 'redirect'],
    ['sends without end', async () => new Response(new Uint8Array(1024 * 1024 + 1)), 'size'],
    ['is broken', async () => new Response('', { status: 500 }), 'status'],
    ['is gone', () => Promise.reject(new TypeError('fetch failed')), 'line'],
  ])('that %s changes nothing', async (_, answer, reason) => {
    const { enrollment, server } = await enrolled();
    server.state.broken = answer;
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_UNREACHABLE', reason });
    expect(enrollment.held()).not.toBeNull();
  });

  it('that never answers is left after two seconds', async () => {
    const { enrollment, server, clock } = await enrolled();
    let left = false;
    server.state.broken = () => new Promise(() => undefined);
    const polling = enrollment.poll().then(() => {
      left = true;
    });
    await clock.advance(seconds(2) - 1);
    expect(left).toBe(false);
    await clock.advance(1);
    await polling;
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_UNREACHABLE', reason: 'time' });
  });
});
