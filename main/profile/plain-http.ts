/**
 * Where plain http is accepted: nowhere, but for the two loopback names in a profile marked as a test profile. Certificates
 * are what makes an issuer or a workspace who it says it is, so there is no other exception and no switch.
 */

/** Compared as text, so that a form which only resolves to loopback (`127.1`, `localhost.`, `LOCALHOST`) is not among them. */
const testAddress = /^http:\/\/(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?(?:[/?#]|$)/;

/** Whether Lakepass may speak to `address`: https always, plain http only to exactly localhost or 127.0.0.1 for a test profile. */
export function isAcceptedAddress(address: string, profile: { readonly test: boolean }): boolean {
  if (!URL.canParse(address)) return false;
  if (new URL(address).protocol === 'https:') return true;
  // check: plain-http
  if (!profile.test || !testAddress.test(address)) return false;
  // end check
  return true;
}
