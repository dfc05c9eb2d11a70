/**
 * Sends records to an OpenTelemetry collector: OTLP/HTTP, logs, JSON (OTLP specification 1.x, "OTLP/HTTP").
 *
 * Where the specification has data thrown away (a status that is not to be retried), only what is wrong with the data itself counts so
 * here: a collector that wants another token gets the records once it has been given one.
 */
import { AppError, asAppError, beforeSending } from '../../app-error.ts';
import { type Ms, ms, seconds } from '../../units.ts';
import { userAgentOf } from '../../user-agent.ts';
import { otlpLogs } from '../otlp.ts';
import { NotSent, type Sink } from './sink.ts';
import { readTokenFile } from './token-file.ts';

const LARGEST_ANSWER = 64 * 1024;
/** "Retryable Response Codes", and what a proxy says in the place of the collector. */
const later: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
/** The batch is wrong, or too large. */
const records: ReadonlySet<number> = new Set([400, 413, 422]);

export interface OtlpSettings {
  /** All of it, `/v1/logs` included. */
  url: string;
  /** A file with a bearer token, read anew for each batch. */
  tokenFile: string | undefined;
}

interface OtlpParts {
  fetch: typeof globalThis.fetch;
  now: () => number;
}

export function otlpSink(name: string, settings: OtlpSettings, parts: OtlpParts): Sink {
  const post = otlpPost(settings, parts);
  return {
    ...{ name, kind: 'otlp', to: settings.url },
    async send(batch, signal) {
      const partial = await post(otlpLogs(batch), signal);
      return { rejected: rejectedIn(partial, batch.length) };
    },
  };
}

/**
 * Sends one body to a collector.
 *
 * @returns what of it the collector says it has not taken (`partialSuccess`), whatever it was
 * @throws NotSent, from the function that it returns
 */
export function otlpPost({ url, tokenFile }: OtlpSettings, { fetch, now }: OtlpParts) {
  return async (body: object, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> => {
    const token = tokenFile === undefined ? null : await readTokenFile(tokenFile);
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': userAgentOf(),
      ...(token === null ? {} : { authorization: `Bearer ${token.reveal()}` }),
    };
    try {
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), redirect: 'manual', signal });
      return await readAnswer(response, now);
    } catch (error) {
      if (error instanceof NotSent) throw error;
      throw new NotSent('way', signal.aborted ? { reason: 'time', cause: error } : lineProblem(error));
    }
  };
}

/** What stands in between has words of its own that help. */
function lineProblem(error: unknown): { reason: string; detail?: string; cause: unknown } {
  // A certificate's other name, which anybody can have written, is not repeated.
  if (isForAnotherName(error))
    return { reason: 'certificate', detail: 'Its certificate is for another name; somebody may stand in between.', cause: error };
  const known = error instanceof AppError && beforeSending.has(error.code) ? asAppError(error).toFailure() : undefined;
  return { reason: 'line', cause: error, ...(known === undefined ? {} : { detail: `${known.cause} ${known.next}` }) };
}

function isForAnotherName(error: unknown): boolean {
  for (let found = error, depth = 0; found instanceof Error && depth < 5; found = found.cause, depth += 1)
    if ((found as NodeJS.ErrnoException).code === 'ERR_TLS_CERT_ALTNAME_INVALID') return true;
  return false;
}

async function readAnswer(response: Response, now: () => number): Promise<Readonly<Record<string, unknown>>> {
  const { status, headers } = response;
  if (status === 200) return partialIn(await readText(response));
  // What else it says is not read, however long it is; left alone it would keep its connection.
  await response.body?.cancel();
  // check: sink-redirect
  if (response.type === 'opaqueredirect' || (status >= 300 && status < 400))
    throw new NotSent('way', { reason: 'redirect', detail: 'It answered with a redirect, which is never followed.' });
  // end check
  const detail = `It answered with status ${status}.`;
  if (records.has(status)) throw new NotSent('records', { reason: 'status', detail });
  const retryAfter = later.has(status) ? patienceIn(headers.get('retry-after'), now()) : null;
  throw new NotSent('way', { reason: status === 401 || status === 403 ? 'token' : 'status', detail, retryAfter });
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    // check: sink-answer-size
    if (size > LARGEST_ANSWER) throw new NotSent('way', { reason: 'answer', detail: 'Its answer has no end.' });
    // end check
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/**
 * An Export…ServiceResponse: what it has thrown away ("Partial Success"), empty where that is nothing. A 200 of anybody else, a portal of a
 * network for one, does not count as arrived.
 */
function partialIn(text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  const { partialSuccess = null } = parse(text) as { partialSuccess?: unknown };
  return partialSuccess === null ? {} : plainObject(partialSuccess);
}

/** They must not be sent again. */
function rejectedIn({ rejectedLogRecords }: Readonly<Record<string, unknown>>, sent: number): number {
  const rejected = Number(rejectedLogRecords ?? 0);
  if (!Number.isSafeInteger(rejected) || rejected < 0) throw notTheirs();
  return Math.min(rejected, sent);
}

function parse(text: string): object {
  try {
    return plainObject(JSON.parse(text));
  } catch {
    throw notTheirs();
  }
}

function plainObject(value: unknown): Readonly<Record<string, unknown>> {
  // check: sink-answer-form
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notTheirs();
  // end check
  return value as Record<string, unknown>;
}

const notTheirs = (): NotSent =>
  new NotSent('way', { reason: 'answer', detail: 'It answered with something that is no answer of a collector.' });

/** Retry-After (RFC 9110 section 10.2.3): seconds, or a date. */
function patienceIn(value: string | null, now: number): Ms | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value.trim())) return seconds(Number(value));
  const until = Date.parse(value);
  return Number.isNaN(until) ? null : ms(Math.max(0, until - now));
}
