/** Who we are to a key and to a browser. Everything under this name is ours alone; nothing but the ceremony page is ever served under it. */

/** RP ID of every ceremony, for ever: a key enrolled under another one would be lost. */
export const RP_ID = 'lakepass.localhost';
export const RP_NAME = 'Lakepass';

/**
 * Ceremonies run at one origin each, port included; any program can listen on another port of the same name.
 *
 * @throws TypeError not an origin of ours (a bug of the caller, never bad input)
 */
export function requireOwnOrigin(origin: string): void {
  const url = new URL(origin);
  // check: passkey-own-origin
  if (url.origin !== origin || url.protocol !== 'http:' || url.hostname !== RP_ID) throw new TypeError('not an origin of ceremonies');
  // end check
}
