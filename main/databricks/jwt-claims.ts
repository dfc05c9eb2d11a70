/**
 * Reads the claims of a JWT without verifying it. What is read is a hint: it may name something in a message, or lead to a
 * refusal. It must never be the reason to accept anything.
 */
export function unverifiedClaims(token: string): Readonly<Record<string, unknown>> {
  const payload = token.split('.')[1];
  if (payload === undefined) return {};
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch {
    // An opaque token with dots in it.
    return {};
  }
}

/** A claim or parameter that holds scopes: a space-separated string (RFC 6749 section 3.3) or, as some write it, a list. */
export function scopeWords(value: unknown): string[] {
  const texts = [value].flat().filter((item) => typeof item === 'string');
  return texts.flatMap((text) => text.split(' ')).filter((word) => word !== '');
}

/** The audiences of a token that look like some, for a sentence. */
export function unverifiedAudience(token: string): string {
  const audiences = [unverifiedClaims(token).aud].flat().filter((item) => typeof item === 'string');
  const plain = audiences.filter((audience) => /^[\w.:/@-]{1,200}$/.test(audience));
  return plain.length > 0 ? plain.join(' ') : 'not known';
}
