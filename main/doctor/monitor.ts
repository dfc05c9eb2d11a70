/**
 * Watches what goes wrong slowly, or many times in a short while: a provider's signing keys that change or whose certificates end, certificates
 * that servers show in TLS, secrets of service principals that grow old, tokens that are rejected in a row. It looks once a day and when something happens, and never polls.
 *
 * What it remembers is in memory: after a start the first look has nothing to compare with.
 */
import { AppError, asAppError } from '../app-error.ts';
import type { Clock, Log, SeenCertificate } from '../ports.ts';
import { type EpochMs, hours, later, type Ms, minutes, remaining } from '../units.ts';
import { lengthInWords, listInWords } from './words.ts';

export interface Noticed {
  id: string;
  title: string;
  finding: string;
  next: string;
}

export interface SeenKey {
  id: string;
  certificateEnds: EpochMs | null;
}

export interface Burst {
  profile: string;
  count: number;
  /** Which rules were broken, each once. */
  rules: readonly string[];
}

export interface MonitorParts {
  clock: Clock;
  log: Log;
  /** Profiles somebody is signed in at: nobody else's provider is asked. */
  providers: () => readonly { profile: string; keys: () => Promise<readonly SeenKey[]> }[];
  /** What providers and workspaces have shown in TLS. Nobody is connected to for that alone. */
  certificates: () => readonly SeenCertificate[];
  secrets: () => readonly { name: string; ageDays: number | null; rotationDue: boolean }[];
  /** Once for each burst. */
  record: (burst: Burst) => void;
  /** What it has to say has changed. */
  changed: () => void;
}

export interface Monitor {
  /** A token of this profile's provider was rejected, by this rule. */
  rejected(profile: string, rule: string): void;
  /** Somebody has signed in: looks, unless it has within a day. */
  wake(): void;
  /** What a person should know of. */
  noticed(): Noticed[];
  /** The same in a sentence each, without what is said elsewhere. */
  notes(): string[];
  /** Tokens are being rejected in a row; null: they are not. */
  problem(): AppError | null;
  close(): void;
}

const DAY: Ms = hours(24);
/** After a start others come first. */
const FIRST_LOOK: Ms = minutes(10);
const WEEK: Ms = hours(7 * 24);
const SOON: Ms = hours(30 * 24);
const BURST = { count: 5, within: minutes(10) } as const;

