/**
 * Where a workspace takes identity tokens in exchange. The workspace is asked once and the answer kept; whatever it says, the
 * endpoint is on the workspace's own origin, or the classic path there is used: no document can send a token elsewhere.
 */
import { z } from 'zod';
import { AppError, beforeSending, hasCode } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { hours, type Ms, minutes, ms, seconds } from '../units.ts';
import { askWorkspace } from './workspace-request.ts';

/** `account_id` fills the place held in `oidc_endpoint` on hosts that serve a whole account. */
const hostMetadata = z.object({
  oidc_endpoint: z.string().max(2000),
  account_id: z
    .string()
    .regex(/^[0-9a-f-]{36}$/i)
    .optional(),
});
const serverMetadata = z.object({ issuer: z.string().max(2000), token_endpoint: z.string().max(2000) });

export interface ExchangeEndpoints {
  /**
   * The token endpoint of `workspace` (an origin). Never rejects; takes two seconds at most when the workspace is silent.
   *
   * @param accountId the account whose tokens are wanted instead: its endpoint is known by the id, and nothing is asked
   */
  of(workspace: string, userAgent: string, accountId?: string): Promise<URL>;
  /** Asks again next time: what we knew turned out not to be there. */
  forget(workspace: string): void;
}

/** Both requests together: an exchange waits for them at most once a day. */
const LOOKUP_LIMIT = seconds(2);
const KEEP_FOUND = hours(24);
const KEEP_CLASSIC = minutes(5);

interface Known {
  url: Promise<URL>;
  /** By running time. */
  until: number;
}

export function createExchangeEndpoints(parts: { clock: Clock; fetch: typeof globalThis.fetch; log: Log }): ExchangeEndpoints {
  const { clock, log } = parts;
  const known = new Map<string, Known>();

  async function lookUp(workspace: string, userAgent: string, entry: Known): Promise<URL> {
    try {
      const url = await discover(parts, workspace, userAgent);
      entry.until = clock.elapsed() + KEEP_FOUND;
      return url;
    } catch (error) {
      entry.until = clock.elapsed() + KEEP_CLASSIC;
      log('databricks.classic-endpoint', { workspace, because: reasonOf(error) });
      return new URL('/oidc/v1/token', workspace);
    }
  }

  return {
    async of(workspace, userAgent, accountId) {
      // A host that serves accounts describes whichever it likes; the one that was configured is meant.
      if (accountId !== undefined) return new URL(`/oidc/accounts/${accountId}/v1/token`, workspace);
      const found = known.get(workspace);
      if (found && clock.elapsed() < found.until) return found.url;
      const entry: Known = { url: Promise.resolve(new URL(workspace)), until: Number.POSITIVE_INFINITY };
      entry.url = lookUp(workspace, userAgent, entry);
      known.set(workspace, entry);
      return entry.url;
    },
    forget: (workspace) => void known.delete(workspace),
  };
}

/** Host metadata, then RFC 8414 metadata, as the SDKs read them. */
async function discover(parts: { clock: Clock; fetch: typeof globalThis.fetch }, workspace: string, userAgent: string): Promise<URL> {
  const end = parts.clock.elapsed() + LOOKUP_LIMIT;
  const read = async (url: URL) => {
    const timeout: Ms = ms(Math.max(1, end - parts.clock.elapsed()));
    const answer = await askWorkspace(parts, { url, userAgent, timeout });
    if (answer.status !== 200) throw new Unusable('status');
    return answer.json;
  };
  const host = hostMetadata.safeParse(await read(new URL('/.well-known/databricks-config', workspace)));
  if (!host.success) throw new Unusable('host-metadata');
  const oidc = host.data.oidc_endpoint.replaceAll('{account_id}', host.data.account_id ?? '').replace(/\/+$/, '');
  const metadataUrl = onOrigin(`${oidc}/.well-known/oauth-authorization-server`, workspace);
  const server = serverMetadata.safeParse(await read(metadataUrl));
  if (!server.success) throw new Unusable('server-metadata');
  // RFC 8414 section 3.3: a document that speaks for another issuer is not used.
  if (server.data.issuer.replace(/\/+$/, '') !== oidc) throw new Unusable('issuer');
  return onOrigin(server.data.token_endpoint, workspace);
}

/** A URL of the workspace itself, plain enough to send a token to. */
function onOrigin(text: string, workspace: string): URL {
  if (!URL.canParse(text)) throw new Unusable('url');
  const url = new URL(text);
  // check: endpoint-origin
  if (url.origin !== workspace || url.username !== '' || url.password !== '') throw new Unusable('origin');
  // end check
  if (url.search !== '' || url.hash !== '') throw new Unusable('url');
  return url;
}

/** Why the documents of a workspace are not used; never leaves this file. */
class Unusable extends Error {
  override readonly name = 'Unusable';
}

function reasonOf(error: unknown): string {
  if (error instanceof Unusable) return error.message;
  if (error instanceof AppError && beforeSending.has(error.code)) return error.code;
  if (hasCode(error, 'WORKSPACE_UNREACHABLE', 'WORKSPACE_TLS', 'WORKSPACE_ANSWER_INVALID')) return error.code;
  throw error;
}
