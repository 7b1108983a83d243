/** One table: a caption, the head, rows of cells. */
export interface ConformanceTable {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface ConformanceSection {
  title: string;
  paragraphs: readonly string[];
  tables: readonly ConformanceTable[];
}

export interface ConformanceDocument {
  title: string;
  sections: readonly ConformanceSection[];
}

/** The document as people read it: Markdown with pipe tables. */
export function markdownOf({ title, sections }: ConformanceDocument): string {
  const parts = sections.map((section, i) =>
    [`## ${i + 1} ${section.title}`, ...section.paragraphs, ...section.tables.map(tableOf)].join('\n\n'),
  );
  return `${[`# ${title}`, ...parts].join('\n\n')}\n`;
}

function tableOf({ title, head, rows }: ConformanceTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellOf).join(' | ')} |`;
  return [`**${title}**`, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function cellOf(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
