import {
  ADDITIONAL_PROPERTY_FLAG,
  canExpand,
  errorId,
  type ArrayFieldItemTemplateProps,
  type ArrayFieldTemplateProps,
  type DescriptionFieldProps,
  type FieldErrorProps,
  type FieldTemplateProps,
  type MultiSchemaFieldTemplateProps,
  type ObjectFieldTemplateProps,
} from '@rjsf/utils';

import { AddButton, ItemButtons, RemoveButton } from './buttons';
import { Needed } from './YesNo';

/** Around each field: its name, what it is about, and what is wrong with it. */
export function FieldFrame(props: FieldTemplateProps<unknown>) {
  const { id, label, children, errors, description, hidden, required, displayLabel, schema, onRemoveProperty } = props;
  if (hidden === true) return <div hidden>{children}</div>;
  const named = (
    <div className="field">
      {displayLabel === true && (
        <label htmlFor={id} className="field-label">
          {label}
          {required === true && <Needed />}
        </label>
      )}
      {displayLabel === true && description}
      {children}
      {errors}
    </div>
  );
  if (!(ADDITIONAL_PROPERTY_FLAG in schema)) return named;
  return (
    <div className="named-field">
      <div className="field">
        <label htmlFor={`${id}-key`} className="field-label">
          Key
        </label>
        <input id={`${id}-key`} defaultValue={label} onBlur={props.onKeyRenameBlur} />
      </div>
      {named}
      <RemoveButton registry={props.registry} onClick={onRemoveProperty} />
    </div>
  );
}

export function ObjectTemplate(props: ObjectFieldTemplateProps<unknown>) {
  const { description, fieldPathId, formData, onAddProperty, properties, registry, required, schema, title, uiSchema } =
    props;
  const isUnion = schema.oneOf !== undefined || schema.anyOf !== undefined;
  if (isUnion && schema.properties === undefined && properties.length === 0) return null;
  const isRoot = fieldPathId.path.length === 0;
  const content = (
    <>
      {properties.map((property) => property.content)}
      {canExpand(schema, uiSchema, formData) && <AddButton registry={registry} onClick={onAddProperty} />}
    </>
  );
  // The outermost needs no name: the form's own says what it is.
  if (isRoot) return <div className="fields">{content}</div>;
  return (
    <fieldset className="fields fields-inner" id={fieldPathId.$id}>
      <legend>
        {title}
        {required === true && <Needed />}
      </legend>
      {description !== undefined && description !== '' && <p className="faint field-description">{description}</p>}
      {content}
    </fieldset>
  );
}

export function ArrayTemplate(props: ArrayFieldTemplateProps<unknown>) {
  const { canAdd, fieldPathId, items, onAddClick, registry, required, schema, title } = props;
  return (
    <fieldset className="fields fields-inner" id={fieldPathId.$id}>
      <legend>
        {title}
        {required === true && <Needed />}
      </legend>
      {schema.description !== undefined && <p className="faint field-description">{schema.description}</p>}
      <div className="items">{items}</div>
      {items.length === 0 && <p className="faint">None.</p>}
      {canAdd === true && <AddButton registry={registry} onClick={onAddClick} />}
    </fieldset>
  );
}

export function ArrayItem({ children, buttonsProps, hasToolbar }: ArrayFieldItemTemplateProps<unknown>) {
  return (
    <div className="item">
      <div className="item-content">{children}</div>
      {hasToolbar && (
        <div className="item-tools">
          <ItemButtons {...buttonsProps} />
        </div>
      )}
    </div>
  );
}

export function Choice({ selector, optionSchemaField }: MultiSchemaFieldTemplateProps<unknown>) {
  return (
    <div className="choice">
      {selector}
      {optionSchemaField}
    </div>
  );
}

export function Description({ description }: DescriptionFieldProps<unknown>) {
  // A description may be Markdown to the library; it is shown as the text it is.
  return <p className="faint field-description">{description}</p>;
}

export function FieldProblems({ errors = [], fieldPathId }: FieldErrorProps<unknown>) {
  const shown = errors.filter((error) => error !== '');
  if (shown.length === 0) return null;
  return (
    <ul className="field-errors" id={errorId(fieldPathId)}>
      {shown.map((error) => (
        <li key={typeof error === 'string' ? error : error.key}>{error}</li>
      ))}
    </ul>
  );
}
