/**
 * What one pass over the headers of a request finds, for every door that browsers knock at.
 *
 * Only raw headers are read: Node's parsed ones keep the first of two Host headers and hide the second.
 */
import type { IncomingMessage } from 'node:http';

/** Each header's values, in order. */
export interface Seen {
  method: string;
  target: string;
  hosts: readonly string[];
  origins: readonly string[];
  sites: readonly string[];
  destinations: readonly string[];
  types: readonly string[];
  authorizations: readonly string[];
  cookies: readonly string[];
  encodings: readonly string[];
  lengths: readonly string[];
  upgrades: readonly string[];
  serviceWorkers: readonly string[];
}

export function look({ method = '', url = '', rawHeaders }: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders'>): Seen {
  const values = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    values.set(name, [...(values.get(name) ?? []), rawHeaders[index + 1] ?? '']);
  }
  const of = (name: string): readonly string[] => values.get(name) ?? [];
  return {
    method,
    target: url,
    hosts: of('host'),
    origins: of('origin'),
    sites: of('sec-fetch-site'),
    destinations: of('sec-fetch-dest'),
    types: of('content-type'),
    authorizations: of('authorization'),
    cookies: of('cookie'),
    encodings: of('transfer-encoding'),
    lengths: of('content-length'),
    upgrades: of('upgrade'),
    serviceWorkers: of('service-worker'),
  };
}

/** What the first check that refuses says, or undefined. */
export function firstRefusal<Address, Refusal>(
  checks: readonly ((seen: Seen, address: Address) => Refusal | undefined)[],
  seen: Seen,
  address: Address,
): Refusal | undefined {
  for (const check of checks) {
    const refusal = check(seen, address);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
