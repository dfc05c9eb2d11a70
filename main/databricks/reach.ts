/** Whether an address on the network answers at all, and where the way there ends: for the doctor. Nothing secret is sent. */
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { type Ms, remaining, seconds } from '../units.ts';
import { userAgentOf } from '../user-agent.ts';
import { askWorkspace } from './workspace-request.ts';

export type Reached =
  /** `ahead`: how far our clock is ahead of theirs; null where they do not say. */
  | { kind: 'answered'; status: number; ahead: Ms | null; isMetadata: boolean }
  /** `dns`: the name; `tls`: who they are cannot be proven, or TLS cannot be agreed on; else the connection itself. */
  | { kind: 'failed'; at: 'dns' | 'proxy' | 'refused' | 'timeout' | 'reset' | 'network' | 'certificate' | 'handshake'; failure?: Failure };

const TIME_LIMIT = seconds(8);
const failures = ['dns', 'refused', 'timeout', 'reset', 'network', 'certificate', 'handshake'] as const;

const ofProxy: readonly FailureCode[] = ['PROXY_INVALID', 'PROXY_REFUSED', 'PROXY_UNREACHABLE'];
const ofTrust: readonly FailureCode[] = ['SERVER_UNTRUSTED', 'CLIENT_CERTIFICATE_DEMANDED', 'CA_FILE_UNUSABLE'];

/** One GET. Whatever answers counts as an answer: a refusal and an endless one, too. */
export async function reach(parts: { clock: Clock; fetch: typeof globalThis.fetch }, address: string): Promise<Reached> {
  try {
    const answer = await askWorkspace(parts, { url: new URL(address), userAgent: userAgentOf(), timeout: TIME_LIMIT });
    const { status, serverTime, json } = answer;
    const ahead = serverTime === null ? null : remaining(parts.clock.now(), serverTime);
    return { kind: 'answered', status, ahead, isMetadata: status === 200 && isMetadata(json) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (ofProxy.includes(error.code)) return { kind: 'failed', at: 'proxy', failure: error.toFailure() };
    if (ofTrust.includes(error.code)) return { kind: 'failed', at: 'certificate', failure: error.toFailure() };
    const at = failures.find((each) => each === error.reason);
    if (at !== undefined) return { kind: 'failed', at };
    return { kind: 'answered', status: 0, ahead: null, isMetadata: false };
  }
}

/** RFC 8414 section 2: what a server of tokens says about itself. */
const isMetadata = (json: unknown): boolean =>
  typeof json === 'object' && json !== null && 'token_endpoint' in json && typeof json.token_endpoint === 'string';
