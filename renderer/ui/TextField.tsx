/** A line or more to type into, with its label, a hint, and what is wrong with what was typed. */
import { Field } from '@base-ui/react/field';
import styles from './TextField.module.css';

interface TextFieldProps {
  label: string;
  isLabelHidden?: boolean;
  value: string;
  hint?: string;
  /** What is wrong with it; null: nothing. */
  error?: string | null;
  type?: 'text' | 'search' | 'url' | 'datetime-local' | 'date';
  isRequired?: boolean;
  isDisabled?: boolean;
  /** A text of several lines, such as a file. */
  isMultiline?: boolean;
  /** Set in the letters of a terminal. */
  isCode?: boolean;
  /** The person has just asked to type here. */
  hasFocus?: boolean;
  maxLength?: number;
  placeholder?: string;
  onChange: (value: string) => void;
}

export function TextField({
  label,
  isLabelHidden = false,
  value,
  hint,
  error = null,
  type = 'text',
  isRequired = false,
  isDisabled = false,
  isMultiline = false,
  isCode = false,
  hasFocus = false,
  maxLength,
  placeholder,
  onChange,
}: TextFieldProps) {
  return (
    <Field.Root className={styles.field} invalid={error !== null} disabled={isDisabled}>
      <Field.Label className={isLabelHidden ? 'hidden' : styles.label}>{label}</Field.Label>
      <Field.Control
        className={isCode ? `${styles.input} ${styles.mono}` : styles.input}
        {...(isMultiline ? { render: <textarea /> } : { type })}
        value={value}
        required={isRequired}
        spellCheck={isCode ? false : undefined}
        maxLength={maxLength}
        placeholder={placeholder}
        autoFocus={hasFocus}
        onValueChange={(text) => onChange(text)}
      />
      {hint === undefined ? null : <Field.Description className="small">{hint}</Field.Description>}
      {error === null ? null : (
        <Field.Error className={styles.error} match>
          {error}
        </Field.Error>
      )}
    </Field.Root>
  );
}
