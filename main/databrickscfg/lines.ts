/**
 * The text of a Databricks profile file, line by line, as Python's configparser reads it: that reader is behind the strictest of the
 * SDKs. Nothing is ever normalised; the lines put together again are the bytes that were read.
 */

/** 'more' is a further line of the value above it; 'orphan' fits nowhere, and Python reads no file that has one. */
export type LineKind = 'header' | 'option' | 'more' | 'comment' | 'blank' | 'orphan';

export interface Line {
  /** The bytes as latin-1, without what ends the line: every byte is one character, valid UTF-8 or not. */
  readonly raw: string;
  readonly end: '' | '\n' | '\r\n' | '\r';
  readonly kind: LineKind;
  /** The section it stands in; null before the first header. */
  readonly section: string | null;
  /** Of an option, in lower case. */
  readonly key: string | null;
  readonly value: string | null;
}

export interface Lines {
  /** The mark that some editors on Windows put before everything. */
  readonly mark: string;
  readonly lines: readonly Line[];
}

const MARK = '\u00ef\u00bb\u00bf';
/** What Python's `str.strip` takes away. JavaScript's `trim` takes less here and more there. */
const space = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const isSpace = new RegExp(`^${space}$`);
const before = new RegExp(`^${space}*`);

/** Step by step: an expression looks at a long run of spaces once for each of them, and whoever writes the file chooses how long it is. */
function strip(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isSpace.test(text.charAt(from))) from += 1;
  while (from < to && isSpace.test(text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

/** The words of a line, where its bytes are text. */
export const textOf = (raw: string): string => Buffer.from(raw, 'latin1').toString('utf8');

/** White space at the beginning of a line, as it stands there. */
export const indentOf = (raw: string): string => before.exec(textOf(raw))?.[0] ?? '';

/** Reads any bytes at all. */
export function readLines(bytes: Uint8Array): Lines {
  const whole = Buffer.from(bytes).toString('latin1');
  const mark = whole.startsWith(MARK) ? MARK : '';
  const parts = [...whole.slice(mark.length).matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)].filter(([all]) => all !== '');
  let section: string | null = null;
  let hasOption = false;
  let indent = 0;
  const lines = parts.map(([, raw = '', end = '']): Line => {
    const text = textOf(raw);
    const words = strip(text);
    const plain = { raw, end: end as Line['end'], key: null, value: null };
    if (words === '') return { ...plain, kind: 'blank', section };
    if (/^[#;]/.test(words)) return { ...plain, kind: 'comment', section };
    const here = indentOf(raw).length;
    // A line that stands deeper than the option above it goes on with its value, whatever it looks like.
    if (section !== null && hasOption && here > indent) return { ...plain, kind: 'more', section };
    indent = here;
    const header = /^\[(.+)\]/s.exec(words)?.[1];
    if (header !== undefined) {
      section = header;
      hasOption = false;
      return { ...plain, kind: 'header', section };
    }
    const sign = words.search(/[=:]/);
    const name = sign < 0 ? '' : strip(words.slice(0, sign));
    if (section === null || name === '') return { ...plain, kind: 'orphan', section };
    hasOption = true;
    return { ...plain, kind: 'option', section, key: name.toLowerCase(), value: strip(words.slice(sign + 1)) };
  });
  return { mark, lines };
}

/** The bytes of the lines. */
export const bytesOf = ({ mark, lines }: { mark: string; lines: readonly Pick<Line, 'raw' | 'end'>[] }): Buffer =>
  Buffer.from(mark + lines.map(({ raw, end }) => raw + end).join(''), 'latin1');

/** Why Python's SDK reads nothing of this file, in a sentence; null where it does. */
export function unreadableForPython({ mark, lines }: Lines): string | null {
  if (mark !== '') return 'It begins with a byte order mark.';
  const seen = new Set<string>();
  for (const [index, { kind, section, key }] of lines.entries()) {
    const at = `line ${index + 1}`;
    if (kind === 'orphan') return `It has neither a section nor a key and a value in ${at}.`;
    const name = kind === 'header' ? JSON.stringify([section]) : kind === 'option' ? JSON.stringify([section, key]) : null;
    if (name === null) continue;
    // The default section alone may stand in several places.
    if (seen.has(name) && !(kind === 'header' && section === 'DEFAULT'))
      return `A ${kind === 'header' ? 'section' : 'key'} stands twice, again in ${at}.`;
    seen.add(name);
  }
  return null;
}
