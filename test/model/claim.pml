/*
 * Claim, commit and finalise, as docs/protocol.md tells it and src/lease, src/execute, src/submit and contracts/Oracle.sol
 * do it. Small on purpose: a few workers, one or two jobs, a clock of a few ticks. model-check.ts names the configurations.
 *
 * Network: what was published can reach each node at any time, in any order, many times or never: delay, loss,
 * reordering and duplication at once. From tick GST on (0: always), or with DELAY, it is as good as is said below.
 * Disk: what a crash leaves. `d…`, `result`, `settled` and `outbox` are durable, all else of a worker is lost.
 * Clock: one for all, which ends at the jobs' deadline END. A slot has TICKS ticks.
 *
 * Rules that can be broken, to see that the checks find it: PUBLISH_FIRST, FORGET_HISTORY, REPLACE_START, NO_QUARTER,
 * BROADCAST_FIRST, NO_STORE, NO_ONCE. NO_LEASES: every worker runs every job, so that what follows the lease is checked
 * for whatever the lease does. NO_CHAIN: no execution ends. LIVENESS: no clock, and a formula in place of assertions.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef JOBS
#define JOBS 1
#endif
#ifndef END
#define END 5
#endif
#ifndef TICKS
#define TICKS 1
#endif
/* Ticks that a lease lasts; it is renewed when two thirds are left. */
#ifndef LEASE
#define LEASE 3
#endif
/* From this tick on: no faults, each message arrives and each worker acts within the tick. */
#ifndef GST
#define GST 255
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef REORGS
#define REORGS 0
#endif
/* The longest execution and the longest wait for a block, in ticks, once the network is synchronous. */
#ifndef WORK
#define WORK 0
#endif
/* A claim (not a renewal) is refused when it is older than this. */
#ifndef LATE
#define LATE 2
#endif

#if defined(CHECK_ONE_EXECUTION) || defined(DELAY)
#define COUNT
#endif
#define SLOTS ((END + TICKS - 1) / TICKS)
#define CLAIMS (JOBS * WORKERS * SLOTS)
#define SLOT(at) ((at) / TICKS)
/* One claim of a worker for a job in a slot: an honest worker makes no second one. */
#define CLAIM(w, j, s) (((j) * WORKERS + (w)) * SLOTS + (s))
#define AT(w, j) ((w) * JOBS + (j))
#define JOB(c) ((c) / (WORKERS * SLOTS))
#define SEEN(n, c) ((n) * CLAIMS + (c))
#define CAPPED(at) ((at) < END -> (at) : END)
/* The network is synchronous. Scores: worker 0 owns all jobs, the others follow in their order. */
#define SYNC (t >= GST)

mtype = { Idle, Signed, Stored, Held, Running, Done };

byte t;
bool up[WORKERS];
byte crashes = CRASHES, reorgs = REORGS;

/* The network: which versions (by the tick of their end) of each claim were published, and whether its release was. */
short published[CLAIMS];
bool releasePublished[CLAIMS];
/* What a node has seen: the latest end (0: nothing) and the release of each claim; and who holds each job by it. */
byte seenEnd[WORKERS * CLAIMS];
bool seenRelease[WORKERS * CLAIMS];
byte holder[WORKERS * JOBS];            /* worker + 1; 0: nobody */
byte holderSlot[WORKERS * JOBS];

/* A worker's memory, for each job. */
mtype phase[WORKERS * JOBS] = Idle;
byte startAt[WORKERS * JOBS], endAt[WORKERS * JOBS];
byte lastSlot[WORKERS * JOBS];          /* slot of its last claim + 1; 0: none */
byte origin[WORKERS * JOBS];            /* slot of the claim under which it works */
byte work[WORKERS * JOBS];
bool queued[WORKERS * JOBS], knowsFinal[WORKERS * JOBS];
#ifdef BROADCAST_FIRST
bool sentUnstored[WORKERS * JOBS];
#endif

/* A worker's disk. */
byte dSlot[WORKERS * JOBS], dStart[WORKERS * JOBS], dEnd[WORKERS * JOBS];  /* dSlot: slot + 1; 0: none */
bool dReleased[WORKERS * JOBS], result[WORKERS * JOBS], settled[WORKERS * JOBS], outbox[WORKERS * JOBS];

/* The chain and its pool: whether the worker's transaction for the job is there. */
bool inPool[WORKERS * JOBS], mined[WORKERS * JOBS];
byte finalisations[JOBS];

