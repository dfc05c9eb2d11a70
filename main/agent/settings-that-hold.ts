/** Which settings hold of those that say who hears of the person's work: where records go to, what is counted, who is sent times. */

/** @returns the company's, or the person's own where somebody has approved them; `none` otherwise */
export function settingsThatHold<T>(parts: { ofCompany: () => T | null; own: () => T; isApproved: () => boolean; none: T }): T {
  const ofCompany = parts.ofCompany();
  if (ofCompany !== null) return ofCompany;
  // check: settings-approved
  // A program of the person's could have written them.
  if (!parts.isApproved()) return parts.none;
  // end check
  return parts.own();
}
