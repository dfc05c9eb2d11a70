/** A button. It is a real one: keyboard, screen reader and forced colours come with it. */
import type { ReactNode, Ref } from 'react';

interface ButtonProps {
  children: ReactNode;
  onPress: () => void;
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  isDisabled?: boolean;
  isBusy?: boolean;
  /** What a screen reader says where the text alone would be ambiguous. */
  label?: string;
  describedBy?: string;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ children, onPress, look = 'plain', isDisabled = false, isBusy = false, label, describedBy, ref }: ButtonProps) {
  return (
    <button
      ref={ref}
      type="button"
      className={`button ${look}`}
      disabled={isDisabled || isBusy}
      aria-busy={isBusy || undefined}
      aria-label={label}
      aria-describedby={describedBy}
      onClick={onPress}
    >
      {children}
    </button>
  );
}
