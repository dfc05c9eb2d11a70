import { describe, expect, it } from 'vitest';
import { no } from '../../fakes/strict-gate.ts';
import { TOKEN_MARK } from '../../fakes/token-source.ts';
import { openRoute } from './route.ts';

describe('the look at who holds a connection', () => {
  it('comes after the first answer with a token, off its path, and names both ends', async () => {
    const { gate, ask, clock } = openRoute();
    const { connection, answer } = ask();
    expect(answer?.status).toBe(200);
    expect(gate.looks).toEqual([]);
    await clock.advance(100);
    expect(gate.looks).toEqual([{ grant: 'g1', caller: connection.caller, peer: connection.peer }]);
  });

  it('comes again every thirty seconds at most, while tokens leave', async () => {
    const { gate, ask, connect, clock } = openRoute();
    const connection = connect();
    for (let second = 0; second < 120; second++) {
      ask(undefined, connection);
      await clock.advance(1000);
    }
    expect(gate.looks).toHaveLength(4);
    await clock.advance(600_000);
    expect(gate.looks).toHaveLength(4);
  });

  it('comes for each connection', async () => {
    const { gate, ask, clock } = openRoute();
    for (let n = 0; n < 3; n++) ask();
    await clock.advance(100);
    expect(gate.looks).toHaveLength(3);
  });

  it('does not come for a request that was refused', async () => {
    const { gate, ask, clock } = openRoute();
    gate.says = () => no('POLICY_DENIED');
    ask();
    await clock.advance(60_000);
    expect(gate.looks).toEqual([]);
  });

  it('ends a connection that a stranger holds too, and leaves the answer alone', async () => {
    const { gate, ask, clock } = openRoute();
    gate.sole = async () => false;
    const { connection, answer } = ask();
    await clock.advance(100);
    expect(connection.socket.destroyed).toBe(true);
    expect(answer?.json.access_token).toContain(TOKEN_MARK);
  });

  it('ends no connection that its program holds alone', async () => {
    const { ask, clock } = openRoute();
    const { connection } = ask();
    await clock.advance(60_000);
    expect(connection.socket.destroyed).toBe(false);
  });

  it('ends a connection of which nobody can say who holds it', async () => {
    const { gate, ask, clock, logged } = openRoute();
    gate.sole = async () => {
      throw new RangeError('oops');
    };
    const { connection } = ask();
    await clock.advance(100);
    expect(connection.socket.destroyed).toBe(true);
    expect(logged).toEqual(['broker.internal {"at":"holders","error":"RangeError"}']);
  });

  it('is left out for a grant that has ended meanwhile', async () => {
    const { gate, ask, end, clock } = openRoute();
    ask();
    end('revoked');
    await clock.advance(100);
    expect(gate.looks).toEqual([]);
  });
});
