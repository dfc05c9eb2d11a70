/** `lakepass enroll`: joins a company by the link of its IT, once a person has seen what it may restrict; `--leave` leaves it. */
import type { Command } from 'commander';
import { z } from 'zod';
import { statusViewSchema } from '../../../preload/contract/control.ts';
import { type OfferView, offerViewSchema } from '../../../preload/contract/enroll.ts';
import { AppError } from '../../app-error.ts';
import { minutes } from '../../units.ts';
import { type CommonOptions, reachAgent, reporting, withCommon } from '../common.ts';
import { askYes } from '../passphrase.ts';
import { printJson, printLine, printReport, tell } from '../report.ts';

type Options = CommonOptions & { leave?: boolean; yes?: boolean };

const enrolledSchema = z.object({ enrolled: z.literal(true) });
const leftSchema = z.object({ left: z.literal(true) });
/** A person may have to touch a key first. */
const answerLimit = minutes(10.5);

export const addEnroll = (program: Command): Command =>
  withCommon(
    program.command('enroll').description('join a company by the link of its IT, or leave it').argument('[link]'),
    'lakepass enroll "lakepass://enroll?url=…&key=…"\n  lakepass enroll --leave',
  )
    .option('--leave', 'leave the company that manages this device')
    .option('--yes', 'do not ask at the terminal')
    .action(
      reporting(
        (link: string | undefined, options: Options) => run(link, options),
        (_, options) => options.json === true,
      ),
    );

async function run(link: string | undefined, options: Options): Promise<void> {
  const isLeave = options.leave === true;
  if (isLeave === (link !== undefined))
    throw new AppError('INPUT_INVALID', { reason: 'link', detail: 'Name the link that your IT gave you, or say --leave.' });
  return link === undefined ? leave(options) : join(link, options);
}

async function join(link: string, options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const offer = await agent.postProven('/v1/enroll/look', { link }, offerViewSchema);
  if (options.json !== true) printReport(offerText(offer));
  if (options.yes !== true) await askYes(`Join ${offer.organization}?`);
  if (offer.needsTap) tell('this takes a touch of your tap key, on the page of Lakepass (`lakepass ui`)');
  await agent.postProven('/v1/enroll/accept', { link, hash: offer.hash }, enrolledSchema, answerLimit);
  if (options.json === true) return printJson({ enrolled: true, ...offer });
  printLine(`${offer.organization} manages this device from here on. Next: lakepass login`);
}

async function leave(options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const { managed } = await agent.get('/v1/status', statusViewSchema);
  if (managed === undefined) throw new AppError('NOT_ENROLLED');
  const ends = `The sessions of its profiles end, and your own configuration and policy hold again.`;
  if (options.yes !== true) await askYes(`Leave ${managed.managedBy}? ${ends}`);
  tell('if a touch is asked for, it is on the page of Lakepass (`lakepass ui`)');
  await agent.postProven('/v1/enroll/leave', {}, leftSchema, answerLimit);
  if (options.json === true) return printJson({ left: true, managedBy: managed.managedBy });
  printLine(`${managed.managedBy} no longer manages this device. Next: lakepass status`);
}

/** What is offered, as people read it before they say yes. */
export function offerText({ organization, url, signedBy, revision, hash, expires, restricts }: OfferView): string {
  return [
    `${organization} wants to manage this device.`,
    '',
    `Asked at    ${new URL(url).host} (${url})`,
    `Signed by   ${signedBy}`,
    `Bundle      revision ${revision} (${hash.slice(0, 16)}), until ${expires.slice(0, 10)}`,
    '',
    'From then on:',
    ...restricts.map((sentence) => `  - ${sentence}`),
    '',
    'Anybody can make such a link and choose the name in it. Say yes only if you expected it, and if host and key are what your IT has told you.',
  ].join('\n');
}