/* Seen by the checks only. */
byte signatures[WORKERS * JOBS];        /* in this slot */
byte executions[WORKERS * JOBS], transactions[WORKERS * JOBS];
/* The slot in which what became lease c was first claimed: its own, where a renewal keeps the start. */
#ifdef REPLACE_START
byte firstSlot[CLAIMS];
#define FIRST(c) firstSlot[c]
#else
#define FIRST(c) ((c) % SLOTS)
#endif

inline findHolders(n) {
  for (fj : 0 .. JOBS - 1) {
    holder[AT(n, fj)] = 0; holderSlot[AT(n, fj)] = 0;
    for (fs : 0 .. SLOTS - 1) {
      for (fw : 0 .. WORKERS - 1) {
        if
        :: holder[AT(n, fj)] == 0 && seenEnd[SEEN(n, CLAIM(fw, fj, fs))] > t && !seenRelease[SEEN(n, CLAIM(fw, fj, fs))] ->
           holder[AT(n, fj)] = fw + 1; holderSlot[AT(n, fj)] = fs
        :: else
        fi
      }
    }
  }
  fj = 0; fs = 0; fw = 0
}

/* Worker w publishes its lease of job j in slot s until tick e, and sees it itself. */
inline publish(w, j, s, e) {
  published[CLAIM(w, j, s)] = published[CLAIM(w, j, s)] | (1 << (e));
  seenEnd[SEEN(w, CLAIM(w, j, s))] = e;
  findHolders(w)
}

inline publishClaim(w, j) {
  if :: SLOT(startAt[AT(w, j)]) == SLOT(t) -> signatures[AT(w, j)]++ :: else fi;
  /* No key signs two claims of one job in one slot: it would be equivocation. */
  assert(signatures[AT(w, j)] <= 1);
  publish(w, j, SLOT(startAt[AT(w, j)]), endAt[AT(w, j)])
}

inline persistClaim(w, j) {
  dSlot[AT(w, j)] = SLOT(startAt[AT(w, j)]) + 1; dStart[AT(w, j)] = startAt[AT(w, j)];
  dEnd[AT(w, j)] = endAt[AT(w, j)]; dReleased[AT(w, j)] = false
}

inline idle(w, j) { phase[AT(w, j)] = Idle; startAt[AT(w, j)] = 0; endAt[AT(w, j)] = 0; origin[AT(w, j)] = 0; work[AT(w, j)] = 0 }

inline release(w, j) {
  dReleased[AT(w, j)] = true;
  releasePublished[CLAIM(w, j, SLOT(startAt[AT(w, j)]))] = true;
  seenRelease[SEEN(w, CLAIM(w, j, SLOT(startAt[AT(w, j)])))] = true;
  idle(w, j); findHolders(w)
}

/* Node n forgets the leases of the job. */
inline forget(n, j) {
  for (fw : 0 .. WORKERS - 1) {
    for (fs : 0 .. SLOTS - 1) { seenEnd[SEEN(n, CLAIM(fw, j, fs))] = 0; seenRelease[SEEN(n, CLAIM(fw, j, fs))] = false }
  }
  holder[AT(n, j)] = 0; holderSlot[AT(n, j)] = 0; fs = 0; fw = 0
}

/* The job is final: its lease is dropped without a word. */
inline finish(w, j) {
  knowsFinal[AT(w, j)] = true; idle(w, j); forget(w, j);
#ifdef FORGET_HISTORY
  lastSlot[AT(w, j)] = 0; dSlot[AT(w, j)] = 0; dStart[AT(w, j)] = 0; dEnd[AT(w, j)] = 0; dReleased[AT(w, j)] = false
#else
  dReleased[AT(w, j)] = true
#endif
}

/* The job is the worker's: it reads the job from the chain, and looks for a result of an earlier run. */
inline begin(w, j) {
  origin[AT(w, j)] = FIRST(CLAIM(w, j, SLOT(startAt[AT(w, j)])));
  if
  :: finalisations[j] > 0 -> finish(w, j)
  :: finalisations[j] == 0 && result[AT(w, j)] -> phase[AT(w, j)] = Done; queued[AT(w, j)] = true; settled[AT(w, j)] = false
  :: finalisations[j] == 0 && !result[AT(w, j)] ->
     phase[AT(w, j)] = Running;
#ifdef COUNT
     executions[AT(w, j)]++;
#endif
#ifdef CHECK_ONE_EXECUTION
     for (fw : 0 .. WORKERS - 1) { assert(fw == w || executions[AT(fw, j)] == 0) } fw = 0;
     assert(executions[AT(w, j)] == 1);
#endif
#ifdef DELAY
     /* While no lease runs out, nobody begins a job anew that it had to stop. */
     assert(executions[AT(w, j)] == 1);
#endif
     if :: true :: SYNC && WORK > 0 -> work[AT(w, j)] = 1 :: SYNC && WORK > 1 -> work[AT(w, j)] = WORK fi
  fi
}

