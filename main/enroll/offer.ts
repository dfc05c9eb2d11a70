/** What somebody accepts with a bundle, in plain sentences: what the company decides, may restrict and gets to see. It decides nothing. */
import type { OfferView } from '../../preload/contract/enroll.ts';
import { placeOfSink } from '../profile/audit-settings.ts';
import { noTelemetry, telemetryWords } from '../profile/telemetry-settings.ts';
import type { TapKeyRules } from './bundle-schema.ts';
import type { Offer } from './enrollment.ts';
import { type SettingMode, settingNames, settingsTable } from './settings.ts';

/** @param needsTap a yes takes a touch of a key that is there already */
export function offerView({ invitation, bundle, hash, signedBy, policy, config }: Offer, needsTap: boolean): OfferView {
  const { organization, revision, tapKeys, records } = bundle;
  const { models = null, atLeast = 0, attested = false, hardwareBound = false } = tapKeys ?? {};
  return {
    ...{ organization, url: invitation.url, signedBy, revision, hash, expires: new Date(bundle.expires).toISOString() },
    restricts: restrictionsOf({ bundle, policy, config }),
    tapKeys: tapKeys === undefined ? null : { atLeast, models, attested, hardwareBound },
    records: records === undefined ? null : 'folder' in records ? records.folder : records.url,
    needsTap,
  };
}

/** One sentence each; what a person touches a key for says the same. */
export function restrictionsOf({ bundle, policy, config }: Pick<Offer, 'bundle' | 'policy' | 'config'>): string[] {
  const { tapKeys, records, settings } = bundle;
  const profiles = [...(config?.profiles.values() ?? [])].map(({ name, idp }) => `${name} (sign-in at ${idp.issuer})`);
  const principals = [...(config?.servicePrincipals.keys() ?? [])].map((name) => `${name} (a service principal)`);
  return [
    ...(policy === null
      ? []
      : [
          `Its policy "${policy.id}", revision ${policy.revision}, decides which programs get which scopes; your own can only be stricter.`,
        ]),
    ...(config === null
      ? []
      : [
          `It says where you sign in and which workspaces there are, in the place of your own configuration: ${[...profiles, ...principals].join(', ')}.`,
        ]),
    ...(config?.network.caFile === undefined ? [] : [`Certificates are believed of the authorities in ${config.network.caFile}, too.`]),
    ...settingNames.flatMap((name) => {
      const set = settings[name];
      return set === undefined ? [] : [`${settingsTable[name].means.slice(0, -1)}: ${set.value}; ${modeWords[set.mode]}.`];
    }),
    ...(tapKeys === undefined ? [] : tapKeyWords(tapKeys)),
    ...(records === undefined
      ? []
      : [
          `It gets signed records of this device, of who signs in and of your tap keys, at ${'folder' in records ? records.folder : records.url}.`,
        ]),
    ...(config === null || config.audit.sinks.length === 0
      ? []
      : [`The audit log of this device is sent to ${config.audit.sinks.map(placeOfSink).join(' and ')}.`]),
    ...telemetryWords(config?.telemetry ?? noTelemetry),
    ...(config?.audit.diskFull === 'serve-and-count' ? ['On a full disk programs go on getting tokens, and how often is counted.'] : []),
    'It can revoke this device or you: then sessions end and what the vault keeps is erased.',
    `Without a newer bundle from it, no new token is handed out after ${new Date(bundle.expires).toISOString().slice(0, 10)}.`,
  ];
}

const modeWords: Record<SettingMode, string> = {
  locked: 'you cannot change it',
  default: 'you can change it',
  userMayTighten: 'you can only make it stricter',
};

function tapKeyWords({ atLeast, models, attested, hardwareBound, enterprise }: TapKeyRules): string[] {
  const wanted = [
    ...(models === undefined ? [] : [`of ${models.length === 1 ? 'one model' : `${models.length} models`}`]),
    ...(attested ? ['proven by their maker'] : []),
    ...(hardwareBound ? ['never copied between devices'] : []),
  ];
  const demands = wanted.length === 0 ? '' : `, ${wanted.join(', ')}`;
  return [
    ...(atLeast === 0 && wanted.length === 0 ? [] : [`You need ${atLeast} tap ${atLeast === 1 ? 'key' : 'keys'} or more${demands}.`]),
    ...(enterprise ? ['It reads the serial number of a tap key, where key and browser give it.'] : []),
  ];
}
