/**
 * Renders the sample pictures of the local testnet and samples.json, which says what each one reads.
 * Run by hand after a change: `node node/testnet/samples/render.ts`. Needs the fonts DejaVu and Liberation
 * (Debian: fonts-dejavu, fonts-liberation); the pictures are committed, so nobody else does.
 */
import { writeFile } from 'node:fs/promises'
import sharp from 'sharp'

/** A picture must travel on chain as calldata, at 16 gas a byte. */
const maxBytes = 8 * 1024

interface Line {
  text: string
  x: number
  /** Of the baseline. */
  y: number
}

interface Sample {
  file: string
  width: number
  height: number
  font: string
  sizePx: number
  ink: string
  paper: string
  lines: Line[]
  /** Degrees, clockwise. */
  turned?: number
}

const samples: Sample[] = [
  {
    file: 'hello.png',
    width: 440,
    height: 64,
    font: 'DejaVu Sans',
    sizePx: 28,
    ink: '#000',
    paper: '#fff',
    lines: [{ text: 'Hello from the network', x: 24, y: 42 }]
  },
  {
    file: 'nobody.png',
    width: 420,
    height: 150,
    font: 'DejaVu Serif',
    sizePx: 24,
    ink: '#222',
    paper: '#fff',
    lines: [
      { text: 'No broker in the middle,', x: 24, y: 42 },
      { text: 'no owner at the top,', x: 24, y: 82 },
      { text: 'many workers all around.', x: 24, y: 122 }
    ]
  },
  {
    file: 'invoice.png',
    width: 460,
    height: 150,
    font: 'Liberation Sans',
    sizePx: 24,
    ink: '#111',
    paper: '#fff',
    lines: [
      { text: 'Invoice No. 2026-1138', x: 20, y: 40 },
      { text: 'Total: $1,249.50', x: 20, y: 82 },
      { text: 'Due on 30/11 at 17:45', x: 20, y: 124 }
    ]
  },
  {
    file: 'columns.png',
    width: 480,
    height: 160,
    font: 'DejaVu Sans',
    sizePx: 22,
    ink: '#000',
    paper: '#fff',
    lines: [
      { text: 'Price', x: 330, y: 40 },
      { text: 'Item', x: 24, y: 40 },
      { text: 'Green tea', x: 24, y: 85 },
      { text: '3.20', x: 330, y: 85 },
      { text: '12.75', x: 330, y: 130 },
      { text: 'Apple cake', x: 24, y: 130 }
    ]
  },
  {
    file: 'chalk.png',
    width: 430,
    height: 110,
    font: 'Liberation Serif',
    sizePx: 28,
    ink: '#f4e9c1',
    paper: '#1d4d3b',
    lines: [
      { text: 'Light words on a dark board', x: 30, y: 44 },
      { text: 'are read like any other', x: 30, y: 86 }
    ]
  },
  {
    file: 'notice.jpg',
    width: 380,
    height: 110,
    font: 'DejaVu Sans',
    sizePx: 26,
    ink: '#102a66',
    paper: '#ffd75e',
    lines: [
      { text: 'WARNING: high voltage', x: 22, y: 46 },
      { text: 'Keep the door closed!', x: 22, y: 88 }
    ]
  },
  {
    file: 'receipt.jpg',
    width: 360,
    height: 140,
    font: 'DejaVu Sans Mono',
    sizePx: 20,
    ink: '#333',
    paper: '#f6f6f2',
    lines: [
      { text: 'Table 12 guests 4', x: 20, y: 38 },
      { text: 'Soup 6.50', x: 20, y: 76 },
      { text: 'Bread and butter 2.10', x: 20, y: 114 }
    ]
  },
  {
    file: 'tilted.png',
    width: 420,
    height: 150,
    font: 'DejaVu Sans',
    sizePx: 26,
    ink: '#5a1020',
    paper: '#fff',
    lines: [
      { text: 'A page that was laid', x: 40, y: 65 },
      { text: 'askew under the lens', x: 40, y: 110 }
    ],
    turned: -4
  },
  {
    file: 'small-print.png',
    width: 420,
    height: 90,
    font: 'DejaVu Sans',
    sizePx: 14,
    ink: '#000',
    paper: '#eef3f7',
    lines: [
      { text: 'Small print matters: read every word of it', x: 16, y: 28 },
      { text: 'before you sign, even at fourteen pixels.', x: 16, y: 52 },
      { text: 'Version 2.1, page 3 of 18', x: 16, y: 76 }
    ]
  },
  {
    file: 'blank.png',
    width: 200,
    height: 80,
    font: 'DejaVu Sans',
    sizePx: 20,
    ink: '#000',
    paper: '#cfe8ff',
    lines: []
  }
]

function expectedText(lines: Line[]): string {
  const baselines = [...new Set(lines.map(line => line.y))].toSorted((a, b) => a - b)
  return baselines
    .map(y =>
      lines
        .filter(line => line.y === y)
        .toSorted((a, b) => a.x - b.x)
        .map(line => line.text)
        .join(' ')
    )
    .join('\n')
}

function svg({ width, height, font, sizePx, ink, paper, lines, turned = 0 }: Sample): string {
  const texts = lines.map(({ text, x, y }) => `<text x="${x}" y="${y}">${text}</text>`).join('')
  const style = `font-family="${font}" font-size="${sizePx}" fill="${ink}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="${paper}"/>
    <g ${style} transform="rotate(${turned} ${width / 2} ${height / 2})">${texts}</g></svg>`
}

const index: Record<string, string> = {}
for (const sample of samples) {
  const picture = sharp(Buffer.from(svg(sample)))
  const bytes = sample.file.endsWith('.jpg')
    ? await picture.jpeg({ quality: 60 }).toBuffer()
    : await picture.png({ palette: true, colours: 16, compressionLevel: 9 }).toBuffer()
  if (bytes.length > maxBytes) {
    throw new Error(`${sample.file} has ${bytes.length} bytes: at most ${maxBytes} are meant to go on chain`)
  }
  await writeFile(new URL(sample.file, import.meta.url), bytes)
  index[sample.file] = expectedText(sample.lines)
}
await writeFile(new URL('samples.json', import.meta.url), `${JSON.stringify(index, undefined, 2)}\n`)
