/**
 * What the identity providers people have differ in, as one table. A preset fills defaults under what a configuration file says, and
 * names by kind the few rules that need code; it imports nothing, so that the profile schema can read it.
 *
 * Each oddity carries where it is written down. `confirmed: false` is believed and not proven against the provider: README lists those.
 */

export const presetNames = ['generic', 'okta', 'okta-custom', 'entra', 'auth0', 'google', 'pingone', 'keycloak', 'databricks'] as const;
export type PresetName = (typeof presetNames)[number];

/** What Azure Databricks is called in Entra ID, in every cloud of Azure (databricks-sdk-go, config/azure.go). */
export const azureDatabricks = '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d';

export interface Quirk {
  /** One sentence. */
  readonly what: string;
  /** Where it is written down. */
  readonly source: string;
  readonly confirmed: boolean;
}

/** A part of a configuration file. */
export interface Fill {
  readonly [key: string]: string | number | boolean | readonly (string | number)[] | Fill;
}

export interface Preset {
  readonly displayName: string;
  readonly issuer: {
    readonly example: string;
    /** What the issuer of such a profile looks like. In a test profile the host may be a loopback one. */
    readonly pattern: RegExp;
    /** What to write instead, for whoever wrote something else. */
    readonly fix: string;
    /** Which `iss` counts as this issuer; anything but 'exact' has a function of its own in preset-issuer.ts. */
    readonly rule: 'exact' | 'entra-tenant' | 'google-legacy';
    /** Issuers that are recognised as this preset's without being told. */
    readonly known?: RegExp;
  };
  /** What to register as redirect, in a sentence for IT. The addresses themselves are in `fills`. */
  readonly redirect: { readonly ports: 'any' | 'fixed'; readonly register: string };
  readonly fills: Fill;
  readonly groups: {
    /** null: the tokens hold none without further work at the provider. */
    readonly claim: string | null;
    readonly form: 'names' | 'ids' | 'paths' | 'none';
    readonly overage: 'none' | 'entra-graph' | 'fails-over-100';
    /** Whether refreshed ID tokens repeat groups and claims of the company's own, so that one without them says there are none. */
    readonly refreshed: boolean;
  };
  readonly assurance: {
    /** Said where a sign-in proved too little: why that is, and the way out. */
    readonly hint?: string;
    /** As of groups. How strong the sign-in was counts for the whole session either way; as claims for policy they come and go. */
    readonly refreshed: { readonly acr: boolean; readonly amr: boolean };
  };
  /** Where people register a security key. `{issuer}` stands for the profile's. */
  readonly keys: {
    readonly page?: string;
    /** The provider has people register one while they sign in: the parameter that asks for it, and the one in which it says what came of that. */
    readonly action?: { readonly parameter: string; readonly value: string; readonly answer: string };
  };
  readonly signOut: { readonly endSession: boolean; readonly revocation: boolean };
  readonly exchange: {
    readonly token: 'id_token' | 'access_token' | 'none';
    readonly audience: string;
    readonly subjectClaim: string;
    /** Which claims name the person in both tokens, where `sub` is not the same in them. */
    readonly person?: { readonly idToken: string; readonly accessToken: string };
  };
  /** Whether its public clients get a secret that is none and must be sent all the same. */
  readonly sendsClientSecret?: boolean;
  /** What an `error` of the provider means there, and the next step. */
  readonly refusals: Readonly<Record<string, string>>;
  readonly quirks: readonly Quirk[];
}

/** Below the ports that systems give out themselves, beside those of Lakepass and of the Databricks tools. */
const fixedPorts = [9643, 9644, 9645] as const;

const oktaRefusals = {
  unmet_authentication_requirements:
    'Okta could not ask you for a phishing-resistant factor: register a security key in the settings of your Okta account, or ask your admin whether the policy of this app allows one.',
  server_error: 'Okta refuses where a groups claim matches more than 100 of your groups: your admin can narrow the filter of the claim.',
  other: 'Okta refuses where a groups claim matches more than 100 of your groups: your admin can narrow the filter of the claim.',
  access_denied: 'You are not assigned to this app in Okta, or no access policy lets it through.',
};

const oktaAssurance = { acrValues: ['phr'], phrAcr: ['phr', 'phrh'], phrAmr: ['pop', 'phr', 'hwk'] };

