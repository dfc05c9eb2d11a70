/** Which Lakepass this is, what it is built with, and where to read more. */
import { useState } from 'react';
import type { StatusView } from '../../preload/contract/control.ts';
import { type LinkName, links } from '../../preload/contract/desktop.ts';
import type { Host } from '../door/host.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';

const words = texts.settings;

export function About({ status, host }: { status: StatusView; host: Host }) {
  const [refused, setRefused] = useState<LinkName | null>(null);
  const open = async (name: LinkName): Promise<void> => setRefused((await host.link(name)) ? null : name);
  return (
    <Card heading={words.about}>
      <Details>
        <Detail name={words.version}>{status.version}</Detail>
        <Detail name={words.agent}>
          <Moment at={status.startedAt} />
        </Detail>
        <Detail name={words.port}>{status.port}</Detail>
      </Details>
      <div className="row">
        {(Object.keys(links) as LinkName[]).map((name) => (
          <Button key={name} look="quiet" size="compact" icon="external" onPress={() => void open(name)}>
            {words.links[name]}
          </Button>
        ))}
      </div>
      <div role="alert">
        {refused === null ? null : (
          <Notice>
            <p>{words.linkRefused}</p>
            <p className="value">{links[refused]}</p>
          </Notice>
        )}
      </div>
      <p className="small">{words.licences}</p>
    </Card>
  );
}
