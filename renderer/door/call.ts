/** One call to the pages door of our own origin: JSON out, an answer that fits its schema in, or a failure with a code. */
import type { z } from 'zod';
import { type Failure, failureTexts } from '../../preload/contract/failure.ts';
import { pageFailureSchema } from '../../preload/contract/pages.ts';
import { texts } from '../texts.ts';

/** The agent said no. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.code);
    this.failure = failure;
  }
}

/** Nobody answered: the agent is gone, or the door is closed. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export const misunderstood = (): Failure => ({ code: 'INTERNAL', ...failureTexts.INTERNAL, cause: texts.wrongAnswer });

/** @throws Unreachable | Refused */
export async function post(path: string, body: unknown, bearer: string | null, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (bearer !== null) headers['Authorization'] = `Bearer ${bearer}`;
  const response = await fetch(path, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    signal: signal ?? null,
  }).catch((cause: unknown) => {
    throw new Unreachable('no answer', { cause });
  });
  if (response.ok) return response;
  const parsed = pageFailureSchema.safeParse(await response.json().catch(() => null));
  throw new Refused(parsed.success ? parsed.data.failure : misunderstood());
}

/** @throws Unreachable | Refused; INTERNAL where the answer is not what it should be */
export async function call<S extends z.ZodType>(path: string, body: unknown, bearer: string | null, schema: S): Promise<z.output<S>> {
  const response = await post(path, body, bearer);
  const parsed = schema.safeParse(await response.json().catch(() => null));
  if (!parsed.success) throw new Refused(misunderstood());
  return parsed.data;
}

/** What to show for anything a call throws. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Refused) return error.failure;
  if (error instanceof Unreachable) return { code: 'AGENT_NOT_RUNNING', ...failureTexts.AGENT_NOT_RUNNING };
  return misunderstood();
}
