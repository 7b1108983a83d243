/** One scheduled procedure step as the worklist gave it, decoded. Return keys of Table 60. */
export interface CodeItem {
  value: string;
  scheme: string;
  version?: string;
  meaning: string;
}

export interface WorklistItem {
  /** Specific Character Set it came in; empty for the default repertoire. */
  characterSet: string[];
  accessionNumber: string;
  patientName: string;
  patientId: string;
  /** Scheduled Procedure Step ID: with the accession number it identifies the item. */
  stepId: string;
  studyInstanceUid: string;
  requestedProcedureId: string;
  requestedProcedureDescription: string;
  stepDescription: string;
  modality: string;
  stationAeTitle: string;
  /** DA and TM as they came. */
  startDate: string;
  startTime: string;
  /**
   * Every attribute of the answer at tag level, `{ 'GGGGEEEE': { vr, Value } }`, text decoded: Table 60 says where each goes
   * (object, MPPS, or the display only), and that mapping reads it from here.
   */
  attributes: Readonly<Record<string, DicomElement>>;
}

/** One element at tag level; `Value` of SQ holds item records of the same shape. */
export interface DicomElement {
  vr: string;
  Value: unknown[];
}
