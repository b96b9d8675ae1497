/**
 * Prints phrases of many languages, one JSON object a line: { language, phrase }. They come from the Unicode CLDR data that
 * Node carries: names of countries, languages, currencies and scripts; times, dates, units and numbers in words.
 * Use: node phrases.mjs de en fr
 */
const range = (count, make) => Array.from({ length: count }, (_, index) => make(index))
const letters = 'abcdefghijklmnopqrstuvwxyz'
const codes = length =>
  length === 0 ? [''] : codes(length - 1).flatMap(start => [...letters].map(letter => start + letter))

const displayed = {
  region: codes(2).map(code => code.toUpperCase()),
  language: [
    ...codes(2),
    'en-GB',
    'es-MX',
    'pt-BR',
    'fr-CA',
    'zh-Hans',
    'haw',
    'yue',
    'nds',
    'gsw',
    'grc',
    'ang'
  ],
  currency: Intl.supportedValuesOf('currency'),
  script: [
    'Arab',
    'Armn',
    'Beng',
    'Bopo',
    'Cyrl',
    'Deva',
    'Ethi',
    'Geor',
    'Grek',
    'Gujr',
    'Hang',
    'Hebr',
    'Jpan',
    'Khmr',
    'Latn',
    'Mong',
    'Thai',
    'Tibt'
  ],
  calendar: Intl.supportedValuesOf('calendar'),
  dateTimeField: [
    'era',
    'year',
    'quarter',
    'month',
    'weekOfYear',
    'weekday',
    'day',
    'dayPeriod',
    'hour',
    'minute',
    'second',
    'timeZoneName'
  ]
}
const timeUnits = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']

function* phrases(language) {
  for (const [type, values] of Object.entries(displayed)) {
    const names = new Intl.DisplayNames(language, { type, fallback: 'none' })
    for (const value of values) {
      yield names.of(value)
    }
  }
  for (const numeric of ['always', 'auto']) {
    const relative = new Intl.RelativeTimeFormat(language, { numeric })
    for (const unit of timeUnits) {
      yield* [-40, -12, -3, -2, -1, 0, 1, 2, 3, 5, 21, 100].map(count => relative.format(count, unit))
    }
  }
  for (const unit of Intl.supportedValuesOf('unit')) {
    const number = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' })
    yield* [1, 2, 7, 30.5].map(count => number.format(count))
  }
  const zones = [
    'UTC',
    'Europe/Paris',
    'America/New_York',
    'Asia/Tokyo',
    'Australia/Sydney',
    'America/Sao_Paulo'
  ]
  yield* range(240, index => {
    const timeZone = zones[index % zones.length]
    const style =
      index % 3 === 0
        ? { dateStyle: 'full', timeStyle: 'full', timeZone }
        : { dateStyle: index % 2 ? 'full' : 'long', timeZone }
    return new Intl.DateTimeFormat(language, style).format(new Date(1e12 + index * 86400e3 * 37.3))
  })
  const compact = new Intl.NumberFormat(language, { notation: 'compact', compactDisplay: 'long' })
  yield* range(40, index => compact.format(1.7 ** index * 3))
}

for (const language of process.argv.slice(2)) {
  const seen = new Set([...phrases(language)].filter(phrase => phrase !== undefined))
  const words = [...seen].filter(phrase => !/\d/u.test(phrase))
  for (const type of ['conjunction', 'disjunction']) {
    const list = new Intl.ListFormat(language, { type })
    for (let at = 0; at + 3 < words.length; at += 3) {
      seen.add(list.format(words.slice(at, at + 2 + (at % 2))))
    }
  }
  for (const phrase of seen) {
    process.stdout.write(`${JSON.stringify({ language, phrase })}\n`)
  }
}
