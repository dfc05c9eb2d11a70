/**
 * Times and lengths of time, told apart by the compiler. Everything inside Lakepass counts milliseconds; wire formats that
 * count seconds are converted here and nowhere else.
 */
export type EpochMs = number & { readonly unit: 'epoch-ms' };
export type Ms = number & { readonly unit: 'ms' };

export const ms = (value: number): Ms => value as Ms;
export const seconds = (value: number): Ms => (value * 1000) as Ms;
export const minutes = (value: number): Ms => (value * 60_000) as Ms;
export const hours = (value: number): Ms => (value * 3_600_000) as Ms;

/** RFC 3339, in UTC with milliseconds. */
export const iso = (at: number): string => new Date(at).toISOString();

/** The moment `delay` after `from`. */
export const later = (from: EpochMs, delay: Ms): EpochMs => (from + delay) as EpochMs;

/** What is left until `until`; negative once it has passed. */
export const remaining = (until: EpochMs, now: EpochMs): Ms => (until - now) as Ms;

/** A NumericDate (RFC 7519 section 2: seconds since the epoch, fractions allowed) as milliseconds. */
export const fromNumericDate = (value: number): EpochMs => Math.floor(value * 1000) as EpochMs;

/** Whole epoch seconds, rounded down so that nothing is ever promised for longer than it lasts. */
export const toNumericDate = (value: EpochMs): number => Math.floor(value / 1000);

/** Resolves a relative lifetime (RFC 6749 section 5.1, `expires_in`, seconds). */
export const expiryFrom = (now: EpochMs, expiresInSeconds: number): EpochMs => (now + expiresInSeconds * 1000) as EpochMs;
