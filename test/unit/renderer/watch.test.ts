/** The line from a window to an app that is slow to start: it waits, and never keeps the answer from arriving. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createWatch, firstPauseMs, tryUntilOpen } from '../../../renderer/door/watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Fetching of which the test says when, and with what, each ends. */
function slowFetch() {
  const asked: PromiseWithResolvers<unknown>[] = [];
  const fetch = (): Promise<unknown> => {
    const next = Promise.withResolvers<unknown>();
    asked.push(next);
    return next.promise;
  };
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
  return { asked, fetch, settle };
}

describe('what is shown', () => {
  it('is fetched before whoever asked while another fetch was on its way hears that it is', async () => {
    const { asked, fetch, settle } = slowFetch();
    const watch = createWatch({ phase: 'opening' }, fetch);
    const heard: string[] = [];
    void watch.refresh().then(() => heard.push('first'));
    void watch.refresh().then(() => heard.push('second'));
    await settle();
    expect(heard).toEqual([]);
    asked[0]?.resolve('before the change');
    await settle();
    expect(watch.current()).toEqual({ phase: 'open', state: 'before the change' });
    expect(heard).toEqual([]);
    asked[1]?.resolve('after it');
    await settle();
    expect(watch.current()).toEqual({ phase: 'open', state: 'after it' });
    expect(heard).toEqual(['first', 'second']);
    expect(asked).toHaveLength(2);
  });

  it('that cannot be fetched is said to all who asked, and the next one fetches anew', async () => {
    const { asked, fetch, settle } = slowFetch();
    const watch = createWatch({ phase: 'opening' }, fetch);
    const both = Promise.allSettled([watch.refresh(), watch.refresh()]);
    asked[0]?.reject(new Error('not there'));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    void watch.refresh();
    asked[1]?.resolve('there');
    await settle();
    expect(watch.current()).toEqual({ phase: 'open', state: 'there' });
  });
});

describe('a window of an app that is slow to start', () => {
  it('asks again after a pause, once for a change that it is told of in between, and shows the first answer', async () => {
    const { asked, fetch, settle } = slowFetch();
    const watch = createWatch<unknown>({ phase: 'opening' }, fetch);
    const { keepTrying, lose } = tryUntilOpen(watch);
    void keepTrying();
    asked[0]?.reject(new Error('nobody answers yet'));
    await settle();
    expect(watch.current()).toEqual({ phase: 'lost' });
    void watch.refresh().catch(lose);
    // What was asked for by the change is still on its way when the pause is over.
    await vi.advanceTimersByTimeAsync(firstPauseMs);
    expect(asked).toHaveLength(2);
    asked[1]?.resolve('there');
    await settle();
    expect(watch.current()).toEqual({ phase: 'open', state: 'there' });
  });
});
