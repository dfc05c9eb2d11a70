/** What reaches a terminal. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { printLine } from '../../../main/cli/report.ts';

function printed(text: string): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  printLine(text);
  return write.mock.calls.map(([chunk]) => String(chunk)).join('');
}

it.each([
  ['an escape sequence', 'gabc  \u001b[2Jall is well', 'gabc  \ufffd[2Jall is well\n'],
  ['an escape sequence of one character', 'a\u009b2Jb', 'a\ufffd2Jb\n'],
  ['a carriage return', 'revoked\rlive', 'revoked\ufffdlive\n'],
  ['words turned around', 'a\u202elive\u2066', 'a\ufffdlive\ufffd\n'],
  ['text nobody sees', 'a\u200bb\ufeff', 'a\ufffdb\ufffd\n'],
])('shows %s for what it is', (_, text, shown) => {
  expect(printed(text)).toBe(shown);
});

it('leaves lines and the letters of any language as they are', () => {
  expect(printed('Zoë 東京\n  café')).toBe('Zoë 東京\n  café\n');
});
