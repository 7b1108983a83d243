/** One Part 10 file that stands durable in the archive. */
export interface Instance {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
  transferSyntaxUid: string;
  modality: string;
  file: string;
  bytes: number;
  /** SHA-256 of the file, hex. */
  checksum: string;
}

/** A series as the performed procedure step reports it. */
export interface SeriesSummary {
  seriesInstanceUid: string;
  modality: string;
  description: string;
  protocolName: string;
  sopClassUid: string;
  instances: { sopClassUid: string; sopInstanceUid: string }[];
}
