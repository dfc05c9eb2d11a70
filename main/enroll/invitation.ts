/**
 * The link by which IT invites a device: where the bundle is, and the one key it is believed by at first. Nothing in it is secret, and
 * whoever opens it is shown what the bundle may restrict before anything is kept.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { httpsUrl, thumbprintSchema } from './bundle-schema.ts';
import type { Invitation } from './enrollment.ts';

const LONGEST_LINK = 4000;
const invitationSchema = z.strictObject({ url: httpsUrl, key: thumbprintSchema });

/** `lakepass://enroll?url=…&key=…`: both can be read by everybody. */
export const invitationLink = ({ url, thumbprint }: Invitation): string =>
  `lakepass://enroll?url=${encodeURIComponent(url)}&key=${thumbprint}`;

/**
 * Takes apart what somebody opened or pasted.
 *
 * @param text attacker-chosen: anybody can make such a link, so it is never echoed
 * @throws AppError INVITATION_INVALID (reason: text, link, parameters, url, key)
 */
export function parseInvitation(text: string): Invitation {
  const bad = (reason: string): AppError => new AppError('INVITATION_INVALID', { reason });
  // A parser of URLs passes over tabs and line ends, and turns other letters into those of a host.
  // check: invitation-plain-text
  if (text.length > LONGEST_LINK || !/^[\x21-\x7e]+$/.test(text)) throw bad('text');
  // end check
  const link = URL.parse(text);
  // check: invitation-link
  if (link === null || !/^lakepass:\/\/enroll\/?\?[^#]*$/.test(link.href)) throw bad('link');
  // end check
  const names = [...link.searchParams.keys()];
  // check: invitation-nothing-else
  if (names.length !== 2 || new Set(names).size !== 2) throw bad('parameters');
  // end check
  const parsed = invitationSchema.safeParse(Object.fromEntries(link.searchParams));
  if (!parsed.success) throw bad(parsed.error.issues[0]?.path[0]?.toString() ?? 'parameters');
  const { url, key } = parsed.data;
  requirePlainAddress(url);
  return { url, thumbprint: key };
}

/**
 * The address as every program reads it: what a person sees is where it leads.
 * @throws AppError INVITATION_INVALID (reason: url)
 */
export function requirePlainAddress(url: string): void {
  // check: invitation-plain-address
  if (!httpsUrl.safeParse(url).success || URL.parse(url)?.href !== url) throw new AppError('INVITATION_INVALID', { reason: 'url' });
  // end check
}
