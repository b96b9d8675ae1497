/*
 * I1: equal sets of leases and equal time give an equal holder. LEASES leases of one job, each whatever its author may have
 * signed: honest or not, with two claims in one slot and two versions of one sequence. One node hears them in the order in
 * which they were chosen; another hears them in any order, and any of them twice. Both keep books as
 * src/lease/lease-book.ts does; then both say who is the holder at each time, as src/lease/holder.ts does.
 *
 * Rules that can be broken: LAST_WINS (the version heard last stands), FIRST_WORKERS=n (a book that is full with the
 * claims of n workers refuses the next worker's).
 */
#define LEASES 3
#define WORKERS 3
/* Starts 0 and 1 lie in one slot, 2 in the next. */
#define STARTS 3
#define SLOT(start) ((start) / 2)
/* Leases end at 3 or 4, so that the times before 3, 3 and from 4 on are all that differ. */
#define FIRST_END 3

typedef Lease { byte worker; byte start; byte end; byte sequence; bool released }
Lease lease[LEASES];

/* A book: the version that stands of each claim (worker, start). end 0: none. */
#define AT(n, w, s) (((n) * WORKERS + (w)) * STARTS + (s))
byte end[2 * WORKERS * STARTS], sequence[2 * WORKERS * STARTS];
bool released[2 * WORKERS * STARTS];

inline keep(n, i) {
  k = AT(n, lease[i].worker, lease[i].start);
  end[k] = lease[i].end; sequence[k] = lease[i].sequence; released[k] = lease[i].released;
  k = 0
}

inline hear(n, i) {
  k = AT(n, lease[i].worker, lease[i].start);
#ifdef FIRST_WORKERS
  workers = 0; known = false;
  for (w : 0 .. WORKERS - 1) {
    for (s : 0 .. STARTS - 1) {
      if :: end[AT(n, w, s)] > 0 -> workers++; known = known || w == lease[i].worker; break :: else fi
    }
  }
  if
  :: !known && workers >= FIRST_WORKERS -> refused = true
  :: else
  fi;
  workers = 0; known = false; w = 0; s = 0;
#endif
  /* joinClaim */
  if
  :: refused
#ifdef LAST_WINS
  :: !refused -> keep(n, i)
#else
  :: !refused && end[k] == 0 -> keep(n, i)
  :: !refused && end[k] > 0 && sequence[k] != lease[i].sequence ->
     if :: lease[i].sequence > sequence[k] -> keep(n, i) :: else fi
  :: !refused && end[k] > 0 && sequence[k] == lease[i].sequence && released[k] != lease[i].released ->
     if :: lease[i].released -> keep(n, i) :: else fi
  :: !refused && end[k] > 0 && sequence[k] == lease[i].sequence && released[k] == lease[i].released ->
     if :: lease[i].end < end[k] -> keep(n, i) :: else fi
#endif
  fi;
  k = 0; refused = false
}

/* Who holds the job in book n at time `at`: worker + 1. By slot, then by score, which is the worker's number here. */
inline findHolder(n, at, found) {
  found = 0;
  for (s : 0 .. STARTS - 1) {
    for (w : 0 .. WORKERS - 1) {
      /* Two starts in one slot are void; only slot 0 has two. */
      isVoid = SLOT(s) == 0 && end[AT(n, w, 0)] > 0 && end[AT(n, w, 1)] > 0;
      if
      :: end[AT(n, w, s)] > at && !released[AT(n, w, s)] && !isVoid &&
         (found == 0 || (SLOT(s) == SLOT(foundStart) && w + 1 < found)) -> found = w + 1; foundStart = s
      :: else
      fi
    }
  }
  foundStart = 0; isVoid = false; w = 0; s = 0
}

init {
  byte i, k, w, s, at, first, second, foundStart, workers, heard;
  bool refused, known, isVoid;
  /* Any leases. */
  atomic {
    for (i : 0 .. LEASES - 1) {
      if :: lease[i].worker = 0 :: lease[i].worker = 1 :: lease[i].worker = 2 fi;
      if :: lease[i].start = 0 :: lease[i].start = 1 :: lease[i].start = 2 fi;
      if :: lease[i].end = FIRST_END :: lease[i].end = FIRST_END + 1 fi;
      if :: true :: lease[i].sequence = 1 :: lease[i].sequence = 1; lease[i].released = true fi
    }
    i = 0
  }
  d_step { for (i : 0 .. LEASES - 1) { hear(0, i) } i = 0 }
  /* Any order; a lease may come again after it was heard. */
  do
  :: heard == (1 << LEASES) - 1 -> break
  :: d_step { heard != (1 << LEASES) - 1 -> hear(1, 0); heard = heard | 1 }
  :: d_step { heard != (1 << LEASES) - 1 -> hear(1, 1); heard = heard | 2 }
  :: d_step { heard != (1 << LEASES) - 1 -> hear(1, 2); heard = heard | 4 }
  od;
  atomic {
    for (at : 0 .. FIRST_END + 1) {
      findHolder(0, at, first); findHolder(1, at, second);
      assert(first == second)
    }
  }
}
