/**
 * Looks for secrets in whatever was written: whole ones, any 20 characters of one, and both again in the clothes a secret may
 * wear: percent-encoded, as hex, as base64 of its text, as the bytes it stands for.
 */
export interface Hunt {
  /** Marks a secret. */
  add(kind: string, value: string): void;
  /** How many different secrets of each kind are marked. */
  kinds(): Record<string, number>;
  /** The kinds of the secrets that are found in it, each once. */
  search(content: Buffer | string): string[];
}

/** Of a JWT's claims, what tokens of one provider share with each other and with proofs of possession (RFC 9449), which are no secrets. */
const shared = new Set(['iss', 'aud', 'azp', 'client_id', 'scope', 'scp', 'typ', 'token_type', 'acr', 'amr']);
/** Bytes of a token's own that a match must hold: 48 bits are no chance. */
const own = 6;

/** Long enough that no innocent text shares it, short enough that half a token is found. */
const window = 20;

export function secretHunt(): Hunt {
  const secrets = new Map<string, string>();
  const fragments = new Map<string, string>();
  const binaries: { bytes: Buffer; kind: string }[] = [];

  const addText = (kind: string, text: string): void => {
    for (let start = 0; start + window <= text.length; start += 1) fragments.set(text.slice(start, start + window), kind);
  };
  const addBytes = (kind: string, bytes: Buffer): void => {
    if (bytes.length < 16) return;
    binaries.push({ bytes: bytes.subarray(0, 32), kind });
    addText(kind, bytes.toString('hex'));
  };

  const addPart = (kind: string, part: string): void => {
    addText(kind, part);
    addClothes(kind, part);
    if (/^[\w-]+$/.test(part)) addBytes(kind, Buffer.from(part, 'base64url'));
  };
  const addClothes = (kind: string, part: string): void => {
    addText(kind, Buffer.from(part).toString('hex'));
    for (const padding of ['', 'x', 'xx'])
      addText(
        kind,
        Buffer.from(padding + part)
          .toString('base64url')
          .slice(4, -4),
      );
  };
  /** Names and times are the same in other tokens of that second, at the same place of their base64: a match must hold more than those. */
  const addClaims = (kind: string, part: string): void => {
    const ranges = ownRanges(Buffer.from(part, 'base64url').toString('latin1'));
    const isOwn = (byte: number): boolean => ranges.some(([from, to]) => byte >= from && byte < to);
    for (let start = 0; start + window <= part.length; start += 1) {
      const [from, to] = [Math.ceil((start * 3) / 4), Math.floor(((start + window) * 3) / 4)];
      let count = 0;
      for (let byte = from; byte < to; byte += 1) if (isOwn(byte)) count += 1;
      if (count >= own) fragments.set(part.slice(start, start + window), kind);
    }
    // Not as the bytes they stand for: those are names and addresses of people, which are written down and open nothing.
    for (const [from, to] of ranges) addClothes(kind, part.slice(Math.ceil((from * 4) / 3), Math.floor((to * 4) / 3)));
  };

  return {
    add(kind, value) {
      if (secrets.has(value)) return;
      if (value.length < window && !kind.startsWith('cookie')) throw new Error(`a ${kind} of ${value.length} characters cannot be marked`);
      secrets.set(value, kind);
      // The head of a JWT is the same in all of them and says nothing.
      const [, claims, signature] = /^eyJ[\w-]+\.([\w-]+)\.([\w-]+)$/.exec(value) ?? [];
      if (claims === undefined || signature === undefined) return addPart(kind, value);
      addClaims(kind, claims);
      addPart(kind, signature);
    },
    kinds() {
      const counts: Record<string, number> = {};
      for (const kind of secrets.values()) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    search(content) {
      const bytes = Buffer.from(content);
      const text = bytes.toString('latin1');
      const found = new Set<string>();
      const look = (haystack: string): void => {
        for (const [run] of haystack.matchAll(/[\w~.=+/-]{20,}/g))
          for (let start = 0; start + window <= run.length; start += 1) {
            const kind = fragments.get(run.slice(start, start + window));
            if (kind !== undefined) found.add(kind);
          }
      };
      look(text);
      if (/[+/]/.test(text)) look(text.replaceAll('+', '-').replaceAll('/', '_'));
      if (/[A-F]/.test(text)) look(text.toLowerCase());
      if (text.includes('%')) look(text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))));
      for (const [value, kind] of secrets) if (text.includes(value)) found.add(kind);
      for (const { bytes: needle, kind } of binaries) if (bytes.includes(needle)) found.add(kind);
      return [...found].sort();
    },
  };
}

/** Where in the text of a JWT's claims the values stand that are this token's own: from, and up to. All of it, where it is not as we know it. */
function ownRanges(text: string): [number, number][] {
  const all: [number, number][] = [[0, text.length]];
  const latin1 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('latin1');
  try {
    const claims = JSON.parse(Buffer.from(text, 'latin1').toString()) as Record<string, unknown>;
    const ranges = Object.entries(claims)
      .filter(([name, value]) => !shared.has(name) && typeof value !== 'number' && typeof value !== 'boolean')
      .map(([name, value]): [number, number] => {
        const at = text.indexOf(`${latin1(name)}:${latin1(value)}`);
        const from = at + latin1(name).length + 1;
        return [at < 0 ? -1 : from, from + latin1(value).length];
      });
    return ranges.some(([from]) => from < 0) ? all : ranges;
  } catch {
    // No JSON.
    return all;
  }
}
