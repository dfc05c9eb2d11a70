/** The workspace a request names, as the SDKs write it, brought to the form in which a grant keeps it. */

/**
 * The origin, or null where there is none. Python's SDK keeps a path and a query and sends a missing scheme as https; upper case, a
 * trailing slash and the default port make no difference.
 *
 * @param text the `X-Databricks-Host` header; attacker-controlled, so never echo it
 */
export function workspaceOrigin(text: string): string | null {
  const trimmed = text.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  if (!URL.canParse(withScheme)) return null;
  const url = new URL(withScheme);
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  return isWeb && url.username === '' && url.password === '' ? url.origin : null;
}
