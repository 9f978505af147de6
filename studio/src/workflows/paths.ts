/** The path of a workflow's page: of one of several versions, with the version. */
export const workflowPath = (id: string, version = ''): string =>
  `/workflows/${encodeURIComponent(id)}${version === '' ? '' : `?version=${encodeURIComponent(version)}`}`;
