import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { minutes, ms, seconds } from '../../../main/units.ts';
import { sessionViewSchema } from '../../../preload/contract/session.ts';
import { bob } from '../../fakes/strict-idp.ts';
import { noNeeds, outcome, setting, signInOptions } from './setting.ts';

describe('a sign-in', () => {
  it('leaves a session with its identity, assurance and ends, kept in the vault, and no token in the view', async () => {
    const { start, idp, clock, disk, audit } = setting();
    const { session } = start();
    const view = await session.signIn(signInOptions);
    expect(sessionViewSchema.parse(view)).toEqual(view);
    expect(view).toMatchObject({
      profile: 'acme',
      phase: 'signed-in',
      identity: { username: 'alice@example.com', groups: ['data'] },
      assurance: { level: 'phr', acr: 'phr', amr: ['hwk'] },
      endsAt: new Date(clock.now() + 24 * 3_600_000).toISOString(),
      idleEndsAt: new Date(clock.now() + 12 * 3_600_000).toISOString(),
      renewable: true,
      survivesRestart: true,
      renewalProblem: null,
      lastFailure: null,
    });
    for (const token of idp.live()) {
      expect(JSON.stringify(view)).not.toContain(token);
      expect(disk.json('session-acme')).toMatchObject({ refreshToken: token, generation: 1 });
    }
    expect(audit.of('session.signed-in')).toMatchObject([{ subject: 'sub-alice', assurance: 'phr', requestId: idp.requestIds[0] }]);
    expect(idp.requestIds[0]).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is timed under the id of its record, whether it goes well or not', async () => {
    const { start, idp, clock } = setting();
    const { session, timed } = start();
    idp.signInFails = 'waits';
    const signing = session.signIn(signInOptions);
    await clock.advance(3000);
    idp.finishSignIn();
    await signing;
    idp.signInFails = new AppError('LOGIN_REFUSED');
    await outcome(session.signIn(signInOptions));
    expect(timed).toMatchObject([
      { what: 'sign-in', profile: 'acme', requestId: idp.requestIds[0], tookMs: 3000, code: null },
      { what: 'sign-in', requestId: idp.requestIds[1], code: 'LOGIN_REFUSED' },
    ]);
  });

  it('shows that it waits, and can be cancelled once', async () => {
    const { start, idp } = setting();
    const { session } = start();
    idp.signInFails = 'waits';
    const waiting = outcome(session.signIn(signInOptions));
    expect(session.view()).toMatchObject({ phase: 'signing-in', signInWaiting: true });
    expect(session.cancelSignIn()).toBe(true);
    expect(await waiting).toBe('LOGIN_CANCELLED');
    expect(session.cancelSignIn()).toBe(false);
    expect(session.view()).toMatchObject({ phase: 'signed-out', lastFailure: { code: 'LOGIN_CANCELLED' } });
  });

  it('tells whoever shows it when it begins to wait and when it is over, however it ends', async () => {
    const { start, idp } = setting();
    const { session } = start();
    const seen: boolean[] = [];
    session.onChange(() => seen.push(session.view().signInWaiting));
    await session.signIn(signInOptions);
    expect(seen).toEqual([true, false]);
    idp.signInFails = 'waits';
    const waiting = outcome(session.signIn(signInOptions));
    session.cancelSignIn();
    await waiting;
    expect(seen).toEqual([true, false, true, false]);
  });

  it('after the registration of a key is told how strong the session is that it takes the place of', async () => {
    const { start, idp } = setting();
    const { session } = start();
    await session.signIn({ ...signInOptions, provesKey: true });
    idp.assurance = { ...idp.assurance, level: 'mfa' };
    expect((await session.signIn(signInOptions)).assurance?.level).toBe('mfa');
    await session.signIn({ ...signInOptions, provesKey: true });
    expect(idp.floors).toEqual(['unknown', null, 'mfa']);
  });

  it('after the registration of a key that shows too little leaves the session as it was', async () => {
    const { start, idp } = setting();
    const { session } = start();
    const before = await session.signIn(signInOptions);
    idp.signInFails = new AppError('KEY_UNPROVEN', { reason: 'unknown' });
    expect(await outcome(session.signIn({ ...signInOptions, provesKey: true }))).toBe('KEY_UNPROVEN unknown');
    expect(session.view()).toMatchObject({ ...before, lastFailure: { code: 'KEY_UNPROVEN' } });
    expect(idp.live()).toHaveLength(1);
  });

  it('is refused while another one waits, which goes on', async () => {
    const { start, idp } = setting();
    const { session } = start();
    idp.signInFails = 'waits';
    const first = outcome(session.signIn(signInOptions));
    idp.signInFails = null;
    expect(await outcome(session.signIn(signInOptions))).toBe('LOGIN_IN_PROGRESS');
    expect(session.view().lastFailure).toBeNull();
    idp.finishSignIn();
    expect(await first).toBe('fine');
  });

  it('that was cancelled just as the provider said yes leaves no session, and its token is revoked', async () => {
    const { start, idp } = setting();
    const { session } = start();
    idp.signInFails = 'waits';
    const waiting = outcome(session.signIn(signInOptions));
    idp.finishSignIn();
    session.cancelSignIn();
    expect(await waiting).toBe('LOGIN_CANCELLED');
    expect(session.view().phase).toBe('signed-out');
    expect(idp.live()).toEqual([]);
  });

  it.each(['LOGIN_REFUSED', 'LOGIN_TIMED_OUT', 'ASSURANCE_TOO_LOW', 'ISSUER_UNREACHABLE'] as const)(
    'that ends in %s says so and leaves a running session alone',
    async (code) => {
      const { start, idp, audit } = setting();
      const { session, ends } = start();
      await session.signIn(signInOptions);
      idp.signInFails = new AppError(code);
      expect(await outcome(session.signIn(signInOptions))).toBe(code);
      expect(session.view()).toMatchObject({ phase: 'signed-in', signInWaiting: false, lastFailure: { code } });
      expect(audit.of('session.sign-in-failed')).toMatchObject([{ code, requestId: idp.requestIds[1] }]);
      expect(new Set(idp.requestIds).size).toBe(2);
      expect(ends).toEqual([]);
    },
  );

  it('that cannot be recorded does not begin, and gives its token back', async () => {
    const { start, idp, audit } = setting();
    const { session } = start();
    audit.fail();
    expect(await outcome(session.signIn(signInOptions))).toBe('AUDIT_UNWRITABLE');
    expect(session.view().phase).toBe('signed-out');
    expect(idp.live()).toEqual([]);
  });

  it('while a session runs goes on serving it, then takes its place without ending it', async () => {
    const { start, idp } = setting();
    const { session, ends } = start();
    await session.signIn(signInOptions);
    idp.signInFails = 'waits';
    const second = session.signIn(signInOptions);
    expect(session.view()).toMatchObject({ phase: 'signed-in', signInWaiting: true });
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
    idp.finishSignIn();
    await second;
    expect(ends).toEqual([]);
    // One provider may hang both tokens on one grant: revoking the first could end the second.
    expect(idp.revoked).toEqual([]);
  });

  it('of somebody else ends the session before and revokes its token', async () => {
    const { start, idp, clock, audit } = setting();
    const { session, ends } = start();
    await session.signIn(signInOptions);
    const [first] = idp.live();
    idp.identity = bob;
    const view = await session.signIn(signInOptions);
    await clock.advance(0);
    expect(view.identity?.username).toBe('bob@example.com');
    expect(ends).toEqual(['replaced']);
    expect(idp.revoked).toEqual([first]);
    expect(audit.of('session.ended')).toMatchObject([{ subject: 'sub-alice', why: 'replaced', refreshToken: 'revoked' }]);
  });

  it('is on the disk even where it comes while the token of the session before is still being written', async () => {
    const { start, disk, idp, clock } = setting();
    const vault = disk.vault();
    const { session, kill } = start({ vault: { ...vault, seal: (...parts) => sealing(...parts) } });
    let sealing: typeof vault.seal = vault.seal;
    await session.signIn(signInOptions);
    const held = Promise.withResolvers<void>();
    sealing = async (name, ...rest) => {
      if (name === 'session-acme') {
        sealing = vault.seal;
        await held.promise;
      }
      return vault.seal(name, ...rest);
    };
    await clock.advance(minutes(30));
    expect(idp.refreshes).toHaveLength(1);
    idp.identity = bob;
    const signedIn = session.signIn(signInOptions);
    await clock.advance(seconds(1));
    held.resolve();
    expect((await signedIn).identity?.username).toBe('bob@example.com');
    kill();
    const { session: next } = start();
    await next.resume();
    expect(next.view()).toMatchObject({ phase: 'signed-in', identity: { username: 'bob@example.com' } });
  });

  it('works while the disk is full: the session lives in memory, says so, and is written once there is room', async () => {
    const { start, disk, clock } = setting();
    const { session } = start();
    disk.full();
    expect(await session.signIn(signInOptions)).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'DISK_FULL' } });
    disk.mend();
    await clock.advance(5_000);
    expect(session.view().renewalProblem).toBeNull();
    expect(disk.json('session-acme')).toMatchObject({ generation: 1 });
  });
});

