/**
 * What IT may set on a device, in one table: the documents for MDM products are generated from it, and what holds is worked out from it.
 * A value of IT's either cannot be changed, or is where the person starts, or may only be made stricter.
 */
import { z } from 'zod';
import { lengthText, toMs } from '../profile/length-of-time.ts';
import { hours, type Ms, seconds } from '../units.ts';

export const settingModes = ['locked', 'default', 'userMayTighten'] as const;
export type SettingMode = (typeof settingModes)[number];

const levels = ['unknown', 'mfa', 'config-asserted', 'phr'] as const;
const allowed = ['allowed', 'forbidden'] as const;

const length = (least: Ms, most: Ms) =>
  lengthText.pipe(z.string().refine((text) => toMs(text) >= least && toMs(text) <= most, 'shorter or longer than it can be'));

/** Negative: `a` is the stricter one; 0: neither is. */
type Compare = (a: string, b: string) => number;
const shorter: Compare = (a, b) => toMs(a) - toMs(b);
/** The later in the list, the stricter. */
const byRank =
  (ranks: readonly string[]): Compare =>
  (a, b) =>
    ranks.indexOf(b) - ranks.indexOf(a);
const neither: Compare = () => 0;

interface Row {
  /** Values as people write them. */
  readonly value: z.ZodType<string, string>;
  readonly compare: Compare;
  /** One sentence, for the documents and the screen. */
  readonly means: string;
}

const row = (value: z.ZodType<string, string>, compare: Compare, means: string): Row => ({ value, compare, means });

// biome-ignore format: one line per setting, so that it reads as the table it is
export const settingsTable = {
  sessionLife: row(length(hours(1), hours(24 * 30)), shorter, 'A session ends this long after the sign-in, at the latest.'),
  sessionIdle: row(length(seconds(300), hours(24 * 30)), shorter, 'A session ends when no token was asked for during this time.'),
  longestGrant: row(length(seconds(60), hours(24 * 30)), shorter, 'The longest a grant may run.'),
  lease: row(length(seconds(60), hours(1)), shorter, 'How long a program may keep one answer.'),
  minimumAssurance: row(z.enum(levels), byRank(levels), 'Below this proof of the sign-in no session begins.'),
  fileGrants: row(z.enum(allowed), byRank(allowed), 'Whether a grant may stand in ~/.databrickscfg.'),
  printedTokens: row(z.enum(allowed), byRank(allowed), 'Whether `lakepass token` prints a token.'),
  startAtLogin: row(z.enum(['no', 'yes']), byRank(['no', 'yes']), 'Whether Lakepass starts with the desktop session.'),
  theme: row(z.enum(['system', 'light', 'dark']), neither, 'Light or dark.'),
} as const satisfies Record<string, Row>;

export type SettingName = keyof typeof settingsTable;
export const settingNames = Object.keys(settingsTable) as SettingName[];

/** The values of a setting that has a list of them; null: a length of time. */
export function choicesOf(name: SettingName): readonly string[] | null {
  const { value } = settingsTable[name];
  return value instanceof z.ZodEnum ? value.options.map(String) : null;
}

const setting = (name: SettingName) =>
  z.strictObject({ value: settingsTable[name].value, mode: z.enum(settingModes) }).describe(settingsTable[name].means);

/** Settings of one source, by name. */
export const settingsSchema = z.strictObject(
  Object.fromEntries(settingNames.map((name) => [name, setting(name).optional()])) as {
    [N in SettingName]: z.ZodOptional<
      z.ZodObject<{ value: (typeof settingsTable)[N]['value']; mode: z.ZodEnum<{ [M in SettingMode]: M }> }>
    >;
  },
);
export type Settings = z.output<typeof settingsSchema>;

export interface Effective {
  readonly value: string;
  /** Whose value it is. */
  readonly by: 'it' | 'person';
  readonly mode: SettingMode | null;
}

/**
 * What holds of one setting; null: nobody has said anything.
 *
 * @param own the person's own value, as the table accepts it
 */
export function effective(name: SettingName, it: Settings[SettingName], own: string | null): Effective | null {
  if (it === undefined) return own === null ? null : { value: own, by: 'person', mode: null };
  const ofIt: Effective = { value: it.value, by: 'it', mode: it.mode };
  // check: setting-locked
  if (own === null || it.mode === 'locked') return ofIt;
  // end check
  // check: setting-only-tighter
  if (it.mode === 'userMayTighten' && settingsTable[name].compare(own, it.value) >= 0) return ofIt;
  // end check
  return { value: own, by: 'person', mode: it.mode };
}

/** Two sources of IT's, the machine's own first: what is locked in either holds, of two locked values the stricter. */
export function joinSettings(machine: Settings, bundle: Settings): Settings {
  const joined: Record<string, Settings[SettingName]> = {};
  for (const name of settingNames) {
    const [a, b] = [machine[name], bundle[name]];
    joined[name] = a === undefined || b === undefined ? (a ?? b) : stricter(name, a, b);
  }
  return settingsSchema.parse(JSON.parse(JSON.stringify(joined)));
}

type Given = NonNullable<Settings[SettingName]>;
const modeRank: Record<SettingMode, number> = { default: 0, userMayTighten: 1, locked: 2 };

function stricter(name: SettingName, a: Given, b: Given): Given {
  const mode = modeRank[a.mode] >= modeRank[b.mode] ? a.mode : b.mode;
  // A mere start value gives way to one that binds.
  if ((a.mode === 'default') !== (b.mode === 'default')) return a.mode === 'default' ? b : a;
  const value = settingsTable[name].compare(b.value, a.value) < 0 ? b.value : a.value;
  return { ...a, value, mode } as Given;
}
