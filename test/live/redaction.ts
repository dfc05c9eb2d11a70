/**
 * What may be printed of a live run: nothing that opens anything, and nothing that says whose company it was. Known secrets are not
 * masked but end the run, since one that came this far would come again in another shape.
 */
/** Looked for before the known names: a name inside them would break their shape. */
const wholes: [RegExp, string][] = [
  [/\b[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g, '<jwt>'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '<address>'],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, '<uuid>'],
];

/** Looked for after the known names, which are told apart where they can be. */
const rest: [RegExp, string][] = [
  [/https?:\/\/[^\s"'\\,;)\]]+/g, '<url>'],
  [/\b[0-9a-f]{16,}\b/gi, '<hex>'],
  [/\d{9,}/g, '<number>'],
];

export interface Redaction {
  /** From now on this text ends the run where it would be printed. */
  hide(secret: string): void;
  /** From now on this name is printed as `<what>`. */
  rename(name: string, what: string): void;
  /** One line, 160 characters at most. @throws Error where a secret would be shown */
  clean(text: string): string;
}

export function createRedaction(): Redaction {
  const secrets = new Set<string>();
  const names = new Map<string, string>();
  return {
    hide: (secret) => void (secret.length >= 8 && secrets.add(secret)),
    rename: (name, what) => void (name !== '' && names.set(name, what)),
    clean(text) {
      if ([...secrets].some((secret) => text.includes(secret))) throw new Error('a secret would have been printed; the run ends here');
      let shown = text.replace(/\s+/g, ' ');
      for (const [pattern, what] of wholes) shown = shown.replace(pattern, what);
      for (const [name, what] of names) shown = shown.replaceAll(name, `<${what}>`);
      for (const [pattern, what] of rest) shown = shown.replace(pattern, what);
      return shown.length > 160 ? `${shown.slice(0, 159)}…` : shown;
    },
  };
}
