/** Which company it is: the file that IT sent, the address of a workspace, or the few words that make a profile. */
import { useState } from 'react';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import type { StepProps } from './FirstRun.tsx';
import { IssuerProfile } from './IssuerProfile.tsx';
import { PastedProfile } from './PastedProfile.tsx';
import { StepCard } from './StepCard.tsx';
import { WorkspaceProfile } from './WorkspaceProfile.tsx';

const words = texts.setup.profile;
const ways = ['file', 'workspace', 'issuer'] as const;
const steps = { file: PastedProfile, workspace: WorkspaceProfile, issuer: IssuerProfile };

export function ProfileStep({ line, setup, onChanged, onSkip, onOpen }: StepProps) {
  const [way, setWay] = useState<(typeof ways)[number]>('file');
  const Way = steps[way];
  return (
    <StepCard step="profile" heading={words.heading} text={words.text} onSkip={onSkip}>
      <div>
        <Segmented label={words.ways} value={way} options={ways.map((value) => ({ value, label: words.way[value] }))} onChange={setWay} />
      </div>
      <Way line={line} onChanged={onChanged} />
      <div>
        <Button look="quiet" size="compact" onPress={() => onOpen('enroll')}>
          {words.byLink}
        </Button>
      </div>
      <p className="small">
        {words.where} <code>{setup.configFile}</code> {words.never}
      </p>
    </StepCard>
  );
}
