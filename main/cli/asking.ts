/** Requests that a person may have to approve: said on the terminal, waited for, and withdrawn when whoever asked goes away. */
import type { Command } from 'commander';
import type { z } from 'zod';
import type { AskView } from '../../preload/contract/consent.ts';
import { AppError } from '../app-error.ts';
import { type Ms, minutes, seconds } from '../units.ts';
import type { AgentClient } from './agent-client.ts';
import { callerText } from './caller-text.ts';
import { secondsOf } from './duration.ts';
import { tell } from './report.ts';

export interface WaitOptions {
  wait?: string;
}

/** A little longer than a request stays open: the agent's own words about its end are worth more than ours. */
const openTime: Ms = minutes(10.5);

export const withWait = (verb: Command): Command =>
  verb.option(
    '--wait <time>',
    'how long to wait for a person to answer: 30s, 5m, 0 to ask nobody; as long as the request is open without it',
  );

/** undefined: nobody may be asked. @throws AppError INPUT_INVALID for a time that is none */
export function waitOf({ wait }: WaitOptions): Ms | undefined {
  if (wait === undefined) return openTime;
  return wait === '0' ? undefined : seconds(secondsOf(wait, 'wait'));
}

type AskingLine = { asking: AskView; url: string | null };

/**
 * Asks, and tells on standard error what a person is asked and where to answer. Our own end, Ctrl-C too, closes the connection, and
 * that withdraws the request.
 *
 * @param outcome picks the answer out of a line; undefined for lines that are none
 * @throws ReportedFailure: the agent or the person said no
 * @throws AppError CONSENT_UNANSWERED: nobody answered within `wait`; the request is withdrawn
 * @throws AppError AGENT_NOT_RUNNING: the agent went away meanwhile
 */
export async function askThrough<S extends z.ZodType, T>(
  agent: AgentClient,
  asked: { path: string; body: unknown; line: S; wait: Ms | undefined },
  outcome: (line: z.output<S>) => T | undefined,
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), asked.wait ?? openTime);
  let answer: T | undefined;
  const hear = (line: z.output<S>): void => {
    answer = outcome(line) ?? answer;
    if (!isAsking(line)) return;
    if (asked.wait === undefined) over.abort();
    else tell(askingText(line));
  };
  try {
    await agent.stream(asked.path, asked.body, asked.line, hear, over.signal);
  } finally {
    clearTimeout(timer);
  }
  if (answer !== undefined) return answer;
  if (over.signal.aborted)
    throw new AppError('CONSENT_UNANSWERED', {
      detail: asked.wait === undefined ? 'With `--wait 0` nobody is asked.' : 'The request was withdrawn.',
    });
  throw new AppError('AGENT_NOT_RUNNING', { detail: 'It went away before the request was answered.' });
}

const isAsking = (line: unknown): line is AskingLine => typeof line === 'object' && line !== null && 'asking' in line;

/** Words that follow "whether". */
const acts: Record<AskView['purpose'], string> = {
  create: 'may have a grant',
  widen: 'may widen its grant',
  use: 'may use a grant made for another program',
  policy: 'the changed policy holds',
  profile: 'the changed configuration holds',
  'key-add': 'a tap key is added',
  'key-remove': 'a tap key is removed',
  unlock: 'the vault is opened',
  seal: 'the vault is sealed anew',
  enroll: 'another company, or none, manages this device',
};
const aboutPrograms: readonly AskView['purpose'][] = ['create', 'widen', 'use'];

/** What is asked, without where to answer. */
export function questionText(ask: AskView): string {
  const about = aboutPrograms.includes(ask.purpose) ? `${callerText(ask.caller)} ` : '';
  const scopes = ask.scopes.length === 0 ? '' : `: ${ask.scopes.join(' ')}`;
  const where = ask.workspace === null ? '' : ` on ${ask.workspace}`;
  return `whether ${about}${acts[ask.purpose]}${scopes}${where}`;
}

/** One line for a terminal: what is asked and where to answer it. */
export function askingText({ asking, url }: AskingLine): string {
  const how = asking.approval === 'tap' ? 'touch a tap key' : 'answer';
  return `you are asked ${questionText(asking)}; ${how} at ${url ?? 'the window or page of Lakepass that is open, or with `lakepass ui`'}`;
}
