/** The identity provider of each profile, and what its token says to a federation policy. */
import { AppError, hasCode } from '../app-error.ts';
import { type EpochMs, hours, remaining } from '../units.ts';
import { bad, type Check, type Found, type FoundEach, foundFailure, good, unknown, weak } from './check.ts';
import type { FarFacts, Provider, SeenClaims } from './far-facts.ts';
import { FAR_LOOK } from './network-checks.ts';
import { lengthInWords, listInWords } from './words.ts';

/** One look for each profile; what fails for one is told for that one alone. */
const perProvider = (
  id: string,
  title: string,
  look: (provider: Provider, now: EpochMs) => Found | Promise<Found>,
  failed: (error: unknown) => Found,
): Check<FarFacts> => ({
  ...{ id, title, limit: FAR_LOOK },
  async look({ providers, now }): Promise<FoundEach[]> {
    return Promise.all(
      providers.map(async (provider) => {
        const found = await Promise.resolve(provider)
          .then((each) => look(each, now))
          .catch(failed);
        return { id: provider.profile, title: `${title}: ${provider.profile}`, ...found };
      }),
    );
  },
});

/** An expected failure in its own words; anything else is a bug, and the whole check's. */
function inItsWords(error: unknown): Found {
  if (error instanceof AppError) return foundFailure('bad', error.toFailure());
  throw error;
}

function afterDiscovery(error: unknown): Found {
  if (error instanceof AppError)
    return unknown('Its metadata, or what it names, could not be had.', 'See to the provider first.', error.code);
  throw error;
}

export const providerChecks: readonly Check<FarFacts>[] = [
  perProvider('provider', 'Identity provider', foundProvider, inItsWords),
  perProvider('client', 'Client at the provider', foundClient, afterDiscovery),
  perProvider('redirect', 'Port for the way back', foundPorts, inItsWords),
  perProvider('keys', 'Signing keys of the provider', foundKeys, afterDiscovery),
  perProvider('claims', 'Token and federation policy', foundClaims, inItsWords),
];

async function foundProvider({ metadata, host, issuer, namedIssuer }: Provider): Promise<Found> {
  try {
    await metadata();
    return good(`${host} says what a sign-in needs.`);
  } catch (error) {
    const isAnother = hasCode(error, 'ISSUER_INVALID') && error.toFailure().reason === 'issuer';
    const named = isAnother ? await namedIssuer() : null;
    if (named === null || named === issuer) throw error;
    return foundAnotherIssuer(issuer, named);
  }
}

function foundAnotherIssuer(issuer: string, named: string): Found {
  const letter = `write the issuer as it stands there: ${named}`;
  const isSlash = named.replace(/\/$/, '') === issuer.replace(/\/$/, '');
  return bad(
    `What answers for ${issuer} calls itself ${named}${isSlash ? '; only the slash at the end differs, and it counts' : ''}.`,
    isSlash ? `W${letter.slice(1)}.` : `Ask your admin whether that is yours; if it is, ${letter}.`,
    'ISSUER_INVALID',
  );
}

/** For a profile that is new: what the provider does not list it may know all the same. */
export const scopesCheck = perProvider(
  'scopes',
  'Scopes of the sign-in',
  async ({ unlistedScopes }) => {
    const unlisted = await unlistedScopes();
    if (unlisted.length === 0) return good('The provider lists them, or lists none.');
    return weak(
      `The provider does not list ${listInWords(unlisted)}.`,
      unlisted.includes('offline_access')
        ? 'Allow it for this client at the provider: without offline_access nobody can renew a session.'
        : 'If the sign-in is refused for it, allow it at the provider or leave it out of `idp.scopes`.',
    );
  },
  afterDiscovery,
);

async function foundClient({ client, clientId, redirect }: Provider): Promise<Found> {
  const { verdict, error } = await client();
  switch (verdict) {
    case 'known':
      return good(`The provider knows the client ${clientId} and its redirect.`);
    case 'refused':
      return bad(
        `The provider knows the client ${clientId}, and refuses what it asks for${error === null ? '' : ` (${error})`}.`,
        error === 'invalid_scope'
          ? 'Allow the scopes of the profile for this client at the provider, or take them out of the configuration.'
          : 'Make it a public (native) client with the authorization code flow at the provider.',
      );
    case 'unknown-client':
      return bad(
        `The provider does not know the client ${clientId} with the redirect ${redirect}.`,
        'Register exactly this redirect for exactly this client at the provider.',
      );
    case 'unclear':
      return unknown('It answered with a page of its own, which says neither yes nor no.', 'Sign in: `lakepass login` shows it.');
  }
}

