/** `lakepass settings`: what is set on this device and by whom; `set` and `unset` change what is the person's own. */
import type { Command } from 'commander';
import { type SettingsView, settingsViewSchema } from '../../../preload/contract/settings.ts';
import { type CommonOptions, optionsFirst, reachAgent, reporting, withCommon } from '../common.ts';
import { printJson, printLine, printReport, table } from '../report.ts';

export function addSettings(program: Command): void {
  const settings = program.command('settings').description('what is set on this device, by IT or by you');
  withCommon(
    settings.command('list', { isDefault: true }).description('each setting, its value, and whose it is'),
    'lakepass settings',
  ).action(optionsFirst(list));
  withCommon(
    settings
      .command('set')
      .description('set a value of your own; what IT has set can only be made stricter')
      .argument('<name>')
      .argument('<value>'),
    'lakepass settings set lease "2 min"',
  ).action(reporting(change, (_name, _value, options) => options.json === true));
  withCommon(settings.command('unset').description('take your own value back').argument('<name>'), 'lakepass settings unset lease').action(
    reporting(
      (name: string, options: CommonOptions) => change(name, null, options),
      (_, options) => options.json === true,
    ),
  );
}

async function list(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const view = await agent.get('/v1/settings', settingsViewSchema);
  if (options.json === true) return printJson(view);
  printReport(settingsText(view));
}

async function change(name: string, value: string | null, options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const view = await agent.postProven('/v1/settings', { name, value }, settingsViewSchema);
  if (options.json === true) return printJson(view);
  printLine(value === null ? `Your own value of ${name} is gone.` : `${name} is ${value}.`);
}

/** The settings as people read them. */
export function settingsText({ machine, bundle, settings }: SettingsView): string {
  const rows = settings.map(({ name, value, by, mode }) => [name, value ?? '-', by === null ? '-' : whose[by], mode ?? '-']);
  return [
    ...(machine === null ? [] : [`Managed by ${machine.managedBy} (${machine.source}, ${machine.hash.slice(0, 12)})`]),
    ...(bundle === null ? [] : [`Bundle of ${bundle.organization}, revision ${bundle.revision}`]),
    ...(machine === null && bundle === null ? ['Nobody manages this device.'] : []),
    '',
    table([['SETTING', 'VALUE', 'BY', 'MODE'], ...rows]),
  ].join('\n');
}

const whose = { it: 'IT', person: 'you' } as const;
