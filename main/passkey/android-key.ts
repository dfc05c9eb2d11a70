/** What Android says of a key in its certificate (WebAuthn Level 3, section 8.4.1; developer.android.com, "Key and ID attestation"). */
import { contentOf, type Der, inside, readDer, smallNumber, tags } from './der.ts';
import { Flaw } from './flaw.ts';
import type { Certificate } from './x509.ts';

const PURPOSE = 1;
const ALL_APPLICATIONS = 600;
const ORIGIN = 702;
const SIGN = 2;
const VERIFY = 3;
const GENERATED = 0;
const SOFTWARE = 0;

/**
 * The key was made for this ceremony, for signing, on the device, and for one application.
 *
 * @returns whether hardware keeps it; then it is hardware's own word that counts, else that of the system around it
 * @throws Flaw certificate (no description of the key), shape, challenge, origin
 */
export function requireAndroidKey({ extensions }: Certificate, challenge: Buffer): boolean {
  const extension = extensions.get('1.3.6.1.4.1.11129.2.1.17');
  if (extension === undefined) throw new Flaw('certificate');
  const [, attestationLevel, , keyLevel, said, , bySoftware, byHardware] = inside(readDer(extension.value));
  // check: android-key-challenge
  if (!contentOf(said, tags.octets).equals(challenge)) throw new Flaw('challenge');
  // end check
  const hardware = smallNumber(attestationLevel) !== SOFTWARE && smallNumber(keyLevel) !== SOFTWARE;
  const lists = { software: inside(bySoftware), hardware: inside(byHardware) };
  const both = [...lists.software, ...lists.hardware];
  // check: android-key-scoped
  if (member(both, ALL_APPLICATIONS) !== undefined) throw new Flaw('origin');
  // end check
  const list = hardware ? lists.hardware : both;
  const origin = member(list, ORIGIN);
  const purpose = member(list, PURPOSE);
  // What software keeps may leave it out: it is never more than unproven.
  if (!hardware && origin === undefined && purpose === undefined) return false;
  // check: android-key-origin
  if (origin === undefined || smallNumber(inside(origin)[0]) !== GENERATED) throw new Flaw('origin');
  // end check
  const purposes = purpose === undefined ? [] : inside(inside(purpose)[0]).map(smallNumber);
  // check: android-key-purpose
  if (!purposes.includes(SIGN) || purposes.some((each) => each !== SIGN && each !== VERIFY)) throw new Flaw('origin');
  // end check
  return hardware;
}

const member = (list: readonly Der[], tag: number): Der | undefined => list.find((each) => each.context && each.tag === tag);
