/** A device and the bundle of its company: accepted once, asked after, never older, never another's. */
import { GeneralSign } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { thumbprintOf } from '../../../main/enroll/bundle.ts';
import { type Enrollment, type Invitation, openEnrollment } from '../../../main/enroll/enrollment.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { bundleInput, signedBundle, signingKey, type TestKey } from './setting.ts';

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
  const open = (managed: Invitation | null = options.managed ? invitation : null, from = vault): Promise<Enrollment> =>
    openEnrollment({ vault: from, managed, fetch: server.fetch, clock, random, audit, log: () => undefined });
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

  it('of managed settings takes no bundle from another address, though the right key has signed it', async () => {
    const { ours, server, open, invitation } = await setting({ managed: true });
    server.publish(await signedBundle([ours]));
    const enrollment = await open();
    const elsewhere = { ...invitation, url: 'https://mirror.example/an-older-one.json' };
    await expect(enrollment.look(elsewhere)).rejects.toThrow(refused('ENROLLED_ELSEWHERE'));
    const offer = await enrollment.look(invitation);
    await expect(enrollment.accept({ ...offer, invitation: elsewhere })).rejects.toThrow(refused('ENROLLED_ELSEWHERE'));
    expect(enrollment.held()).toBeNull();
  });

  it('of managed settings goes to another company with another key alone, not with another bundle of the same key', async () => {
    const { ours, next, server, open, invitation } = await setting({ managed: true });
    const bundleId = 'c0ffee00-6f3a-4a1c-9d4e-2b7c8a1d0e55';
    server.publish(await signedBundle([ours], { revision: 5 }));
    const enrollment = await open();
    await enrollment.poll();
    server.publish(await signedBundle([ours], { bundleId, revision: 1 }));
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_INVALID', reason: 'organization' });
    expect(enrollment.held()?.bundle.revision).toBe(5);
    enrollment.close();
    server.publish(await signedBundle([next], { bundleId, revision: 1 }));
    const moved = await open({ ...invitation, thumbprint: await thumbprintOf(next.publicKey) });
    await moved.poll();
    expect(moved.held()?.bundle).toMatchObject({ bundleId, revision: 1 });
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

describe('a bundle that was kept by another version of the program', () => {
  /** Signed by IT, and with something in it that this version does not know. */
  async function unknownBundle(key: TestKey, revision: number): Promise<Buffer> {
    const payload = Buffer.from(JSON.stringify({ ...bundleInput([key], { revision }), curfew: '22:00' }));
    const header = { alg: 'ES256', kid: await thumbprintOf(key.publicKey), typ: 'lakepass-bundle+jws' };
    const signing = new GeneralSign(payload).addSignature(key.privateKey).setProtectedHeader(header);
    return Buffer.from(JSON.stringify(await signing.sign()));
  }

  async function unreadable(options: { managed?: boolean } = {}) {
    const all = await setting(options);
    all.server.publish(await signedBundle([all.ours]));
    const before = await all.open();
    await before.accept(await before.look(all.invitation));
    const device = before.held()?.device.id;
    before.close();
    const record = JSON.parse((await all.vault.open('enrollment'))?.toString() ?? '');
    record.bytes = (await unknownBundle(all.ours, 5)).toString('base64');
    await all.vault.seal('enrollment', Buffer.from(JSON.stringify(record)));
    return { ...all, device, enrollment: await all.open() };
  }

  it.each([[{}], [{ managed: true }]])(
    'keeps nobody from starting; until the next one the company is awaited, and that is said',
    async (options) => {
      const { enrollment, invitation, audit } = await unreadable(options);
      expect(enrollment.held()).toBeNull();
      expect(enrollment.awaited()).toEqual(invitation);
      expect(enrollment.problem()).toMatchObject({
        code: 'BUNDLE_INVALID',
        reason: 'shape',
        detail: expect.stringContaining('nothing is handed out'),
      });
      expect(audit.events.at(-1)).toMatchObject({ type: 'bundle.rejected', code: 'BUNDLE_INVALID' });
    },
  );

  it('is asked for whole, and the next that makes sense mends it, on the same device', async () => {
    const { enrollment, server, ours, device, audit } = await unreadable();
    server.publish(await unknownBundle(ours, 6));
    await enrollment.poll();
    expect(server.state.asked.at(-1)).toBeNull();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_INVALID' });
    server.publish(await signedBundle([ours], { revision: 7 }));
    await enrollment.poll();
    expect(enrollment.held()).toMatchObject({ bundle: { revision: 7 }, device: { id: device } });
    expect([enrollment.problem(), enrollment.awaited()]).toEqual([null, null]);
    expect(types(audit).filter((type) => type === 'device.enrolled')).toHaveLength(1);
  });

  it.each<[string, (keys: { ours: TestKey; next: TestKey }) => Promise<Buffer>, string]>([
    ['an older one', ({ ours }) => signedBundle([ours], { revision: 4 }), 'BUNDLE_ROLLED_BACK'],
    ['a stranger’s', ({ next }) => signedBundle([next], { revision: 6 }), 'BUNDLE_KEY_UNKNOWN'],
    [
      'another company’s',
      ({ ours }) => signedBundle([ours], { revision: 6, bundleId: '11111111-1111-4111-8111-111111111111' }),
      'BUNDLE_INVALID',
    ],
  ])('gives way to none but a newer one of the same company: not to %s', async (_, make, code) => {
    const all = await unreadable();
    all.server.publish(await make(all));
    await all.enrollment.poll();
    expect(all.enrollment.problem()).toMatchObject({ code });
    expect(all.enrollment.held()).toBeNull();
    const stranger = { url: URL, thumbprint: await thumbprintOf(all.next.publicKey) };
    await expect(all.enrollment.look(stranger)).rejects.toThrow(refused('ENROLLED_ELSEWHERE'));
  });

  it('can be left', async () => {
    const { enrollment, open, audit, device } = await unreadable();
    await enrollment.leave();
    expect(audit.events.at(-1)).toMatchObject({ type: 'device.left', device });
    expect((await open()).awaited()).toBeNull();
  });
});

describe('two homes with one device key', () => {
  it('say the same id and sign with the same key, by which IT tells that one device is claimed twice', async () => {
    const { enrollment, vault, open } = await enrolled();
    const copy = memoryVault();
    for (const name of ['enrolled-device', 'enrollment']) await copy.seal(name, (await vault.open(name)) as Buffer);
    const one = enrollment.held()?.device;
    const other = (await open(null, copy)).held()?.device;
    expect([other?.id, other?.thumbprint]).toEqual([one?.id, one?.thumbprint]);
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
    await vi.waitFor(() => expect(enrollment.isRevoked()).toBe(true), { timeout: 30_000 });
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
    // Whoever is out stays out under a spelling that looks the same.
    expect(enrollment.isPersonRevoked({ ...alice, username: '\uFF21lice@acme.example ' })).toBe(true);
    expect(enrollment.isPersonRevoked({ ...alice, issuer: 'https://idp.example/', subject: '8', username: 'x' })).toBe(true);
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

  it('is believed by no key that has had its day, through the link that once named it', async () => {
    const { enrollment, server, ours, next, invitation } = await enrolled();
    server.publish(await signedBundle([ours], { revision: 2 }, [ours, next]));
    await enrollment.poll();
    server.publish(await signedBundle([next], { revision: 3 }, [next]));
    await enrollment.poll();
    server.publish(await signedBundle([ours], { revision: 9 }));
    await expect(enrollment.look(invitation)).rejects.toThrow(refused('BUNDLE_KEY_UNKNOWN'));
  });

  it('that a person looked at is not accepted once its key has had its day', async () => {
    const { enrollment, server, ours, next, invitation } = await enrolled();
    server.publish(await signedBundle([ours], { revision: 2 }, [ours, next]));
    await enrollment.poll();
    server.publish(await signedBundle([ours], { revision: 9 }, [ours, next]));
    const offer = await enrollment.look(invitation);
    server.publish(await signedBundle([next], { revision: 3 }, [next]));
    await enrollment.poll();
    await expect(enrollment.accept(offer)).rejects.toThrow(refused('BUNDLE_KEY_UNKNOWN'));
    expect(enrollment.held()?.bundle.revision).toBe(3);
  });

  it('looks no younger for another ETag', async () => {
    const { enrollment, server, clock } = await enrolled();
    const since = enrollment.held()?.acceptedAt;
    await clock.advance(seconds(5));
    server.state.etag += 1;
    await enrollment.poll();
    expect(enrollment.problem()).toBeNull();
    expect(server.state.asked.at(-1)).toBe('"1"');
    expect(enrollment.held()?.acceptedAt).toBe(since);
  });

  it('goes on holding for a week without the host, and is said to have ended at its own end', async () => {
    const { enrollment, server, clock } = await enrolled({ expires: '2026-01-11T09:00:00Z' });
    server.state.broken = () => Promise.reject(new TypeError('fetch failed'));
    await clock.advance(minutes(5));
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_UNREACHABLE' });
    expect(enrollment.held()?.bundle.revision).toBe(1);
    let told = 0;
    enrollment.onChange(() => {
      told += 1;
    });
    clock.set(Date.parse('2026-01-12T09:00:00Z'));
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_EXPIRED' });
    expect(told).toBe(1);
    server.state.broken = null;
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_EXPIRED' });
    expect(told).toBe(1);
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

  it('is asked on and on while the log cannot be written, and nothing it sends in the meantime is taken', async () => {
    const { enrollment, server, clock, audit, ours } = await enrolled();
    audit.fail();
    server.publish(await signedBundle([await signingKey()], { revision: 2 }));
    await enrollment.poll();
    expect(enrollment.problem()).toMatchObject({ code: 'BUNDLE_KEY_UNKNOWN' });
    server.publish(await signedBundle([ours], { revision: 2 }));
    await clock.advance(seconds(58));
    await vi.waitFor(() => expect(enrollment.problem()).toMatchObject({ code: 'AUDIT_UNWRITABLE' }), { timeout: 30_000 });
    expect(enrollment.held()).toMatchObject({ bundle: { revision: 1 } });
    audit.mend();
    await clock.advance(seconds(58));
    await vi.waitFor(() => expect(enrollment.held()).toMatchObject({ bundle: { revision: 2 } }), { timeout: 30_000 });
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