const oktaQuirks: readonly Quirk[] = [
  {
    what: 'phrh is met by Okta Verify alone, never by a security key: ask for phr.',
    source: 'okta-developer-docs, guides/step-up-authentication',
    confirmed: true,
  },
  {
    what: 'acr_values that are not supported are ignored without a word, so the acr that comes back is what counts.',
    source: 'okta-developer-docs, guides/step-up-authentication',
    confirmed: true,
  },
  {
    what: 'Refreshed tokens repeat the acr of the sign-in.',
    source: 'okta-developer-docs, guides/step-up-authentication',
    confirmed: true,
  },
  {
    what: 'The redirect is compared with its port, so ports are fixed and tried in order.',
    source: 'help.okta.com, redirect_uri mismatch; AppAuth-iOS issue 357',
    confirmed: false,
  },
  {
    what: 'More than 100 matching groups end the request; with which error code, and whether in the code flow too, is not written down.',
    source: 'okta-developer-docs, guides/customize-tokens; support.okta.com "matched too many groups" says otherwise for the code flow',
    confirmed: false,
  },
  { what: 'The scope offline_access brings a refresh token.', source: 'OpenID Connect Core section 11', confirmed: false },
];

export const presets: Readonly<Record<PresetName, Preset>> = {
  generic: {
    displayName: 'Any OpenID provider',
    issuer: { example: 'https://login.acme.example', pattern: /^/, fix: '', rule: 'exact' },
    redirect: { ports: 'any', register: 'http://127.0.0.1/callback, any port (RFC 8252 section 7.3)' },
    fills: {},
    groups: { claim: 'groups', form: 'names', overage: 'none', refreshed: true },
    assurance: { refreshed: { acr: true, amr: true } },
    keys: {},
    signOut: { endSession: true, revocation: true },
    exchange: { token: 'id_token', audience: 'the client id', subjectClaim: 'email' },
    refusals: {},
    quirks: [],
  },

  okta: {
    displayName: 'Okta (the org itself)',
    issuer: {
      example: 'https://acme.okta.com',
      pattern: /^https?:\/\/[^/]+$/,
      fix: 'write the address of the org alone, such as https://acme.okta.com; an issuer with /oauth2/ in it has preset okta-custom',
      rule: 'exact',
      known: /^https:\/\/[a-z0-9-]+\.(?:okta|oktapreview|okta-emea|okta-gov)\.com$/,
    },
    redirect: { ports: 'fixed', register: 'http://127.0.0.1:9643/callback, and the same for 9644 and 9645' },
    fills: {
      idp: { scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'], redirect: { ports: fixedPorts } },
      assurance: oktaAssurance,
    },
    groups: { claim: 'groups', form: 'names', overage: 'fails-over-100', refreshed: true },
    assurance: {
      hint: 'Okta says so with acr "phr" and amr "pop" where its policy asks for a phishing-resistant factor.',
      refreshed: { acr: true, amr: true },
    },
    keys: { page: '{issuer}/enduser/settings' },
    signOut: { endSession: true, revocation: true },
    exchange: { token: 'id_token', audience: 'the client id', subjectClaim: 'email' },
    refusals: oktaRefusals,
    quirks: [
      ...oktaQuirks,
      {
        what: 'Access tokens of the org are for its own APIs: nobody else can check their signature.',
        source: 'okta-developer-docs, concepts/auth-servers',
        confirmed: true,
      },
      { what: 'People register keys under /enduser/settings.', source: 'general knowledge', confirmed: false },
    ],
  },

  'okta-custom': {
    displayName: 'Okta (custom authorization server)',
    issuer: {
      example: 'https://acme.okta.com/oauth2/default',
      pattern: /^https?:\/\/[^/]+\/oauth2\/[A-Za-z0-9]+$/,
      fix: 'write the issuer of the authorization server, such as https://acme.okta.com/oauth2/default',
      rule: 'exact',
      known: /^https:\/\/[a-z0-9-]+\.(?:okta|oktapreview|okta-emea|okta-gov)\.com\/oauth2\/[A-Za-z0-9]+$/,
    },
    redirect: { ports: 'fixed', register: 'http://127.0.0.1:9643/callback, and the same for 9644 and 9645' },
    fills: {
      idp: { redirect: { ports: fixedPorts }, usernameClaim: 'preferred_username' },
      subjectToken: 'access_token',
      assurance: oktaAssurance,
    },
    groups: { claim: 'groups', form: 'names', overage: 'fails-over-100', refreshed: true },
    assurance: {
      hint: 'Okta says so with acr "phr" and amr "pop" where its policy asks for a phishing-resistant factor.',
      refreshed: { acr: true, amr: true },
    },
    keys: {},
    signOut: { endSession: true, revocation: true },
    exchange: {
      token: 'access_token',
      audience: 'the audience of the authorization server',
      subjectClaim: 'sub',
      person: { idToken: 'sub', accessToken: 'uid' },
    },
    refusals: {
      ...oktaRefusals,
      access_denied:
        'The authorization server has no access policy for this client (the one named "default" has none at first), or you are not assigned.',
      invalid_scope: 'The authorization server knows only the scopes that were made for it.',
    },
    quirks: [
      ...oktaQuirks,
      {
        what: 'The sub of an access token is the login name, that of the ID token an opaque id, which the access token has as uid.',
        source: 'okta-developer-docs, reference/api/oidc, reserved claims',
        confirmed: true,
      },
      { what: 'The user name is in preferred_username.', source: 'general knowledge', confirmed: false },
    ],
  },

  entra: {
    displayName: 'Microsoft Entra ID',
    issuer: {
      example: 'https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0',
      pattern: /^https?:\/\/[^/]+\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|common|organizations)\/v2\.0$/,
      fix: 'write https://login.microsoftonline.com/TENANT/v2.0 with the id of the tenant in small letters, not its domain',
      rule: 'entra-tenant',
      known: /^https:\/\/login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)\/[^/]+\/v2\.0$/,
    },
    redirect: { ports: 'any', register: 'http://localhost/callback under "Mobile and desktop applications"; its port is ignored' },
    fills: {
      idp: {
        scopes: ['openid', 'profile', 'email', 'offline_access', 'User.Read'],
        redirect: { host: 'localhost' },
        usernameClaim: 'preferred_username',
        pkceUnadvertised: true,
        groupsEndpoint: 'https://graph.microsoft.com/v1.0/me/getMemberObjects',
      },
      assurance: { askBy: 'acrs', acrValues: [], phrAcr: [], phrAmr: [] },
    },
    groups: { claim: 'groups', form: 'ids', overage: 'entra-graph', refreshed: true },
    assurance: {
      hint: 'Entra ID proves it by an authentication context: once a Conditional Access policy ties one to phishing-resistant MFA, IT names it in the profile under assurance.acrValues and assurance.phrAcr.',
      refreshed: { acr: true, amr: false },
    },
    keys: { page: 'https://mysignins.microsoft.com/security-info' },
    signOut: { endSession: true, revocation: false },
    exchange: {
      token: 'id_token',
      audience: 'the client id',
      subjectClaim: 'preferred_username',
      person: { idToken: 'oid', accessToken: 'oid' },
    },
    refusals: {
      interaction_required:
        'Conditional Access did not let the sign-in through. Register a key at https://mysignins.microsoft.com/security-info.',
      access_denied: 'Entra ID refused it, or your admin has yet to consent to this app.',
    },
    quirks: [
      {
        what: 'For common and organizations the metadata names the template {tenantid} as issuer.',
        source: 'openid-client, handleEntraId; entra-docs, v2-protocols-oidc',
        confirmed: true,
      },
      {
        what: 'Above 200 groups the claim is left out and _claim_sources names an address that is not to be followed; Microsoft Graph knows them, with the scope User.Read.',
        source: 'entra-docs, configure-user-overage; graph-docs, directoryobject-getmemberobjects',
        confirmed: true,
      },
      {
        what: 'A context that no policy is tied to is issued all the same, so naming it in the profile is what IT vouches with.',
        source: 'entra-docs, developer-guide-conditional-access-authentication-context',
        confirmed: true,
      },
      {
        what: 'auth_time comes only where it is listed among the optional claims of the app registration.',
        source: 'entra-docs, optional-claims-reference',
        confirmed: true,
      },
      {
        what: 'Loopback redirects are compared without their port; the portal takes localhost, 127.0.0.1 only in the manifest.',
        source: 'entra-docs, reply-url',
        confirmed: true,
      },
      {
        what: 'It takes PKCE with S256 and does not say so in its metadata.',
        source: 'entra-docs, v2-oauth2-auth-code-flow; modelcontextprotocol/typescript-sdk issue 832',
        confirmed: true,
      },
      {
        what: 'An access token for Azure Databricks is of version 1.0, and names https://sts.windows.net/TENANT/ as its issuer.',
        source: 'databricks/terraform-provider-databricks issue 4262; entra-docs, access-tokens',
        confirmed: true,
      },
      { what: 'max_age is honoured.', source: 'not documented', confirmed: false },
      {
        what: 'Tokens of version 1.0 are signed with keys that the metadata of version 2.0 names.',
        source: 'not documented',
        confirmed: false,
      },
      { what: 'A refresh token is good after its use.', source: 'entra-docs, refresh-tokens', confirmed: true },
      { what: 'Its answers carry no iss (RFC 9207).', source: 'not documented', confirmed: false },
    ],
  },

  auth0: {
    displayName: 'Auth0',
    issuer: {
      example: 'https://acme.eu.auth0.com/',
      pattern: /^https?:\/\/[^/]+\/$/,
      fix: 'write the domain with its trailing slash, such as https://acme.eu.auth0.com/; a custom domain is another issuer',
      rule: 'exact',
      known: /^https:\/\/[a-z0-9-]+(?:\.[a-z]{2})?\.auth0\.com\/?$/,
    },
    redirect: { ports: 'fixed', register: 'http://127.0.0.1:9643/callback, and the same for 9644 and 9645' },
    fills: {
      idp: { redirect: { ports: fixedPorts } },
      assurance: {
        acrValues: ['http://schemas.openid.net/pape/policies/2007/06/multi-factor'],
        phrAcr: ['http://schemas.openid.net/pape/policies/2007/06/multi-factor'],
        phrAmr: ['webauthn-roaming', 'webauthn-platform'],
      },
    },
    groups: { claim: null, form: 'none', overage: 'none', refreshed: true },
    assurance: {
      hint: 'Auth0 says "mfa" whatever the factor was: an Action must copy event.authentication.methods into a claim of your own, and the profile name it as assurance.amrClaim.',
      refreshed: { acr: false, amr: false },
    },
    keys: {},
    signOut: { endSession: true, revocation: true },
    exchange: { token: 'id_token', audience: 'the client id', subjectClaim: 'email' },
    refusals: {
      access_denied: 'An Action or a rule of the tenant refused it, or the person did not confirm the sign-in.',
      interaction_required: 'Auth0 asks people to confirm a loopback redirect; the tenant can switch that off for this app.',
    },
    quirks: [
      { what: 'The trailing slash is a part of the issuer.', source: 'auth0 docs-v2, tokens/json-web-tokens', confirmed: true },
      {
        what: 'groups, roles, acr and amr cannot be set by an Action: claims of your own need a name with a namespace.',
        source: 'auth0 docs-v2, create-custom-claims',
        confirmed: true,
      },
      { what: 'Refreshed tokens carry no amr.', source: 'auth0 docs-v2, step-up-authentication', confirmed: true },
      {
        what: 'Since 2026-04-28 loopback redirects show a page to confirm.',
        source: 'auth0 docs-v2, non-verifiable callback URIs',
        confirmed: true,
      },
      {
        what: 'The names webauthn-roaming and webauthn-platform.',
        source: 'auth0 docs-v2, event.authentication.methods',
        confirmed: false,
      },
    ],
  },

  google: {
    displayName: 'Google Workspace, Cloud Identity',
    issuer: {
      example: 'https://accounts.google.com',
      pattern: /^https?:\/\/[^/]+$/,
      fix: 'write https://accounts.google.com',
      rule: 'google-legacy',
      known: /^https:\/\/accounts\.google\.com$/,
    },
    redirect: { ports: 'any', register: 'nothing: a "Desktop app" client takes loopback redirects' },
    fills: {
      idp: { scopes: ['openid', 'profile', 'email'], prompt: 'consent', parameters: { access_type: 'offline' } },
      assurance: {
        askBy: 'none',
        acrValues: [],
        phrAcr: [],
        phrAmr: [],
        mfaAmr: [],
        authTime: 'optional',
        minimum: 'config-asserted',
      },
    },
    groups: { claim: null, form: 'none', overage: 'none', refreshed: false },
    assurance: {
      hint: 'Google never says how somebody signed in: IT enforces security keys in the admin console and declares it with assurance.configAsserted.',
      refreshed: { acr: false, amr: false },
    },
    keys: { page: 'https://myaccount.google.com/signinoptions/passkeys' },
    signOut: { endSession: false, revocation: true },
    exchange: { token: 'id_token', audience: 'the client id', subjectClaim: 'email' },
    sendsClientSecret: true,
    refusals: {
      access_denied: 'You refused it, or your organisation does not let this app in.',
      invalid_client: 'Google wants the secret of the desktop client, which is not confidential: idp.clientSecret.',
    },
    quirks: [
      {
        what: 'iss may lack its https://.',
        source: 'developers.google.com, identity/openid-connect',
        confirmed: true,
      },
      {
        what: 'hd names the Workspace domain; without it the account is a private one.',
        source: 'developers.google.com, identity/openid-connect',
        confirmed: true,
      },
      {
        what: 'Desktop clients have a secret that is not confidential and must be sent.',
        source: 'developers.google.com, identity/protocols/oauth2/native-app',
        confirmed: true,
      },
      {
        what: 'No acr, no amr, no auth_time unless asked for by arrangement; no groups.',
        source: 'developers.google.com, identity/openid-connect',
        confirmed: false,
      },
      { what: 'access_type=offline and prompt=consent bring a refresh token.', source: 'developers.google.com', confirmed: false },
      { what: 'Loopback redirects with any port and path.', source: 'developers.google.com, native-app', confirmed: false },
      { what: 'A refresh keeps the refresh token as it is.', source: 'general knowledge', confirmed: false },
      { what: 'People register keys under myaccount.google.com.', source: 'general knowledge', confirmed: false },
    ],
  },

  pingone: {
    displayName: 'PingOne',
    issuer: {
      example: 'https://auth.pingone.eu/11111111-2222-4333-8444-555555555555/as',
      pattern: /^https?:\/\/[^/]+(?:\/[0-9a-f-]{36})?\/as$/,
      fix: 'write the issuer of the environment, such as https://auth.pingone.eu/ENVIRONMENT/as',
      rule: 'exact',
      known: /^https:\/\/auth\.pingone\.[a-z.]+\/[0-9a-f-]{36}\/as$/,
    },
    redirect: { ports: 'any', register: 'http://127.0.0.1/callback; any port is taken' },
    fills: {
      idp: { usernameClaim: 'preferred_username' },
      assurance: { acrValues: [], phrAcr: [], phrAmr: [] },
    },
    groups: { claim: null, form: 'names', overage: 'none', refreshed: true },
    assurance: {
      hint: 'PingOne answers with the name of the sign-on policy: IT names the one that demands FIDO under assurance.acrValues and assurance.phrAcr.',
      refreshed: { acr: true, amr: false },
    },
    keys: {},
    signOut: { endSession: true, revocation: true },
    exchange: { token: 'id_token', audience: 'the client id', subjectClaim: 'preferred_username' },
    refusals: { invalid_request: 'Each sign-on policy in assurance.acrValues must be assigned to the app in PingOne.' },
    quirks: [
      { what: 'acr_values are names of sign-on policies.', source: 'docs.pingidentity.com, PingOne authorize', confirmed: true },
      { what: 'Loopback redirects are taken with any port.', source: 'docs.pingidentity.com, redirect URIs', confirmed: true },
      { what: 'acr is the name of the policy that was used.', source: 'general knowledge', confirmed: false },
      { what: 'offline_access brings a refresh token where the grant is enabled.', source: 'general knowledge', confirmed: false },
      { what: 'Groups come by a mapping of groupNames; sub is a UUID.', source: 'general knowledge', confirmed: false },
      { what: 'Revocation, device flow and sign-off addresses are in the metadata.', source: 'general knowledge', confirmed: false },
    ],
  },

  keycloak: {
    displayName: 'Keycloak',
    issuer: {
      example: 'https://sso.acme.example/realms/acme',
      pattern: /^https?:\/\/[^/]+(?:\/[^/]+)*\/realms\/[^/]+$/,
      fix: 'write the address of the realm, such as https://sso.acme.example/realms/acme',
      rule: 'exact',
      known: /^https:\/\/[^/]+(?:\/auth)?\/realms\/[^/]+$/,
    },
    redirect: { ports: 'any', register: 'http://127.0.0.1/callback without a port: any port is taken then' },
    fills: { assurance: { askBy: 'acr', acrValues: ['phr'], phrAcr: ['phr'], phrAmr: [] } },
    groups: { claim: 'groups', form: 'paths', overage: 'none', refreshed: true },
    assurance: {
      hint: 'Keycloak says so by the acr that the realm maps to the level of its security-key step; acr "0" is a level that has expired.',
      refreshed: { acr: true, amr: false },
    },
    keys: {
      page: '{issuer}/account/account-security/signing-in',
      action: { parameter: 'kc_action', value: 'webauthn-register', answer: 'kc_action_status' },
    },
    signOut: { endSession: true, revocation: true },
    exchange: { token: 'id_token', audience: 'the client id', subjectClaim: 'email' },
    refusals: {
      unmet_authentication_requirements:
        'Keycloak could not reach the level asked for: register a security key with `lakepass keys register`.',
      access_denied:
        'Keycloak could not reach the level asked for, or you cancelled: without a security key there, `lakepass keys register` registers one.',
      not_allowed: 'The realm gives this client, or you, no offline tokens: allow offline_access there, or leave it out of idp.scopes.',
    },
    quirks: [
      {
        what: 'An essential acr that its ACR to LoA mapping does not name ends on a page of Keycloak ("Invalid parameter: claims"); nothing comes back.',
        source: 'seen with Keycloak 26.7.3 (npm run test:keycloak)',
        confirmed: true,
      },
      {
        what: 'It issues tokens that are bound to a key (DPoP) to whoever proves one, refresh tokens included.',
        source: 'seen with Keycloak 26.7.3 (npm run test:keycloak)',
        confirmed: true,
      },
      {
        what: 'An essential acr that cannot be reached is refused; one asked for by acr_values is not.',
        source: 'keycloak, server_admin, step-up authentication',
        confirmed: true,
      },
      {
        what: 'A level that has expired and a plain single sign-on give acr 0.',
        source: 'keycloak, server_admin, step-up authentication',
        confirmed: true,
      },
      {
        what: 'kc_action=webauthn-register lets people register a key; they can take it out of the address, so only a new sign-in proves it.',
        source: 'keycloak, server_admin, application-initiated actions',
        confirmed: true,
      },
      {
        what: 'A redirect registered without a port matches any port, for localhost and 127.0.0.1.',
        source: 'keycloak, RedirectUtils',
        confirmed: true,
      },
      { what: 'With which error code it refuses.', source: 'not documented', confirmed: false },
      {
        what: 'groups needs the mapper "Group Membership", amr the mapper "Authentication Method Reference" and a reference on each step.',
        source: 'seen with Keycloak 26.7.3 (npm run test:keycloak)',
        confirmed: true,
      },
      { what: 'The page of the account console.', source: 'general knowledge', confirmed: false },
    ],
  },

  databricks: {
    displayName: 'Databricks (the workspace signs people in)',
    issuer: {
      example: 'https://acme.cloud.databricks.com/oidc',
      pattern: /^https?:\/\/[^/]+\/oidc$/,
      fix: 'write the host of the workspace with /oidc behind it',
      rule: 'exact',
      known: /^https:\/\/[a-z0-9.-]+\.(?:cloud\.databricks\.com|gcp\.databricks\.com|azuredatabricks\.net)\/oidc$/,
    },
    redirect: { ports: 'fixed', register: 'nothing: the client databricks-cli is known to every workspace' },
    fills: {
      idp: {
        clientId: 'databricks-cli',
        scopes: ['all-apis', 'offline_access'],
        redirect: { host: 'localhost', ports: Array.from({ length: 21 }, (_, index) => 8020 + index), path: '' },
      },
      tokens: 'direct',
      assurance: { askBy: 'none', acrValues: [], phrAcr: [], phrAmr: [], mfaAmr: [], authTime: 'optional', minimum: 'unknown' },
    },
    groups: { claim: null, form: 'none', overage: 'none', refreshed: false },
    assurance: {
      hint: 'The workspace does not say how you signed in behind it: IT can declare it with assurance.configAsserted.',
      refreshed: { acr: false, amr: false },
    },
    keys: {},
    signOut: { endSession: false, revocation: false },
    exchange: { token: 'none', audience: 'the workspace itself', subjectClaim: 'sub' },
    refusals: {},
    quirks: [
      {
        what: 'The tools of Databricks use the ports 8020 to 8040 with an empty path.',
        source: 'databricks-sdk-go, credentials/u2m',
        confirmed: true,
      },
      {
        what: 'What the identity provider behind it proved is not passed on.',
        source: 'databricks-sdk-go, credentials/u2m',
        confirmed: false,
      },
    ],
  },
};

/** The preset whose issuers look like this one; 'generic' where nothing is recognised. */
export const presetOf = (issuer: string): PresetName =>
  presetNames.find((name) => presets[name].issuer.known?.test(issuer) ?? false) ?? 'generic';
