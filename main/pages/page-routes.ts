/** What the pages can ask for: each call of the UI at the UI's host, and the few of the ceremony page at its own. The work is done by the agent. */
import { z } from 'zod';
import { ceremonyFinishedSchema, ceremonyFinishSchema, ceremonyOptionsSchema, ceremonyViewSchema } from '../../preload/contract/pages.ts';
import { type UiCall, uiCallNames, uiCalls } from '../../preload/contract/ui.ts';
import type { Caller } from '../caller/caller.ts';
import type { PageHost } from './entries.ts';
import type { PagesAgent } from './pages.ts';
import { callUi } from './ui-agent.ts';

export interface PageCall<Input> {
  input: Input;
  by: Caller;
  /** What the bearer is bound to; empty on the UI's host. */
  ticket: string;
  /** The bearer dies once the answer has left. */
  leave: () => void;
}

export interface PageRoute {
  host: PageHost;
  /** What the door takes; the rest is turned away by it. */
  input: z.ZodType;
  run: (call: PageCall<never>) => unknown;
}

/** What a route takes that takes nothing. */
export const nothing = z.strictObject({});

/** Types a route's `run` by its schema; the table itself holds routes of every shape. */
const route = <S extends z.ZodType>(host: PageHost, input: S, run: (call: PageCall<z.output<S>>) => unknown): PageRoute => ({
  host,
  input,
  run: run as PageRoute['run'],
});

/** A body is parsed at the door, so that it can turn a wrong one away, and again on the one way in that every host takes. */
const uiRoute = (agent: PagesAgent, name: UiCall): [string, PageRoute] => [
  `/v1/${name}`,
  route('ui', uiCalls[name].input, ({ input, by }) => callUi(agent.ui, name, input, by)),
];

/** Answers pass through the contract's schemas on their way out: what these do not name does not leave. */
export function pageRoutes(agent: PagesAgent, door: { ceremonyOrigin: () => string }): ReadonlyMap<string, PageRoute> {
  return new Map<string, PageRoute>([
    ...uiCallNames.map((name) => uiRoute(agent, name)),
    ['/v1/ceremony', route('ceremony', nothing, ({ ticket }) => ceremonyViewSchema.parse(agent.ceremony(ticket)))],
    [
      '/v1/ceremony/options',
      route('ceremony', nothing, async ({ ticket }) =>
        ceremonyOptionsSchema.parse(await agent.ceremonyOptions(ticket, door.ceremonyOrigin())),
      ),
    ],
    [
      '/v1/ceremony/finish',
      route('ceremony', ceremonyFinishSchema, async ({ input, ticket, by, leave }) => {
        const finished = ceremonyFinishedSchema.parse(await agent.finishCeremony(ticket, input, by));
        if (finished.done) leave();
        return finished;
      }),
    ],
    [
      '/v1/ceremony/refuse',
      route('ceremony', nothing, ({ ticket, leave }) => {
        agent.refuseCeremony(ticket);
        leave();
        return {};
      }),
    ],
  ]);
}
