// A seeded source of chance: the same seed makes the same schemas, rows and operations on every machine.

/** Mulberry32, with what generators need on top. */
export function source(seed) {
  let state = seed | 0
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const r = {
    random,
    below: (n) => Math.floor(random() * n),
    /** A whole number from `from` to `to`, both included. */
    between: (from, to) => from + Math.floor(random() * (to - from + 1)),
    pick: (list) => list[Math.floor(random() * list.length)],
    chance: (p) => random() < p,
    shuffle(list) {
      const out = [...list]
      for (let i = out.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1))
        const t = out[i]
        out[i] = out[j]
        out[j] = t
      }
      return out
    },
    /** Some of a list, in its order; at least `least`. */
    some(list, least = 0) {
      const n = Math.min(list.length, r.between(least, list.length))
      const keep = new Set(r.shuffle(list.map((_, i) => i)).slice(0, n))
      return list.filter((_, i) => keep.has(i))
    },
    /** By weight: {name: weight}. */
    weighed(weights) {
      let at = random() * Object.values(weights).reduce((a, b) => a + b, 0)
      for (const [k, w] of Object.entries(weights)) if ((at -= w) < 0) return k
      return Object.keys(weights)[0]
    },
  }
  return r
}
