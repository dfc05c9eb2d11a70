/** Answers of the agent, as the screens that ask for them see them. */
import { describe, expect, it } from 'vitest';
import { failureTexts } from '../../../preload/contract/failure.ts';
import { answerOf } from '../../../renderer/door/answer.ts';
import { Refused, Unreachable } from '../../../renderer/door/call.ts';

const fetched = { data: undefined, error: null, isFetching: true, refetch: () => undefined };
const locked = new Refused({ code: 'LOCKED', ...failureTexts.LOCKED });

describe('an answer', () => {
  it('is awaited until it is there or failed', () => {
    expect(answerOf(fetched)).toEqual({ phase: 'loading' });
  });

  it('that failed says how, and can be asked for again', () => {
    let asked = 0;
    const answer = answerOf({ ...fetched, error: locked, isFetching: false, refetch: () => asked++ });
    expect(answer).toMatchObject({ phase: 'failed', failure: { code: 'LOCKED' } });
    if (answer.phase === 'failed') answer.retry();
    expect(asked).toBe(1);
  });

  it('that is there stays when it cannot be brought up to date, and says so', () => {
    const old = { limits: 1 };
    expect(answerOf({ ...fetched, data: old })).toMatchObject({ phase: 'ready', value: old, failure: null });
    expect(answerOf({ ...fetched, data: old, error: new Unreachable('gone') })).toMatchObject({
      phase: 'ready',
      value: old,
      failure: { code: 'AGENT_NOT_RUNNING' },
    });
  });
});