/* A worker runs one job at a time; the rooms of others are known by their claims. */
#define BUSY_WITH(w, j) (phase[AT(w, j)] != Idle && phase[AT(w, j)] != Done)
#define HAS_ROOM(w) (!BUSY_WITH(w, 0) && (JOBS < 2 || !BUSY_WITH(w, JOBS - 1)))
#define SEES_OWNER_BUSY(w, j) (JOBS == 2 && holder[AT(w, JOBS - 1 - (j))] == 1)
/* An owner's turn is at once. The others' comes a slot later for each better worker that is free, in the second quarter of
   a slot. Without GST any turn may come at any time: ranks say who claims first, never who wins. */
#define TURN(w, j) (GST == 255 || (w) == 0 || (QUARTER && (SEES_OWNER_BUSY(w, j) || t >= (w) * TICKS)))
#ifdef NO_QUARTER
#define QUARTER true
#define WAITED(w, j) true
#else
#define QUARTER (TICKS == 1 || t % TICKS == 1)
#define WAITED(w, j) (TICKS == 1 || (w) == 0 || t > startAt[AT(w, j)])
#endif
#define MAY_CLAIM(w, j) (phase[AT(w, j)] == Idle && !knowsFinal[AT(w, j)] && holder[AT(w, j)] == 0 && HAS_ROOM(w) && lastSlot[AT(w, j)] <= SLOT(t) && t + 1 < END && TURN(w, j))
#ifdef NO_LEASES
#define HAS_LEASE(w, j) false
#else
#define HAS_LEASE(w, j) (phase[AT(w, j)] == Held || phase[AT(w, j)] == Running || phase[AT(w, j)] == Done)
#endif
#define EXPIRED(w, j) (HAS_LEASE(w, j) && endAt[AT(w, j)] <= t)
#define MUST_RENEW(w, j) (HAS_LEASE(w, j) && endAt[AT(w, j)] > t && 3 * (endAt[AT(w, j)] - t) <= 2 * LEASE && CAPPED(t + LEASE) > endAt[AT(w, j)])
#define IS_HOLDER(w, j) (holder[AT(w, j)] == (w) + 1)
#define MAY_BEGIN(w, j) (phase[AT(w, j)] == Held && IS_HOLDER(w, j) && WAITED(w, j))
#define MUST_STOP(w, j) (HAS_LEASE(w, j) && endAt[AT(w, j)] > t && !IS_HOLDER(w, j))
#define HAS_RUN(w, j) (phase[AT(w, j)] == Running && work[AT(w, j)] == 0)
#define MUST_SEND(w, j) (outbox[AT(w, j)] && !inPool[AT(w, j)] && !mined[AT(w, j)])
#define MUST_MAKE(w, j) (queued[AT(w, j)] && !outbox[AT(w, j)])
#define MUST_SETTLE(w, j) (queued[AT(w, j)] && mined[AT(w, j)])
#define MUST_HEAR(w, j) (finalisations[j] > 0 && !knowsFinal[AT(w, j)])

/* Nothing is sent twice: a result has one transaction, of one nonce, that may be mined. */
inline countTransaction(w, j) { transactions[AT(w, j)]++; assert(transactions[AT(w, j)] <= 1) }

/* A block takes the transaction. The Oracle takes the first result of a job, and refuses the others item by item. */
inline mine(w, j) {
  inPool[AT(w, j)] = false; mined[AT(w, j)] = true;
#ifdef NO_ONCE
  finalisations[j]++;
#else
  if :: finalisations[j] == 0 -> finalisations[j]++ :: else fi;
#endif
  /* I5 */
  assert(finalisations[j] <= 1)
}

#define STEP(guard) atomic { up[w] && t < END && (guard) ->

proctype Worker(byte w, j) {
  byte fj, fs, fw;
  do
#ifdef NO_LEASES
  :: STEP(phase[AT(w, j)] == Idle && !knowsFinal[AT(w, j)]) begin(w, j) }
