/** After a form was sent with something wrong in it, the focus goes to the first field that is wrong. */
import { type RefObject, useEffect, useRef } from 'react';

/** @param errors by field; null and none: nothing is wrong */
export function useFirstError(errors: object | null): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  // What is wrong, not the object that says so: an object may be made anew with every drawing.
  const wrong = Object.entries(errors ?? {})
    .flat()
    .join(' ');
  useEffect(() => {
    if (wrong !== '') form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  return form;
}
