/**
 * What must be settled before anything is released. The home page and the address that packages name as their maintainer's stand in package.json
 * (`homepage`, `author`) and nowhere else. As long as they are made-up ones they are in a name that nobody can have (RFC 2606 section 3).
 */

export interface Project {
  author: { name: string; email: string };
  homepage: string;
}

/** Each is set by whoever signs: for the release as a whole, for Windows, for macOS, and for Apple's notary. */
const signing = [
  ...['LAKEPASS_RELEASE', 'LAKEPASS_WINDOWS_SIGN'],
  ...['CSC_LINK', 'CSC_NAME', 'CSC_KEYCHAIN', 'CSC_INSTALLER_LINK', 'WIN_CSC_LINK'],
  ...['APPLE_API_KEY', 'APPLE_ID', 'APPLE_KEYCHAIN_PROFILE'],
] as const;

const nobodys = /(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$/;

/** @throws Error it is about to be signed, and still names a home page or an address that is nobody's */
export function refusePlaceholders({ author, homepage }: Project, env: NodeJS.ProcessEnv): void {
  const signedBy = signing.filter((name) => (env[name] ?? '') !== '');
  if (signedBy.length === 0) return;
  const hosts = { homepage: new URL(homepage).hostname, 'author.email': author.email.slice(author.email.lastIndexOf('@') + 1) };
  const open = Object.entries(hosts).flatMap(([field, host]) => (nobodys.test(host.toLowerCase()) ? [`${field} (${host})`] : []));
  if (open.length > 0)
    throw new Error(`Set in package.json before a release: ${open.join(' and ')}. This is one, for ${signedBy.join(', ')} is set.`);
}
