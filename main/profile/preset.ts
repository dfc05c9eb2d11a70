/** What a preset does to a profile: it fills in what the file leaves out, and names what must not be left out. */
import { type Fill, presetNames, presets } from '../idp/presets.ts';
import { isAcceptedAddress } from './plain-http.ts';
import type { BrokenRule } from './profile-rules.ts';

type Map = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Map => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The profile as the file has it, with what its preset fills in. What the file says always wins: maps are filled key by key, anything else
 * is the file's as a whole. Whatever is no profile is left for the schema to refuse.
 */
export function fillPreset(profile: unknown): unknown {
  const preset = isMap(profile) && isMap(profile['idp']) ? profile['idp']['preset'] : undefined;
  const name = presetNames.find((each) => each === preset);
  return isMap(profile) && name !== undefined ? under(profile, presets[name].fills) : profile;
}

function under(said: Map, fill: Fill): Map {
  const filled = Object.entries(fill).map(([key, value]): [string, unknown] => {
    const own = said[key];
    if (isMap(own) && isMap(value)) return [key, under(own, value as Fill)];
    return [key, Object.hasOwn(said, key) ? own : value];
  });
  return { ...said, ...Object.fromEntries(filled) };
}

interface Parts {
  test: boolean;
  idp: {
    preset: keyof typeof presets;
    issuer: string;
    tenants: readonly string[];
    hostedDomains: readonly string[];
    clientSecret?: unknown;
    groupsEndpoint?: string | undefined;
  };
}

/** What the preset demands of the profile, in the order of the file. */
export function brokenByPreset(profile: Parts): BrokenRule[] {
  const { idp } = profile;
  const { issuer, sendsClientSecret = false } = presets[idp.preset];
  const broken: BrokenRule[] = [];
  // A test profile has its provider on loopback; the path is what presets differ in.
  const isForeignHost = idp.preset === 'google' && !profile.test && issuer.known?.test(idp.issuer) !== true;
  // check: config-preset-issuer
  if (!issuer.pattern.test(idp.issuer) || isForeignHost) broken.push({ path: ['idp', 'issuer'], message: issuer.fix });
  // end check
  // Every company's people could sign in otherwise, and the user name is theirs to choose.
  // check: config-tenants
  if (issuer.rule === 'entra-tenant' && /\/(?:common|organizations)\//.test(idp.issuer) && idp.tenants.length === 0)
    broken.push({ path: ['idp', 'tenants'], message: 'name the tenants that are trusted, or write the tenant into the issuer' });
  // end check
  // check: config-hosted-domains
  if (issuer.rule === 'google-legacy' && idp.hostedDomains.length === 0)
    broken.push({
      path: ['idp', 'hostedDomains'],
      message: 'name the domains of your organisation, or every Google account could sign in',
    });
  // end check
  if (idp.clientSecret !== undefined && !sendsClientSecret)
    broken.push({
      path: ['idp', 'clientSecret'],
      message: 'leave it out: a public client has none, and one that is secret must not stand here',
    });
  // The person's access token goes there.
  // check: config-groups-endpoint
  if (idp.groupsEndpoint !== undefined && !isAcceptedAddress(idp.groupsEndpoint, profile))
    broken.push({ path: ['idp', 'groupsEndpoint'], message: 'write an https address' });
  // end check
  return broken;
}
