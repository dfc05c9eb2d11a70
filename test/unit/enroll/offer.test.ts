/** What somebody accepts with a bundle, in sentences: each thing that it restricts is said, and nothing that it does not. */
import { describe, expect, it } from 'vitest';
import { thumbprintOf, verifyBundle } from '../../../main/enroll/bundle.ts';
import { offerView } from '../../../main/enroll/offer.ts';
import { signedBundle, signingKey } from './setting.ts';

async function offered(changes: Parameters<typeof signedBundle>[1] = {}) {
  const key = await signingKey();
  const thumbprint = await thumbprintOf(key.publicKey);
  const bytes = await signedBundle([key], changes);
  const invitation = { url: 'https://it.acme.example/b.json', thumbprint };
  return offerView({ ...(await verifyBundle(bytes, { thumbprint })), invitation, bytes, etag: null }, true);
}

const always = [
  'It can revoke this device or you: then sessions end and what the vault keeps is erased.',
  'Without a newer bundle from it, no new token is handed out after 2026-02-05.',
];
const policy = `version: 1
id: acme
revision: 4
identities: [{ match: { anyone: true }, roles: [person] }]
roles: { person: { grants: [{ id: all, workspaces: ["*"], scopes: [sql], approval: click }] } }
`;
const config = `version: 1
network: { caFile: /etc/acme/ca.pem }
profiles:
  acme:
    idp: { issuer: https://idp.acme.example, clientId: lakepass }
    workspaces: [{ name: main, host: https://acme.cloud.databricks.com }]
`;

describe('an offer', () => {
  it('of a bundle that sets nothing says what every company can do', async () => {
    expect(await offered()).toMatchObject({
      ...{ organization: 'Acme', url: 'https://it.acme.example/b.json', revision: 1, expires: '2026-02-05T08:00:00.000Z' },
      ...{ restricts: always, tapKeys: null, records: null, needsTap: true },
    });
  });

  it.each<[string, Parameters<typeof signedBundle>[1], RegExp[]]>([
    ['a policy', { policy }, [/^Its policy "acme", revision 4, decides .* stricter\.$/]],
    [
      'a configuration',
      { config },
      [/in the place of your own configuration: acme \(sign-in at https:\/\/idp\.acme\.example\)\.$/, /\/etc\/acme\/ca\.pem/],
    ],
    [
      'what becomes of the audit log',
      {
        config: `${config}audit:
  diskFull: serve-and-count
  sinks: [{ name: lake, folder: /srv/audit }, { name: collector, otlp: { url: "https://otel.acme.example/v1/logs", tokenFrom: { file: /home/a/.token } } }]
`,
      },
      [
        /^It says where you sign in/,
        /\/etc\/acme\/ca\.pem/,
        / sent to \/srv\/audit and https:\/\/otel\.acme\.example\/v1\/logs \(with what is in \/home\/a\/\.token as the token\)\.$/,
        /^On a full disk .* counted\.$/,
      ],
    ],
    [
      'telemetry',
      {
        config: `${config}telemetry:
  metrics: { port: 9464 }
  traces: { otlp: { url: "https://otel.acme.example/v1/traces", tokenFrom: { file: /home/a/.token } } }
`,
      },
      [
        /^It says where you sign in/,
        /\/etc\/acme\/ca\.pem/,
        /^Counts of tokens and failures are served on port 9464 /,
        /^When tokens were asked for, .* goes to https:\/\/otel\.acme\.example\/v1\/traces \(with what is in \/home\/a\/\.token as the token\)\.$/,
      ],
    ],
    [
      'settings',
      { settings: { lease: { value: '2 min', mode: 'locked' }, theme: { value: 'dark', mode: 'default' } } },
      [/^How long a program may keep one answer: 2 min; you cannot change it\.$/, /^Light or dark: dark; you can change it\.$/],
    ],
    [
      'a setting to be made stricter',
      { settings: { sessionLife: { value: '8 h', mode: 'userMayTighten' } } },
      [/^A session ends .*: 8 h; you can only make it stricter\.$/],
    ],
    [
      'tap keys',
      {
        tapKeys: {
          ...{ atLeast: 2, attested: true, hardwareBound: true, enterprise: true },
          models: ['ee882879-721c-4913-9775-3dfcce97072a'],
        },
      },
      [/^You need 2 tap keys or more, of one model, proven by their maker, never copied between devices\.$/, /serial number/],
    ],
    ['records in a folder', { records: { folder: '/srv/records' } }, [/^It gets signed records .* at \/srv\/records\.$/]],
    ['records at an address', { records: { url: 'https://r.acme.example/x' } }, [/at https:\/\/r\.acme\.example\/x\.$/]],
  ])('with %s says so', async (_, changes, sentences) => {
    const { restricts } = await offered(changes);
    expect(restricts).toHaveLength(sentences.length + always.length);
    for (const [at, sentence] of sentences.entries()) expect(restricts[at]).toMatch(sentence);
    expect(restricts.slice(-2)).toEqual(always);
  });

  it('asks for no keys where none are wanted', async () => {
    const { restricts, tapKeys } = await offered({ tapKeys: { atLeast: 0, attested: false, hardwareBound: false } });
    expect(restricts).toEqual(always);
    expect(tapKeys).toEqual({ atLeast: 0, models: null, attested: false, hardwareBound: false });
  });
});