#else
  /* Claim, persist, publish. */
  :: STEP(MAY_CLAIM(w, j))
       phase[AT(w, j)] = Signed; startAt[AT(w, j)] = t; endAt[AT(w, j)] = CAPPED(t + LEASE); lastSlot[AT(w, j)] = SLOT(t) + 1
#ifdef REPLACE_START
       ; firstSlot[CLAIM(w, j, SLOT(t))] = SLOT(t)
#endif
     }
#ifdef PUBLISH_FIRST
  :: STEP(phase[AT(w, j)] == Signed) publishClaim(w, j); phase[AT(w, j)] = Stored }
  :: STEP(phase[AT(w, j)] == Stored) persistClaim(w, j); phase[AT(w, j)] = Held }
#else
  :: STEP(phase[AT(w, j)] == Signed) persistClaim(w, j); phase[AT(w, j)] = Stored }
  :: STEP(phase[AT(w, j)] == Stored) publishClaim(w, j); phase[AT(w, j)] = Held }
#endif
  :: STEP(MAY_BEGIN(w, j)) begin(w, j) }
  :: STEP(EXPIRED(w, j)) idle(w, j) }
  :: STEP(MUST_STOP(w, j))
       /* Work is given up only for a claim that was made before it, or in the same slot. */
       assert(phase[AT(w, j)] == Held || holder[AT(w, j)] == 0 || FIRST(CLAIM(holder[AT(w, j)] - 1, j, holderSlot[AT(w, j)])) <= origin[AT(w, j)]);
       release(w, j)
     }
  :: STEP(MUST_RENEW(w, j))
       endAt[AT(w, j)] = CAPPED(t + LEASE); dEnd[AT(w, j)] = endAt[AT(w, j)];
#ifdef REPLACE_START
       if
       :: SLOT(t) > SLOT(startAt[AT(w, j)]) ->
          releasePublished[CLAIM(w, j, SLOT(startAt[AT(w, j)]))] = true;
          seenRelease[SEEN(w, CLAIM(w, j, SLOT(startAt[AT(w, j)])))] = true;
          firstSlot[CLAIM(w, j, SLOT(t))] = origin[AT(w, j)];
          startAt[AT(w, j)] = t; dStart[AT(w, j)] = t; dSlot[AT(w, j)] = SLOT(t) + 1; lastSlot[AT(w, j)] = SLOT(t) + 1
       :: else
       fi;
#endif
       publish(w, j, SLOT(startAt[AT(w, j)]), endAt[AT(w, j)])
     }
#endif

#ifndef NO_CHAIN
  /* The execution ends, and its result is stored. */
  :: STEP(HAS_RUN(w, j))
#ifndef NO_STORE
       result[AT(w, j)] = true;
#endif
       phase[AT(w, j)] = Done; queued[AT(w, j)] = true; settled[AT(w, j)] = false
     }

  /* The submitter: a call shows whether the result would be taken; the transaction is stored, then sent. */
  :: STEP(MUST_MAKE(w, j) && finalisations[j] > 0) queued[AT(w, j)] = false; settled[AT(w, j)] = true; finish(w, j) }
#ifdef BROADCAST_FIRST
  :: STEP(MUST_MAKE(w, j) && finalisations[j] == 0 && !sentUnstored[AT(w, j)])
       inPool[AT(w, j)] = true; sentUnstored[AT(w, j)] = true; countTransaction(w, j)
     }
  :: STEP(MUST_MAKE(w, j) && sentUnstored[AT(w, j)]) outbox[AT(w, j)] = true; sentUnstored[AT(w, j)] = false }
#else
  :: STEP(MUST_MAKE(w, j) && finalisations[j] == 0) outbox[AT(w, j)] = true; countTransaction(w, j) }
#endif
  /* One that is not in the pool and has lost its race is taken back: its nonce is free again. */
  :: STEP(MUST_SEND(w, j) && finalisations[j] > 0)
       outbox[AT(w, j)] = false; transactions[AT(w, j)]--; queued[AT(w, j)] = false; settled[AT(w, j)] = true; finish(w, j)
     }
  :: STEP(MUST_SEND(w, j) && finalisations[j] == 0)
       /* What others can see is on disk (I6). */
       assert(result[AT(w, j)]);
       inPool[AT(w, j)] = true;
       if :: true :: SYNC && WORK > 0 -> work[AT(w, j)] = 1 fi
     }
  :: STEP(MUST_SETTLE(w, j)) queued[AT(w, j)] = false; settled[AT(w, j)] = true; finish(w, j) }
  :: STEP(MUST_HEAR(w, j)) finish(w, j) }
