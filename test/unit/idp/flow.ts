/** A provider client on fakes, with a browser that goes straight from the provider to the real callback door. */
import { get } from 'node:http';
import { createIdentityProvider } from '../../../main/idp/identity-provider.ts';
import type { PresetName } from '../../../main/idp/presets.ts';
import type { SignedIn } from '../../../main/idp/signed-in.ts';
import type { Profile } from '../../../main/profile/profile.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { testProfile } from './profiles.ts';
import { testIssuer } from './test-issuer.ts';

const US = 1000;

/** Visits the callback as a browser does, and says what it answered. */
export const visit = (url: URL | string) =>
  new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location }));
    }).on('error', reject);
  });

/** @param preset of a provider whose issuer is not the one of the tests */
export function flow(options: Parameters<typeof testProfile>[0] = {}, preset?: PresetName, profiles: () => readonly Profile[] = () => []) {
  const parsed = testProfile(options);
  const profile = preset === undefined ? parsed : { ...parsed, idp: { ...parsed.idp, preset } };
  const issuer = testIssuer();
  const audit = recordingAudit();
  const logged: string[] = [];
  const opened: URL[] = [];
  const announced: (URL | undefined)[] = [];
  let counter = 0;
  const person = {
    /** What the person's browser does with the URL it is opened with. */
    browse: async (url: URL): Promise<void> => void (await visit(issuer.authorize(url))),
  };
  const idp = createIdentityProvider({
    ...{ profile, profiles },
    clock: issuer.clock,
    fetch: issuer.fetch,
    random: (bytes) => Buffer.alloc(bytes, ++counter),
    openBrowser: async (url, endpoint) => {
      opened.push(url);
      announced.push(endpoint);
      await person.browse(url);
      return 'opened';
    },
    audit,
    log: (event, fields) => logged.push(`${event} ${JSON.stringify(fields ?? {})}`),
    peerUid: { lookup: async () => US },
    uid: US,
  });
  const signIn = (signal = new AbortController().signal): Promise<SignedIn> => idp.signIn({ signal, onUrl: () => {} });
  return { issuer, clock: issuer.clock, audit, logged, opened, announced, person, idp, signIn };
}
