/** A button for what cannot be taken back: the first press only asks. */
import { useState } from 'react';
import { Button } from './Button.tsx';

interface ConfirmButtonProps {
  ask: string;
  confirm: string;
  keep: string;
  label?: string;
  isBusy?: boolean;
  onConfirm: () => void;
}

export function ConfirmButton({ ask, confirm, keep, label, isBusy = false, onConfirm }: ConfirmButtonProps) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return (
      <Button look="quiet" isBusy={isBusy} {...(label === undefined ? {} : { label })} onPress={() => setAsking(true)}>
        {ask}
      </Button>
    );
  }
  return (
    <span className="row">
      <Button
        look="danger"
        isBusy={isBusy}
        onPress={() => {
          setAsking(false);
          onConfirm();
        }}
      >
        {confirm}
      </Button>
      <Button look="quiet" onPress={() => setAsking(false)}>
        {keep}
      </Button>
    </span>
  );
}
