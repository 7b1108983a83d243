/** What this implementation calls itself in associations and file headers; a site may set its own. */
export interface Implementation {
  classUid: string;
  /** At most 16 characters. */
  versionName: string;
}

/** The statement's: 3.1.1.4. */
export const DEFAULT_IMPLEMENTATION: Implementation = {
  classUid: '1.3.12.2.1107.5.1.4',
  versionName: 'SIEMENS_S7VA27A',
};
