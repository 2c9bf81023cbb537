// A question may take a second and more, and its connection's end comes to be known a moment later.
const questionMs = 3000;

/**
 * Makes the function that counts the connections which no look has seen, at least so many: without
 * those that may have been this program's own questions.
 */
export function createUnseenCount(
  seenBetweenPolls: () => number,
  questions: () => number,
): (nowMs: number) => number {
  let seen = 0;
  let asked = 0;
  let count = 0;
  // Until when each question may be among what is seen.
  let possible: readonly number[] = [];

  return (nowMs) => {
    const askedBefore = asked;
    asked = questions();
    possible = [
      ...possible.filter((endMs) => endMs > nowMs),
      ...Array<number>(asked - askedBefore).fill(nowMs + questionMs),
    ];
    const more = seenBetweenPolls() - seen;
    const own = Math.min(more, possible.length);
    possible = possible.slice(own);
    seen += more;
    count += more - own;
    return count;
  };
}