#endif
  od
}

/* The rule of time: a claim must be young, a renewal need not be. Versions that have ended are gone from `published`. */
#define TAKEN(n, c) (seenEnd[SEEN(n, c)] > 0 || t <= FIRST_TICK(c) + LATE -> published[c] : published[c] & ~(1 << CAPPED(FIRST_TICK(c) + LEASE)))
#define FIRST_TICK(c) (((c) % SLOTS) * TICKS)
#define HAS_VERSION(n, c) ((TAKEN(n, c) >> (seenEnd[SEEN(n, c)] + 1)) != 0)
#define IS_NEWS(n, c) ((c) < CLAIMS && !knowsFinal[AT(n, JOB(c))] && (HAS_VERSION(n, c) || (releasePublished[c] && !seenRelease[SEEN(n, c)])))

/* Node n hears what was published of claim c. The oldest first: a later version may come in any later step, or never. */
inline hear(n, c) {
  if
  :: releasePublished[c] && !seenRelease[SEEN(n, c)] -> seenRelease[SEEN(n, c)] = true
  :: HAS_VERSION(n, c) ->
     e = seenEnd[SEEN(n, c)] + 1;
     do :: (published[c] & (1 << e)) == 0 -> e++ :: else -> break od;
     seenEnd[SEEN(n, c)] = e; e = 0
  fi;
  findHolders(n)
}

#define HEAR(c) :: atomic { t < END && up[n] && IS_NEWS(n, c) -> hear(n, c) }

proctype Network(byte n) {
  byte e, fj, fs, fw;
  do
  HEAR(0) HEAR(1) HEAR(2) HEAR(3) HEAR(4) HEAR(5) HEAR(6) HEAR(7)
  HEAR(8) HEAR(9) HEAR(10) HEAR(11) HEAR(12) HEAR(13) HEAR(14) HEAR(15)
#if CLAIMS > 16
#error "more claims than Network hears of"
#endif
  od
}

proctype Chain(byte j) {
  byte w;
  do
#define MINE(w) :: atomic { t < END && inPool[AT(w, j)] && work[AT(w, j)] == 0 -> mine(w, j) }
  MINE(0) MINE(1)
#if WORKERS > 2
  MINE(2)
#endif
  /* The blocks with the submissions are gone; each goes back to the pool or is lost. The job is announced again. */
  :: atomic {
       t < END && reorgs > 0 && !SYNC && finalisations[j] > 0 ->
       reorgs--; finalisations[j] = 0;
       for (w : 0 .. WORKERS - 1) {
         if :: mined[AT(w, j)] -> mined[AT(w, j)] = false; if :: inPool[AT(w, j)] = true :: skip fi :: else fi;
         knowsFinal[AT(w, j)] = false
       }
       w = 0
     }
  od
}

/* With RESTARTING=n, only the first n workers ever come back from a crash. */
#ifndef RESTARTING
#define RESTARTING WORKERS
#endif

proctype Faults(byte w) {
  byte j, fj, fs, fw;
  do
  :: atomic {
       t < END && up[w] && crashes > 0 && !SYNC ->
       crashes--; up[w] = false;
       for (j : 0 .. JOBS - 1) {
         idle(w, j); forget(w, j); lastSlot[AT(w, j)] = 0; queued[AT(w, j)] = false; knowsFinal[AT(w, j)] = false
#ifdef BROADCAST_FIRST
         ; sentUnstored[AT(w, j)] = false
#endif
       }
       j = 0
     }
  /* A restart: what was stored and not settled is queued, leases that still hold are taken up. */
  :: atomic {
       t < END && !up[w] && w < RESTARTING ->
       up[w] = true;
       for (j : 0 .. JOBS - 1) {
         queued[AT(w, j)] = result[AT(w, j)] && !settled[AT(w, j)];
         if
         :: dSlot[AT(w, j)] > 0 && !dReleased[AT(w, j)] && dEnd[AT(w, j)] > t ->
            lastSlot[AT(w, j)] = dSlot[AT(w, j)]; startAt[AT(w, j)] = dStart[AT(w, j)]; endAt[AT(w, j)] = dEnd[AT(w, j)];
            seenEnd[SEEN(w, CLAIM(w, j, dSlot[AT(w, j)] - 1))] = dEnd[AT(w, j)];
            findHolders(w); begin(w, j)
         :: else ->
#ifdef FORGET_HISTORY
            dSlot[AT(w, j)] = 0; dStart[AT(w, j)] = 0; dEnd[AT(w, j)] = 0; dReleased[AT(w, j)] = false
#else
            lastSlot[AT(w, j)] = dSlot[AT(w, j)]
#endif
         fi
       }
       j = 0
     }
  od
}

