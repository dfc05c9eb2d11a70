/**
 * The realm of a company that uses security keys, as its admin would set it up: two levels of sign-in, a password and a key, under the names
 * `silver` and `phr`; groups; a public client for Lakepass.
 */

export interface RealmUser {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly groups: readonly string[];
}

export const realmName = 'acme';
export const clientId = 'lakepass';

/** Sign-in that asks for what the level needs: a level is reached by its own step and all below it, and is over after `maxAge` seconds. */
function flows() {
  const level = (alias: string, value: number, maxAge: number, step: string, config?: string) => ({
    flow: {
      ...{ alias, providerId: 'basic-flow', topLevel: false, builtIn: false, description: '' },
      authenticationExecutions: [
        {
          authenticator: 'conditional-level-of-authentication',
          authenticatorConfig: `${alias} level`,
          requirement: 'REQUIRED',
          priority: 10,
        },
        { authenticator: step, ...(config === undefined ? {} : { authenticatorConfig: config }), requirement: 'REQUIRED', priority: 20 },
      ],
    },
    config: {
      alias: `${alias} level`,
      config: { 'loa-condition-level': String(value), 'loa-max-age': String(maxAge) },
    },
  });
  const password = level('with a password', 1, 36_000, 'auth-username-password-form', 'password reference');
  const key = level('with a key', 2, 0, 'webauthn-authenticator', 'key reference');
  const part = (flowAlias: string, priority: number) => ({ flowAlias, requirement: 'CONDITIONAL', priority, authenticatorFlow: true });
  return {
    authenticationFlows: [
      {
        ...{ alias: 'acme browser', providerId: 'basic-flow', topLevel: true, builtIn: false, description: '' },
        authenticationExecutions: [
          { authenticator: 'auth-cookie', requirement: 'ALTERNATIVE', priority: 10 },
          { flowAlias: 'acme levels', requirement: 'ALTERNATIVE', priority: 20, authenticatorFlow: true },
        ],
      },
      {
        ...{ alias: 'acme levels', providerId: 'basic-flow', topLevel: false, builtIn: false, description: '' },
        authenticationExecutions: [part(password.flow.alias, 10), part(key.flow.alias, 20)],
      },
      password.flow,
      key.flow,
    ],
    authenticatorConfig: [
      password.config,
      key.config,
      // What the mapper for amr says of each step (RFC 8176).
      { alias: 'password reference', config: { 'default.reference.value': 'pwd', 'default.reference.maxAge': '36000' } },
      { alias: 'key reference', config: { 'default.reference.value': 'hwk', 'default.reference.maxAge': '36000' } },
    ],
  };
}

const mapper = (name: string, protocolMapper: string, config: Record<string, string>) => ({
  ...{ name, protocol: 'openid-connect', protocolMapper, consentRequired: false },
  config: { 'id.token.claim': 'true', 'access.token.claim': 'true', 'userinfo.token.claim': 'true', ...config },
});

/** For `--import-realm`. */
export function realmOf({ users, idTokenSeconds }: { users: readonly RealmUser[]; idTokenSeconds: number }): object {
  const groups = [...new Set(users.flatMap((user) => user.groups))];
  return {
    ...{ realm: realmName, enabled: true, sslRequired: 'none', loginWithEmailAllowed: true, accessTokenLifespan: idTokenSeconds },
    ...{ revokeRefreshToken: true, refreshTokenMaxReuse: 0 },
    attributes: { 'acr.loa.map': JSON.stringify({ silver: 1, phr: 2 }) },
    ...flows(),
    browserFlow: 'acme browser',
    ...{
      webAuthnPolicyRpEntityName: 'Acme',
      webAuthnPolicySignatureAlgorithms: ['ES256'],
      webAuthnPolicyUserVerificationRequirement: 'preferred',
    },
    requiredActions: [
      {
        ...{ alias: 'webauthn-register', name: 'Webauthn Register', providerId: 'webauthn-register' },
        ...{ enabled: true, defaultAction: false, priority: 70, config: {} },
      },
    ],
    groups: groups.map((name) => ({ name })),
    users: users.map((user) => ({
      ...{ username: user.username, email: user.email, emailVerified: true, enabled: true, firstName: user.username, lastName: 'Acme' },
      groups: user.groups.map((name) => `/${name}`),
      // What everybody has whom an admin makes by hand; offline_access is among it.
      realmRoles: [`default-roles-${realmName}`],
      credentials: [{ type: 'password', value: user.password, temporary: false }],
    })),
    clients: [
      {
        ...{ clientId, publicClient: true, standardFlowEnabled: true, directAccessGrantsEnabled: false, fullScopeAllowed: true },
        // Without a port: any is taken.
        redirectUris: ['http://127.0.0.1/callback'],
        attributes: { 'pkce.code.challenge.method': 'S256' },
        protocolMappers: [
          mapper('groups', 'oidc-group-membership-mapper', { 'claim.name': 'groups', 'full.path': 'true' }),
          mapper('amr', 'oidc-amr-mapper', {}),
        ],
      },
    ],
  };
}
