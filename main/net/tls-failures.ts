/** What a failed handshake says to a person. Only the two cases a company's network brings about; every other error is left as it is. */
import { AppError } from '../app-error.ts';

/** OpenSSL's words, as Node writes them, for a chain that ends with nobody we believe. */
const unknownAuthority = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** @param issuer as the certificate writes it: anybody can have written it */
export function untrusted(error: unknown, host: string, issuer: string | undefined): AppError | undefined {
  if (!unknownAuthority.has(codeOf(error))) return undefined;
  const by = issuer === undefined ? 'an authority without a name' : `“${plain(issuer)}”`;
  return new AppError('SERVER_UNTRUSTED', {
    reason: 'authority',
    detail: `The certificate of ${host} was issued by ${by}; company authorities go into a file named as \`network.caFile\`.`,
    cause: error,
  });
}

/**
 * In TLS 1.3 a server says plainly that it misses a certificate (RFC 8446 section 4.4.2.4). Before, it ends the handshake with an alert
 * that has other meanings too (RFC 5246 section 7.2.2); once both sides have keys, a missing certificate is the one that is left.
 */
export function refusedClient(error: unknown, host: string, hasKeys: boolean): AppError | undefined {
  const code = codeOf(error);
  const isMeant = /ALERT_CERTIFICATE_REQUIRED$/.test(code) || (hasKeys && /ALERT_(HANDSHAKE_FAILURE|BAD_CERTIFICATE)$/.test(code));
  if (!isMeant) return undefined;
  return new AppError('CLIENT_CERTIFICATE_DEMANDED', { detail: `The host is ${host}.`, cause: error });
}

const codeOf = (error: unknown): string => {
  for (let found = error, depth = 0; found instanceof Error && depth < 5; found = found.cause, depth++) {
    const { code } = found as NodeJS.ErrnoException;
    if (code !== undefined && code !== 'NOT_CONNECTED') return code;
  }
  return '';
};

const plain = (name: string): string => name.replace(/[^\p{L}\p{N} .,_&()-]/gu, '?').slice(0, 80);
