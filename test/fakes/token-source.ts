/**
 * Tokens for one profile, minted when a test says so. It refuses requests that no grant could cause, and counts: a hostile client must
 * never make it mint.
 */
import type { AppError } from '../../main/app-error.ts';
import type { MintedToken, TokenRequest } from '../../main/databricks/minted-token.ts';
import { Secret } from '../../main/secret.ts';
import { later, minutes } from '../../main/units.ts';
import type { FakeClock } from './fake-clock.ts';

/** Whom the tokens act for. */
export const SUBJECT = '00u1';
export const TOKEN_MARK = 'dapi-marked-token';

export interface TokenSource {
  peek(workspace: string, scopes: readonly string[]): MintedToken | undefined;
  get(request: TokenRequest): Promise<MintedToken>;
  /** Requests that reached it, cached or not: what a hostile client must never cause. */
  asked: number;
  /** The AI agents in whose name somebody waited. */
  agents: (string | undefined)[];
  minted: number;
  /** 'cached': peek answers. 'slow': get waits for `release`. A failure: get rejects with it. */
  mode: 'cached' | 'mint' | 'slow' | AppError;
  release(): void;
}

export function tokenSource(clock: FakeClock, life = minutes(60)): TokenSource {
  const cache = new Map<string, MintedToken>();
  let waiting: (() => void)[] = [];
  const source: TokenSource = {
    asked: 0,
    agents: [],
    minted: 0,
    mode: 'cached',
    release() {
      for (const go of waiting) go();
      waiting = [];
    },
    peek(workspace, scopes) {
      source.asked++;
      if (source.mode !== 'cached') return undefined;
      return cached(workspace, scopes);
    },
    async get({ workspace, scopes, deadline, aiAgent }) {
      source.asked++;
      source.agents.push(aiAgent);
      if (deadline <= clock.now()) throw new RangeError('a request without any time left');
      if (source.mode === 'slow') await new Promise<void>((resolve) => waiting.push(resolve));
      if (source.mode instanceof Error) throw source.mode;
      return cached(workspace, scopes);
    },
  };
  function cached(workspace: string, scopes: readonly string[]): MintedToken {
    const key = `${workspace} ${scopes.join(' ')}`;
    const known = cache.get(key);
    if (known !== undefined && known.expiresAt > clock.now()) return known;
    source.minted++;
    const mintedAt = clock.now();
    const token = new Secret(`${TOKEN_MARK}-${source.minted}-${scopes.join('.')}`);
    const requestId = source.minted.toString(16).padStart(16, '0');
    const minted: MintedToken = { subject: SUBJECT, requestId, token, scopes, mintedAt, expiresAt: later(mintedAt, life) };
    cache.set(key, minted);
    return minted;
  }
  return source;
}
