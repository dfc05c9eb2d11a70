/** What a person may set, and what is set for them: profiles, limits, the vault, where files are. */

import { useAnswer } from '../door/use-answer.ts';
import { Join } from '../enroll/Join.tsx';
import { ManagedCard } from '../enroll/ManagedCard.tsx';
import { Seen } from '../enroll/Seen.tsx';
import { LimitDetails } from '../policy/LimitDetails.tsx';
import type { ScreenProps } from '../screens.ts';
import { ServicePrincipals } from '../session/ServicePrincipals.tsx';
import { SetupLeft } from '../setup/SetupLeft.tsx';
import { hasNoPeople } from '../setup/steps.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Card } from '../ui/Card.tsx';
import { Snippet } from '../ui/CopyButton.tsx';
import { Screen } from '../ui/Screen.tsx';
import { About } from './About.tsx';
import { DeviceSettings } from './DeviceSettings.tsx';
import { Preferences } from './Preferences.tsx';
import { Profiles } from './Profiles.tsx';
import { Vault } from './Vault.tsx';

const words = texts.settings;

export function Settings({ line, host, state, onOpen, onSetUp }: ScreenProps) {
  const { managed, queue } = state.status;
  const settings = useAnswer(line, state.revision, 'settings', {});
  return (
    <Screen heading={words.heading} lead={words.lead}>
      {hasNoPeople(state.status) ? null : <SetupLeft line={line} revision={state.revision} onGoOn={onSetUp} />}
      {managed == null ? null : <ManagedCard {...{ line, host, managed }} isWaiting={queue.asks.length > 0} />}
      <Seen {...{ line, managed }} revision={state.revision} audit={state.status.audit} />
      <Preferences line={line} preferences={state.preferences} settings={settings.phase === 'ready' ? settings.value : null} />
      <DeviceSettings line={line} answer={settings} />
      <Profiles status={state.status} />
      <ServicePrincipals principals={state.status.servicePrincipals} />
      <Limits line={line} revision={state.revision} />
      <Vault status={state.status} host={host} />
      <Card heading={words.commandLine}>
        <p>{words.commandLineText}</p>
        <Snippet text={words.commandLineCommand} host={host} what={words.commandLineCommand} />
        <p>{words.commandLineShell}</p>
        <Snippet text={words.commandLineStatus} host={host} what={words.commandLineStatus} />
      </Card>
      {managed == null ? <Join onOpen={onOpen} /> : null}
      <About status={state.status} host={host} />
    </Screen>
  );
}

function Limits({ line, revision }: Pick<ScreenProps, 'line'> & { revision: number }) {
  const answer = useAnswer(line, revision, 'policy', {});
  return (
    <Card heading={words.limits}>
      <p className="quiet-text">{words.limitsHint}</p>
      <Answered answer={answer} waitingFor={words.limitsLoading}>
        {({ limits }) => <LimitDetails limits={limits} />}
      </Answered>
    </Card>
  );
}
