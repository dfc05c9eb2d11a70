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

  return {
    add(kind, value) {
      if (secrets.has(value)) return;
      if (value.length < window && !kind.startsWith('cookie')) throw new Error(`a ${kind} of ${value.length} characters cannot be marked`);
      secrets.set(value, kind);
      // The head of a JWT is the same in all of them and says nothing.
      const parts = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value) ? value.split('.').slice(1) : [value];
      for (const part of parts) {
        addText(kind, part);
        addText(kind, Buffer.from(part).toString('hex'));
        if (/^[\w-]+$/.test(part)) addBytes(kind, Buffer.from(part, 'base64url'));
        for (const padding of ['', 'x', 'xx'])
          addText(
            kind,
            Buffer.from(padding + part)
              .toString('base64url')
              .slice(4, -4),
          );
      }
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
