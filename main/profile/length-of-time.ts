/** A length of time as people write it in a file: `90 s`, `15 min`, `8 h`, `30 d`. */
import { z } from 'zod';
import { hours, type Ms, minutes, seconds } from '../units.ts';

const pattern = /^([1-9][0-9]{0,5})\s?(s|min|h|d)$/;
const factors = { s: seconds(1), min: minutes(1), h: hours(1), d: hours(24) } as const;

/** The text form; `toMs` turns what passed it into milliseconds. */
export const lengthText = z.string().regex(pattern, 'write a length of time such as "90 s", "15 min", "8 h" or "30 d"');

/** @param text what `lengthText` accepts */
export function toMs(text: string): Ms {
  const [, amount, unit] = pattern.exec(text) as unknown as [string, string, keyof typeof factors];
  return (Number(amount) * factors[unit]) as Ms;
}

/** The same in milliseconds. */
export const lengthOfTime = lengthText.transform(toMs);