describe('a provider that gives no refresh token', () => {
  it('makes a session that ends with its token, and nothing is stored', async () => {
    const { start, idp, clock, disk } = setting();
    const { session, ends } = start();
    idp.givesRefreshToken = false;
    const view = await session.signIn(signInOptions);
    expect(view).toMatchObject({ renewable: false, survivesRestart: false, endsAt: new Date(clock.now() + idp.ttl).toISOString() });
    expect(disk.records.size).toBe(0);
    await clock.advance(idp.ttl - 1_000);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('fine');
    expect(await outcome(session.subjectToken({ life: ms(5_000) }))).toBe('SESSION_EXPIRED no-refresh-token');
    await clock.advance(1_000);
    expect(ends).toEqual(['expired']);
    expect(await outcome(session.subjectToken(noNeeds))).toBe('SESSION_EXPIRED no-refresh-token');
    expect(idp.refreshes).toEqual([]);
  });

  it('leaves nothing of the session before it in the vault', async () => {
    const { start, idp, disk } = setting();
    const { session } = start();
    await session.signIn(signInOptions);
    expect(disk.records.size).toBe(1);
    idp.givesRefreshToken = false;
    await session.signIn(signInOptions);
    expect(disk.records.size).toBe(0);
  });
});

describe('the registration of a key at the provider', () => {
  it('begins no session and changes none, whatever is said of it', async () => {
    const { start, idp, audit } = setting();
    const { session } = start();
    expect(await session.registerKey(signInOptions)).toBe('success');
    expect(session.view()).toMatchObject({ phase: 'signed-out', lastFailure: null });
    const before = await session.signIn(signInOptions);
    idp.registers = 'error';
    expect(await session.registerKey(signInOptions)).toBe('error');
    expect(session.view()).toEqual(before);
    expect(audit.of('session.signed-in')).toHaveLength(1);
  });

  it('waits in the place of a sign-in: neither begins beside the other, and either is cancelled', async () => {
    const { start, idp } = setting();
    const { session } = start();
    idp.registers = 'waits';
    const waiting = outcome(session.registerKey(signInOptions));
    expect(session.view()).toMatchObject({ signInWaiting: true });
    expect(await outcome(session.signIn(signInOptions))).toBe('LOGIN_IN_PROGRESS');
    expect(session.cancelSignIn()).toBe(true);
    expect(await waiting).toBe('LOGIN_CANCELLED');
    idp.signInFails = 'waits';
    const signingIn = outcome(session.signIn(signInOptions));
    expect(await outcome(session.registerKey(signInOptions))).toBe('LOGIN_IN_PROGRESS');
    session.cancelSignIn();
    expect(await signingIn).toBe('LOGIN_CANCELLED');
  });

  it('is cancelled by a lock', async () => {
    const { start, idp } = setting();
    const { session } = start();
    idp.registers = 'waits';
    const waiting = outcome(session.registerKey(signInOptions));
    await session.lock();
    expect(await waiting).toBe('LOGIN_CANCELLED');
  });
});
