/** Small words that several checks need. */
import type { Ms } from '../units.ts';

/** "3 h 12 min", "45 s"; rounded down. */
export function lengthInWords(length: Ms): string {
  const seconds = Math.max(0, Math.floor(length / 1000));
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
  ];
  const words = units.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return words.length === 0 ? `${seconds} s` : words.slice(0, 2).join(' ');
}

/** A list for a sentence: at most so many, and how many more. */
export const listInWords = (names: readonly string[], most = 6): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
