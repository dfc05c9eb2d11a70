/** The sections of Databricks' profile file that can be chosen, with what choosing each would mean. */
import type { SetupView } from '../../preload/contract/setup.ts';
import { texts } from '../texts.ts';

const words = texts.setup.default;
export const defaultSection = 'DEFAULT';
/** What a new section is called until the person names it. */
export const suggestedSection = 'lakepass';
const shape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const isSectionName = (name: string): boolean => shape.test(name);

export interface SectionChoice {
  name: string;
  host: string | null;
  /** What a person should know before choosing it. */
  notes: string[];
}

/** `DEFAULT` first, there or not; then what the file has, in its order. */
export function sectionChoices({ databrickscfg: { sections } }: SetupView): SectionChoice[] {
  const known = sections.some(({ name }) => name === defaultSection)
    ? sections
    : [{ name: defaultSection, host: null, auth: '', ours: false }, ...sections];
  const choices = known.map(({ name, host, auth, ours }) => ({
    name,
    host,
    notes: [
      ...(name === defaultSection ? [words.defaultSection] : []),
      ...(ours ? [words.ours] : [auth === '' ? words.isNew : words.replaces(auth)]),
    ],
  }));
  return choices.sort((one, other) => Number(other.name === defaultSection) - Number(one.name === defaultSection));
}
