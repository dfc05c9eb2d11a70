/**
 * A little colour for people at a terminal, and for nobody else. It is put on last, by what a line looks like, so that others' words in it
 * can bring none of their own: see `harmless`.
 */
type Stream = Pick<NodeJS.WriteStream, 'isTTY'>;

const codes = { bold: 1, red: 31, green: 32, yellow: 33 } as const;
type Colour = keyof typeof codes;

const ESCAPE = '\u001b[';
const inColour = (colour: Colour, text: string): string => `${ESCAPE}${codes[colour]}m${text}${ESCAPE}0m`;

/** NO_COLOR (no-color.org) has the last word; FORCE_COLOR is for whoever pipes into something that shows colours. */
export function wantsColour(stream: Stream, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '' && forced !== '0') return true;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** Whole lines, the first that fits. */
const lines: readonly [RegExp, Colour][] = [
  [/^! /, 'red'],
  [/^[~?] /, 'yellow'],
  [/^[A-Z]{2,}( {2,}[A-Z][A-Z ]*)+$/, 'bold'],
  [/^(Lakepass |Next: )/, 'bold'],
  [/^\+/, 'green'],
  [/^- ?/, 'red'],
];

/** Words that say how something stands, where a state is said: in a column of its own, or after what it is the state of. */
const states: readonly [RegExp, Colour][] = [
  [/(?<= {2})live(?= {2})/, 'green'],
  [/(?<= {2})(revoked|expired)(?= {2})/, 'red'],
  [/(?<=^ {2}workspace .* {2})ok$/, 'green'],
  [/(?<=^ {2}workspace .* {2})[A-Z][A-Z_]+$/, 'red'],
  [/(?<=^ {2})Signed in(?= as )/, 'green'],
  [/(?<=^ {2})Signed out(?=\.)/, 'yellow'],
  [/(?<=^Lock {6})open/, 'green'],
  [/(?<=^Lock {6})away/, 'yellow'],
  [/(?<=^Lock {6})locked/, 'red'],
];

/** The text in colour, line by line; without its colours it is the same text. */
export const painted = (text: string): string =>
  text
    .split('\n')
    .map((line) => {
      const whole = lines.find(([pattern]) => pattern.test(line));
      if (whole !== undefined) return inColour(whole[1], line);
      return states.reduce((shown, [pattern, colour]) => shown.replace(pattern, (word) => inColour(colour, word)), line);
    })
    .join('\n');
