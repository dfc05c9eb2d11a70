/** A button for what cannot be taken back: the first press only asks, and puts the focus on the answer that changes nothing. */
import { useEffect, useRef, useState } from 'react';
import { Button } from './Button.tsx';
import type { IconName } from './icons.tsx';

interface ConfirmButtonProps {
  ask: string;
  confirm: string;
  keep: string;
  label?: string;
  look?: 'quiet' | 'danger';
  size?: 'normal' | 'compact';
  icon?: IconName;
  isBusy?: boolean;
  onConfirm: () => void;
}

export function ConfirmButton({
  ask,
  confirm,
  keep,
  label,
  look = 'quiet',
  size = 'normal',
  icon,
  isBusy = false,
  onConfirm,
}: ConfirmButtonProps) {
  const [phase, setPhase] = useState<'idle' | 'asking' | 'asked'>('idle');
  const asking = useRef<HTMLButtonElement>(null);
  const keeping = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (phase === 'asking') keeping.current?.focus();
    if (phase === 'asked') asking.current?.focus();
  }, [phase]);
  if (phase !== 'asking') {
    return (
      <Button
        ref={asking}
        look={look}
        size={size}
        isBusy={isBusy}
        label={label}
        onPress={() => setPhase('asking')}
        {...(icon === undefined ? {} : { icon })}
      >
        {ask}
      </Button>
    );
  }
  const decide = (isMeant: boolean): void => {
    setPhase('asked');
    if (isMeant) onConfirm();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape means no, wherever in the pair the focus is
    <span className="row" onKeyDown={(event) => event.key === 'Escape' && decide(false)}>
      <Button look="danger" size={size} isBusy={isBusy} onPress={() => decide(true)}>
        {confirm}
      </Button>
      <Button ref={keeping} look="quiet" size={size} onPress={() => decide(false)}>
        {keep}
      </Button>
    </span>
  );
}
