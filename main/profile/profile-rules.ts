/** What the parts of a profile must have in common. Pure; each rule says what to write instead. */
import { azureDatabricks } from '../idp/presets.ts';

interface Parts {
  test: boolean;
  idp: { preset: string; issuer: string; scopes: readonly string[] };
  tokens: 'exchange' | 'direct';
  subjectToken: 'id_token' | 'access_token';
  workspaces: readonly { host: string }[];
  federation: { servicePrincipals?: readonly unknown[] | undefined };
}

export interface BrokenRule {
  path: string[];
  message: string;
}

/** Where a workspace signs people in itself, it is the issuer of its own tokens: `https://HOST/oidc`. */
export const workspaceIssuer = (host: string): string => `${new URL(host).origin}/oidc`;

/** The rules that a profile breaks, in the order of the file. */
export function brokenRules(profile: Parts): BrokenRule[] {
  return [
    ...(profile.idp.preset === 'databricks' ? brokenByWorkspaceProfile(profile) : brokenByOthers(profile)),
    ...brokenByDirect(profile),
  ];
}

/** Nothing is exchanged there, so nobody could act as anybody but themselves. */
function brokenByDirect({ tokens, federation }: Parts): BrokenRule[] {
  const isMoot = tokens === 'direct' && federation.servicePrincipals !== undefined;
  return isMoot ? [{ path: ['federation', 'servicePrincipals'], message: 'leave it out with tokens: direct' }] : [];
}

/** The domains of Databricks, of all clouds (databricks-sdk-go, config/environments). */
const ofDatabricks = /\.(?:databricks\.(?:com|us|mil)|azuredatabricks\.net|databricks\.azure\.(?:us|cn))$/;

export const isOfDatabricks = (hostname: string): boolean => ofDatabricks.test(hostname);

const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1']);

/** Plain http is no matter of this rule: it is for tests on this machine, and refused with its own word everywhere else. */
function isDatabricks(address: string, test: boolean): boolean {
  const { protocol, hostname } = URL.parse(address) ?? { protocol: 'https:', hostname: '' };
  return protocol === 'http:' || isOfDatabricks(hostname) || (test && loopback.has(hostname));
}

/**
 * A JWT says who may use it and not where it may be sent, and where nobody is asked nobody approves a changed configuration: it goes to Databricks,
 * or to this machine, where whoever listens could read it anyway. Plain http is refused with its own word.
 */
export function brokenByWorkload({ workload, workspaces }: { workload?: unknown; workspaces: Parts['workspaces'] }): BrokenRule[] {
  if (workload === undefined) return [];
  return workspaces.flatMap(({ host }, index) => {
    const { hostname } = URL.parse(host) ?? { hostname: '' };
    // check: config-workload-to-databricks
    if (!isOfDatabricks(hostname) && !loopback.has(hostname))
      return [{ path: ['workspaces', String(index), 'host'], message: 'with workload, write a host in a domain of Databricks' }];
    // end check
    return [];
  });
}

function brokenByWorkspaceProfile({ idp, tokens, workspaces, test }: Parts): BrokenRule[] {
  const [workspace, ...more] = workspaces;
  const broken: BrokenRule[] = [];
  // A token of one workspace must never be handed to a program for another one.
  // check: config-workspace-is-issuer
  if (workspace === undefined || !URL.canParse(workspace.host) || idp.issuer !== workspaceIssuer(workspace.host))
    broken.push({ path: ['idp', 'issuer'], message: 'with preset databricks, write the host of the workspace with /oidc behind it' });
  // end check
  // Every workspace knows the same client and the same redirect, and none says with its code whose it is (RFC 9700 section 4.4): a server of
  // somebody else could send the browser on to a real workspace and would be brought its code.
  // check: config-workspace-of-databricks
  if (workspace !== undefined && !isDatabricks(workspace.host, test))
    broken.push({ path: ['workspaces', '0', 'host'], message: 'with preset databricks, write a host in a domain of Databricks' });
  // end check
  // check: config-one-workspace
  if (more.length > 0)
    broken.push({ path: ['workspaces'], message: 'with preset databricks, one workspace; make a profile for each further one' });
  // end check
  if (tokens !== 'direct') broken.push({ path: ['tokens'], message: 'with preset databricks, write "direct"' });
  return broken;
}

function brokenByOthers({ idp, tokens, subjectToken }: Parts): BrokenRule[] {
  const broken: BrokenRule[] = [];
  if (!idp.scopes.includes('openid')) broken.push({ path: ['idp', 'scopes'], message: '"openid" must be among the scopes' });
  // An ID token is for us alone; a program that were given one could sign in elsewhere as the person.
  // check: config-direct-access-token
  if (tokens === 'direct' && subjectToken !== 'access_token')
    broken.push({ path: ['subjectToken'], message: 'with tokens: direct, write "access_token"' });
  // end check
  // Without it the token would be for another application, which programs would be handed the person's rights in.
  // check: config-direct-application
  if (tokens === 'direct' && idp.preset === 'entra' && !idp.scopes.includes(`${azureDatabricks}/.default`))
    broken.push({
      path: ['idp', 'scopes'],
      message: `with preset entra and tokens: direct, "${azureDatabricks}/.default" must be among them`,
    });
  // end check
  return broken;
}
