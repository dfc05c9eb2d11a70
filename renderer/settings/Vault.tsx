/** Where secrets are kept and what opens them. */
import type { StatusView } from '../../preload/contract/control.ts';
import type { Host } from '../door/host.ts';
import { texts } from '../texts.ts';
import { Card } from '../ui/Card.tsx';
import { Snippet } from '../ui/CopyButton.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Notice } from '../ui/Notice.tsx';

const words = texts.settings;

export function Vault({ status, host }: { status: StatusView; host: Host }) {
  const { sealing } = status.lock;
  const isWeak = sealing === 'keychain';
  return (
    <Card heading={words.vault}>
      <Details>
        <Detail name={words.vaultKind}>{words.vaults[status.vault]}</Detail>
        <Detail name={words.sealedBy}>{words.sealing[sealing]}</Detail>
      </Details>
      {isWeak ? (
        <Notice>
          <p>{words.sealNext}</p>
          <p>{words.sealByPassphrase}</p>
          <Snippet text={words.sealCommand} host={host} what={words.sealCommand} />
        </Notice>
      ) : null}
    </Card>
  );
}
