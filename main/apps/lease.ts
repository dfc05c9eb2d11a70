/**
 * The token an app is given, asked of the broker at the grant's own address as any SDK asks: under the same checks, on the same record,
 * and again when the lease is over. It is held in memory and goes into one header.
 */
import { type Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';
import { type FailureCode, failureCodes } from '../../preload/contract/failure.ts';
import { AppError, hasCode } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { Secret } from '../secret.ts';
import { type EpochMs, seconds } from '../units.ts';
import { AppAgent } from './upstream.ts';

export interface Lease {
  /**
   * The token, asked for anew where the lease is over; everybody who waits for one answer shares it.
   *
   * @throws AppError as the broker refuses; AGENT_NOT_RUNNING when it does not answer
   */
  token(): Promise<Secret>;
}

/** Longer than the broker keeps an unknown client waiting. */
const ANSWER_LIMIT = seconds(20);
/** So that what an app is given is not over on its way. */
const BEFORE_END = seconds(5);
const LARGEST_ANSWER = 64 * 1024;

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_on: z.number() });
const refusalAnswer = z.object({ error: z.enum(failureCodes as [FailureCode, ...FailureCode[]]) });

export interface LeaseParts {
  clock: Clock;
  /** The grant URL. */
  url: string;
  /** Origin of the workspace. */
  workspace: string;
  /** A connection to the broker that is known to be one of our own user: after its end anybody could listen there. */
  connect?: () => Promise<Socket>;
}

export function createLease({ clock, url, workspace, connect }: LeaseParts): Lease {
  let held: { token: Secret; until: EpochMs } | undefined;
  let asking: Promise<Secret> | undefined;

  // One of its own: Node's shared one would go through a proxy where the environment names one.
  let agent: Agent | false = false;
  // check: apps-lease-broker
  if (connect !== undefined) agent = new AppAgent(connect);
  // end check

  async function ask(): Promise<Secret> {
    const { status, text } = await answerOf(url, workspace, agent);
    const value = jsonOf(text);
    const refused = refusalAnswer.safeParse(value);
    if (refused.success) throw new AppError(refused.data.error);
    const given = tokenAnswer.safeParse(value);
    // A token is never taken from an answer that is no success.
    if (status !== 200 || !given.success) throw new AppError('INTERNAL', { detail: `The broker answered ${status}.` });
    const token = new Secret(given.data.access_token);
    held = { token, until: (given.data.expires_on * 1000 - BEFORE_END) as EpochMs };
    return token;
  }

  return {
    async token() {
      // check: apps-lease-over
      if (held !== undefined && clock.now() >= held.until) held = undefined;
      // end check
      if (held !== undefined) return held.token;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
  };
}

/** What the connection says is of an app; of the broker it says that the agent is not there. */
const isOurs = (error: unknown): boolean => error instanceof AppError && !hasCode(error, 'APP_NOT_UP', 'APP_NOT_OURS');

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON says nothing, whatever its status.
    return undefined;
  }
}

function answerOf(url: string, workspace: string, agent: Agent | false): Promise<{ status: number; text: string }> {
  const headers = { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': workspace, 'User-Agent': 'lakepass-apps' };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers, agent, timeout: ANSWER_LIMIT }, (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size > LARGEST_ANSWER) outgoing.destroy(new AppError('INTERNAL', { detail: 'The broker answered with more than a token.' }));
        else parts.push(part);
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
      response.once('error', reject);
    });
    outgoing.once('timeout', () => outgoing.destroy(new AppError('DEADLINE_PASSED')));
    outgoing.once('error', (cause) => reject(isOurs(cause) ? cause : new AppError('AGENT_NOT_RUNNING', { cause })));
    outgoing.end();
  });
}
