/**
 * The UI's line to the agent: one value says how it stands. The agent says over a stream that something changed; the state is then
 * fetched whole, one fetch at a time. When the line breaks nothing old is shown, and it is tried again with the same bearer.
 */
import { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { type UiCall, type UiInput, type UiOutput, type UiState, uiCalls } from '../../preload/contract/ui.ts';
import { call, failureOf, post, Unreachable } from './call.ts';
import { enter } from './code.ts';

export type Connection =
  | { phase: 'opening' }
  | { phase: 'no-code' }
  | { phase: 'refused'; failure: Failure }
  | { phase: 'open'; state: UiState }
  | { phase: 'lost' };

export interface Line {
  current(): Connection;
  subscribe(listener: () => void): () => void;
  /** One call of the UI. A refused bearer closes the page; no answer at all means that the line is lost. @throws Unreachable | Refused */
  ask<N extends UiCall>(name: N, input: UiInput<N>): Promise<UiOutput<N>>;
}

const firstPauseMs = 500;
const longestPauseMs = 8000;
const eventSchema = z.object({ revision: z.int() });

/** @param code what stood in the address; null: there was none */
export function openLine(code: string | null): Line {
  const listeners = new Set<() => void>();
  let connection: Connection = code === null ? { phase: 'no-code' } : { phase: 'opening' };
  let bearer: string | null = null;
  let fetching = false;
  let again = false;

  function show(next: Connection): void {
    connection = next;
    for (const listener of listeners) listener();
  }

  function fail(error: unknown): void {
    const failure = failureOf(error);
    if (failure.code === 'PAGE_REFUSED') show({ phase: 'refused', failure });
    else if (error instanceof Unreachable) show({ phase: 'lost' });
    else throw error;
  }

  /** One at a time; changes that come meanwhile are one more. */
  async function refresh(): Promise<void> {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      do {
        again = false;
        show({ phase: 'open', state: await call('/v1/state', {}, bearer, uiCalls.state.output) });
      } while (again);
    } finally {
      fetching = false;
    }
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
      if (eventSchema.safeParse(JSON.parse(last.replace(/^data: /, ''))).success) await refresh();
    }
  }

  async function keepListening(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const before = Date.now();
      try {
        await listen();
        show({ phase: 'lost' });
      } catch (error) {
        fail(error);
      }
      if (connection.phase === 'refused') return;
      if (Date.now() - before > longestPauseMs) pauseMs = firstPauseMs;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
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
    current: () => connection,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
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
