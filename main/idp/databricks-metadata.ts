/**
 * What a workspace says about its own sign-in (RFC 8414), believed only as far as it speaks of itself: whatever the document says, code,
 * refresh token and browser go to the workspace's own origin and nowhere else.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { isAcceptedAddress } from '../profile/plain-http.ts';
import type { Profile } from '../profile/profile.ts';
import type { EpochMs, Ms } from '../units.ts';
import type { Discovery, IssuerMetadata } from './discovery.ts';
import type { IssuerLine } from './issuer-line.ts';

const serverSchema = z.object({
  issuer: z.string().max(2000),
  authorization_endpoint: z.string().max(2000),
  token_endpoint: z.string().max(2000),
  jwks_uri: z.string().max(2000).default(''),
  code_challenge_methods_supported: z.array(z.string()).default([]),
});
const hostSchema = z.object({ workspace_id: z.string().regex(/^\d{1,25}$/) });

interface Parts {
  profile: Profile;
  line: IssuerLine;
  clock: Clock;
  log: Log;
}

export interface WorkspaceDiscovery extends Discovery {
  /** The number of the workspace, which its tokens name as their audience; null where it does not say. Never rejects. */
  workspaceId(): Promise<string | null>;
}

/** @returns whose `metadata` throws AppError ISSUER_UNREACHABLE | ISSUER_INVALID (reason 'issuer', 'endpoint', 'pkce', 'redirect') */
export function createWorkspaceDiscovery({ profile, line, clock, log }: Parts): WorkspaceDiscovery {
  const { issuer } = profile.idp;
  const { origin } = new URL(issuer);
  let latest: { metadata: IssuerMetadata; readAt: EpochMs } | undefined;
  let workspaceId: string | null = null;

  async function read(): Promise<IssuerMetadata> {
    // check: workspace-plain-http
    if (!isAcceptedAddress(issuer, profile)) throw invalid('endpoint', 'Its address is plain http.');
    // end check
    // Not where RFC 8414 section 3.1 would have it, but where Databricks' SDKs find it.
    const parsed = serverSchema.safeParse(await readJson(line, `${issuer}/.well-known/oauth-authorization-server`));
    if (!parsed.success)
      throw new AppError('ISSUER_UNREACHABLE', {
        reason: 'sent',
        detail: `${new URL(issuer).host} does not sign people in as a workspace does.`,
      });
    const { data } = parsed;
    // check: workspace-metadata-issuer
    if (data.issuer !== issuer) throw invalid('issuer', 'Its metadata names another issuer.');
    // end check
    for (const name of ['authorization_endpoint', 'token_endpoint'] as const) {
      // check: workspace-metadata-origin
      if (!isOn(origin, data[name])) throw invalid('endpoint', `Its ${name} is not on the workspace itself.`);
      // end check
    }
    // check: workspace-metadata-pkce
    if (!data.code_challenge_methods_supported.includes('S256')) throw invalid('pkce', 'It does not offer PKCE with S256.');
    // end check
    latest = { metadata: data, readAt: clock.now() };
    return data;
  }

  return {
    async metadata(within: Ms) {
      const age = latest ? clock.now() - latest.readAt : Number.POSITIVE_INFINITY;
      return latest && age >= 0 && age < within ? latest.metadata : read();
    },
    async workspaceId() {
      if (workspaceId !== null) return workspaceId;
      try {
        const { data } = hostSchema.safeParse(await readJson(line, `${origin}/.well-known/databricks-config`));
        workspaceId = data?.workspace_id ?? null;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // SDKs, too, take this document as best effort; without it one check less can be made, and none is made wrongly.
        log('login.workspace-id-unknown', { code: error.code });
      }
      return workspaceId;
    },
  };
}

/** undefined where the answer is not a JSON document. */
async function readJson(line: IssuerLine, url: string): Promise<unknown> {
  const response = await line.request(url, { headers: { accept: 'application/json' } });
  if (response.status !== 200) return undefined;
  try {
    return JSON.parse(await response.text());
  } catch {
    // A login page, for one; the caller's schema refuses what is not there.
    return undefined;
  }
}

/** An address of the workspace itself, plain enough to send a secret to. */
function isOn(origin: string, address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return url.origin === origin && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

const invalid = (reason: string, detail: string) => new AppError('ISSUER_INVALID', { reason, detail });
