import { errorId, type WidgetProps } from '@rjsf/utils';

/**
 * A boolean. One that has a default is a box to be ticked. One that has none has to be said, yes or no: a box that
 * nobody has touched would say no.
 */
export function YesNo(props: WidgetProps<unknown>) {
  const { id, htmlName, label, schema, required, disabled, rawErrors, onChange } = props;
  const now: unknown = props.value;
  const wrong = rawErrors !== undefined && rawErrors.length > 0;
  const told = { 'aria-invalid': wrong, 'aria-describedby': wrong ? errorId(id) : undefined };
  if (typeof schema.default === 'boolean') {
    return (
      <label className="check">
        <input
          type="checkbox"
          id={id}
          name={htmlName ?? id}
          checked={now === true}
          disabled={disabled}
          {...told}
          onChange={(event) => onChange(event.target.checked)}
        />
        {label}
      </label>
    );
  }
  const mayBeNull = Array.isArray(schema.type) && schema.type.includes('null');
  const choices: [string, boolean | null | undefined][] = [
    ['Yes', true],
    ['No', false],
  ];
  if (mayBeNull || required !== true) choices.push(['Not said', mayBeNull ? null : undefined]);
  return (
    <fieldset className="yes-no" {...told}>
      <legend className="field-label">
        {label}
        {required === true && <Needed />}
      </legend>
      {schema.description !== undefined && <p className="faint field-description">{schema.description}</p>}
      <div className="yes-no-choices">
        {choices.map(([words, choice], index) => (
          <label key={words} className="check">
            <input
              type="radio"
              id={index === 0 ? id : `${id}-${index}`}
              name={htmlName ?? id}
              checked={now === choice && (choice !== undefined || index > 1)}
              disabled={disabled}
              {...told}
              onChange={() => onChange(choice)}
            />
            {words}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** That a field has to be filled. */
export function Needed() {
  return (
    <span className="needed" title="required">
      <span aria-hidden="true">*</span>
      <span className="for-screen-readers"> required</span>
    </span>
  );
}
