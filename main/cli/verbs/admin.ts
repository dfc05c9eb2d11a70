/**
 * `lakepass admin`: IT's own tool, which makes what devices are told. It needs no agent and speaks to nobody, but for `bundle --published`: files in, files out. What
 * it does is loaded when one of these runs, so that no other command waits for it.
 */
import type { Command } from 'commander';
import { reporting } from '../common.ts';
import type { ReviewOptions } from '../review-acts.ts';

export interface Options {
  folder: string;
  json?: boolean;
  passphraseFd?: string;
  /** false with --no-passphrase. */
  passphrase?: boolean;
  organization?: string;
  out?: string;
  finish?: boolean;
  url?: string;
  published?: string;
  undo?: boolean;
  svg?: string;
  rule?: string;
  until?: string;
  reason?: string;
  device?: string;
  user?: string;
  issuer?: string;
  subject?: string;
}

const acts = () => import('../admin-acts.ts');
type Acts = Awaited<ReturnType<typeof acts>>;

const doing = (act: (acts: Acts, options: Options) => Promise<void>) =>
  reporting(
    async (options: Options) => act(await acts(), options),
    (options) => options.json === true,
  );

export function addAdmin(program: Command): void {
  const admin = program.command('admin').description('for IT: make, sign and publish what the devices of a company are told');

  local(
    admin.command('init').description('make a folder with bundle.yaml, policy.yaml, config.yaml and a signing key'),
    'lakepass admin init --folder acme --organization Acme',
  )
    .option('--organization <name>', 'name of the company, as people are shown it', 'My company')
    .option('--passphrase-fd <number>', 'read the passphrase of the signing key from this open file descriptor')
    .option('--no-passphrase', 'keep the signing key in the clear; whoever can read its file decides for every device')
    .action(doing(({ init }, options) => init(options)));

  withPassphrase(
    local(
      admin.command('bundle').description('check everything, run the tests of the policy, sign the next revision, and say what it changes'),
      'lakepass admin bundle --folder acme --out /var/www/lakepass/bundle.jws.json',
    ),
  )
    .option('--out <path>', 'where it is written; bundle.jws.json in the folder without it')
    .option('--published <url>', 'look at what is published there first, and sign nothing beside what another admin has published')
    .action(doing(({ bundle }, options) => bundle(options)));

  local(
    admin.command('invite').description('print the link, and its QR code, by which a device finds the bundle; nothing in it is secret'),
    'lakepass admin invite --folder acme --url https://it.acme.example/lakepass/bundle.jws.json --svg invite.svg',
  )
    .requiredOption('--url <url>', 'https address at which the bundle is published')
    .option('--svg <path>', 'write the QR code as a picture, into a new file')
    .option('--out <path>', 'the bundle that is published there; bundle.jws.json in the folder without it')
    .action(doing(({ invite }, options) => invite(options)));

  local(
    admin
      .command('exempt')
      .description('let one person pass one rule of the policy, 24 h at most')
      .argument('<user>', 'Databricks user name'),
    'lakepass admin exempt ada@acme.example --rule no-jobs-for-ai-agents --until 8h --reason "migration"',
  )
    .requiredOption('--rule <id>', 'id of a rule of policy.yaml')
    .requiredOption('--until <time>', 'how long, such as 8h, or a moment, such as 2026-09-16T18:00:00Z')
    .requiredOption('--reason <text>', 'why; the person and the records are told')
    .action(
      reporting(
        async (user: string, options: Options) => (await acts()).exempt(user, options),
        (_, options) => options.json === true,
      ),
    );

  local(
    admin.command('revoke').description('name a device or a person that gets no token any more'),
    'lakepass admin revoke --device 0123456789abcdef0123456789abcdef\n  lakepass admin revoke --user ada@acme.example',
  )
    .option('--device <id>', 'id of the device')
    .option('--user <name>', 'Databricks user name')
    .option('--issuer <url>', 'issuer of the person, with --subject')
    .option('--subject <id>', 'subject of the person at that issuer')
    .option('--undo', 'take the revocation back')
    .action(doing(({ revoke }, options) => revoke(options)));

  admin
    .command('review')
    .description('judge the records that devices have sent: keys, revisions, who is missing; fails where anything is found')
    .argument('<dir>', 'folder with the records')
    .option('--bundle <path>', 'the bundle that is published, to compare with what it wants')
    .option('--mds <path>', 'file of FIDO’s metadata, without which few keys can be proven')
    .option('--expect <path>', 'ids of devices or user names, one a line, that have to be there')
    .option('--days <number>', 'a record that is older is stale', '30')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  lakepass admin review /srv/lakepass/records --bundle acme/bundle.jws.json --mds blob.jwt --expect staff.txt',
    )
    .action(
      reporting(
        async (folder: string, options: ReviewOptions) => (await import('../review-acts.ts')).reviewFolder(folder, options),
        (_, options) => options.json === true,
      ),
    );

  withPassphrase(
    local(
      admin.command('rotate').description('make a second signing key, which takes over from the first after bundles that both have signed'),
      'lakepass admin rotate\n  lakepass admin rotate --finish',
    ),
  )
    .option('--finish', 'drop the first key, once every device has a bundle of both')
    .option('--out <path>', 'the bundle that is published; bundle.jws.json in the folder without it')
    .action(doing(({ rotate }, options) => rotate(options)));
}

const local = (verb: Command, example: string): Command =>
  verb
    .option('--folder <dir>', 'the folder with bundle.yaml', '.')
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  ${example}`);

const withPassphrase = (verb: Command): Command =>
  verb.option('--passphrase-fd <number>', 'read the passphrase of the signing key from this open file descriptor');