/* What must happen before a synchronous tick ends. With DELAY, what was published in this very tick may still be on its way. */
#define MUST_ACT(w, j) (phase[AT(w, j)] == Signed || phase[AT(w, j)] == Stored || MAY_BEGIN(w, j) || EXPIRED(w, j) || MUST_STOP(w, j) || MUST_RENEW(w, j))
#define MUST_END(w, j) (MAY_CLAIM(w, j) || HAS_RUN(w, j) || MUST_SEND(w, j) || MUST_MAKE(w, j) || MUST_SETTLE(w, j) || MUST_HEAR(w, j))
#define OLD_NEWS(n, c) (((TAKEN(n, c) & ~(1 << CAPPED(t + LEASE))) >> (seenEnd[SEEN(n, c)] + 1)) != 0)

proctype Clock() {
  byte n, c, e, j, fj, fs, fw;
  bool waiting;
  do
  :: d_step {
       t < END ->
#if GST < 255 || defined(DELAY)
       for (n : 0 .. WORKERS - 1) {
         for (c : 0 .. CLAIMS - 1) {
#ifdef DELAY
           waiting = waiting || (up[n] && !knowsFinal[AT(n, JOB(c))] && OLD_NEWS(n, c))
#else
           waiting = waiting || (up[n] && SYNC && IS_NEWS(n, c))
#endif
         }
         for (j : 0 .. JOBS - 1) {
#ifdef DELAY
           waiting = waiting || (up[n] && MUST_ACT(n, j));
#endif
           waiting = waiting || (SYNC && ((up[n] && (MUST_ACT(n, j) || MUST_END(n, j))) || (inPool[AT(n, j)] && work[AT(n, j)] == 0)))
         }
       }
#endif
       if
       :: waiting
       :: else ->
          t++;
          /* What time has made meaningless is forgotten, so that states that differ in nothing else are one. */
          for (c : 0 .. CLAIMS - 1) {
            for (e : 0 .. t) { published[c] = published[c] & ~(1 << e) }
            for (n : 0 .. WORKERS - 1) {
              if :: seenEnd[SEEN(n, c)] <= t -> seenEnd[SEEN(n, c)] = 0 :: else fi;
              if :: published[c] == 0 -> seenRelease[SEEN(n, c)] = false :: else fi
            }
            if :: published[c] == 0 -> releasePublished[c] = false :: else fi
          }
          for (n : 0 .. WORKERS - 1) {
            findHolders(n);
            for (j : 0 .. JOBS - 1) {
              if :: work[AT(n, j)] > 0 -> work[AT(n, j)]-- :: else fi;
              if :: t % TICKS == 0 -> signatures[AT(n, j)] = 0 :: else fi;
              if :: lastSlot[AT(n, j)] <= SLOT(t) -> lastSlot[AT(n, j)] = 0 :: else fi;
              if
              :: dSlot[AT(n, j)] <= SLOT(t) && (dReleased[AT(n, j)] || dEnd[AT(n, j)] <= t) ->
                 dSlot[AT(n, j)] = 0; dStart[AT(n, j)] = 0; dEnd[AT(n, j)] = 0; dReleased[AT(n, j)] = false
              :: else
              fi
            }
          }
#ifdef CHECK_FINAL
          /* Bounded liveness: final before the deadline. */
          for (j : 0 .. JOBS - 1) { assert(t < END || finalisations[j] == 1) }
#endif
       fi;
       n = 0; c = 0; e = 0; j = 0; waiting = false
     }
  od
}

init {
  byte w, j;
  atomic {
    for (w : 0 .. WORKERS - 1) {
      up[w] = true; run Network(w); run Faults(w);
      for (j : 0 .. JOBS - 1) { run Worker(w, j) }
    }
    for (j : 0 .. JOBS - 1) { run Chain(j) }
    w = 0; j = 0;
#ifndef LIVENESS
    run Clock()
#endif
  }
}

#ifdef LIVENESS
/* Runs never end: one in which nobody can do anything any more goes on for ever, and is checked like the others. */
active proctype Time() { bit tick; do :: tick = 1 - tick od }

/* I4, under weak fairness: what can always be done is done at some time. */
ltl eventuallyFinal { <> [] (finalisations[0] == 1) }
#endif
