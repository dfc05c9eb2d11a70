/**
 * Command lines of others hold passwords and tokens, and those of our own clients may hold the URL of a grant. People are shown command
 * lines, so what looks like a secret is left out: too much rather than too little.
 */

const left = '[…]';

/** Path segments that open something here: a grant's URL, a nonce. */
const ourPaths = /(\/v1\/(?:metadata|caller)\/)[^\s/?#"']+/g;
/** JSON web tokens, Databricks tokens and refresh tokens, bearer headers, user:password in URLs, fragments of one-time links. */
const tokens =
  /\beyJ[\w-]{8,}(?:\.[\w-]*)*|\b(?:dapi|dkea|dose|doau)[0-9a-f]{16,}(?:-\d+)?|\b(?:gh[pousr]|github_pat|sk|xox[abprs]|glpat)[-_][\w-]{16,}|\bAKIA[A-Z0-9]{12,}/g;
const credentials = /\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi;
const userInfo = /(\/\/)[^\s/@]+@/g;
const secretName =
  /(?:pass(?:word|wd|phrase)?|secret|token|api-?_?key|access-?_?key|credential|auth(?:orization)?|cookie|private-?_?key)$/i;

/** One line with every argument, without the values that look like secrets. */
export function withoutSecrets(commandLine: readonly string[]): string {
  return commandLine.map((argument, index) => clean(argument, commandLine[index - 1])).join(' ');
}

function clean(argument: string, before: string | undefined): string {
  if (before !== undefined && /^--?[\w-]+$/.test(before) && secretName.test(before) && !argument.startsWith('-')) return left;
  const [, name, value] = /^(-{0,2}[\w.-]+)[=:](.+)$/s.exec(argument) ?? [];
  if (name !== undefined && value !== undefined && secretName.test(name)) return `${argument.slice(0, name.length + 1)}${left}`;
  let shown = argument.replace(userInfo, `$1${left}@`).replace(credentials, `$1 ${left}`).replace(tokens, left);
  // check: caller-command-own-secrets
  shown = shown.replace(ourPaths, `$1${left}`);
  // end check
  return shown;
}
