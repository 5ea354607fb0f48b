// What is known to differ from the reference, each with its reason, and how much may differ at all. The verdict and the
// datamodel may not.
export const FLOOR = { messages: 0.98, layout: 0.94 }

const LAYOUT = [
  [/got \["[^"]*\{ \S/, 'text behind an opening brace is kept, where the reference loses it'],
  [/@relation\(\\"/, 'an added back relation has the name of its relation: without it the schema would not be valid, and laying it out again would add another'],
  [/\/\*\*/, 'a second long comment in a row keeps its words, where the reference takes its beginning for a word'],
  [/wanted \["[^"]*\\r/, 'line ends are of one kind'],
]
const MESSAGES = [
  [/Native type|native type/, 'a native type with arguments that it cannot have is told with them'],
  [/ (view|model) `|(view|model) "|iews/, 'what views cannot have is told as of views, or less of it at once'],
  [/constraint name/, 'a relation without a key of its own makes no name that could clash'],
  [/schemas|@@schema|_id/, 'properties of one provider in the schema of another'],
]

/** Why this difference is there, when that is known. */
export function reason(what, files, lines) {
  const text = lines.map((l) => l.join(' ')).join('\n')
  if (what === 'layout') return (LAYOUT.find(([re]) => re.test(text)) ?? [0, 'blank lines and joints around lines that could not be read'])[1]
  return what === 'messages' ? MESSAGES.find(([re]) => re.test(text))?.[1] : undefined
}
