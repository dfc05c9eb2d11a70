/**
 * What the doctor asks beyond this machine, put together from the nouns: each address and each provider once in a look, and never on behalf of
 * more than one who asks at a time.
 */
import { decodeProtectedHeader } from 'jose';
import { AppError } from '../app-error.ts';
import type { AuditRecord } from '../audit/log.ts';
import { unverifiedClaims } from '../databricks/jwt-claims.ts';
import { reach } from '../databricks/reach.ts';
import type { Facts } from '../doctor/facts.ts';
import type { FarFacts, GrantSeen, MetadataAddress, Place, Provider, Way } from '../doctor/far-facts.ts';
import type { Grant } from '../grant/grant.ts';
import { lookAtPorts } from '../idp/free-ports.ts';
import { createProviderProbe } from '../idp/probe.ts';
import type { Ports } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import type { Session } from '../session/session.ts';
import { plainWord } from '../setup/federation-policy.ts';
import { ms } from '../units.ts';
import type { Company } from './agent.ts';

/** As much of a company as is looked at; a profile that is not in use yet has no more. */
export interface LookedAt {
  profile: Profile;
  session: { view(): Pick<ReturnType<Session['view']>, 'phase'>; subjectToken: Session['subjectToken'] };
  tokens: Pick<Company['tokens'], 'health'>;
}

/** A profile that nobody uses yet. */
export const unused = (profile: Profile): LookedAt => ({
  profile,
  session: { view: () => ({ phase: 'signed-out' }), subjectToken: () => Promise.reject(new AppError('SIGNED_OUT')) },
  tokens: { health: () => 'unknown' },
});

export interface FarParts extends Pick<Ports, 'clock' | 'fetch' | 'random' | 'log'> {
  companies: ReadonlyMap<string, LookedAt>;
  servicePrincipals: ReadonlyMap<
    string,
    {
      profile: { name: string; workspaces: readonly { name: string; host: string; accountId?: string | undefined }[] };
      tokens: Pick<Company['tokens'], 'health'>;
    }
  >;
  grants: { get(id: string): Grant | undefined; find(secret: string): Grant | undefined };
  audit: { tail(count: number): readonly AuditRecord[] | Promise<readonly AuditRecord[]> };
  port: () => number;
  systemFindsOwnName: (port: number) => Promise<boolean>;
  defaultBrowser: () => Promise<string | null>;
  watched: FarFacts['watched'];
}

export interface FarQuestion {
  /** One profile alone. */
  profile?: string | undefined;
  grant?: string | undefined;
  terminal: readonly string[] | null;
}

type Far = Omit<FarFacts, keyof Facts>;
/** Records that are looked through for the last refusal of a grant. */
const RECENT = 2000;

export async function farFacts(parts: FarParts, { profile, grant, terminal }: FarQuestion): Promise<Far> {
  const companies = [...parts.companies.values()].filter((each) => profile === undefined || each.profile.name === profile);
  const principals = [...parts.servicePrincipals.values()].filter((each) => profile === undefined || each.profile.name === profile);
  const ways = new Map<string, Promise<Way>>();
  const wayTo = (address: string) => (): Promise<Way> => {
    const known = ways.get(address) ?? reach(parts, address);
    ways.set(address, known);
    return known;
  };
  const place = (address: string, workspace: Place['workspace']): Place => {
    const { host, protocol } = new URL(address);
    return { host, isPlain: protocol === 'http:', workspace, way: wayTo(address) };
  };
  const ofWorkspaces = [...companies, ...principals].flatMap(({ profile: { name: owner, workspaces } }) =>
    workspaces.map(({ name, host, accountId }) => place(metadataOf(host, accountId), { profile: owner, name })),
  );
  const ofProviders = companies
    .filter(({ profile: { idp } }) => idp.preset !== 'databricks')
    .map(({ profile: { idp } }) => place(`${idp.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, null));
  return {
    terminal,
    places: [...ofProviders, ...ofWorkspaces],
    providers: companies.map((company) => providerOf(parts, company)),
    grant: grant === undefined ? null : await grantSeen(parts, grant),
    judge: (address) => judge(parts, address),
    defaultBrowser: parts.defaultBrowser,
    systemFindsOwnName: () => parts.systemFindsOwnName(parts.port()),
    watched: parts.watched,
  };
}

/** Where a workspace, or an account, says how tokens are had. */
export const metadataOf = (host: string, accountId: string | undefined): string =>
  `${new URL(host).origin}/oidc/${accountId === undefined ? '' : `accounts/${accountId}/`}.well-known/oauth-authorization-server`;

function providerOf(parts: FarParts, { profile, session, tokens }: LookedAt): Provider {
  const { idp, name } = profile;
  const probe = createProviderProbe({ ...parts, profile });
  return {
    profile: name,
    host: new URL(idp.issuer).host,
    issuer: idp.issuer,
    clientId: idp.clientId,
    redirect: `http://${idp.redirect.host}:${idp.redirect.ports[0] ?? 'PORT'}${idp.redirect.path}`,
    usernameClaim: idp.usernameClaim,
    tokens: profile.tokens,
    phase: session.view().phase,
    needsKeys: idp.preset !== 'databricks',
    healths: profile.workspaces.map(({ host }) => tokens.health(host)),
    metadata: async () => void (await probe.metadata()),
    namedIssuer: async () => plainWord(await probe.namedIssuer()),
    async unlistedScopes() {
      const { scopes_supported: listed } = await probe.metadata();
      return listed === undefined ? [] : idp.scopes.filter((scope) => !listed.includes(scope));
    },
    client: probe.client,
    ports: () => lookAtPorts(idp.redirect),
    keys: probe.keys,
    async claims() {
      // As any program's request would, it renews a token that is old.
      const { jwt } = await session.subjectToken({ life: ms(0) });
      const token = jwt.reveal();
      const said = unverifiedClaims(token);
      const username = said[idp.usernameClaim];
      return {
        issuer: plainWord(said['iss']) ?? 'an issuer of a strange name',
        audiences: [said['aud']].flat().flatMap((each) => plainWord(each) ?? []),
        algorithm: plainWord(decodeProtectedHeader(token).alg) ?? 'none',
        username: plainWord(username),
      };
    },
  };
}

async function grantSeen({ grants, audit, companies, servicePrincipals }: FarParts, id: string): Promise<GrantSeen | 'unknown'> {
  const found = grants.get(id);
  if (found === undefined) return 'unknown';
  const { profile, workspace, scopes, state, paused, until } = found;
  const tokens = (companies.get(profile) ?? servicePrincipals.get(profile))?.tokens;
  let lastRefusal: string | null = null;
  for (const record of await audit.tail(RECENT)) {
    const { type, grant, code } = record as unknown as Record<string, unknown>;
    if (grant !== id) continue;
    if (type === 'token.refused' && typeof code === 'string') lastRefusal = code;
    if (type === 'token.served' || type === 'token.served-again') lastRefusal = null;
  }
  return { id, state, paused, scopes, workspace, until, health: tokens?.health(workspace) ?? 'unknown', lastRefusal };
}

const addressShape = /^http:\/\/(?:127\.0\.0\.1|localhost):(\d{1,5})\/v1\/metadata\/([\w-]{16,128})$/;

function judge({ grants, port }: FarParts, address: string): MetadataAddress {
  const [, listened, secret] = addressShape.exec(address) ?? [];
  if (listened === undefined || secret === undefined) return 'elsewhere';
  if (Number(listened) !== port()) return 'dead-port';
  return grants.find(secret)?.state === 'live' ? 'live' : 'dead-grant';
}
