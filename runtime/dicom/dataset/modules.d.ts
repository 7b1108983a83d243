/** The parts of two untyped packages that petrig uses. */

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
  export class ReadBufferStream {
    constructor(buffer: ArrayBuffer | Uint8Array, littleEndian?: boolean, options?: object);
    offset: number;
  }
  export interface ValueRepresentationCodec {
    read(
      stream: ReadBufferStream,
      length: number,
      syntax: string,
      options: object,
    ): { rawValue: unknown; value: unknown };
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
      ReadBufferStream: typeof ReadBufferStream;
      WriteBufferStream: typeof WriteBufferStream;
      ValueRepresentation: { createByTypeString(vr: string): ValueRepresentationCodec };
    };
    log: { setLevel(level: string): void };
  }
  const dcmjs: Dcmjs;
  export default dcmjs;
}
