/** When the certificates end that servers showed in TLS: an end that nobody saw coming cuts everybody off at once. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Clock, SeenCertificate } from '../ports.ts';
import type { EpochMs } from '../units.ts';

export interface SeenCertificates {
  /** @param socket whose chain was believed a moment ago */
  note(host: string, socket: TLSSocket): void;
  list(): readonly SeenCertificate[];
}

/** Far more than anybody has; a chain, or a list of hosts, of somebody who means harm has an end here. */
const MOST_HOSTS = 200;
const LONGEST_CHAIN = 10;

export function createSeenCertificates(clock: Pick<Clock, 'now'>): SeenCertificates {
  const ends = new Map<string, EpochMs>();
  return {
    note(host, socket) {
      const end = firstEnd(socket.getPeerX509Certificate(), clock.now());
      ends.delete(host);
      if (end !== null) ends.set(host, end);
      for (const [oldest] of ends) if (ends.size > MOST_HOSTS) ends.delete(oldest);
    },
    list: () => [...ends].map(([host, end]) => ({ host, ends: end })),
  };
}

/** Of those that go on: servers send along what old clients want, and a chain that was believed did without what has ended. */
function firstEnd(leaf: X509Certificate | undefined, now: EpochMs): EpochMs | null {
  const found: number[] = [];
  for (let each = leaf, depth = 0; each !== undefined && depth < LONGEST_CHAIN; each = each.issuerCertificate, depth++)
    found.push(each.validToDate.getTime());
  const first = Math.min(...found.filter((end) => end > now));
  return Number.isFinite(first) ? (first as EpochMs) : null;
}
