/** Fetches a bundle: two seconds, one megabyte, no redirect. Whoever serves the file need not be trusted; its signature is judged elsewhere. */
import { AppError, beforeSending } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { seconds } from '../units.ts';
import { LARGEST_BUNDLE_BYTES } from './bundle.ts';

/** null: it is as it was when it had this ETag (RFC 9110 section 13.1.2). */
export type FetchedBundle = { bytes: Buffer; etag: string | null } | null;

const TIME_LIMIT = seconds(2);
/** An ETag is opaque, but we write it into a header and a sealed record. */
const etagPattern = /^(?:W\/)?"[\x21\x23-\x7e]{0,200}"$/;

/**
 * @param etag of the bundle that is here already
 * @throws AppError BUNDLE_UNREACHABLE (reason: time, redirect, status, size, line), or one of `beforeSending`
 */
export async function fetchBundle(
  { fetch, clock }: { fetch: typeof globalThis.fetch; clock: Clock },
  url: string,
  etag: string | null,
): Promise<FetchedBundle> {
  const late = new AbortController();
  const stop = clock.after(TIME_LIMIT, () => late.abort());
  try {
    const headers = { accept: 'application/json', 'cache-control': 'no-cache', ...(etag === null ? {} : { 'if-none-match': etag }) };
    const response = await fetch(url, { headers, redirect: 'manual', signal: late.signal });
    return await readAnswer(response, etag);
  } catch (error) {
    // An answer that nobody reads to its end would keep its connection.
    const wasLate = late.signal.aborted;
    late.abort();
    if (error instanceof AppError && (error.code === 'BUNDLE_UNREACHABLE' || beforeSending.has(error.code))) throw error;
    throw unreachable(wasLate ? 'time' : 'line', undefined, error);
  } finally {
    stop();
  }
}

async function readAnswer(response: Response, etag: string | null): Promise<FetchedBundle> {
  const { status, headers } = response;
  if (status === 304 && etag !== null) return null;
  // check: bundle-redirect
  if (response.type === 'opaqueredirect' || (status >= 300 && status < 400))
    throw unreachable('redirect', 'It answered with a redirect, which is never followed.');
  // end check
  if (status !== 200) throw unreachable('status', `It answered with status ${status}.`);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    // check: bundle-answer-size
    if (size > LARGEST_BUNDLE_BYTES) throw unreachable('size', 'Its answer has no end.');
    // end check
    parts.push(part);
  }
  const given = headers.get('etag');
  return { bytes: Buffer.concat(parts), etag: given !== null && etagPattern.test(given) ? given : null };
}

const unreachable = (reason: string, detail?: string, cause?: unknown): AppError =>
  new AppError('BUNDLE_UNREACHABLE', { reason, ...(detail === undefined ? {} : { detail }), cause });
