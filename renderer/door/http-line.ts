/** The line from a page in the browser: calls are POSTs with a bearer, and a stream says that something has changed. */
import { z } from 'zod';
import { type UiCall, type UiInput, type UiOutput, type UiState, uiCalls } from '../../preload/contract/ui.ts';
import { call, failureOf, post, Unreachable } from './call.ts';
import { enter } from './code.ts';
import type { Line } from './line.ts';
import { createWatch, firstPauseMs, longestPauseMs, pause } from './watch.ts';

const eventSchema = z.object({ revision: z.int() });

/** @param code what stood in the address; null: there was none */
export function httpLine(code: string | null): Line {
  let bearer: string | null = null;
  const fetchState = (): Promise<UiState> => call('/v1/state', {}, bearer, uiCalls.state.output);
  const watch = createWatch<UiState>(code === null ? { phase: 'no-code' } : { phase: 'opening' }, fetchState);

  function fail(error: unknown): void {
    const failure = failureOf(error);
    if (failure.code === 'PAGE_REFUSED') watch.show({ phase: 'refused', failure });
    else if (error instanceof Unreachable) watch.show({ phase: 'lost' });
    else throw error;
  }

  /** Resolves when the stream has ended, however it ended. */
  async function listen(): Promise<void> {
    const response = await post('/v1/events', {}, bearer);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) return;
    let text = '';
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (done) return;
      text += value;
      const end = text.lastIndexOf('\n\n');
      if (end === -1) continue;
      const last = text.slice(0, end).split('\n\n').at(-1) ?? '';
      text = text.slice(end + 2);
      if (eventSchema.safeParse(JSON.parse(last.replace(/^data: /, ''))).success) await watch.refresh();
    }
  }

  async function keepListening(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const before = Date.now();
      try {
        await listen();
        watch.show({ phase: 'lost' });
      } catch (error) {
        fail(error);
      }
      if (watch.current().phase === 'refused') return;
      if (Date.now() - before > longestPauseMs) pauseMs = firstPauseMs;
      await pause(pauseMs);
    }
  }

  async function begin(first: string): Promise<void> {
    try {
      bearer = await enter(first);
    } catch (error) {
      return fail(error);
    }
    await keepListening();
  }

  if (code !== null) void begin(code);

  return {
    current: watch.current,
    subscribe: watch.subscribe,
    async ask<N extends UiCall>(name: N, input: UiInput<N>) {
      try {
        return (await call(`/v1/${name}`, input, bearer, uiCalls[name].output)) as UiOutput<N>;
      } catch (error) {
        if (error instanceof Unreachable || failureOf(error).code === 'PAGE_REFUSED') fail(error);
        throw error;
      }
    },
  };
}
