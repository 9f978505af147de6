import { errorId, getInputProps, type BaseInputTemplateProps, type WidgetProps } from '@rjsf/utils';

import { isProse } from './prepare';

/** What an input tells of itself to screen readers: that it is wrong, and what is. */
function told(id: string, rawErrors: readonly string[] | undefined) {
  const wrong = rawErrors !== undefined && rawErrors.length > 0;
  return { 'aria-invalid': wrong, 'aria-describedby': wrong ? errorId(id) : undefined };
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** What a field that was cleared holds: null where the schema has that, else nothing. */
const emptied = (schema: { type?: unknown }): null | undefined =>
  Array.isArray(schema.type) && schema.type.includes('null') ? null : undefined;

export function BaseInput(props: BaseInputTemplateProps<unknown>) {
  const { id, htmlName, required, disabled, readonly, schema, options, rawErrors } = props;
  const { onChange, onBlur, onFocus, onChangeOverride } = props;
  const input = getInputProps(schema, props.type as string | undefined, options);
  return (
    <input
      {...input}
      // A browser's own control for numbers drops what it cannot read, without a word.
      type={input.type === 'number' ? 'text' : input.type}
      inputMode={input.type === 'number' ? (schema.type === 'integer' ? 'numeric' : 'decimal') : undefined}
      id={id}
      name={htmlName ?? id}
      value={textOf(props.value)}
      required={required}
      disabled={disabled}
      readOnly={readonly}
      autoComplete="off"
      {...told(id, rawErrors)}
      onChange={
        onChangeOverride ?? ((event) => onChange(event.target.value === '' ? emptied(schema) : event.target.value))
      }
      onBlur={(event) => onBlur(id, event.target.value)}
      onFocus={(event) => onFocus(id, event.target.value)}
    />
  );
}

export function Textarea(props: WidgetProps<unknown>) {
  const { id, htmlName, required, disabled, readonly, schema, rawErrors, onChange, onBlur, onFocus } = props;
  return (
    <textarea
      id={id}
      name={htmlName ?? id}
      value={textOf(props.value)}
      required={required}
      disabled={disabled}
      readOnly={readonly}
      {...told(id, rawErrors)}
      onChange={(event) => onChange(event.target.value === '' ? emptied(schema) : event.target.value)}
      onBlur={(event) => onBlur(id, event.target.value)}
      onFocus={(event) => onFocus(id, event.target.value)}
    />
  );
}

/** A line, or a place for more where it is likely that one writes more. */
export function ProseOrText(props: WidgetProps<unknown>) {
  return isProse(props.name, props.schema) ? <Textarea {...props} /> : <BaseInput {...props} />;
}
