import type { FieldProps } from '@rjsf/utils';

import type { Json } from '../api/types';
import { JsonField } from './JsonField';

/** Where a schema takes anything: JSON. */
export function AnyField({ fieldPathId, formData, name, onChange, schema }: FieldProps<unknown>) {
  return (
    <JsonField
      id={fieldPathId.$id}
      label={schema.title ?? (name === '' ? 'JSON' : name)}
      hideLabel
      value={formData as Json | undefined}
      onChange={(value) => onChange(value, fieldPathId.path)}
    />
  );
}
