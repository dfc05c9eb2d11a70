/** The real outside world, for hosts that run in plain Node. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import pino, { type DestinationStream } from 'pino';
import { outboundAtFirstUse } from './net/at-first-use.ts';
import type { DesktopSignals, Log, Ports } from './ports.ts';
import { browserProgram } from './system-browser.ts';
import { systemClock } from './system-clock.ts';
import { withoutTokens } from './token-shapes.ts';
import { memoryOnlyKeychain } from './vault/memory-keychain.ts';
import { osKeychain } from './vault/os-keychain.ts';
import { passphraseOnlyKeychain } from './vault/passphrase-keychain.ts';

export { systemClock };

/** Characters of a text in the log. Longer ones are cut. */
const LONGEST = 512;
const plainName = /^[a-z][A-Za-z0-9]{0,39}$/;
/** Names that the line itself uses: a second one would say another time or level to some readers. */
const ofTheLine = new Set(['level', 'time', 'msg']);

/**
 * JSON lines, one object each. Only names, numbers and short words get through, whatever it is handed: what is none of these is left out, and
 * what looks like a token is masked. It never throws for what it is given.
 */
export function jsonLog(destination: DestinationStream): Log {
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return (event, fields = {}) => logger.info(Object.fromEntries(Object.entries(fields).flatMap(readField)), readWords(event));
}

function readField([name, value]: [string, unknown]): [string, string | number | boolean][] {
  // check: log-field-known
  if (!plainName.test(name) || ofTheLine.has(name)) return [];
  // end check
  if (typeof value === 'string') return [[name, readWords(value)]];
  return typeof value === 'number' || typeof value === 'boolean' ? [[name, value]] : [];
}

function readWords(text: string): string {
  let said = text;
  // check: log-token-shape
  said = withoutTokens(said);
  // end check
  return (said.length <= LONGEST ? said : `${said.slice(0, LONGEST - 1)}…`).toWellFormed();
}

/**
 * Opens the system browser without a shell (RFC 8252 section 8.12 rules out embedded ones). Where `browserProgram` finds none, or it
 * does not start, the answer is 'none' and the person is shown the URL instead.
 */
export async function openSystemBrowser(url: URL, env: NodeJS.ProcessEnv = process.env): Promise<'opened' | 'none'> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'none';
  const { program } = browserProgram(env);
  if (program === null) return 'none';
  return new Promise((resolve) => {
    const child = spawn(program, [url.href], { stdio: 'ignore', detached: true });
    child.once('spawn', () => {
      child.unref();
      resolve('opened');
    });
    child.once('error', () => resolve('none'));
  });
}

/** Where secrets are kept; a person names it. */
export const vaultChoices = ['keychain', 'passphrase', 'memory'] as const;
export type VaultChoice = (typeof vaultChoices)[number];

/** The buses where the environment, or the standard places, say they are. The client is loaded for this alone, after the start. */
async function watchLinuxDesktop(log: Log): Promise<DesktopSignals> {
  const { busAddresses, watchDesktop } = await import('./lock/desktop-signals.ts');
  const { env, pid } = process;
  const sessionId = env['XDG_SESSION_ID'] ?? null;
  return watchDesktop({ clock: systemClock, log, ...busAddresses(env), uid: process.getuid?.() ?? -1, pid, sessionId });
}

/** Everything a headless host needs. `vault` is what the person chose by name; there is no falling back from one to the other. */
export function nodePorts(options: { vault: VaultChoice; log: Log }): Ports {
  const keychain = { keychain: osKeychain, memory: memoryOnlyKeychain, passphrase: passphraseOnlyKeychain }[options.vault]();
  const { log } = options;
  return {
    clock: systemClock,
    ...outboundAtFirstUse({ env: process.env, clock: systemClock }),
    keychain,
    openBrowser: (url) => openSystemBrowser(url),
    random: randomBytes,
    log,
    watchDesktop: () => watchLinuxDesktop(log),
    screen: undefined,
    loginItem: undefined,
  };
}
