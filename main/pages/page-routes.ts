/** What the pages can ask for, in one table: at which host, what it takes, what it does. The work is done by the agent. */
import { z } from 'zod';
import { grantViewSchema } from '../../preload/contract/control.ts';
import {
  answerRequestSchema,
  ceremonyFinishedSchema,
  ceremonyFinishSchema,
  ceremonyOptionsSchema,
  ceremonyRequestSchema,
  ceremonyViewSchema,
  profileRequestSchema,
  renameRequestSchema,
  revokeRequestSchema,
  shownRequestSchema,
  snoozeRequestSchema,
  uiStateSchema,
  widenPageRequestSchema,
} from '../../preload/contract/pages.ts';
import { signOutReportSchema } from '../../preload/contract/session.ts';
import type { Caller } from '../caller/caller.ts';
import type { PageHost } from './entries.ts';
import type { PagesAgent } from './pages.ts';

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
  input: z.ZodType;
  run: (call: PageCall<never>) => unknown;
}

/** What a route takes that takes nothing. */
export const nothing = z.strictObject({});
const reports = z.array(signOutReportSchema);

/** Types a route's `run` by its schema; the table itself holds routes of every shape. */
const route = <S extends z.ZodType>(host: PageHost, input: S, run: (call: PageCall<z.output<S>>) => unknown): PageRoute => ({
  host,
  input,
  run: run as PageRoute['run'],
});

/** Answers pass through the contract's schemas on their way out: what these do not name does not leave. */
export function pageRoutes(
  agent: PagesAgent,
  door: { ceremonyUrl: (ticket: string) => Promise<URL>; ceremonyOrigin: () => string },
): ReadonlyMap<string, PageRoute> {
  const done = async (work: unknown): Promise<Record<string, never>> => {
    await work;
    return {};
  };
  return new Map<string, PageRoute>([
    ['/v1/state', route('ui', nothing, () => uiStateSchema.parse(agent.uiState()))],
    ['/v1/shown', route('ui', shownRequestSchema, ({ input }) => done(agent.shown(input.ask)))],
    ['/v1/answer', route('ui', answerRequestSchema, ({ input, by }) => done(agent.answer(input, by)))],
    [
      '/v1/ceremony/begin',
      route('ui', ceremonyRequestSchema, async ({ input, by }) => {
        const url = await door.ceremonyUrl(await agent.beginCeremony(input, by));
        return { url: url.href };
      }),
    ],
    ['/v1/snooze', route('ui', snoozeRequestSchema, ({ input }) => done(agent.snooze(input.minutes)))],
    ['/v1/attend', route('ui', nothing, ({ by }) => done(agent.attend(by)))],
    ['/v1/revoke', route('ui', revokeRequestSchema, async ({ input }) => ({ ended: await agent.revoke(input.ids) }))],
    [
      '/v1/widen',
      route('ui', widenPageRequestSchema, ({ input, by }) => grantViewSchema.parse(agent.askToWiden(input.grant, input.scopes, by))),
    ],
    ['/v1/lock', route('ui', nothing, () => done(agent.lock()))],
    ['/v1/keys/rename', route('ui', renameRequestSchema, ({ input }) => done(agent.renameKey(input.key, input.name)))],
    ['/v1/sign-in', route('ui', profileRequestSchema, async ({ input }) => ({ url: (await agent.beginSignIn(input.profile)).url }))],
    ['/v1/sign-in/cancel', route('ui', profileRequestSchema, ({ input }) => ({ cancelled: agent.cancelSignIn(input.profile) }))],
    [
      '/v1/sign-out',
      route('ui', profileRequestSchema, async ({ input }) => ({ reports: reports.parse(await agent.signOut(input.profile)) })),
    ],
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
