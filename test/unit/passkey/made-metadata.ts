/** FIDO's metadata as a file, signed by an authority of our own: a real issue cannot be had by a test. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { basicConstraints, certificate, der, extension, sequence } from '../../fixtures/certificates.ts';
import { authority, subjectOf } from './made-evidence.ts';

/** Takes the place of the pinned roots. */
export const fido = authority('FIDO in small');
const dnsName = (name: string) => extension('2.5.29.17', false, sequence(der(0x82, Buffer.from(name))));

export interface Signing {
  alg?: 'ES256' | 'RS256' | 'none' | 'HS256';
  host?: string;
  header?: Record<string, unknown>;
  ends?: Date;
  signer?: KeyObject;
  issuer?: typeof fido;
  chain?: Buffer[];
}

/** A file with this payload; text stands for the payload as it is encoded. */
export function signed(
  payload: unknown,
  { alg = 'ES256', host = 'mds.fidoalliance.org', header = {}, ends, signer, issuer = fido, chain = [] }: Signing = {},
): Buffer {
  const pair = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [basicConstraints(false), dnsName(host)];
  const fields = { subject: subjectOf({ cn: host }), issuer: issuer.subject, publicKey: pair.publicKey, extensions };
  const leaf = certificate({ ...fields, ...(ends ? { ends } : {}) }, issuer.privateKey);
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const x5c = [leaf, ...chain].map((bytes) => bytes.toString('base64'));
  const input = `${text({ alg, typ: 'JWT', x5c, ...header })}.${typeof payload === 'string' ? payload : text(payload)}`;
  const key = signer ?? pair.privateKey;
  const signature = sign('sha256', Buffer.from(input), alg === 'RS256' ? key : { key, dsaEncoding: 'ieee-p1363' });
  return Buffer.from(`${input}.${signature.toString('base64url')}`);
}
