import { gql } from 'graphql-request'

/*
 * All parts of one request are answered at one block. `subgraphError: allow`: after an indexing error the subgraph
 * still answers, and says so in `_meta`; the reader decides.
 */

const meta = gql`
  fragment MetaParts on _Meta_ {
    block {
      number
    }
    hasIndexingErrors
  }
`
const jobParts = gql`
  fragment JobParts on Job {
    id
    status
    blockNumber
    blockHash
    txHash
    logIndex
    dataHash
    deadline
  }
`
const resultParts = gql`
  fragment ResultParts on Result {
    id
    blockNumber
    blockHash
    txHash
    success
    worker {
      id
    }
    job {
      ...JobParts
    }
  }
  ${jobParts}
`

export const metaDocument = gql`
  query Meta {
    _meta {
      ...MetaParts
    }
  }
  ${meta}
`

/** Jobs after `$after`, and how the job `$after` itself stands. */
export const jobPageDocument = gql`
  query JobPage($after: Bytes!, $anchor: ID!, $first: Int!) {
    _meta {
      ...MetaParts
    }
    anchor: job(id: $anchor, subgraphError: allow) {
      id
      blockNumber
      blockHash
    }
    rows: jobs(where: { id_gt: $after }, first: $first, orderBy: id, orderDirection: asc, subgraphError: allow) {
      ...JobParts
    }
  }
  ${meta}
  ${jobParts}
`
export const jobAnchorsDocument = gql`
  query JobAnchors($ids: [Bytes!]!, $first: Int!) {
    _meta {
      ...MetaParts
    }
    anchors: jobs(where: { id_in: $ids }, first: $first, orderBy: id, orderDirection: asc, subgraphError: allow) {
      id
      blockNumber
      blockHash
    }
  }
  ${meta}
`

/** As `jobPageDocument`, of results. */
export const resultPageDocument = gql`
  query ResultPage($after: Bytes!, $anchor: ID!, $first: Int!) {
    _meta {
      ...MetaParts
    }
    anchor: result(id: $anchor, subgraphError: allow) {
      id
      blockNumber
      blockHash
    }
    rows: results(where: { id_gt: $after }, first: $first, orderBy: id, orderDirection: asc, subgraphError: allow) {
      ...ResultParts
    }
  }
  ${meta}
  ${resultParts}
`
export const resultAnchorsDocument = gql`
  query ResultAnchors($ids: [Bytes!]!, $first: Int!) {
    _meta {
      ...MetaParts
    }
    anchors: results(where: { id_in: $ids }, first: $first, orderBy: id, orderDirection: asc, subgraphError: allow) {
      id
      blockNumber
      blockHash
    }
  }
  ${meta}
`
