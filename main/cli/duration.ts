/** Times as people write them on a command line. */
import { AppError } from '../app-error.ts';

const factors: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** Seconds in `45s`, `30m`, `8h`, `2d`. @throws AppError INPUT_INVALID, with the name of the option as its reason */
export function secondsOf(text: string, option: string): number {
  const [, amount, unit] = /^([1-9][0-9]{0,6})\s?(s|m|min|h|d)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined)
    throw new AppError('INPUT_INVALID', { reason: option, detail: 'Write a time such as 45s, 30m, 8h or 2d.' });
  return Number(amount) * (factors[unit] ?? 0);
}
