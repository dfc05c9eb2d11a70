/** One of a few, all in sight: radio buttons in one piece. */
import { useId } from 'react';
import styles from './Segmented.module.css';
import type { Option } from './Select.tsx';

interface SegmentedProps<V extends string> {
  /** For readers; what stands around it says the same to the eye. */
  label: string;
  value: V;
  options: readonly Option<V>[];
  isDisabled?: boolean;
  onChange: (value: V) => void;
}

export function Segmented<V extends string>({ label, value, options, isDisabled = false, onChange }: SegmentedProps<V>) {
  const name = useId();
  return (
    <fieldset disabled={isDisabled}>
      <legend className="hidden">{label}</legend>
      <div className={styles.group}>
        {options.map((option) => (
          <label key={option.value} className={styles.choice}>
            <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
