/** The arrows between the folders point one way; without this test they would by and by point everywhere. */
import { describe, expect, it } from 'vitest';
import { files, readSource, type Source } from './sources.ts';

const sources = files('{main,preload,renderer,test,bench}/**/*.{ts,tsx}').map(readSource);

interface Rule {
  claim: string;
  from: RegExp;
  /** What these files must not import. */
  never: RegExp;
  except?: RegExp;
}

const SMALL_WORDS =
  /^main\/(app-error|durable-file|html|on-path|ports|secret|stamped-file|system-browser|timed|token-shapes|units|user-agent|version)\.ts$|^preload\/contract\//;

/** What each noun of main/ may import beside itself, the small words everybody uses, and packages. */
const NOUNS: Record<string, RegExp | undefined> = {
  vault: undefined,
  audit: undefined,
  caller: undefined,
  doctor: undefined,
  // A preset is data that fills a profile; the table itself imports nothing.
  profile: /^main\/idp\/presets\.ts$/,
  grant: /^main\/audit\/event\.ts$|^main\/caller\/caller\.ts$/,
  policy: /^main\/(audit|profile|vault)\/|^main\/databricks\/scopes\.ts$/,
  passkey: /^main\/(audit|vault)\//,
  lock: /^main\/audit\//,
  pages: /^main\/(audit|caller|broker)\//,
  databrickscfg: undefined,
  // A door of its own, in the process that runs an app.
  apps: /^main\/caller\/|^main\/pages\/(door|seen)\.ts$|^main\/profile\/yaml-source\.ts$/,
  // A bundle holds a policy, a configuration and rules for tap keys, which it judges by their evidence.
  enroll: /^main\/(audit|vault|profile|policy|passkey)\//,
  // The first steps: they do what a program of the person's would do, so they know its environment.
  setup:
    /^main\/(databrickscfg|databricks|profile|caller|grant|lock)\/|^main\/pages\/ui-agent\.ts$|^main\/cli\/environment\.ts$|^main\/places\.ts$|^main\/idp\/presets\.ts$/,
  idp: /^main\/(profile|audit)\//,
  net: undefined,
  session: /^main\/(idp|vault|profile|audit)\//,
  databricks: /^main\/(profile|audit)\/|^main\/idp\/signed-in\.ts$/,
  'service-principal': /^main\/(databricks|vault|profile|audit)\/|^main\/grant\/grant\.ts$|^main\/idp\/signed-in\.ts$/,
  broker: /^main\/(grant|databricks|caller|audit)\//,
  control: /^main\/(audit|caller)\//,
  // Its door goes by the rules of the broker's, on the sockets of the pages'.
  telemetry: /^main\/(audit|caller)\/|^main\/databricks\/in-time\.ts$|^main\/broker\/(guard|answers)\.ts$|^main\/pages\/door\.ts$/,
  // What joins the nouns; only the composition root and the hosts stand above it.
  agent: /^main\/(?!(compose|headless|host-ports|index)\.ts$|desktop\/|cli\/)/,
  // The verbs talk to the socket; what else they know is where it lies, names of bundles, and how to verify a log, try a policy, make a bundle,
  // and whether the configuration wants pseudonyms.
  cli: /^main\/(places|headless|agent-host|code-by-environment|system-clock)\.ts$|^main\/databricks\/(scopes|can|can-check|preflight)\.ts$|^main\/idp\/presets\.ts$|^main\/profile\/load-config\.ts$|^main\/(apps|caller|net)\/|^main\/(audit|policy|databrickscfg|doctor|enroll)\//,
};

const rules: Rule[] = [
  { claim: 'the contract imports zod and itself', from: /^preload\/contract\//, never: /^/, except: /^zod$|^preload\/contract\// },
  { claim: 'the product imports nothing of the tests', from: /^(main|preload|renderer)\//, never: /^(test|bench)\// },
  { claim: 'main knows no screens', from: /^main\//, never: /^renderer\// },
  { claim: 'screens know only the contract', from: /^renderer\//, never: /^(main|electron|node:)/ },
  { claim: 'only hosts and tests know compose.ts', from: /^main\/(?!(headless|index)\.ts$)/, never: /^main\/compose\.ts$/ },
  {
    claim: 'only the desktop host and its preloads import electron',
    from: /^(?!main\/desktop\/|main\/index\.ts$|preload\/(index|approval|bridge)\.ts$|test\/(hosts|fakes\/electron|unit\/desktop)\/)/,
    never: /^electron$/,
  },
  {
    claim: 'only the Electron entry knows the shell',
    from: /^(main\/(?!desktop\/|index\.ts$)|preload|renderer)/,
    never: /^main\/desktop\//,
  },
  { claim: 'the test services import nothing of the product', from: /^test\/fixtures\//, never: /^(main|preload|renderer)\// },
  { claim: 'no import has a computed name', from: /^(main|preload|renderer)\//, never: /^\?$/ },
  {
    claim: 'only the doors and the command line open sockets',
    from: /^main\/(?!(apps|broker|control|idp|cli|caller|pages|net|telemetry)\/)/,
    never: /^(node:)?(http|net)$/,
  },
  {
    claim: 'nobody goes around the fetch port',
    from: /^main\/(?!net\/)/,
    never: /^(node:)?(https|http2|tls|dgram|dns)(\/|$)|^(undici|axios|got|node-fetch)$/,
  },
  ...Object.entries(NOUNS).map(([noun, allowed]) => ({
    claim: `${noun} imports only what it builds on`,
    from: new RegExp(`^main/${noun}/`),
    never: /^(main|preload)\//,
    except: new RegExp([SMALL_WORDS.source, `^main/${noun}/`, ...(allowed ? [allowed.source] : [])].join('|')),
  })),
];

const breaches = ({ from, never, except }: Rule, all: readonly Source[]): string[] =>
  all
    .filter(({ file }) => from.test(file))
    .flatMap(({ file, imports }) =>
      imports.filter((name) => never.test(name) && !except?.test(name)).map((name) => `${file} imports ${name}`),
    );

describe('the arrows', () => {
  it.each(rules)('$claim', (rule) => {
    expect(breaches(rule, sources)).toEqual([]);
  });

  it('cover every folder of main', () => {
    const nouns = new Set(files('main/*/**/*.ts').map((file) => file.split('/')[1]));
    expect([...nouns].filter((noun) => noun !== 'desktop' && !(String(noun) in NOUNS))).toEqual([]);
  });

  it('only idp, databricks and the way out itself speak to the network', () => {
    const speaking = sources.filter(({ file, calls }) => file.startsWith('main/') && calls.includes('fetch')).map(({ file }) => file);
    expect(speaking.filter((file) => !/^main\/(idp|databricks|net|enroll|audit\/sinks)\//.test(file))).toEqual([]);
    expect(speaking.length).toBeGreaterThan(0);
  });

  it('a breach is seen in every form an import can take', () => {
    const read = (file: string) => readSource(file).imports;
    expect(read('test/unit/house/imports.test.ts')).toEqual(['vitest', 'test/unit/house/sources.ts']);
    const rule = rules.find(({ claim }) => claim.startsWith('only hosts'));
    expect(rule && breaches(rule, [{ file: 'main/agent/agent.ts', imports: ['main/compose.ts'], calls: [] }])).toHaveLength(1);
  });
});