export function createMonitor(parts: MonitorParts): Monitor {
  const { clock, log, changed } = parts;
  const rejections = new Map<string, { at: Ms; rule: string }[]>();
  const bursts = new Map<string, Burst & { at: EpochMs; lastAt: Ms }>();
  const keys = new Map<string, { ids: Set<string>; newAt: EpochMs | null; ends: EpochMs | null }>();
  let looked: EpochMs | null = null;
  let cancel = clock.after(FIRST_LOOK, look);
  let closed = false;

  function look(): void {
    looked = clock.now();
    cancel();
    cancel = clock.after(DAY, look);
    void Promise.all(parts.providers().map(({ profile, keys: read }) => lookAt(profile, read))).then(() => {
      if (!closed) changed();
    });
  }

  async function lookAt(profile: string, read: () => Promise<readonly SeenKey[]>): Promise<void> {
    try {
      const published = await read();
      const ids = new Set(published.map(({ id }) => id));
      const before = keys.get(profile);
      const isNew = before !== undefined && [...ids].some((id) => !before.ids.has(id));
      const ends = published.flatMap(({ certificateEnds }) => certificateEnds ?? []).sort((a, b) => a - b)[0] ?? null;
      keys.set(profile, { ids, newAt: isNew ? clock.now() : (before?.newAt ?? null), ends });
    } catch (error) {
      // A provider that is away is told of by whoever needs it.
      log('monitor.not-looked', { profile, code: asAppError(error).code });
    }
  }

  function rejected(profile: string, rule: string): void {
    const now = clock.elapsed();
    const recent = [...(rejections.get(profile) ?? []), { at: now, rule }].filter(({ at }) => now - at <= BURST.within).slice(-50);
    rejections.set(profile, recent);
    const running = bursts.get(profile);
    if (running !== undefined && now - running.lastAt <= BURST.within) {
      running.lastAt = now;
      running.count += 1;
      return;
    }
    if (recent.length < BURST.count) return;
    const burst = { profile, count: recent.length, rules: [...new Set(recent.map((each) => each.rule))] };
    bursts.set(profile, { ...burst, at: clock.now(), lastAt: now });
    try {
      parts.record(burst);
    } catch (error) {
      log('monitor.not-recorded', { profile, code: asAppError(error).code });
    }
    changed();
  }

  const current = (): Burst[] => [...bursts.values()].filter(({ at }) => Math.abs(remaining(clock.now(), at)) < DAY);

  function ofKeys(): Noticed[] {
    return [...keys].flatMap(([profile, { newAt, ends }]): Noticed[] => {
      const about = { id: `keys-${profile}`, title: `Signing keys: ${profile}` };
      if (ends !== null && remaining(ends, clock.now()) <= SOON) {
        const left = remaining(ends, clock.now());
        const when = left <= 0 ? 'has ended' : `ends in ${lengthInWords(left)}`;
        return [
          {
            ...about,
            finding: `The certificate of a signing key of the provider ${when}.`,
            next: 'Ask whoever runs the provider whether a new key is coming; a federation policy with `jwks_json` needs it too.',
          },
        ];
      }
      if (newAt === null || remaining(clock.now(), later(newAt, WEEK)) > 0) return [];
      return [
        {
          ...about,
          finding: `The provider published a new signing key ${lengthInWords(remaining(clock.now(), newAt))} ago, and will sign with it soon.`,
          next: 'Nothing to do here. Where a federation policy holds the keys themselves (`jwks_json`), have the new one added.',
        },
      ];
    });
  }

  /** One that has ended by now may have been renewed since: the next connection shows the new one, or fails and says why. */
  const ofCertificates = (): Noticed[] =>
    parts
      .certificates()
      .map(({ host, ends }) => ({ host, left: remaining(ends, clock.now()) }))
      .filter(({ left }) => left > 0 && left <= SOON)
      .map(({ host, left }) => ({
        ...{ id: `tls-${host}`, title: `TLS certificate: ${host}` },
        finding: `A certificate that ${host} shows in TLS ends in ${lengthInWords(left)}.`,
        next: 'Ask whoever runs it whether it renews itself; once it has ended, nobody gets through.',
      }));

  const ofSecrets = (): Noticed[] =>
    parts
      .secrets()
      .filter(({ rotationDue }) => rotationDue)
      .map(({ name, ageDays }) => ({
        ...{ id: `secret-${name}`, title: `Secret: ${name}` },
        finding: `The secret of the service principal ${name} is ${ageDays ?? 'many'} days old.`,
        next: `Make a new one in the account console, then \`lakepass service-principals set ${name}\`.`,
      }));

  const ofBursts = (): Noticed[] =>
    current().map(({ profile, count, rules }) => ({
      ...{ id: `rejected-${profile}`, title: `Rejected tokens: ${profile}` },
      finding: `${count} tokens of the provider did not pass our checks within a short while (${listInWords(rules)}).`,
      next: 'Look at Activity. A wrong clock, a changed client or somebody in between can be behind it; tell your security team if it is none of yours.',
    }));

  return {
    rejected,
    wake() {
      if (looked === null || Math.abs(remaining(clock.now(), looked)) >= DAY) look();
    },
    noticed: () => [...ofBursts(), ...ofKeys(), ...ofCertificates(), ...ofSecrets()],
    notes: () => [...ofKeys(), ...ofCertificates()].map(({ finding, next }) => `${finding} ${next}`),
    problem() {
      const [first] = ofBursts();
      return first === undefined ? null : new AppError('TOKENS_REJECTED', { detail: first.finding });
    },
    close() {
      closed = true;
      cancel();
    },
  };
}
