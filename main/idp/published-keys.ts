/**
 * The signing keys that a provider publishes, as facts to look at: which there are, and until when their certificates hold. Nothing is
 * verified with what is read here; `key-set.ts` reads for itself.
 */
import { hash, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { EpochMs } from '../units.ts';
import type { IssuerLine } from './issuer-line.ts';

export interface PublishedKey {
  /** Tells one key from another: a digest of what it holds, for a key id is the provider's own text. */
  id: string;
  /** `RSA`, `EC`, `OKP`, or what else it calls itself. */
  kind: string;
  /** When its certificate ends (RFC 7517 section 4.7, `x5c`); null where there is none that can be read. */
  certificateEnds: EpochMs | null;
}

const keySchema = z.looseObject({ kty: z.string().max(20), use: z.string().optional(), x5c: z.array(z.string().max(16_384)).optional() });
const documentSchema = z.object({ keys: z.array(z.unknown()).max(200) });

/**
 * Those for signatures; one request, no cache.
 *
 * @throws AppError ISSUER_UNREACHABLE: no answer, or one that is no key set
 * @throws AppError ISSUER_INVALID: reason 'redirect'
 */
export async function readPublishedKeys(line: IssuerLine, address: string): Promise<PublishedKey[]> {
  const response = await line.request(address, { method: 'GET', headers: { accept: 'application/json' } });
  if (response.status !== 200) throw noKeySet(`Its key set was answered with status ${response.status}.`);
  const text = await response.text();
  let document: z.output<typeof documentSchema>;
  try {
    document = documentSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw noKeySet('What it publishes as its keys is no key set.', cause);
  }
  const keys = document.keys.map((key) => keySchema.safeParse(key)).flatMap(({ data }) => (data ? [data] : []));
  return keys.filter(({ use }) => (use ?? 'sig') === 'sig').map(publishedKey);
}

const noKeySet = (detail: string, cause?: unknown): AppError => new AppError('ISSUER_UNREACHABLE', { reason: 'sent', detail, cause });

function publishedKey({ kty, x5c, ...rest }: z.output<typeof keySchema>): PublishedKey {
  const { kid, n, e, crv, x, y } = rest;
  return {
    id: hash('sha256', JSON.stringify([kty, kid, n, e, crv, x, y]), 'base64url'),
    kind: /^[A-Za-z]{1,10}$/.test(kty) ? kty : 'other',
    certificateEnds: endOf(x5c?.[0]),
  };
}

/** The first certificate is the key's own. One that cannot be read says nothing, which is no fault of the key's. */
function endOf(certificate: string | undefined): EpochMs | null {
  if (certificate === undefined) return null;
  try {
    const ends = Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
    return Number.isNaN(ends) ? null : (ends as EpochMs);
  } catch {
    return null;
  }
}
