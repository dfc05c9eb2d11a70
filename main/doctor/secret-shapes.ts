/**
 * What a token, a grant's address or another secret looks like, in any text. It takes time in proportion to the text alone: runs of letters
 * that a token may have are cut out first, each run is then looked at by fixed beginnings.
 */

/** Runs that do not overlap, each as long as it can be. */
const run = /[\w.~+/=:-]{12,}/g;

/** Beginnings by which a secret is known, and how long it is with them at least. */
const beginnings: readonly { is: RegExp; least: number }[] = [
  // A JWT begins with the JSON of its header: `{"` in base64url.
  { is: /(?:^|[^A-Za-z0-9_-])eyJ[A-Za-z0-9_-]/, least: 20 },
  // Databricks' personal tokens, and secrets of its service principals.
  { is: /(?:^|[^A-Za-z0-9])(?:dapi|dose|doss|dkea|dosr)[0-9a-f]{8}/i, least: 20 },
  // The address of a grant.
  { is: /\/v1\/metadata\/[\w-]{16}/, least: 28 },
];

/** Quotes may be escaped, as in JSON that was logged as JSON. */
const named =
  /(?:client_secret|client_assertion|refresh_token|access_token|id_token|subject_token|password|bearer)[\\"']{0,3}[\s=:]{1,4}[\\"']{0,3}[\w.~+/=-]{12}/i;

/** A name and a password as HTTP sends them (RFC 7617), and as a URL holds them: clients print the one of a proxy when it does not answer. */
const logins = /\bbasic (?=[a-z+/]{0,200}[0-9=])[a-z0-9+/]{8,400}={0,2}|:\/\/[^\s/@:]{1,100}:[^\s/@]{1,200}@/i;

/** True where a text holds what looks like a secret. */
export function holdsSecret(text: string): boolean {
  return named.test(text) || logins.test(text) || [...text.matchAll(run)].some(([found]) => isSecret(found));
}

const isSecret = (found: string): boolean => beginnings.some(({ is, least }) => found.length >= least && is.test(found)) || isRandom(found);

/** A long word in which letters of both kinds and digits change often: 43 characters of base64url are 256 bits. Words, paths and dates are not. */
function isRandom(found: string): boolean {
  return found.split(/[./:=]/).some((part) => {
    if (part.length < 40 || part.length > 4096) return false;
    return /[a-z]/.test(part) && /[A-Z]/.test(part) && /[0-9]/.test(part);
  });
}

const secretNamed = new RegExp(`(${named.source.replace('{12}', '{12,}')})`, 'gi');
const everyLogin = new RegExp(logins.source, 'gi');

/** The text without whatever looks like a secret. */
export const withoutSecretShapes = (text: string, instead: string): string =>
  text
    .replace(everyLogin, instead)
    .replace(run, (found) => (isSecret(found) ? instead : found))
    .replace(secretNamed, instead);
