/** What can be asked at the control door. Every answer is a view from `preload/contract/`; the work is done by the agent. */

import { z } from 'zod';
import {
  auditQuerySchema,
  type GrantMade,
  type GrantNews,
  type GrantView,
  grantEndRequestSchema,
  grantRequestSchema,
  type StatusView,
  signInRequestSchema,
  signOutRequestSchema,
  tokenRequestSchema,
} from '../../preload/contract/control.ts';
import type { SessionView, SignOutReport } from '../../preload/contract/session.ts';
import { AppError } from '../app-error.ts';
import { type Route, route } from './door.ts';

/** The agent as its control door sees it. */
export interface ControlledAgent {
  status(): StatusView;
  beginSignIn(profile: string | undefined): Promise<{ profile: string; url: string; browser: 'opened' | 'none' }>;
  /** Waits for the attempt that is under way, or that ended last. */
  signInOutcome(profile: string | undefined): Promise<{ profile: string; session: SessionView }>;
  cancelSignIn(profile: string | undefined): boolean;
  signOut(profile: string | undefined): Promise<SignOutReport[]>;
  makeGrant(request: z.output<typeof grantRequestSchema>): Promise<GrantMade>;
  grants(): GrantView[];
  endGrants(request: z.output<typeof grantEndRequestSchema>): Promise<number>;
  /** Calls `send` for every refusal of the grant and once for its end; resolves when the grant has ended or `signal` aborts. */
  followGrant(id: string, send: (news: GrantNews) => void, signal: AbortSignal): Promise<void>;
  token(request: z.output<typeof tokenRequestSchema>): Promise<unknown>;
  auditTail(limit: number): Promise<{ folder: string; records: unknown[] }>;
  stop(): void;
}

const nothing = z.strictObject({});

/** The table of the control door: method, path, what it takes, what it does. */
export const controlRoutes = (agent: ControlledAgent): Route[] => [
  route('GET', '/v1/status', nothing, () => ({ json: agent.status() })),
  route('POST', '/v1/sign-in', signInRequestSchema, async ({ input }) => ({ json: await agent.beginSignIn(input.profile) })),
  route('GET', '/v1/sign-in', signInRequestSchema, async ({ input }) => ({ json: await agent.signInOutcome(input.profile) })),
  route('POST', '/v1/sign-in/cancel', signInRequestSchema, ({ input }) => ({ json: { cancelled: agent.cancelSignIn(input.profile) } })),
  route('POST', '/v1/sign-out', signOutRequestSchema, async ({ input }) => ({ json: { reports: await agent.signOut(input.profile) } })),
  route('GET', '/v1/grants', nothing, () => ({ json: { grants: agent.grants() } })),
  route('POST', '/v1/grants', grantRequestSchema, async ({ input }) => ({ json: await agent.makeGrant(input) })),
  route('POST', '/v1/grants/end', grantEndRequestSchema, async ({ input }) => ({ json: { ended: await agent.endGrants(input) } })),
  route('GET', '/v1/grants/news/', nothing, ({ rest }) => {
    const [id, ...more] = rest;
    if (id === undefined || more.length > 0) throw new AppError('ROUTE_UNKNOWN', { reason: 'route' });
    return { lines: (send, signal) => agent.followGrant(id, send, signal) };
  }),
  route('POST', '/v1/token', tokenRequestSchema, async ({ input }) => ({ json: await agent.token(input) })),
  route('GET', '/v1/audit', auditQuerySchema, async ({ input }) => ({ json: await agent.auditTail(input.limit) })),
  route('POST', '/v1/stop', nothing, () => ({ json: { stopping: true }, afterwards: () => agent.stop() })),
];
