/** The small things of which the text of a profile is made. */

/** JSON's way to quote is one of YAML's. */
export const quoted = (text: string): string => JSON.stringify(text);

/** What people copy from the address bar names a page of the workspace; the workspace is its origin. Text that is no address stays as it is. */
export function originOf(typed: string): string {
  const text = typed.trim();
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(address)) return text;
  const { origin, username, password } = new URL(address);
  return origin === 'null' || username !== '' || password !== '' ? text : origin;
}

/** The first word of the host where it can be a name, else `main`. */
export function shortName(host: string): string {
  const first = URL.canParse(host) ? (new URL(host).hostname.split('.')[0] ?? '') : '';
  return /^[a-z][a-z0-9-]{0,39}$/.test(first) && first !== 'localhost' ? first : 'main';
}
