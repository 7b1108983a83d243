/** The parts of an untyped package that petrig uses. */

declare module 'dcmjs' {
  export interface DictionaryEntry {
    tag: string;
    vr: string;
    vm: string;
    name: string;
  }
  export class WriteBufferStream {
    constructor(size: number, littleEndian?: boolean);
    readonly size: number;
    getBuffer(): ArrayBuffer;
  }
  interface Dcmjs {
    data: {
      DicomMetaDictionary: {
        dictionary: Record<string, DictionaryEntry | undefined>;
        nameMap: Record<string, DictionaryEntry | undefined>;
        sopClassNamesByUID: Record<string, string | undefined>;
      };
      DicomMessage: {
        writeTagObject(
          stream: WriteBufferStream,
          tag: string,
          vr: string,
          values: readonly unknown[],
          syntax: string,
          options: { allowInvalidVRLength: boolean },
        ): void;
      };
      WriteBufferStream: typeof WriteBufferStream;
    };
    log: { setLevel(level: string): void };
  }
  const dcmjs: Dcmjs;
  export default dcmjs;
}
