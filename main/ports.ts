/** Everything outside our process, and nothing else. Hosts build real ones; tests hand in fakes from `test/fakes/`. */
import type { EpochMs, Ms } from './units.ts';

export interface Clock {
  /** Wall clock. It jumps: suspend, NTP and people move it. */
  now(): EpochMs;
  /** Monotonic milliseconds since an arbitrary start; comparing its steps with `now()` shows a sleep or a moved clock. */
  elapsed(): Ms;
  /** Milliseconds since the machine was started, sleep included. A person cannot set it, and it goes on from one agent to the next. */
  sinceBoot(): Ms;
  /** Runs once after `delay` of running time (not wall time). Returns the cancel. Never keeps the process alive by itself. */
  after(delay: Ms, run: () => void): () => void;
}

/**
 * The operating system's keychain, for small entries (Windows caps one at 2,560 bytes).
 *
 * Every call may throw AppError KEYCHAIN_MISSING (there is none), KEYCHAIN_LOCKED (it would need a prompt that cannot be
 * shown, or the person dismissed it) or KEYCHAIN_FAILED (anything else).
 */
export interface Keychain {
  readonly kind: 'secret-service' | 'keychain' | 'credential-manager' | 'passphrase' | 'file' | 'memory';
  read(entry: string): Promise<Uint8Array | null>;
  write(entry: string, value: Uint8Array): Promise<void>;
  erase(entry: string): Promise<void>;
}

/** What a server has shown of itself in TLS. */
export interface SeenCertificate {
  /** Host, and port where it is not the usual one. */
  host: string;
  /** When the first certificate of its chain ends. */
  ends: EpochMs;
}

/** Names and numbers only; an event name is a short dotted noun and verb. Secrets have no road in here. */
export type Log = (event: string, fields?: Record<string, string | number | boolean>) => void;

/** What the desktop says about the person: gone, back, or the machine about to sleep. */
export interface DesktopSignals {
  onSignal(listener: (signal: 'locked' | 'unlocked' | 'sleep') => void): void;
  /** One sentence where the desktop cannot be heard; null while it can. */
  readonly problem: string | null;
  close(): void;
}

/** A window of our own on the person's screen. Without one the UI is a page in the browser. */
export interface Screen {
  /** Brings the request that is in front before the person. */
  showRequest(): void;
  /** Shows the UI. */
  show(): void;
}

/** Whether this host starts with the person's desktop session. */
export interface LoginItem {
  read(): Promise<boolean>;
  write(startAtLogin: boolean): Promise<void>;
}

export interface Ports {
  clock: Clock;
  /** Rejects with an AppError of `beforeSending` where what stands in between did not let the request out. */
  fetch: typeof globalThis.fetch;
  /**
   * Told of the file with further certificate authorities that the configuration names, and of what was approved of it, before the first
   * request and when either changes.
   */
  trust?: (authorities: { readonly caFile?: string | undefined; readonly caContent?: string | null | undefined }) => void;
  /** Of each host that was connected to since the start, as it was the last time. */
  certificates?: () => readonly SeenCertificate[];
  keychain: Keychain;
  /**
   * Opens the system browser without a shell. 'none' where there is no browser to open: the URL is then shown instead.
   *
   * @param announced of a sign-in that runs: the authorization endpoint in its provider's checked metadata, which may lie on another host
   */
  openBrowser: (url: URL, announced?: URL) => Promise<'opened' | 'none'>;
  /** Cryptographically strong bytes. */
  random: (bytes: number) => Buffer;
  log: Log;
  /** Begins to listen for screen lock, unlock and sleep; undefined where no desktop could tell. */
  watchDesktop: (() => Promise<DesktopSignals>) | undefined;
  screen: Screen | undefined;
  loginItem: LoginItem | undefined;
}
