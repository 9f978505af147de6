// The package's index brings a validator for tests along, which compiles schemas.
import Form from '@rjsf/core/lib/components/Form.js';
import type { ErrorSchema, RJSFSchema } from '@rjsf/utils';
import { useEffect, useMemo, useRef, type ReactNode } from 'react';

import type { Json, JsonSchema } from '../api/types';
import type { Wrong } from './check';
import { fieldErrors } from './errors';
import { forForm } from './prepare';
import { fields, templates, widgets } from './theme';
import { validator } from './validator';

interface Props {
  readonly schema: JsonSchema;
  readonly data: Json | undefined;
  /** What the server found wrong. */
  readonly wrongs: readonly Wrong[];
  readonly focusFirst: boolean;
  readonly onChange: (data: Json) => void;
  /** Something does not fit, and is not sent. */
  readonly onWrong: () => void;
  readonly onSubmit: (data: Json) => void;
  readonly children: ReactNode;
}

/** The fields of a schema. */
export function Fields({ schema, data, wrongs, focusFirst, onChange, onWrong, onSubmit, children }: Props) {
  const prepared = useMemo(() => forForm(schema) as unknown as RJSFSchema, [schema]);
  const extra = useMemo(() => fieldErrors(wrongs) as ErrorSchema<unknown>, [wrongs]);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (focusFirst) place.current?.querySelector<HTMLElement>('input, textarea, select')?.focus();
  }, [focusFirst]);

  return (
    <div ref={place}>
      <Form<unknown>
        schema={prepared}
        validator={validator}
        {...(data === undefined ? {} : { formData: data })}
        extraErrors={extra}
        fields={fields}
        templates={templates}
        widgets={widgets}
        noHtml5Validate
        showErrorList={false}
        experimental_defaultFormStateBehavior={{
          requiredBooleanDefault: 'skip',
          arrayMinItems: { populate: 'requiredOnly' },
        }}
        onChange={(event) => {
          if (event.formData !== undefined) onChange(event.formData as Json);
        }}
        onSubmit={(event) => onSubmit(cleared(event.formData ?? null))}
        onError={onWrong}
      >
        {children}
      </Form>
    </div>
  );
}

/** As it is sent: JSON has no `undefined`. */
const cleared = (data: unknown): Json => JSON.parse(JSON.stringify(data)) as Json;
