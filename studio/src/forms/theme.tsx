import type { RegistryFieldsType, RegistryWidgetsType, TemplatesType } from '@rjsf/utils';

import { AnyField } from './AnyField';
import { AddButton, ItemButtons, RemoveButton } from './buttons';
import { BaseInput, ProseOrText, Textarea } from './inputs';
import { ArrayItem, ArrayTemplate, Choice, Description, FieldFrame, FieldProblems, ObjectTemplate } from './templates';
import { YesNo } from './YesNo';

/** How the form's library draws: with the studio's own elements. */

export const fields: RegistryFieldsType<unknown> = { FallbackField: AnyField };

export const widgets: RegistryWidgetsType<unknown> = {
  CheckboxWidget: YesNo,
  TextWidget: ProseOrText,
  TextareaWidget: Textarea,
};

export const templates: Partial<Omit<TemplatesType<unknown>, 'ButtonTemplates'>> & {
  ButtonTemplates: Partial<TemplatesType<unknown>['ButtonTemplates']>;
} = {
  ArrayFieldTemplate: ArrayTemplate,
  ArrayFieldItemTemplate: ArrayItem,
  ArrayFieldItemButtonsTemplate: ItemButtons,
  BaseInputTemplate: BaseInput,
  DescriptionFieldTemplate: Description,
  FieldErrorTemplate: FieldProblems,
  FieldTemplate: FieldFrame,
  MultiSchemaFieldTemplate: Choice,
  ObjectFieldTemplate: ObjectTemplate,
  ButtonTemplates: { AddButton, RemoveButton },
};
