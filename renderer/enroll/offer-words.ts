/** What a company wants, in words. */
import type { OfferView } from '../../preload/contract/enroll.ts';
import { texts } from '../texts.ts';

const words = texts.keys.rules;

/** The host of an address, as it is compared; the address itself where it has none. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

/** The host that a link would have us ask; null: it names none. The agent alone decides whether it is a link of ours. */
export function hostOfLink(link: string): string | null {
  const url = URL.parse(link.trim())?.searchParams.get('url') ?? '';
  return URL.canParse(url) && new URL(url).host !== '' ? new URL(url).host : null;
}

/** `At least 2 keys, of a model that is proven, that cannot be copied.` */
export function wantedWords({ atLeast, models, attested, hardwareBound }: NonNullable<OfferView['tapKeys']>): string {
  const demands = [
    ...(models === null ? [] : [words.ofModels(models.length)]),
    ...(attested ? [words.attested] : []),
    ...(hardwareBound ? [words.hardwareBound] : []),
  ];
  return `${[words.atLeast(atLeast), ...demands].join(', ')}.`;
}
