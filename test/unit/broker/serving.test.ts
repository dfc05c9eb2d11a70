import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createServing, leaseEnd } from '../../../main/broker/serving.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import type { MintedToken } from '../../../main/databricks/minted-token.ts';
import type { Grant } from '../../../main/grant/grants.ts';
import { Secret } from '../../../main/secret.ts';
import { type EpochMs, hours, later, minutes, ms, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

const TOKEN = 'dapi-marked-token';

function setUp({ life = minutes(60), lease = seconds(300) } = {}) {
  const clock = fakeClock();
  const audit = recordingAudit();
  const used: string[] = [];
  const bodies: string[] = [];
  const serving = createServing({
    clock,
    audit,
    lease: () => lease,
    grants: { used: ({ id }) => void used.push(id) },
    onUse: (profile) => void used.push(profile),
    log: () => undefined,
  });
  const grant = { id: 'g1', profile: 'acme', workspace: 'https://w', scopes: ['sql'] } as unknown as Grant;
  const mint = (text = TOKEN): MintedToken => ({
    subject: '00u1',
    requestId: '00000000000000aa',
    token: new Secret(text),
    scopes: ['sql'],
    mintedAt: clock.now(),
    expiresAt: later(clock.now(), life),
  });
  const response = {
    writeHead: () => undefined,
    // The record must be there before the first byte leaves.
    end: (body: string) => void bodies.push(`${audit.of('token.served').length} ${body}`),
  } as unknown as ServerResponse;
  const answer = (minted: MintedToken, atMost = hours(1), executable = '/usr/bin/python3') =>
    serving.handOut(grant, serving.prepare(grant, minted, atMost, runningFrom(executable)), response);
  const answers = () => bodies.map((text) => JSON.parse(text.slice(text.indexOf(' '))) as { access_token: string; expires_on: number });
  return { clock, audit, used, bodies, serving, grant, mint, answer, answers };
}

const runningFrom = (executable: string): Caller => ({
  ...unknownCaller,
  kind: 'program',
  process: { pid: 1, startTicks: 1, uid: 1, executable, commandLine: null, folder: null, cgroup: null },
});

describe('handing out a token', () => {
  it('writes a record of a token before its first answer leaves', () => {
    const { audit, mint, answer, bodies } = setUp();
    answer(mint());
    expect(bodies[0]).toMatch(/^1 /);
    expect(audit.of('token.served')).toEqual([
      {
        type: 'token.served',
        grant: 'g1',
        workspace: 'https://w',
        scopes: ['sql'],
        expiresAt: '2026-01-05T10:00:00.000Z',
        lease: '2026-01-05T09:05:00.000Z',
        fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
        requestId: '00000000000000aa',
        caller: '/usr/bin/python3',
        callerKind: 'program',
      },
    ]);
    expect(JSON.stringify(audit.events)).not.toContain(TOKEN);
  });

  it('writes a record of every program that gets the token, one for each', () => {
    const { audit, mint, answer } = setUp();
    const minted = mint();
    for (const executable of ['/usr/bin/python3', '/usr/bin/R', '/usr/bin/python3', '/usr/bin/R']) answer(minted, hours(1), executable);
    expect(audit.of('token.served').map(({ caller }) => caller)).toEqual(['/usr/bin/python3', '/usr/bin/R']);
  });

  it('hands out nothing to another program when its record cannot be written', () => {
    const { audit, mint, answer, bodies } = setUp();
    const minted = mint();
    answer(minted);
    audit.fail();
    expect(() => answer(minted, hours(1), '/usr/bin/R')).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    expect(bodies).toHaveLength(1);
  });

  it('hands out nothing when that record cannot be written', () => {
    const { audit, mint, answer, bodies, used } = setUp();
    const minted = mint();
    audit.fail();
    expect(() => answer(minted)).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    expect(bodies).toEqual([]);
    expect(used).toEqual([]);
    audit.mend();
    answer(minted);
    expect(audit.of('token.served')).toHaveLength(1);
  });

  it('counts further answers with the same token and writes them once a minute', async () => {
    const { clock, audit, mint, answer } = setUp();
    const minted = mint();
    for (let n = 0; n < 100; n++) answer(minted);
    expect(audit.of('token.served-again')).toEqual([]);
    await clock.advance(60_000);
    expect(audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: 'g1', count: 99 }]);
    await clock.advance(600_000);
    expect(audit.of('token.served-again')).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('writes a new record for each new token, and the count of the one before', () => {
    const { audit, mint, answer } = setUp();
    const first = mint();
    answer(first);
    answer(first);
    answer(mint('another'));
    expect(audit.events.map(({ type }) => type)).toEqual(['token.served', 'token.served-again', 'token.served']);
    expect(new Set(audit.of('token.served').map(({ fingerprint }) => fingerprint)).size).toBe(2);
  });

  it('hands out no more once the minute’s count could not be written, and goes on when it can', async () => {
    const { clock, audit, mint, answer, bodies } = setUp();
    const minted = mint();
    answer(minted);
    answer(minted);
    audit.fail();
    await clock.advance(60_000);
    expect(() => answer(minted)).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    expect(bodies).toHaveLength(2);
    audit.mend();
    answer(minted);
    expect(audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: 'g1', count: 1 }]);
  });

  it('writes what is left when it is closed', () => {
    const { audit, mint, answer, serving, clock } = setUp();
    const minted = mint();
    answer(minted);
    answer(minted);
    serving.close();
    expect(audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: 'g1', count: 1 }]);
    expect(clock.pending).toBe(0);
  });

  it('lets a client keep an answer for one lease, counted from each answer', async () => {
    const { clock, mint, answer, answers } = setUp();
    const minted = mint();
    const start = clock.now() / 1000;
    answer(minted);
    await clock.advance(999);
    answer(minted);
    await clock.advance(1);
    answer(minted);
    expect(answers().map(({ expires_on }) => expires_on - start)).toEqual([300, 300, 301]);
  });

  it('never lets a client keep a token beyond its own end', () => {
    const { clock, mint, answer, answers } = setUp({ life: ms(20_500) });
    answer(mint());
    expect(answers()[0]?.expires_on).toBe(clock.now() / 1000 + 20);
  });

  it('lets a client keep an answer no longer than the leave it was given on, whichever of two callers asks', () => {
    const { mint, answer, answers, clock } = setUp();
    const minted = mint();
    for (const atMost of [seconds(60), hours(1), seconds(60)]) answer(minted, atMost);
    expect(answers().map(({ expires_on }) => expires_on - clock.now() / 1000)).toEqual([60, 300, 60]);
  });

  it('counts in whole seconds, rounded down', () => {
    expect(leaseEnd(1_999 as EpochMs, 9_999_999 as EpochMs, seconds(60))).toBe(61);
  });

  it('tells the grant and the profile that they were used', () => {
    const { mint, answer, used } = setUp();
    answer(mint());
    expect(used).toEqual(['g1', 'acme']);
  });
});

describe('letting go of every token', () => {
  it('writes what was counted, and begins anew with a record of its own', () => {
    const { audit, mint, answer, serving, answers } = setUp();
    const minted = mint();
    for (let n = 0; n < 3; n += 1) answer(minted);
    serving.forgetAll();
    expect(audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: 'g1', count: 2 }]);
    answer(minted);
    expect(audit.of('token.served')).toHaveLength(2);
    expect(answers()).toHaveLength(4);
  });

  it('keeps the count that the log could not take, and none of the token', async () => {
    const { audit, mint, answer, serving, clock } = setUp();
    const minted = mint();
    for (let n = 0; n < 3; n += 1) answer(minted);
    audit.fail();
    serving.forgetAll();
    audit.mend();
    await clock.advance(minutes(1));
    expect(audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: 'g1', count: 2 }]);
    answer(minted);
    expect(audit.of('token.served')).toHaveLength(2);
  });
});
