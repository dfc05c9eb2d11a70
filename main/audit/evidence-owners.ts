/**
 * Whom a record is about. Most records name a subject, a grant or a request, some only a profile; the log says elsewhere whose those are.
 * It never guesses: where two persons could be meant, it is nobody.
 */
import type { StoredRecord } from './record.ts';

/** Acts of whoever sits at the device; their records name nobody. */
const ofWhoeverIsHere = /^(tap-key|tap|service-principal|setting|agent\.reset|lock|vault|consent|control)(\.|$)/;

const said = (record: StoredRecord, field: string): string | null => {
  const value = record[field];
  return typeof value === 'string' && value !== '' ? value : null;
};
/** A user name as it is compared; spellings that people read as one are one, as for a bundle's revocations. */
export const nameKey = (name: string): string => name.normalize('NFKC').toLowerCase().trim();

export interface Owners {
  /** Each record once, in order, before what is asked of it. */
  take(record: StoredRecord): void;
  /** The subject; null: nobody can be named. */
  of(record: StoredRecord): string | null;
}

export function ownersOfRecords(): Owners {
  const grants = new Map<string, string>();
  const asks = new Map<string, string | null>();
  const names = new Map<string, string>();
  const holders = new Map<string, string>();

  function only(): string | null {
    const here = new Set(holders.values());
    return here.size === 1 ? ([...here][0] ?? null) : null;
  }

  function of(record: StoredRecord): string | null {
    const subject = said(record, 'subject');
    if (subject !== null) return subject;
    const person = said(record, 'person') ?? said(record, 'username');
    if (person !== null) return names.get(nameKey(person)) ?? person;
    const ask = said(record, 'ask');
    if (ask !== null && asks.has(ask)) return asks.get(ask) ?? null;
    const grant = said(record, 'grant');
    const byGrant = grant === null ? undefined : grants.get(grant);
    if (byGrant !== undefined) return byGrant;
    const profile = said(record, 'profile');
    if (profile !== null) return holders.get(profile) ?? null;
    return ofWhoeverIsHere.test(record.type) ? only() : null;
  }

  return {
    take(record) {
      const [subject, profile, grant, ask] = [said(record, 'subject'), said(record, 'profile'), said(record, 'grant'), said(record, 'ask')];
      const name = said(record, 'username');
      if (name !== null && subject !== null) names.set(nameKey(name), subject);
      if (profile !== null && subject !== null && /^session\.(signed-in|resumed|renewed)$/.test(record.type)) holders.set(profile, subject);
      // A record of an end names its subject itself, so nothing needs the holder any more.
      if (profile !== null && record.type === 'session.ended') holders.delete(profile);
      if (record.type === 'agent.reset') holders.clear();
      if (record.type === 'grant.created' && grant !== null && subject !== null) grants.set(grant, subject);
      if (record.type === 'consent.asked' && ask !== null) asks.set(ask, of(record));
    },
    of,
  };
}