async function foundPorts({ ports, phase, redirect }: Provider): Promise<Found> {
  if (phase === 'signing-in') return good('A sign-in waits there now.');
  const { free, taken } = await ports();
  if (free.length + taken.length === 0) return good('Any free port will do.');
  if (free.length === 0)
    return bad(
      `Another program listens on ${listInWords(taken.map(String))}, and no other port is registered.`,
      `End that program (\`ss -ltnp\` names it), or register another port at the provider: ${redirect}.`,
      'LOGIN_PORT_BUSY',
    );
  return good(`Free: ${listInWords(free.map(String))}.`);
}

/** Long enough for a company to exchange a certificate. */
const SOON = hours(30 * 24);

async function foundKeys({ keys, needsKeys }: Provider, now: EpochMs): Promise<Found> {
  if (!needsKeys) return good('None are needed: the workspace checks its own tokens.');
  const published = await keys();
  if (published.length === 0)
    return bad('It publishes no key for signatures, so no token of it can be proven.', 'Tell whoever runs the provider.');
  const count = `${published.length} ${published.length === 1 ? 'key' : 'keys'}`;
  const ends = published.flatMap(({ certificateEnds }) => certificateEnds ?? []);
  const [first] = ends.sort((a, b) => a - b);
  if (first === undefined) return good(`${count}, without certificates that could end.`);
  const left = remaining(first, now);
  if (left <= 0)
    return weak(`${count}; the certificate of one has ended.`, 'Tell whoever runs the provider: a workspace may refuse its tokens.');
  if (left <= SOON)
    return weak(
      `${count}; the certificate of one ends in ${lengthInWords(left)}.`,
      'Ask whoever runs the provider whether a new key is coming.',
    );
  return good(`${count}; the first certificate ends in ${lengthInWords(left)}.`);
}

/** What a workspace has refused, as a word of the policy that has to change. */
const policyWords: Readonly<Record<string, (claims: SeenClaims, provider: Provider) => string>> = {
  EXCHANGE_WRONG_AUDIENCE: ({ audiences }) => `Put ${listInWords(audiences)} among the \`audiences\` of the federation policy.`,
  EXCHANGE_WRONG_ISSUER: ({ issuer }) => `Set the \`issuer\` of the federation policy to ${issuer}, to the letter.`,
  EXCHANGE_UNKNOWN_USER: ({ username }, { usernameClaim }) =>
    `Set \`subject_claim\` of the federation policy to \`${usernameClaim}\`, and add ${username ?? 'the person'} to the account.`,
};

async function foundClaims(provider: Provider): Promise<Found> {
  const { tokens, phase, claims, usernameClaim, healths, profile } = provider;
  if (tokens === 'direct') return good('Workspaces take the token of the sign-in as it is; no policy of federation is in between.');
  if (phase === 'locked')
    return unknown('Lakepass is locked, so the token cannot be looked at.', 'Unlock it: `lakepass unlock`.', 'LOCKED');
  if (phase !== 'signed-in')
    return unknown(
      'Nobody is signed in, so there is no token to look at.',
      `Sign in: \`lakepass login --profile ${profile}\`.`,
      'SIGNED_OUT',
    );
  const seen = await claims();
  if (seen.algorithm !== 'RS256' && seen.algorithm !== 'ES256')
    return bad(
      `Its tokens are signed with ${seen.algorithm}, which Databricks does not take.`,
      'Choose RS256 or ES256 for this client at the provider.',
      'EXCHANGE_REFUSED',
    );
  const who = seen.username === null ? `no \`${usernameClaim}\`` : `\`${usernameClaim}\` ${seen.username}`;
  const said = `The token is of ${seen.issuer}, for ${listInWords(seen.audiences)}, with ${who}`;
  const refusal = healths.find((health) => Object.hasOwn(policyWords, health));
  const words = refusal === undefined ? undefined : policyWords[refusal]?.(seen, provider);
  if (words !== undefined) return bad(`${said}; a workspace has refused it.`, words);
  if (seen.username === null)
    return bad(`${said}.`, `Let the provider put \`${usernameClaim}\` into ID tokens, or name another claim as \`usernameClaim\`.`);
  if (healths.includes('ok')) return good(`${said}; a workspace takes it.`);
  return unknown(
    `${said}; no workspace was asked yet.`,
    'Ask one: `lakepass token`. A federation policy has to say the same, to the letter.',
  );
}
