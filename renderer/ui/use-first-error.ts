/** After a form was sent with something wrong in it, the focus goes to the first field that is wrong. */
import { type RefObject, useEffect, useRef } from 'react';

/** @param errors a new value each time the form was sent */
export function useFirstError(errors: object): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (Object.keys(errors).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [errors]);
  return form;
}
