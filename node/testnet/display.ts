import Table from 'cli-table3'
import { createLogUpdate } from 'log-update'
import type { Board, BoardRow } from './board.js'

export interface Display {
  /** A step that takes more than a moment. */
  step(line: string): void
  stop(): void
}

/** Ten times a second is live for the eye. */
const refreshMs = 100

/** Progress on stderr: a table that renews itself on a terminal, plain lines elsewhere. */
export function createDisplay(board: Board, stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? liveTable(board, stream) : plainLines(board, stream)
}

function plainLines(board: Board, stream: NodeJS.WriteStream): Display {
  board.onChange(row => {
    const by = row.worker === undefined ? '' : ` by ${row.worker}`
    stream.write(`job ${row.jobId} (${row.subject}): ${row.state}${by}, ${seconds(row, Date.now())}\n`)
  })
  return {
    step: line => {
      stream.write(`${line}\n`)
    },
    stop: () => undefined
  }
}

function liveTable(board: Board, stream: NodeJS.WriteStream): Display {
  const update = createLogUpdate(stream)
  const render = (): void => {
    const rows = board.rows()
    if (rows.length > 0) {
      update(table(rows.slice(-Math.max(5, stream.rows - 8)), Date.now()))
    }
  }
  const timer = setInterval(render, refreshMs)
  let stopped = false
  return {
    step(line) {
      update.clear()
      stream.write(`${line}\n`)
      render()
    },
    stop() {
      if (!stopped) {
        stopped = true
        clearInterval(timer)
        render()
        update.done()
      }
    }
  }
}

function table(rows: BoardRow[], nowMs: number): string {
  const drawn = new Table({
    head: ['job', 'about', 'state', 'worker', 'time'],
    style: { head: [], border: [], compact: true }
  })
  for (const row of rows) {
    drawn.push([row.jobId.toString(), row.subject, row.state, row.worker ?? '', seconds(row, nowMs)])
  }
  return drawn.toString()
}

function seconds(row: BoardRow, nowMs: number): string {
  return `${(((row.finalAtMs ?? nowMs) - row.requestedAtMs) / 1_000).toFixed(1)} s`
}
