/** `lakepass mds`: which issue of FIDO's metadata is here; `lakepass mds import` takes a newer one from a file that was fetched by hand. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type MdsView, mdsAnswerSchema, mdsImportedSchema } from '../../../preload/contract/mds.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, printReport } from '../report.ts';

export function addMds(program: Command): void {
  const mds = program.command('mds').description('the metadata of FIDO, by which models of keys are proven');
  withCommon(mds.command('status', { isDefault: true }).description('which issue is here'), 'lakepass mds').action(optionsFirst(status));
  withCommon(
    mds
      .command('import')
      .description('take a newer issue, as https://mds.fidoalliance.org gives it')
      .argument('<file>', 'the file, unchanged'),
    'lakepass mds import blob.jwt',
  ).action(reporting(take, (_, options) => options.json === true));
}

async function status(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const answer = await agent.get('/v1/mds', mdsAnswerSchema);
  if (options.json === true) return printJson(answer);
  if (answer.mds === null) {
    return printReport(
      'No metadata of FIDO is here, so no security key is proven.\nFetch https://mds.fidoalliance.org, then: lakepass mds import FILE',
    );
  }
  printReport(linesOf(answer.mds).join('\n'));
}

async function take(file: string, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const answer = await agent.postProven('/v1/mds', { file: resolve(file) }, mdsImportedSchema);
  if (options.json === true) return printJson(answer);
  const { mds, judged } = answer;
  printLine(`Imported: ${linesOf(mds).join('\n')}`);
  if (judged > 0) printLine(`${judged === 1 ? 'One key is' : `${judged} keys are`} judged differently now; see \`lakepass keys\`.`);
}

const linesOf = ({ no, nextUpdate, importedAt, models, stale }: MdsView): string[] => [
  `No. ${no} with ${models} models, imported ${importedAt.slice(0, 10)}. Whether certificates were revoked is not checked.`,
  stale ? `A newer issue was due on ${nextUpdate}; fetch and import it.` : `The next issue is due on ${nextUpdate}.`,
];
