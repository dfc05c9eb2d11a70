/** An invitation as a picture that a camera reads, in a terminal or in a file. */
import { encode, renderSVG } from 'uqr';

/** Modules around the code that stay light (ISO/IEC 18004 section 6.3.8). */
const border = 4;
const options = { ecc: 'M', border } as const;

/** Black on white whatever the colours of the terminal are: many cameras read it one way only. */
const paint = { on: '\u001b[30;107m', off: '\u001b[0m' } as const;
const halves = { both: '█', upper: '▀', lower: '▄', none: ' ' } as const;

/** @returns two rows of the code a line, in colours of its own */
export function qrForTerminal(text: string): string {
  const { data } = encode(text, options);
  const lines: string[] = [];
  for (let row = 0; row < data.length; row += 2) {
    const upper = data[row] ?? [];
    const lower = data[row + 1] ?? [];
    const cells = upper.map((dark, column) => halves[dark ? (lower[column] ? 'both' : 'upper') : lower[column] ? 'lower' : 'none']);
    lines.push(`${paint.on}${cells.join('')}${paint.off}`);
  }
  return lines.join('\n');
}

/** A whole SVG document. */
export const qrAsSvg = (text: string): string => `${renderSVG(text, options)}\n`;
