/** The gate's leave, as the metadata route keeps to it. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { hours, minutes, seconds } from '../../../main/units.ts';
import type { FailureCode } from '../../../preload/contract/failure.ts';
import { no, yes } from '../../fakes/strict-gate.ts';
import { TOKEN_MARK } from '../../fakes/token-source.ts';
import { openRoute } from './route.ts';

describe('a request for a token', () => {
  it('is answered in the same turn where the gate gives leave and the token is at hand', () => {
    const { gate, ask } = openRoute();
    const { connection, answer } = ask();
    expect(answer?.json.access_token).toBe(`${TOKEN_MARK}-1-sql`);
    expect(gate.asked).toEqual([{ grant: 'g1', caller: connection.caller }]);
    expect(gate.usedFor).toEqual([{ grant: 'g1', caller: connection.caller }]);
  });

  it('asks the gate at each request of a connection, about the program that opened it', async () => {
    const { gate, ask, connect, clock } = openRoute();
    const connection = connect();
    for (let n = 0; n < 3; n++) {
      ask(undefined, connection);
      await clock.advance(0);
    }
    ask();
    expect(gate.asked.map(({ caller }) => caller === connection.caller)).toEqual([true, true, true, false]);
  });

  it('is timed where it could not be answered at once, with the id of the token it got, and never where it could', async () => {
    const { tokens, ask, clock, timed, gate } = openRoute();
    ask();
    expect(timed).toEqual([]);
    tokens.mode = 'slow';
    ask();
    await clock.advance(700);
    tokens.release();
    await clock.advance(0);
    const about = { what: 'token', profile: 'acme', workspace: 'https://acme.cloud.databricks.com', scopes: ['sql'] };
    expect(timed).toEqual([{ ...about, requestId: '0000000000000001', endedAt: clock.now(), tookMs: 700, code: null }]);
    tokens.mode = new AppError('WORKSPACE_BUSY');
    ask();
    await clock.advance(0);
    expect(timed[1]).toMatchObject({ requestId: null, code: 'WORKSPACE_BUSY' });
    expect(gate.asked.length).toBeGreaterThan(2);
  });

  it('is made in the name of the AI agent that the grant is for, and of none where it is for a person', async () => {
    const { tokens, ask, clock, grant } = openRoute();
    tokens.mode = 'mint';
    ask();
    await clock.advance(0);
    Object.assign(grant, { maker: { ...grant.maker, aiAgent: 'claude' } });
    ask();
    await clock.advance(0);
    expect(tokens.agents).toEqual([undefined, 'claude']);
  });

  it.each<FailureCode>(['CALLER_REFUSED', 'POLICY_DENIED', 'CONSENT_DENIED', 'LOCKED', 'AWAY'])(
    'is refused as the gate refuses (%s), and nothing is asked of a workspace',
    (code) => {
      const { gate, audit, ask, tokens, refused } = openRoute();
      gate.says = () => no(code);
      expect(ask().answer).toMatchObject({ status: 403, json: { error: code } });
      expect(refused).toEqual([code]);
      expect(audit.events).toEqual([
        expect.objectContaining({ type: 'token.refused', grant: 'g1', code, caller: expect.any(String), count: 1 }),
      ]);
      expect(tokens.asked).toBe(0);
      expect(gate.usedFor).toEqual([]);
    },
  );

  it.each(['revoked', 'expired'] as const)('never reaches the gate on a grant that is %s', (state) => {
    const { gate, ask, end } = openRoute();
    end(state);
    expect(ask().answer?.json.error).toBe(`GRANT_${state.toUpperCase()}`);
    expect(gate.asked).toEqual([]);
  });

  it('never reaches the gate when its profile is gone, so that nobody is asked in vain', () => {
    const { gate, ask } = openRoute({ profile: 'gone' });
    expect(ask().answer?.json.error).toBe('PROFILE_UNKNOWN');
    expect(gate.asked).toEqual([]);
  });

  it('is refused as a bug when the gate has one', () => {
    const { gate, ask, logged } = openRoute();
    gate.says = () => {
      throw new TypeError('oops');
    };
    expect(ask().answer).toMatchObject({ status: 500, json: { error: 'INTERNAL' } });
    expect(logged).toEqual(['broker.internal {"at":"metadata","error":"TypeError"}']);
  });

  it('keeps its one answer when something goes wrong behind it', () => {
    const { gate, ask, logged } = openRoute();
    gate.used = () => {
      throw new TypeError('oops');
    };
    expect(ask().answer?.json.access_token).toContain(TOKEN_MARK);
    expect(logged).toEqual(['broker.internal {"at":"answered","error":"TypeError"}']);
  });

  it.each([
    ['the leave', seconds(60), 60],
    ['the profile', hours(1), 300],
  ])('may be kept as long as the shorter lease says, that of %s', (_, lease, expected) => {
    const { gate, ask, clock } = openRoute();
    gate.says = () => yes({ lease });
    expect(ask().answer?.json.expires_on).toBe(clock.now() / 1000 + expected);
  });
});

describe('a token that policy finds too long-lived', () => {
  it.each(['cached', 'mint'] as const)('is refused, for its whole life and not for what is left of it (%s)', async (mode) => {
    const { gate, ask, tokens, clock, audit } = openRoute({ life: minutes(60) });
    tokens.mode = mode;
    gate.says = () => yes({ maxTokenLife: minutes(59) });
    for (const wait of [0, minutes(50)]) {
      await clock.advance(wait);
      const asked = ask();
      await clock.advance(0);
      expect(asked.answer).toMatchObject({ status: 403, json: { error: 'TOKEN_LIVES_TOO_LONG' } });
      expect(asked.text).not.toContain(TOKEN_MARK);
    }
    expect(audit.of('token.served')).toEqual([]);
  });

  it('is not one that lives just as long as policy allows', () => {
    const { gate, ask } = openRoute({ life: minutes(60) });
    gate.says = () => yes({ maxTokenLife: minutes(60) });
    expect(ask().answer?.status).toBe(200);
  });
});

describe('a token that must not leave before its record is on the disk', () => {
  function slowDisk() {
    const route = openRoute();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    route.audit.synced = () => promise;
    route.gate.says = () => yes({ failClosed: true });
    return { ...route, diskDone: resolve, diskFails: reject };
  }

  it.each(['cached', 'mint'] as const)('waits for the disk, however it was come by (%s)', async (mode) => {
    const { ask, clock, tokens, diskDone, gate } = slowDisk();
    tokens.mode = mode;
    const asked = ask();
    await clock.advance(seconds(5));
    expect(asked.text).toBe('');
    expect(gate.usedFor).toEqual([]);
    diskDone();
    await clock.advance(0);
    expect(asked.answer?.json.access_token).toContain(TOKEN_MARK);
    expect(asked.recordsBefore).toBe(1);
    expect(gate.usedFor).toHaveLength(1);
  });

  it('is recorded once for each time it leaves', async () => {
    const { ask, clock, audit, diskDone } = slowDisk();
    diskDone();
    for (let n = 0; n < 3; n++) {
      ask();
      await clock.advance(0);
    }
    await clock.advance(minutes(1));
    expect(audit.of('token.served')).toHaveLength(1);
    expect(audit.of('token.served-again').map(({ count }) => count)).toEqual([2]);
  });

  it('stays when the disk does not take the record', async () => {
    const { ask, clock, audit } = slowDisk();
    audit.synced = async () => {
      audit.fail();
      audit.append({ type: 'agent.stopped', reason: 'never written' });
    };
    const asked = ask();
    await clock.advance(0);
    expect(asked.answer).toMatchObject({ status: 503, json: { error: 'AUDIT_UNWRITABLE' } });
    expect(asked.text).not.toContain(TOKEN_MARK);
  });

  it('stays when the disk hangs for longer than a client waits', async () => {
    const { ask, clock } = slowDisk();
    const asked = ask();
    await clock.advance(seconds(8));
    expect(asked.answer).toMatchObject({ status: 503, json: { error: 'DEADLINE_PASSED' } });
  });

  it.each([
    ['the grant ends', 'GRANT_REVOKED', ({ end }: ReturnType<typeof slowDisk>) => end('revoked')],
    ['Lakepass is locked', 'LOCKED', ({ gate }: ReturnType<typeof slowDisk>) => void Object.assign(gate, { says: () => no('LOCKED') })],
  ])('stays when %s meanwhile', async (_, code, happen) => {
    const route = slowDisk();
    const asked = route.ask();
    await route.clock.advance(0);
    happen(route);
    route.diskDone();
    await route.clock.advance(0);
    expect(asked.answer).toMatchObject({ status: 403, json: { error: code } });
    expect(asked.text).not.toContain(TOKEN_MARK);
  });
});

describe('a token that has to be minted', () => {
  it('does not leave on the leave of before: the gate is asked again', async () => {
    const { gate, ask, clock, tokens } = openRoute();
    tokens.mode = 'slow';
    const asked = ask();
    await clock.advance(seconds(1));
    gate.says = () => no('LOCKED');
    tokens.release();
    await clock.advance(0);
    expect(asked.answer).toMatchObject({ status: 403, json: { error: 'LOCKED' } });
    expect(asked.text).not.toContain(TOKEN_MARK);
    expect(gate.asked).toHaveLength(2);
  });

  it('says that the grant has expired when that is why it does not leave', async () => {
    const { ask, clock, tokens, end } = openRoute();
    tokens.mode = 'slow';
    const asked = ask();
    await clock.advance(seconds(1));
    end('expired');
    tokens.release();
    await clock.advance(0);
    expect(asked.answer?.json.error).toBe('GRANT_EXPIRED');
  });

  it('is not asked about at the gate when its client has gone', async () => {
    const { gate, ask, clock, tokens, audit, refused } = openRoute();
    tokens.mode = 'slow';
    const asked = ask();
    await asked.hangUp();
    tokens.release();
    await clock.advance(0);
    expect(gate.asked).toHaveLength(1);
    expect(audit.of('token.served')).toEqual([]);
    expect(refused).toEqual([]);
  });
});
