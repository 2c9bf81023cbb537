import { BadValueError } from './bad-value.ts';

/** Makes the parser of a word that must be one of a few. */
export function oneOf<const Choice extends string>(
  choices: readonly Choice[],
): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => each === text);
    if (choice === undefined) {
      throw new BadValueError(`one of ${choices.join(', ')}`, text);
    }
    return choice;
  };
}
