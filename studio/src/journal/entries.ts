import type { ErrorRecord, Json, JournalEntry } from '../api/types';
import { millis } from './times';

/** Reads fields of journal entries. They are data from the server: a field that is not there has its default. */

export const textIn = (entry: JournalEntry, field: string): string => {
  const value = entry[field];
  return typeof value === 'string' ? value : '';
};

export const numberIn = (entry: JournalEntry, field: string): number => {
  const value = entry[field];
  return typeof value === 'number' ? value : 0;
};

export const timeIn = (entry: JournalEntry, field: string): number => millis(entry[field]) ?? 0;

export const jsonIn = (entry: JournalEntry, field: string): Json => entry[field] ?? null;

export const textsIn = (entry: JournalEntry, field: string): string[] => {
  const value = entry[field];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
};

export const listIn = (entry: JournalEntry, field: string): readonly Json[] => {
  const value = entry[field];
  return Array.isArray(value) ? (value as readonly Json[]) : [];
};

export const recordIn = (entry: JournalEntry, field: string): Readonly<Record<string, Json>> => {
  const value = entry[field];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, Json>) : {};
};

export const errorIn = (entry: JournalEntry, field = 'error'): ErrorRecord => {
  const value = recordIn(entry, field);
  return { code: 'exception', type: 'Error', message: '', ...value };
};
