import type { Diagnosis } from '../../doctor/types.ts';
import type { LogEntry } from '../log/log.ts';
import { visible, visibleJson } from '../words.ts';
import { backendSections } from './backends.ts';
import { daemonSections } from './daemon.ts';
import { environmentSection, waitSection } from './environment.ts';
import type { Finding, Section } from './finding.ts';

/** The conclusion: a wait works here, it cannot count, or it can and a setting is wrong. */
export type DoctorVerdict = 'works' | 'unknown' | 'badly-set';

/** All findings, each after those that it depends on. */
export function doctorSections(diagnosis: Diagnosis, notices: readonly LogEntry[]): Section[] {
  return [
    environmentSection(diagnosis),
    ...backendSections(diagnosis),
    ...daemonSections(diagnosis, notices),
    waitSection(diagnosis),
  ];
}

export function doctorJson(sections: readonly Section[], verdict: DoctorVerdict): string {
  return visibleJson({ works: verdict === 'works', sections });
}

const width = 80;
const margin = 12;

export function doctorText(sections: readonly Section[], verdict: DoctorVerdict): string {
  const lines = sections.flatMap(({ title, findings }) => [
    title,
    ...findings.flatMap(findingLines),
    '',
  ]);
  return [...lines, conclusion(sections, verdict)].map((line) => `${line}\n`).join('');
}

function findingLines({ mark, text, remedy }: Finding): string[] {
  const [first = '', ...rest] = [
    ...wrapped(visible(text)),
    ...(remedy === null ? [] : wrapped(`→ ${visible(remedy)}`)),
  ];
  return [
    `  ${mark.padEnd(margin - 2)}${first}`,
    ...rest.map((line) => `${' '.repeat(margin)}${line}`),
  ];
}

/** A long word, such as an address, has a line of its own. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && margin + line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

function conclusion(sections: readonly Section[], verdict: DoctorVerdict): string {
  const marks = sections.flatMap(({ findings }) => findings.map(({ mark }) => mark));
  const count = (mark: Finding['mark'], plural: string): string[] => {
    const number = marks.filter((each) => each === mark).length;
    return number === 0 ? [] : [`${number} ${number === 1 ? plural.slice(0, -1) : plural}`];
  };
  const trouble = [...count('problem', 'problems'), ...count('degraded', 'limitations')].join(
    ' and ',
  );
  const text = verdictTexts[verdict];
  return trouble === '' ? `${text}.` : `${text}, with ${trouble}.`;
}

const verdictTexts: Readonly<Record<DoctorVerdict, string>> = {
  works: 'It works',
  unknown: 'It cannot count clients here',
  'badly-set': 'It can count, but a setting is wrong',
};
